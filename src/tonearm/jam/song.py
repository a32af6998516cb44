"""A song on paper: who plays which note when, in beats, and how beats become seconds.

Conventions
-----------
Beats count from 0 at the start of the song; a bar has `meter` of them. Swing moves the middle of every
`swing_unit` beats: `swing` is the fraction of the unit at which it falls (1/2 straight, 2/3 triplets).
A role (`bass`, `lead`, `drums`…) is one instrument of the band. Velocities are 1 to 127.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from tonearm.jam.bands import Band
from tonearm.jam.theory import Chord, chord

Choice = TypeVar("Choice")

DRUMS: dict[str, int] = {
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "low_tom": 41,
    "hat": 42,
    "pedal": 44,
    "open": 46,
    "mid_tom": 47,
    "crash": 49,
    "high_tom": 50,
    "ride": 51,
    "china": 52,
    "bell": 53,
    "tambourine": 54,
    "cowbell": 56,
    "conga": 63,
    "low_conga": 64,
    "shaker": 70,
}
STROKES = {"X": 118, "x": 92, "o": 58, "-": 36}  # accent, plain, soft, ghost


@dataclass(frozen=True, slots=True)
class Note:
    """One note: `start` and `length` in beats, `slide` semitones under its pitch at which it starts."""

    start: float
    length: float
    pitch: int
    velocity: int
    slide: float = 0.0


@dataclass
class Song:
    """One recording: the band that plays it, its tempo and key, and every note.

    bpm: beats a minute. key: pitch class of the tonic. first_bar: which bar of the form comes first; lead:
    seconds of it that are over when the clip begins; so clips are not all beginnings. length: of the clip, seconds.
    """

    band: Band
    rng: np.random.Generator
    bpm: float
    key: int
    first_bar: int
    lead: float
    length: float
    swing: float = 0.5
    swing_unit: float = 1.0
    meter: int = 4
    rubato: float = 0.0
    notes: dict[str, list[Note]] = field(default_factory=dict)

    @property
    def bars(self) -> int:
        """Bars that cover the clip."""
        return int(np.ceil((self.lead + self.length) * self.bpm / 60.0 / self.meter))

    def seconds(self, beat: float) -> float:
        """When a beat falls, in seconds from the start of the clip: swing and rubato applied.

        Rubato is a slow wave over two bars; its depth is a fraction of a beat.
        """
        unit, place = divmod(beat / self.swing_unit, 1.0)
        bent = place * 2 * self.swing if place < 0.5 else self.swing + (place - 0.5) * 2 * (1 - self.swing)
        swung = (unit + bent) * self.swing_unit
        wave = self.rubato * np.sin(np.pi * beat / self.meter)
        return float((swung + wave) * 60.0 / self.bpm - self.lead)

    def play(
        self,
        role: str,
        beat: float,
        length: float,
        pitches: int | Sequence[int],
        velocity: float = 90,
        slide: float = 0.0,
    ) -> None:
        """Write a note or a chord; the velocity is made human by a few units."""
        for pitch in (pitches,) if isinstance(pitches, int | np.integer) else pitches:
            human = int(np.clip(velocity + self.rng.normal(0, 5), 1, 127))
            self.notes.setdefault(role, []).append(Note(beat, length, int(pitch), human, slide))

    def drum(self, beat: float, pattern: Mapping[str, str], loudness: float = 1.0) -> None:
        """Write one bar of drums from `beat`: a line a drum, its strokes spread evenly over the bar.

        Strokes are those of `STROKES`; any other character is a rest.
        """
        for name, line in pattern.items():
            for step, stroke in enumerate(line):
                if stroke in STROKES:
                    start = beat + step * self.meter / len(line)
                    self.play("drums", start, 0.2, DRUMS[name], STROKES[stroke] * loudness)

    def harmony(self, progression: Sequence[str]) -> Iterator[tuple[float, Chord, Chord, int]]:
        """Walk through the song bar by bar: its first beat, its chord, the next chord, its number in the form.

        progression: a chord symbol a bar, repeated from the song's `first_bar` on.
        """
        for bar in range(self.bars):
            number = (self.first_bar + bar) % len(progression)
            after = (number + 1) % len(progression)
            yield bar * self.meter, chord(progression[number], self.key), chord(progression[after], self.key), number

    def habit(self, name: str, options: Sequence[Choice], loyalty: float = 0.65) -> Choice:
        """Choose as this band is used to, or, with probability 1 - loyalty, freely."""
        free = self.rng.random()
        place = self.band.habits[name] if self.rng.random() < loyalty else free
        return options[int(place * len(options))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)
