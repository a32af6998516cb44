"""Classical: strings, piano, harpsichord and winds without drums; broken chords, chorales and counterpoint.

Conventions
-----------
As `song`; time breathes (rubato) and loudness swells over phrases of four bars.
"""

import numpy as np

from tonearm.jam.bands import Style
from tonearm.jam.playing import arpeggio, motif, sing
from tonearm.jam.song import Song
from tonearm.jam.theory import Chord, near, scale_pitches, voicing

STYLE = Style(
    tempo=(58, 138),
    patches={
        "keys": (0, 1, 6, 46, 19),
        "strings": (48, 49, 44, 45),
        "low": (42, 43, 70, 58),
        "lead": (40, 73, 68, 71, 60, 41),
        "second": (41, 71, 40, 72, 69),
    },
    levels={"keys": 0, "strings": -3, "low": -2, "lead": 0, "second": -3},
    reverb=(0.8, 3.2),
    wet=(-20, -8),
    loudness=(-30, -17),
    cut=(4_000, 10_500),
)
MAJOR = (
    "I IV V I VIm IIm V I",
    "I V VIm IIIm IV I IV V",
    "I I IV IV IIm V7 I I",
    "I VIm IIm V7 I IV V7 I",
)
MINOR = ("Im IVm V Im bVI IVm V Im", "Im IVm bVII bIII bVI IIdim V7 Im", "Im V7 Im Im IVm Im V7 Im")
RHYTHMS = ("x___x_x_", "x_x_x_x_", "x_____x_", "x_xxx___", "xxxxx_x_", "x_______")
RUNS = ("xxxxxxxxxxxxxxxx", "x_xxx_xxx_xxxxxx", "xxxxx_x_xxxxx_x_")
ORDERS = ((0, 2, 1, 2) * 2, (0, 1, 2, 3, 4, 3, 2, 1), (0, 1, 2, 3) * 4, (0, 1, 2, 0, 1, 2))


def compose(song: Song) -> None:
    """Choose a scoring (solo piano, quartet, invention, orchestra, solo with strings) and write its bars."""
    minor = song.habit("form", (False, True))
    form = MINOR[song.rng.integers(len(MINOR))] if minor else MAJOR[song.rng.integers(len(MAJOR))]
    song.meter = int(song.habit("groove", (4, 4, 3)))
    song.rubato = float(song.rng.uniform(0.0, 0.12))
    scoring = song.habit("texture", (_piano, _quartet, _invention, _orchestra, _solo))
    scale = scale_pitches(song.key, "harmonic_minor" if minor else "major", 60, 86)
    idea, last = motif(song, RHYTHMS), 72
    for beat, harmony, _after, number in song.harmony(form.split()):
        if number % 2 == 0:
            idea = motif(song, RUNS if scoring is _invention else RHYTHMS, 2)
        swell = 74 + 22 * np.sin(np.pi * (number % 4 + 0.5) / 4)
        last = scoring(song, beat, harmony, idea, scale, last, swell)


Idea = list[tuple[float, float, int]]


def _piano(song: Song, beat: float, harmony: Chord, idea: Idea, scale: list[int], last: int, swell: float) -> int:
    tones = voicing(harmony, 50)
    arpeggio(song, "keys", beat, (*tones, tones[0] + 12, tones[1] + 12), song.habit("comp", ORDERS), swell - 18)
    return sing(song, "keys", beat, idea, scale, harmony, last, velocity=swell + 8)


def _quartet(song: Song, beat: float, harmony: Chord, idea: Idea, scale: list[int], last: int, swell: float) -> int:
    song.play("low", beat, song.meter * 0.97, near(harmony.root, 43), swell)
    low, middle = voicing(harmony, 58)[:2]
    for half in range(2):
        song.play("strings", beat + half * song.meter / 2, song.meter * 0.48, (low, middle), swell - 6)
    sing(song, "second", beat, [(on, length, -move) for on, length, move in idea], scale, harmony, 65, velocity=swell)
    return sing(song, "lead", beat, idea, scale, harmony, last, velocity=swell + 8)


def _invention(song: Song, beat: float, harmony: Chord, idea: Idea, scale: list[int], last: int, swell: float) -> int:
    answer = [pitch - 24 for pitch in scale]
    sing(song, "low", beat, idea[::2], answer, harmony, 50, velocity=swell)
    song.play("keys", beat, 0.9, near(harmony.root, 45), swell)
    return sing(song, "keys", beat, idea, scale, harmony, last, velocity=swell)


def _orchestra(song: Song, beat: float, harmony: Chord, idea: Idea, scale: list[int], last: int, swell: float) -> int:
    song.play("strings", beat, song.meter * 0.98, voicing(harmony, 64), swell)
    song.play("strings", beat, song.meter * 0.98, near(harmony.root, 40), swell)
    if song.chance(0.4):
        song.play("low", beat, 0.8, near(harmony.root, 36), swell + 10)
    arpeggio(song, "second", beat, voicing(harmony, 70), song.habit("comp", ORDERS), swell - 8)
    return sing(song, "lead", beat, idea, scale, harmony, last, velocity=swell + 12)


def _solo(song: Song, beat: float, harmony: Chord, idea: Idea, scale: list[int], last: int, swell: float) -> int:
    for place in range(song.meter):
        song.play(
            "low" if place == 0 else "strings",
            beat + place,
            0.7,
            voicing(harmony, 48 if place == 0 else 60),
            swell - 14,
        )
    return sing(song, "lead", beat, idea, scale, harmony, last, velocity=swell + 14)
