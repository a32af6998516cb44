"""A third representation, to show that one file and one line in the registry are all that it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.sound import ClipSound
from tonearm.representations.base import Facts, Gives, Kind, Sections
from tonearm.settings import AudioSettings

BATCH = 3  # several clips at a time, as a network would read them


@dataclass(frozen=True)
class Crossings:
    """How often each tenth of a clip crosses zero, at a rate of its own."""

    audio: AudioSettings
    name: str = "crossings"
    gives: Gives = "rows"
    columns: tuple[str, ...] = tuple(f"tenth{number}" for number in range(10))
    notes: tuple[str, ...] = ()

    @classmethod
    def build(cls, name: str, sections: Sections) -> "Crossings":
        """The representation by a config's settings."""
        return cls(sections.audio.model_copy(update={"sr": 8_000}))

    @classmethod
    def restore(cls, facts: Facts) -> "Crossings":
        """The representation that a run stores."""
        return cls(AudioSettings(**facts["audio"]))

    def facts(self) -> Facts:
        """Everything that decides the results."""
        return {"kind": self.name, "audio": self.audio.model_dump(mode="json")}

    def open(self, device: str = "cpu") -> "CrossingsReader":
        """A reader for this process."""
        return CrossingsReader(self.audio)


class CrossingsReader:
    """Clips to rows."""

    batch = BATCH

    def __init__(self, audio: AudioSettings) -> None:
        self.audio = audio

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[Any]]:
        """One row a clip."""
        assert len(sounds) <= BATCH
        clips = [sound.samples(self.audio, 20) for sound in sounds]
        return [np.array([np.mean(np.diff(np.signbit(part))) for part in np.array_split(y, 10)]) for y in clips]


KIND = Kind("rows", frozenset({"audio"}), Crossings.build, Crossings.restore)
