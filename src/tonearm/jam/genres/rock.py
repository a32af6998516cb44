"""Rock: a backbeat, power chords or a pentatonic riff through a crunching amplifier, fills and crashes.

Conventions
-----------
As `song`; straight eighths, the snare on two and four.
"""

from tonearm.jam.bands import Style
from tonearm.jam.playing import fill, motif, pulse_bass, sing, strum
from tonearm.jam.song import Song
from tonearm.jam.theory import Chord, near, scale_pitches

STYLE = Style(
    tempo=(92, 164),
    swing=(0.5, 0.54),
    patches={
        "bass": (34, 33, 34, 32),
        "guitar": (29, 30, 27, 29),
        "rhythm": (25, 27, 29, 26),
        "organ": (18, 16, 0, 17),
        "lead": (29, 30, 27, 53, 22),
    },
    levels={"drums": 3, "bass": 0, "guitar": 1, "rhythm": -4, "organ": -6, "lead": 0},
    kits=(0, 16, 8, 0),
    amp=("guitar", "lead"),
    drive=(4, 28),
    loudness=(-20, -11),
    cut=(4_500, 10_600),
)
FORMS = (
    "I bVII IV I",
    "I IV V IV",
    "Im bVII bVI bVII",
    "I V VIm IV",
    "I I IV IV I I V V",
    "Im bIII IV bVI",
    "I IV I V",
)
GROOVES = (
    {"kick": "x...x...", "snare": "..X...X.", "hat": "xxxxxxxx"},
    {"kick": "x..xx...", "snare": "..X...X.", "hat": "xoxoxoxo"},
    {"kick": "x.x.x.....x.....", "snare": "....X.......X..-", "open": "x...x...x...x..."},
    {"kick": "x..x..x.x.x.....", "snare": "....X.......X...", "ride": "x.x.x.x.x.x.x.x."},
    {"kick": "x...x..x", "snare": "..X...X.", "hat": "x.x.x.x."},
    {
        "kick": "x.....x.x.......",
        "snare": "....X..-....X...",
        "hat": "x.x.x.x.x.x.x.x.",
        "tambourine": "....x.......x...",
    },
)
POWER = ("xxxxxxxx", "L...L...", "X.xxX.xx", "L..L..L.", "L.......", "x.xx.xx.")
RHYTHMS = ("x_xxx_x_", "xxx_x___", "x___x_xx", "xx.xx.x_", "x_______")
RIFFS = ("xxx_x_xx", "x_xx_xx_", "x_x_xxxx", "xx.xx.xx")


def compose(song: Song) -> None:
    """Write chords or a riff over the backbeat; a crash opens each section, a fill closes it, a lead sings."""
    groove, pattern = song.habit("groove", GROOVES), song.habit("comp", POWER)
    bass = song.habit("bass", ("rrrrrrrr", "r_.rr_r_", "r_r_f_t_", "riff"))
    clean = song.habit("texture", (False, False, True))
    leading = song.chance(0.5)
    form = song.habit("form", FORMS)
    minor = form.startswith("Im")
    scale = scale_pitches(song.key, "minor_pentatonic" if minor or song.chance(0.5) else "pentatonic", 60, 84)
    low_scale = scale_pitches(song.key, "minor_pentatonic", 40, 57)
    riff, idea, last = motif(song, RIFFS, 2), motif(song, RHYTHMS), 72
    for beat, harmony, _after, number in song.harmony(form.split() * 2):
        song.drum(beat, groove, 1.05)
        if number % 4 == 0:
            song.drum(beat, {"crash": "X......."})
        if number % 4 == 3 and song.chance(0.6):
            fill(song, beat + song.meter - 1)
        root = near(harmony.root, 40)
        if bass == "riff":
            sing(song, "guitar", beat, riff, low_scale, harmony, root + 7, velocity=102)
            sing(song, "bass", beat, riff, [pitch - 12 for pitch in low_scale], harmony, root - 5, velocity=100)
        else:
            strum(song, "guitar", beat, Chord(root % 12, (root % 12, (root + 7) % 12)), pattern, 48, 98)
            pulse_bass(song, beat, root - 12 if root > 42 else root, bass)
        if clean:
            strum(song, "rhythm", beat, harmony, "L.xxL.xx", 60, 82)
        else:
            song.play("organ", beat, 3.9, near(harmony.root, 60), 70)
        if number % 2 == 0:
            idea = motif(song, RHYTHMS)
        if leading:
            last = sing(song, "lead", beat, idea, scale, harmony, last, slide=0.4)
