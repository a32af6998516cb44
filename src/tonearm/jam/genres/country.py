"""Country: boom-chick bass and strummed guitar over a train beat; steel guitar, fiddle and banjo take turns.

Conventions
-----------
As `song`; the steel guitar slides into its long notes.
"""

from tonearm.jam.bands import Style
from tonearm.jam.playing import arpeggio, fill, motif, pulse_bass, sing, strum
from tonearm.jam.song import Song
from tonearm.jam.theory import near, scale_pitches, voicing

STYLE = Style(
    tempo=(84, 172),
    swing=(0.5, 0.6),
    patches={
        "bass": (32, 33, 32),
        "guitar": (25, 25, 24, 27),
        "lead": (110, 40, 22, 26, 27),
        "banjo": (105, 25, 105),
        "steel": (26, 27, 29, 30),
        "keys": (3, 0, 1),
    },
    levels={"drums": 2, "bass": 0, "guitar": 0, "lead": 0, "banjo": -3, "steel": 3, "keys": 1},
    kits=(0, 40, 8, 40),
    amp=("steel",),
    drive=(0, 12),
    loudness=(-21, -13),
)
FORMS = (
    "I I IV I I I V V I I IV I I V I I",
    "I IV I V I IV V I",
    "I I IV IV V V I I",
    "I V VIm IV I V IV I",
    "I bVII IV I I bVII IV V",
)
GROOVES = (
    {"kick": "x...x...", "snare": "oxXxoxXx"},
    {"kick": "x.......x.......", "snare": "ooXoooXoooXoooXo"},
    {"kick": "x...x...", "rim": "..x...x.", "hat": "xoxoxoxo"},
    {"kick": "x..xx...", "snare": "..X...X.", "hat": "xxxxxxxx"},
    {"kick": "x...x...", "snare": "..x...x.", "ride": "x.x.x.x.", "tambourine": "..x...x."},
)
WALTZ = {"kick": "x.....", "snare": "..x.x.", "hat": "x.x.xo"}
RHYTHMS = ("x_xxx_x_", "x___x_x_", "xxxxxxx_", "x_x_x___", "..x_x_xx")
ROLLS = ((0, 1, 2, 3, 1, 2, 3, 1), (2, 1, 3, 0, 2, 1, 3, 1), (0, 1, 2, 0, 1, 2, 0, 3))


def compose(song: Song) -> None:
    """Write bass on one and three, guitar on two and four, and a tune on one of the country instruments."""
    waltz = song.chance(0.12)
    song.meter = 3 if waltz else 4
    groove = WALTZ if waltz else song.habit("groove", GROOVES)
    bass = "r___f_" if waltz else song.habit("bass", ("r_..f_..", "r_..f_..", "r_..f_tt", "r_r_f_f_"))
    chick = "..x.x." if waltz else song.habit("comp", ("..x...x.", "..X.x.Xx", "x.xxx.xx", "..X...Xx"))
    voices = song.habit("texture", (("steel", "lead"), ("banjo", "lead"), ("lead", "keys"), ("steel", "banjo")))
    roll = song.habit("lead", ROLLS)
    scale = scale_pitches(song.key, song.habit("form", ("pentatonic", "major", "mixolydian")), 60, 84)
    idea, last = motif(song, RHYTHMS), 70
    for beat, harmony, _after, number in song.harmony(song.habit("form", FORMS).split()):
        song.drum(beat, groove, 0.9)
        if number % 8 == 7 and song.chance(0.3):
            fill(song, beat + song.meter - 1)
        pulse_bass(song, beat, near(harmony.root, 39), bass, -5)
        strum(song, "guitar", beat, harmony, chick, 57, 86)
        if number % 2 == 0:
            idea = motif(song, RHYTHMS)
        voice = voices[number // 4 % 2]
        if voice == "banjo":
            tones = voicing(harmony, 64)
            arpeggio(song, "banjo", beat, (*tones, tones[0] + 12), roll * 2 if song.bpm < 130 else roll, 86)
        else:
            last = sing(song, voice, beat, idea, scale, harmony, last, slide=0.75 if voice == "steel" else 0.1)
