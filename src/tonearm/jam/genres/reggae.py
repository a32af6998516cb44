"""Reggae: the skank off the beat, the bass drum on three, a deep bass that leaves holes, organ and echoes.

Conventions
-----------
As `song`; the tempo is that of the one-drop, 66 to 92 beats a minute.
"""

from tonearm.jam.bands import Style
from tonearm.jam.playing import fill, motif, pulse_bass, sing, strum
from tonearm.jam.song import Song
from tonearm.jam.theory import near, scale_pitches

STYLE = Style(
    tempo=(66, 94),
    swing=(0.5, 0.62),
    swing_unit=0.5,
    patches={
        "bass": (33, 35, 32, 38),
        "guitar": (27, 28, 25, 26),
        "organ": (16, 18, 17, 20),
        "keys": (0, 7, 3, 4),
        "lead": (22, 61, 66, 53, 57, 23),
    },
    levels={"drums": 2, "bass": 4, "guitar": 1, "organ": -3, "keys": 1, "lead": -2},
    kits=(0, 8, 24, 0),
    reverb=(0.4, 2.4),
    wet=(-22, -9),
    loudness=(-22, -12),
    low=(-2, 7),
    cut=(3_800, 10_200),
    hiss=(-74, -46),
)
FORMS = ("I IV I IV", "Im IVm Im IVm", "Im bVII Im bVII", "I V VIm IV", "I IIm I IIm", "Im Im IVm V", "I IV V IV")
GROOVES = (
    {"kick": "........X.......", "rim": "........X.......", "hat": "x.o.x.o.x.o.x.o."},
    {"kick": "........X.......", "snare": "........x.......", "hat": "x.oxx.oxx.oxx.ox"},
    {"kick": "X...X...X...X...", "rim": "........X.......", "hat": "x.o.x.o.x.o.x.o."},
    {"kick": "X.......X.......", "rim": "....x.......x...", "hat": "xoxoxoxoxoxoxoxo"},
    {"kick": "........X.....o.", "rim": "...x..x.X..x....", "hat": "x...x...x...x..."},
)
BASSES = (
    "r_..r_f_..s_f_..",
    "..r_r_f_....f_r_",
    "r__r__f_..r_....",
    "r_....f_s_f_....",
    "..rrf_..r_..t_r_",
    "r___..o_r_..f_..",
)
SKANKS = ("..x...x...x...x.", "..x...x...x...x.", "..xx..x...xx..x.", "..x...x...x..xx.")
RHYTHMS = ("x___x_x_", "..x_x___", "x_x_....", "x_______", "x_xxx___")


def compose(song: Song) -> None:
    """Write one-drop, steppers or rockers drums under skank and organ bubble; a horn line or voice answers."""
    groove, bass = song.habit("groove", GROOVES), song.habit("bass", BASSES)
    skank = song.habit("comp", SKANKS)
    voice = song.habit("texture", ("guitar", "keys", "guitar"))
    bubble = song.chance(0.6)
    leading = song.chance(0.6)
    form = song.habit("form", FORMS)
    scale = scale_pitches(song.key, "minor_pentatonic" if form.startswith("Im") else "pentatonic", 60, 80)
    idea, last = motif(song, RHYTHMS), 69
    for beat, harmony, _after, number in song.harmony(form.split() * 2):
        song.drum(beat, groove)
        if number == 7 or song.chance(0.1):
            fill(song, beat + 3)
        pulse_bass(song, beat, near(harmony.root, 34), bass)
        strum(song, voice, beat, harmony, skank, 64, 92)
        if bubble:
            strum(song, "organ", beat, harmony, ".xx..xx..xx..xx.", 60, 74)
        if number % 2 == 0:
            idea = motif(song, RHYTHMS)
        if leading and number % 4 < 3:
            last = sing(song, "lead", beat, idea, scale, harmony, last, velocity=88)
            _echo(song, beat + idea[-1][0] + 0.75, last)


def _echo(song: Song, beat: float, pitch: int) -> None:
    """The dub echo: the last note comes back three times, ever softer."""
    for repeat in range(3):
        song.play("lead", beat + 0.75 * repeat, 0.3, pitch, 62 - 17 * repeat)
