"""Hip hop: heavy drums at 80 to 100 beats a minute with swung sixteenths, sub bass, and one loop that repeats.

Conventions
-----------
As `song`; the swing's unit is half a beat.
"""

from tonearm.jam.bands import Style
from tonearm.jam.playing import motif, pulse_bass, sing
from tonearm.jam.song import Song
from tonearm.jam.theory import near, scale_pitches, voicing

STYLE = Style(
    tempo=(78, 104),
    swing=(0.5, 0.62),
    swing_unit=0.5,
    patches={
        "bass": (38, 39, 33, 32, 35),
        "keys": (4, 0, 11, 5, 7, 8),
        "pad": (48, 50, 89, 52, 51),
        "lead": (73, 11, 80, 56, 45, 81),
    },
    levels={"drums": 4, "bass": 4, "keys": -3, "pad": -6, "lead": -4},
    kits=(25, 25, 24, 16, 0),
    reverb=(0.2, 0.9),
    wet=(-32, -15),
    loudness=(-18, -10),
    low=(-1, 7),
    cut=(4_500, 10_700),
    hiss=(-70, -44),
)
FORMS = ("Im9 Im9", "Im7 bVImaj7", "Im9 IVm9", "IIm9 V13", "Im7 bVII bVImaj7 bVII", "Imaj9 IIIm7", "Im Im bVI V7")
GROOVES = (
    {"kick": "X.....x...X.....", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
    {"kick": "X..x......Xx....", "snare": "....X.......X...", "hat": "x.x.x.xxx.x.x.x."},
    {"kick": "X......x.xX.....", "snare": "....X..-.-..X...", "hat": "xoxoxoxoxoxoxoxo"},
    {"kick": "X.x.......x..x..", "clap": "....X.......X...", "hat": "x.x.x.x.x.xxx.x.", "open": "..............x."},
    {"kick": "X.....X...X...x.", "clap": "........X.......", "snare": "........x.......", "hat": "x.xxx.xxxxxxx.xx"},
    {"kick": "X..X..X...X.....", "rim": "...x..x...x..x..", "clap": "....X.......X..."},
)
BASSES = ("r_____r...r_....", "r__r......r_t...", "r_______________", "r..r..r_....o_r.", "r_..........f_s_")
RHYTHMS = ("x_..x_..", "x__x__x_", "..x_x___", "x_xx....", "x_______")


def compose(song: Song) -> None:
    """Write a loop of two bars once and repeat it; drums drop out now and then, the hook comes and goes."""
    groove, bass = song.habit("groove", GROOVES), song.habit("bass", BASSES)
    comp = song.habit("comp", ("hits", "held", "arpeggio", "hits"))
    hook = song.habit("lead", (True, False, True))
    scale = scale_pitches(song.key, song.habit("texture", ("minor_pentatonic", "dorian", "minor")), 62, 82)
    ideas = [motif(song, RHYTHMS), motif(song, RHYTHMS)]
    stabs = sorted(int(step) for step in song.rng.choice(14, size=3, replace=False))
    starts = 69 + song.rng.integers(-4, 5)
    for beat, harmony, _after, number in song.harmony((song.habit("form", FORMS).split() * 4)[:8]):
        if number != 7 or song.chance(0.6):
            song.drum(beat, groove, 1.05)
        pulse_bass(song, beat, near(harmony.root, 33), bass)
        chord = voicing(harmony, 62)
        if comp == "hits":
            for step in stabs:
                song.play("keys", beat + step / 4, 0.6, chord, 84)
        elif comp == "held":
            song.play("pad", beat, 3.8, chord, 80)
        else:
            for step in range(8):
                song.play("keys", beat + step / 2, 0.45, chord[step * 3 % len(chord)] + 12, 78)
        if hook:
            sing(song, "lead", beat, ideas[number % 2], scale, harmony, int(starts), velocity=84)
