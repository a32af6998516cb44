"""Pop: four chords that everyone knows, synthesisers, claps, a plain bass and a tune that repeats.

Conventions
-----------
As `song`; I-V-VIm-IV and its rotations.
"""

from tonearm.jam.bands import Style
from tonearm.jam.playing import arpeggio, fill, motif, pulse_bass, sing, strum
from tonearm.jam.song import Song
from tonearm.jam.theory import near, scale_pitches, voicing

STYLE = Style(
    tempo=(88, 130),
    patches={
        "bass": (38, 39, 33, 34, 36),
        "keys": (0, 2, 4, 1, 5),
        "pad": (89, 50, 90, 51, 88),
        "synth": (81, 80, 90, 62, 84),
        "guitar": (25, 27, 28, 29),
        "lead": (80, 81, 53, 54, 85, 73),
    },
    levels={"drums": 1, "bass": 1, "keys": -3, "pad": -3, "synth": -3, "guitar": -4, "lead": -1},
    kits=(24, 0, 25, 8, 16),
    amp=("guitar",),
    drive=(0, 14),
    loudness=(-18, -10),
    cut=(6_000, 10_800),
    hiss=(-82, -60),
)
FORMS = (
    "I V VIm IV",
    "VIm IV I V",
    "I VIm IV V",
    "IV I V VIm",
    "I IIIm IV V",
    "I V IIm IV",
    "Im bVI bIII bVII",
)
GROOVES = (
    {"kick": "X...X...X...X...", "clap": "....X.......X...", "hat": "..x...x...x...x."},
    {"kick": "X.....x.X.......", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
    {"kick": "X..x..x.X..x....", "clap": "....X.......X...", "hat": "xoxoxoxoxoxoxoxo"},
    {
        "kick": "X...X...X...X...",
        "snare": "....X.......X...",
        "open": "..x...x...x...x.",
        "tambourine": "x.x.x.x.x.x.x.x.",
    },
    {"kick": "X.....x...x.....", "snare": "....X.......X...", "clap": "....x.......x...", "shaker": "xoxoxoxoxoxoxoxo"},
)
BASSES = ("r.r.r.r.", "r_______", "r_.rr_.r", "r_r_r_o_", "rrrrrrrr", "r.o.r.o.")
RHYTHMS = ("x_xxx_x_", "x_x_x___", "xxx_x_x_", "x___x_xx", "..xxxxx_", "x_.x_.x_")
ORDERS = ((0, 1, 2, 1) * 2, (0, 1, 2, 3) * 4, (2, 1, 0, 1) * 4, (0, 2, 1, 2) * 2)


def compose(song: Song) -> None:
    """Write verse or chorus: the chorus adds pads and the arpeggio and opens the tune's range."""
    groove, bass = song.habit("groove", GROOVES), song.habit("bass", BASSES)
    comp = song.habit("comp", ("keys", "guitar", "synth", "keys"))
    order = song.habit("texture", ORDERS)
    chorus_first = song.chance(0.5)
    leading = song.chance(0.8)
    form = song.habit("form", FORMS)
    scale = scale_pitches(song.key, "minor_pentatonic" if form.startswith("Im") else "pentatonic", 62, 84)
    ideas = [motif(song, RHYTHMS, 2) for _ in range(2)]
    last = 72
    for beat, harmony, _after, number in song.harmony(form.split() * 2):
        chorus = (number < 4) == chorus_first
        song.drum(beat, groove, 1.0 if chorus else 0.85)
        if number % 4 == 3 and song.chance(0.4):
            fill(song, beat + 3)
        pulse_bass(song, beat, near(harmony.root, 38), bass)
        if comp == "keys":
            strum(song, "keys", beat, harmony, "L...L..." if chorus else "L.......", 62, 82)
        else:
            strum(song, comp, beat, harmony, "x.xxx.xx" if comp == "guitar" else "x..x..x.", 60, 80)
        if chorus:
            song.play("pad", beat, 3.9, voicing(harmony, 67), 78)
            tones = voicing(harmony, 72)
            arpeggio(song, "synth", beat, (*tones, tones[0] + 12), order, 76)
        if leading:
            last = sing(song, "lead", beat, ideas[number % 2], scale, harmony, last if number % 2 else 72, velocity=98)
