"""Blues: twelve bars of dominant sevenths, a shuffle in triplets, a walking bass, call and response.

Conventions
-----------
As `song`; the shuffle comes from the song's swing of about 2/3.
"""

from tonearm.jam.bands import Style
from tonearm.jam.playing import fill, motif, pulse_bass, sing, strum, walk_bass
from tonearm.jam.song import Song
from tonearm.jam.theory import Chord, near, scale_pitches

STYLE = Style(
    tempo=(72, 138),
    swing=(0.64, 0.68),
    patches={
        "bass": (32, 33, 34),
        "keys": (0, 3, 16, 18),
        "guitar": (26, 27, 29, 25),
        "lead": (29, 27, 22, 65, 30),
    },
    levels={"drums": 3, "bass": 0, "keys": -2, "guitar": -1, "lead": 1},
    kits=(0, 8, 16, 32),
    amp=("lead",),
    drive=(6, 22),
    loudness=(-23, -14),
    cut=(3_800, 10_000),
)
FORMS = (
    "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
    "I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
    "I7 I7 I7 I7 IV9 IV9 I7 VI7 II7 V9 I7 V7",
    "Im7 Im7 Im7 Im7 IVm7 IVm7 Im7 Im7 bVI7 V7 Im7 V7",
    "I7 V7 IV7 IV7 I7 V7 I7 V7",
)
GROOVES = (
    {"kick": "x...x...", "snare": "..x...x.", "ride": "x.xxx.xx"},
    {"kick": "x...x..o", "snare": "..x...x.", "hat": "xoxoxoxo"},
    {"kick": "x.x.x.x.", "snare": "..X...X.", "hat": "x.xxx.xx"},
    {"kick": "x..xx...", "snare": "..x...x-", "ride": "xxxxxxxx", "pedal": "..x...x."},
    {"kick": "x...x...", "rim": "..x...x.", "hat": "x.xxx.xx"},
)
RHYTHMS = ("x_xxx_x_", "..xxx___", "x_x_xxx_", ".xxxx___", "xxxxx_..", "x___..xx")


def compose(song: Song) -> None:
    """Write the rhythm section bar by bar and a lead that plays two bars and leaves two."""
    groove = song.habit("groove", GROOVES)
    bass = song.habit("bass", ("walk", "box", "walk", "riff"))
    comp = song.habit("comp", ("boogie", "stabs", "boogie", "pads"))
    leading = song.chance(0.8)
    scale = scale_pitches(song.key, "blues", 60, 84)
    idea, last = motif(song, RHYTHMS), 70
    for beat, harmony, after, number in song.harmony(song.habit("form", FORMS).split()):
        song.drum(beat, groove)
        if number in (3, 7, 11) and song.chance(0.6):
            fill(song, beat + 3)
        _bass(song, bass, beat, harmony, after)
        _comp(song, comp, beat, harmony)
        if number % 4 == 0 or song.chance(0.2):
            idea = motif(song, RHYTHMS)
        if leading and number % 4 < 3:
            last = sing(song, "lead", beat, idea, scale, harmony, last, slide=0.5)


def _bass(song: Song, kind: str, beat: float, harmony: Chord, after: Chord) -> None:
    low = near(harmony.root, 38)
    if kind == "walk":
        walk_bass(song, beat, harmony, after, 38)
    elif kind == "box":
        for step, interval in enumerate((0, 4, 7, 9, 10, 9, 7, 4)):
            song.play("bass", beat + step / 2, 0.45, low + interval, 98 - 12 * (step % 2))
    else:
        pulse_bass(song, beat, low, "r_.rf_s_")


def _comp(song: Song, kind: str, beat: float, harmony: Chord) -> None:
    root = near(harmony.root, 46)
    if kind == "boogie":
        for step in range(8):
            song.play("guitar", beat + step / 2, 0.4, (root, root + (9 if step // 2 % 2 else 7)), 88 - 14 * (step % 2))
    elif kind == "stabs":
        strum(song, "keys", beat, harmony, song.habit("texture", ("..x...x.", ".x..x..x", "...xx...")), 62, 86)
    else:
        strum(song, "keys", beat, harmony, "L.......", 60, 72)
        strum(song, "guitar", beat, harmony, "..x...x.", 58, 80)
