"""Features as a representation: rows whose columns are named numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.sound import ClipSound
from tonearm.errors import ConfigError, RepresentationError
from tonearm.representations.base import Facts, Gives, Sections
from tonearm.representations.features import (
    DEFINITION,
    check_features,
    compute_columns,
    feature_columns,
    packages_of,
)
from tonearm.representations.features.extra import Extra, build_extras, extra_numbers, restore_extras
from tonearm.runtime.owncode import load
from tonearm.settings import AudioSettings, FeatureSettings


@dataclass(frozen=True)
class Features:
    """Rows of features. columns: those computed, stored by a run, since a preset may gain columns later.

    extra: functions of the user's own, whose columns are the last ones.
    """

    audio: AudioSettings
    settings: FeatureSettings
    columns: tuple[str, ...]
    name: Literal["features"] = "features"
    gives: Gives = "rows"
    notes: tuple[str, ...] = ()
    extra: tuple[Extra, ...] = ()

    @classmethod
    def build(cls, name: str, sections: Sections) -> "Features":
        """All columns of the settings in `sections`. Raises ConfigError like `check_features`."""
        return cls.of(sections.audio, sections.features)

    @classmethod
    def of(cls, audio: AudioSettings, settings: FeatureSettings) -> "Features":
        """All columns of these settings. Raises ConfigError like `check_features` and `build_extras`."""
        check_features(audio.sr, settings)
        columns = feature_columns(settings)
        extra = build_extras(settings.extra, audio.sr, columns)
        return cls(audio, settings, (*columns, *_columns(extra)), extra=extra)

    @classmethod
    def restore(cls, facts: Facts) -> "Features":
        """The same columns.

        Raises RepresentationError if this tonearm does not know them all, UntrustedError like `restore_extras`.
        """
        if facts["definition"] != DEFINITION:
            raise RepresentationError(
                f"uses definition {facts['definition']} of the features; this tonearm computes definition {DEFINITION}"
            )
        audio, settings = AudioSettings(**facts["audio"]), FeatureSettings(**facts["features"])
        try:
            known = set(feature_columns(settings))
        except ConfigError as error:
            raise RepresentationError(f"its feature settings are not those of this tonearm: {error}") from error
        packages = packages_of(settings)
        if packages != facts.get("packages", {}):
            raise RepresentationError(
                f"has feature families of the packages {facts.get('packages', {})}, and here they are of {packages}"
            )
        extra = restore_extras(facts)
        own, columns = _columns(extra), tuple(facts["columns"])
        if columns[len(columns) - len(own) :] != own:
            raise RepresentationError("names columns of its own functions that are not the last ones")
        missing = [column for column in columns[: len(columns) - len(own)] if column not in known]
        if missing:
            raise RepresentationError(
                f"has {len(missing)} columns that its settings do not give, such as {missing[0]!r}"
            )
        return cls(audio, settings, columns, extra=extra)

    def facts(self) -> Facts:
        """Settings and columns, and the user's own functions, where there are any."""
        facts = {
            "kind": "features",
            "definition": DEFINITION,
            "audio": self.audio.model_dump(mode="json"),
            "features": self.settings.model_dump(mode="json", exclude={"extra"}),
            "columns": list(self.columns),
        }
        if packages := packages_of(self.settings):
            facts["packages"] = packages
        return facts | {"extra": [one.facts() for one in self.extra]} if self.extra else facts

    def open(self, device: str = "cpu") -> "FeatureReader":
        """The reader; no network runs, so the device is not used."""
        return FeatureReader(self)


class FeatureReader:
    """Clip to its row, in the order of `columns`."""

    batch = 1

    def __init__(self, representation: Features) -> None:
        self.representation = representation
        self.own = len(_columns(representation.extra))
        for one in representation.extra:
            load(one.source)  # whose errors are no clip's

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[Any]]:
        """One row per clip. Raises AudioError."""
        audio = self.representation.audio
        return [np.mean([self._row(piece) for piece in sound.pieces(audio)], axis=0) for sound in sounds]

    def _row(self, sound: ClipSound) -> NDArray[np.float64]:
        audio, settings = self.representation.audio, self.representation.settings
        spectrum = sound.spectrum(
            audio, settings.n_fft, settings.hop_length, n_mels=settings.n_mels, n_mfcc=settings.n_mfcc
        )
        columns = self.representation.columns
        row = compute_columns(spectrum, settings, columns[: len(columns) - self.own])
        if not self.own:
            return row
        samples = sound.samples(audio, settings.n_fft)
        extras = self.representation.extra
        return np.concatenate([row, *(extra_numbers(one, samples, audio.sr, sound.path) for one in extras)])


def _columns(extras: tuple[Extra, ...]) -> tuple[str, ...]:
    return tuple(name for one in extras for name in one.columns)
