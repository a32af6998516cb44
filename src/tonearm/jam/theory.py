"""Scales, chords and voicings: pitches as MIDI numbers, harmony as degrees of a key.

Conventions
-----------
A pitch is a MIDI number (60 is middle C, 69 is A at 440 Hz before the band's tuning), a pitch class 0 to 11
with C = 0. A chord symbol is a roman numeral, always in capitals, with an accidental before and a quality
after it: `I7`, `IIm7`, `bVII`, `VIm`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "minor_pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "7": (0, 4, 7, 10),
    "9": (0, 4, 7, 10, 2),
    "13": (0, 4, 9, 10, 2),
    "7b9": (0, 4, 7, 10, 1),
    "m6": (0, 3, 7, 9),
    "m7": (0, 3, 7, 10),
    "m9": (0, 3, 7, 10, 2),
    "maj7": (0, 4, 7, 11),
    "maj9": (0, 4, 7, 11, 2),
    "m7b5": (0, 3, 6, 10),
    "dim": (0, 3, 6),
    "sus": (0, 5, 7),
}
_DEGREES = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_SYMBOL = re.compile(r"([b#]?)(VII|VI|IV|V|III|II|I)(.*)")
NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord: the pitch class of its root and its pitch classes above it, root first."""

    root: int
    tones: tuple[int, ...]


def chord(symbol: str, key: int) -> Chord:
    """The chord of a symbol in the key whose tonic has pitch class `key`.

    >>> chord("V7", key=0)
    Chord(root=7, tones=(7, 11, 2, 5))
    >>> chord("bVII", key=2).root
    0
    """
    found = _SYMBOL.fullmatch(symbol)
    if found is None or found[3] not in QUALITIES:
        raise ValueError(f"{symbol!r} is not a chord symbol, such as I7, IIm7 or bVII")
    accidental, degree, quality = found.groups()
    root = (key + _DEGREES[degree] + {"b": -1, "#": 1, "": 0}[accidental]) % 12
    return Chord(root, tuple((root + interval) % 12 for interval in QUALITIES[quality]))


def near(pitch_class: int, target: int) -> int:
    """The pitch of this class nearest to `target`; of two equally near the lower.

    >>> near(0, 61), near(7, 61)
    (60, 55)
    """
    return target - 6 + (pitch_class - (target - 6)) % 12


def voicing(harmony: Chord, centre: int) -> tuple[int, ...]:
    """All tones of the chord in close position around `centre`, from low to high.

    Around one centre, tones that two chords share stay where they are: the voices lead themselves.

    >>> voicing(chord("I", key=0), 60), voicing(chord("IV", key=0), 60)
    ((55, 60, 64), (57, 60, 65))
    """
    return tuple(sorted(near(tone, centre) for tone in harmony.tones))


def scale_pitches(key: int, scale: str, low: int, high: int) -> list[int]:
    """Pitches of the scale on `key` from `low` to `high`, both included.

    >>> scale_pitches(9, "minor_pentatonic", 57, 69)
    [57, 60, 62, 64, 67, 69]
    """
    classes = {(key + interval) % 12 for interval in SCALES[scale]}
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def nearest_index(pitches: Sequence[int], target: int) -> int:
    """Index of the pitch nearest to `target`; of two equally near the first."""
    return min(range(len(pitches)), key=lambda index: abs(pitches[index] - target))
