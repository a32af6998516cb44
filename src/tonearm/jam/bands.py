"""Bands: the sound that all recordings of one artist share.

Conventions
-----------
A band is drawn once from the seed, its genre and its number; its clips then vary around it. Gains are in
dB, frequencies in Hz, the tuning in cents, tempo in beats a minute. Ranges are wide and overlap between
genres, as studios and decades do: that, and nothing else, makes clips of one artist resemble each other
more than their genre explains.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

HABITS = ("groove", "bass", "comp", "lead", "form", "texture")
ADJECTIVES = (
    "Amber", "Brass", "Copper", "Distant", "Electric", "Faded", "Golden", "Hollow", "Idle", "Jade", "Late", "Midnight",
)  # fmt: skip
NOUNS = (
    "Anchors", "Boulevards", "Compasses", "Dynamos", "Embers", "Ferries", "Gardens", "Harbours", "Islands",
    "Junctions", "Kites", "Lanterns", "Meadows", "Orchards",
)  # fmt: skip

Range = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """What the bands of a genre have in common.

    tempo: beats a minute. swing: fraction of the unit, see `song`. patches: General MIDI programs (0 to 127)
    that a role may have. levels: loudness of a role against the others, dB. kits: drum kits. amp: roles that
    go through a guitar amplifier. drive: gain into it, dB. reverb: seconds until -60 dB. wet: reverb's level, dB.
    loudness: RMS of a clip, dBFS. low, high: gains of the shelves under 150 Hz and over 4 kHz, dB. cut: upper
    end of the recording, Hz. hiss: noise floor, dBFS.
    """

    tempo: Range
    patches: Mapping[str, tuple[int, ...]]
    levels: Mapping[str, float]
    kits: tuple[int, ...] = ()
    amp: tuple[str, ...] = ()
    swing: Range = (0.5, 0.5)
    swing_unit: float = 1.0
    drive: Range = (0.0, 0.0)
    reverb: Range = (0.3, 1.6)
    wet: Range = (-26.0, -12.0)
    loudness: Range = (-22.0, -13.0)
    low: Range = (-5.0, 5.0)
    high: Range = (-8.0, 6.0)
    cut: Range = (4_500.0, 10_500.0)
    hiss: Range = (-78.0, -50.0)


@dataclass(frozen=True)
class Band:
    """One artist's sound; the fields have the units of `Style`'s ranges."""

    name: str
    genre: str
    patches: Mapping[str, int]
    levels: Mapping[str, float]
    kit: int
    amp: tuple[str, ...]
    tempo: float
    swing: float
    swing_unit: float
    tuning: float
    keys: tuple[int, ...]
    drive: float
    reverb: float
    wet: float
    loudness: float
    low: float
    high: float
    mid: float
    mid_hz: float
    cut: float
    hiss: float
    hum_hz: float
    room: int
    habits: Mapping[str, float]


def band_names(seed: int) -> list[str]:
    """Names of all bands, in an order that the seed decides: a name does not tell the genre."""
    names = [f"The {adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS]
    return [names[index] for index in np.random.default_rng([seed, 1]).permutation(len(names))]


def draw_band(name: str, genre: str, style: Style, rng: np.random.Generator) -> Band:
    """Found a band of this genre: everything that its recordings will share is drawn here."""

    def within(limits: Range) -> float:
        return float(rng.uniform(*limits))

    patches = {role: int(programs[rng.integers(len(programs))]) for role, programs in style.patches.items()}
    levels = {role: level + float(rng.normal(0, 3.0)) for role, level in style.levels.items()}
    low, high = np.log(style.cut)
    return Band(
        name=name,
        genre=genre,
        patches=patches,
        levels=levels,
        kit=int(style.kits[rng.integers(len(style.kits))]) if style.kits else 0,
        amp=style.amp,
        tempo=within(style.tempo),
        swing=within(style.swing),
        swing_unit=style.swing_unit,
        tuning=float(rng.normal(0, 18.0)),
        keys=tuple(int(key) for key in rng.permutation(12)[:3]),
        drive=within(style.drive),
        reverb=within(style.reverb),
        wet=within(style.wet),
        loudness=within(style.loudness),
        low=within(style.low),
        high=within(style.high),
        mid=within((-6.0, 6.0)),
        mid_hz=float(np.exp(within((np.log(300.0), np.log(2_800.0))))),
        cut=float(np.exp(within((float(low), float(high))))),
        hiss=within(style.hiss),
        hum_hz=float(rng.choice((50.0, 60.0))),
        room=int(rng.integers(2**31)),
        habits={name: float(rng.random()) for name in HABITS},
    )
