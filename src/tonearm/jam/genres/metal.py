"""Metal: palm-muted power chords through a hot amplifier, double bass drum, fast tempi, Phrygian riffs.

Conventions
-----------
As `song`; guitars are tuned low, the bass doubles the riff.
"""

from tonearm.jam.bands import Style
from tonearm.jam.playing import fill, motif, sing
from tonearm.jam.song import Song
from tonearm.jam.theory import near, scale_pitches

STYLE = Style(
    tempo=(104, 200),
    patches={"bass": (34, 33, 36), "guitar": (30, 29, 30), "lead": (30, 29, 81), "pad": (52, 48, 91)},
    levels={"drums": 1, "bass": 0, "guitar": 2, "lead": -1, "pad": -10},
    kits=(16, 0, 8, 16),
    amp=("guitar", "lead"),
    drive=(16, 38),
    reverb=(0.3, 1.4),
    wet=(-30, -14),
    loudness=(-17, -10),
    cut=(5_000, 10_700),
)
GROOVES = (
    {"kick": "x.x.x.x.x.x.x.x.", "snare": "....X.......X...", "hat": "x...x...x...x..."},
    {"kick": "xxxxxxxxxxxxxxxx", "snare": "....X.......X...", "ride": "x.x.x.x.x.x.x.x."},
    {"kick": "x..xx..xx..xx.xx", "snare": "........X.......", "china": "x...x...x...x..."},
    {"kick": "x.x.x.x.x.x.x.x.", "snare": ".x.x.x.x.x.x.x.x", "ride": "x.x.x.x.x.x.x.x."},
    {"kick": "x.xx..x.x.xx..x.", "snare": "....X.......X...", "open": "x...x...x...x..."},
    {"kick": "x..x..x..x..x.x.", "snare": "........X.......", "crash": "x.......x......."},
)
# c a palm-muted chug on the low string; digits a power chord so many semitones above it, held to the next stroke
RIFFS = (
    "ccc3__ccc1__cc0_",
    "cccccccc1___0___",
    "c.cc.cc.c.cc3_1_",
    "0_______1___3___",
    "cc0ccc1ccc3ccc1c",
    "c.c.6_5_c.c.3_1_",
    "0___3___5___6_5_",
    "cc.cc.cc.cc.7_8_",
)
SOLO = ("xxxxxxxxxxxxxxxx", "x___xxxxxxxxxxxx", "x_______x_x_xxxx", "xxxx____xxxx____")


def compose(song: Song) -> None:
    """Write a riff of two bars in a section of four, doubled by the bass, and a solo over some sections."""
    groove = song.habit("groove", GROOVES)
    first, second = song.habit("form", RIFFS), RIFFS[song.rng.integers(len(RIFFS))]
    breakdown = song.chance(0.25)
    soloing = song.chance(0.4)
    padded = song.habit("texture", (False, False, True))
    low = near(song.key, 41)
    scale = scale_pitches(song.key, song.habit("lead", ("phrygian", "minor_pentatonic", "harmonic_minor")), 62, 90)
    idea, last = motif(song, SOLO, 2), 76
    for beat, _harmony, _after, number in song.harmony(("Im",) * 8):
        song.drum(beat, GROOVES[5] if breakdown and number >= 4 else groove, 1.1)
        if number % 4 == 0:
            song.drum(beat, {"crash": "X..............."})
        if number % 4 == 3 and song.chance(0.6):
            fill(song, beat + 2, 2.0)
        _riff(song, beat, second if number % 2 else first, low + (5 if number in (4, 5) and not breakdown else 0))
        if padded:
            song.play("pad", beat, 3.9, (low + 24, low + 31), 80)
        if number % 2 == 0:
            idea = motif(song, SOLO, 2)
        if soloing and number % 8 < 6:
            last = sing(song, "lead", beat, idea, scale, _harmony, last, velocity=104, slide=0.4)


def _riff(song: Song, beat: float, riff: str, low: int) -> None:
    step = song.meter / len(riff)
    for place, stroke in enumerate(riff):
        start = beat + place * step
        if stroke == "c":
            song.play("guitar", start, step * 0.55, (low, low + 7), 84)
            song.play("bass", start, step * 0.7, low - 12, 96)
        elif stroke.isdigit():
            held = len(riff[place + 1 :]) - len(riff[place + 1 :].lstrip("_")) + 1
            root = low + int(stroke)
            song.play("guitar", start, held * step * 0.95, (root, root + 7, root + 12), 108)
            song.play("bass", start, held * step * 0.95, root - 12, 104)
