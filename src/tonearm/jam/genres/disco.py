"""Disco: four on the floor, open hats off the beat, octave bass, strings and scratching guitar.

Conventions
-----------
As `song`: a bass drum on every beat, always.
"""

from tonearm.jam.bands import Style
from tonearm.jam.playing import fill, motif, pulse_bass, sing, strum
from tonearm.jam.song import Song
from tonearm.jam.theory import near, scale_pitches, voicing

STYLE = Style(
    tempo=(106, 132),
    patches={
        "bass": (33, 36, 38, 37, 34),
        "guitar": (28, 27, 7, 26),
        "keys": (4, 0, 5, 7),
        "strings": (48, 50, 48, 51),
        "brass": (61, 62, 63, 61),
        "lead": (52, 81, 56, 66, 48, 65),
    },
    levels={"drums": 1, "bass": 2, "guitar": -4, "keys": -4, "strings": -3, "brass": -1, "lead": -2},
    kits=(0, 8, 16, 24, 0),
    loudness=(-19, -11),
    cut=(5_000, 10_700),
)
FORMS = (
    "Im7 Im7 IV7 IV7",
    "VIm7 IIm7 V7 Imaj7",
    "Im7 bVII bVI bVII",
    "IIm9 V13 IIm9 V13",
    "Im IVm bVII bIII bVI IVm V7 V7",
    "Imaj7 VIm7 IIm7 V9",
)
FLOOR = "X...X...X...X..."
GROOVES = (
    {"kick": FLOOR, "snare": "....X.......X...", "hat": "x.o.x.o.x.o.x.o.", "open": "..x...x...x...x."},
    {"kick": FLOOR, "clap": "....X.......X...", "hat": "xoooxoooxoooxooo", "open": "..X...X...X...X."},
    {"kick": FLOOR, "snare": "....X.......X..o", "open": "..X...X...X...X.", "shaker": "xoxoxoxoxoxoxoxo"},
    {
        "kick": FLOOR,
        "snare": "....X.......X...",
        "clap": "....x.......x...",
        "hat": "x.xxx.xxx.xxx.xx",
        "conga": "..x..x.x..x..xx.",
    },
    {"kick": FLOOR, "clap": "....X.......X...", "open": "..X...X...X...X.", "tambourine": "x.x.x.x.x.x.x.x."},
)
BASSES = ("r.o.r.o.r.o.r.o.", "rroorroorroorroo", "r..ro.r.r..ro.os", "r.o.r.o.f.o.r.ts", "r...r.oor...o.rs")
SCRATCHES = ("..x...x...x...x.", "x.xxx.xxx.xxx.xx", "..xx..xx..xx..xx", "x..x..x.x..x..x.", "....x..x....x.xx")
RHYTHMS = ("x___x_x_", "x_x_x_xx", "x_______", "..x_x_x_", "x_xxx___")


def compose(song: Song) -> None:
    """Write the floor, the octave bass and the scratch; strings hold or run, brass and a lead answer."""
    groove = song.habit("groove", GROOVES)
    bass, scratch = song.habit("bass", BASSES), song.habit("comp", SCRATCHES)
    texture = song.habit("texture", ("strings", "brass", "strings", "keys"))
    leading = song.chance(0.55)
    scale = scale_pitches(song.key, song.habit("lead", ("dorian", "minor_pentatonic", "major")), 64, 86)
    idea, last = motif(song, RHYTHMS), 74
    for beat, harmony, _after, number in song.harmony(song.habit("form", FORMS).split()):
        song.drum(beat, groove)
        if number % 4 == 3 and song.chance(0.3):
            fill(song, beat + 3)
        pulse_bass(song, beat, near(harmony.root, 36), bass)
        strum(song, "guitar", beat, harmony, scratch, 62, 80)
        if texture == "strings":
            song.play("strings", beat, 3.9, voicing(harmony, 72)[-2:], 88)
            if number % 2 and song.chance(0.6):
                for step in range(8):  # the run up into the next bar
                    song.play("strings", beat + 2 + step / 4, 0.25, scale[(step + 3) % len(scale)], 84 + 3 * step)
        elif texture == "brass":
            strum(song, "brass", beat, harmony, ("x..x....", "....x.x.")[number % 2], 67, 96)
        strum(song, "keys", beat, harmony, "..L...L." if texture == "keys" else "L.......", 62, 74)
        if number % 2 == 0:
            idea = motif(song, RHYTHMS)
        if leading:
            last = sing(song, "lead", beat, idea, scale, harmony, last, velocity=96)
