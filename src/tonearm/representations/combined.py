"""Concatenated rows of several representations, and rows of a ready table, of which only the columns are known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import Dataset
from tonearm.dsp.sound import ClipSound
from tonearm.errors import RepresentationError
from tonearm.representations.base import Facts, Gives, Reader, Representation, batches
from tonearm.representations.features import feature_columns
from tonearm.representations.features.representation import Features
from tonearm.settings import AudioSettings, FeatureSettings

ENCODER = "encoder"  # the kind of all pretrained networks
PUBLISHED_PRESETS = ("gtzan57", "fma518")


@dataclass(frozen=True)
class Joined:
    """Several representations of rows, their columns concatenated."""

    parts: tuple[Representation, ...]
    gives: Gives = "rows"

    @property
    def name(self) -> str:
        """The names of the parts."""
        return " + ".join(part.name for part in self.parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of all parts, prefixed with the representation's name, since two may share a column name."""
        return _joined_columns((part.name, part.columns) for part in self.parts)

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of all parts."""
        return tuple(note for part in self.parts for note in part.notes)

    def facts(self) -> Facts:
        """The facts of all parts."""
        return _joined_facts([part.facts() for part in self.parts])

    def open(self, device: str = "cpu") -> "JoinedReader":
        """A reader that combines one reader per part. Raises RepresentationError."""
        return JoinedReader([part.open(device) for part in self.parts])


def join_rows(datasets: Sequence[Dataset]) -> Dataset:
    """Tables of the same clips, joined column-wise; a single one is returned unchanged."""
    first = datasets[0]
    if len(datasets) == 1:
        return first
    columns = _joined_columns((name_of(data.representation), data.columns) for data in datasets)
    facts = _joined_facts([data.representation for data in datasets])
    return replace(first, X=np.hstack([data.X for data in datasets]), columns=columns, representation=facts)


def _joined_columns(parts: Iterable[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    return tuple(f"{name}:{column}" for name, columns in parts for column in columns)


def _joined_facts(parts: list[Facts]) -> Facts:
    return {"kind": "joined", "parts": parts}


def name_of(facts: Mapping[str, object]) -> str:
    """The name in `reads` of a representation with these facts."""
    spectrogram = facts.get("spectrogram")
    if facts.get("kind") == "pictures" and isinstance(spectrogram, Mapping):
        return str(spectrogram["kinds"][0])
    return str(facts["name"] if facts.get("kind") == ENCODER and "name" in facts else facts.get("kind"))


class JoinedReader:
    """Clip to the rows of all parts, joined."""

    def __init__(self, readers: Sequence[Reader]) -> None:
        self.readers = readers
        self.batch = max(reader.batch for reader in readers)

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[Any]]:
        """One row per clip. Raises ClipError."""
        tables = [
            [row for some in batches(sounds, reader.batch) for row in reader.read(some)] for reader in self.readers
        ]
        return [np.concatenate(rows) for rows in zip(*tables, strict=True)]


@dataclass(frozen=True)
class Table:
    """Rows computed elsewhere; read from audio only if the columns are those of a published preset."""

    columns: tuple[str, ...]
    name: str = "table"
    gives: Gives = "rows"

    @classmethod
    def restore(cls, facts: Facts) -> "Table":
        """A table of the same columns."""
        return cls(tuple(facts["columns"]))

    @property
    def notes(self) -> tuple[str, ...]:
        """The preset by which audio is read, if any."""
        preset = self._preset()
        if preset is None:
            return ()
        return (
            f"trained on a table with the columns of preset {preset}: audio is read by that preset, whose "
            "numbers may differ a little from those of the table's makers",
        )

    def facts(self) -> Facts:
        """The columns: how they were computed is not known."""
        return {"kind": "table", "columns": list(self.columns)}

    def open(self, device: str = "cpu") -> Reader:
        """The reader of the preset with these columns. Raises RepresentationError if there is none."""
        preset = self._preset()
        if preset is None:
            raise RepresentationError(
                "was trained on a table whose columns are not those of any preset, so audio cannot be turned into "
                f"them; predict a table with the columns {', '.join(self.columns[:4])}, …"
            )
        return Features(AudioSettings(), FeatureSettings(preset=preset), self.columns).open(device)

    def _preset(self) -> Any:
        return next((name for name in PUBLISHED_PRESETS if self.columns == _columns_of(name)), None)


def _columns_of(preset: Any) -> tuple[str, ...]:
    return feature_columns(FeatureSettings(preset=preset))
