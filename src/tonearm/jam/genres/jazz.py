"""Jazz: a swinging ride, walking bass, II-V-I in sevenths and ninths, and someone who improvises.

Conventions
-----------
As `song`; fast tempi swing less. One band in some plays bossa nova, straight.
"""

from tonearm.jam.bands import Style
from tonearm.jam.playing import motif, pulse_bass, sing, strum, walk_bass
from tonearm.jam.song import Song
from tonearm.jam.theory import near, scale_pitches

STYLE = Style(
    tempo=(92, 216),
    swing=(0.6, 0.68),
    patches={
        "bass": (32, 32, 32, 35),
        "comp": (0, 26, 0, 4, 16),
        "lead": (66, 65, 56, 59, 11, 71, 0, 64, 26),
        "second": (57, 66, 56, 73),
    },
    levels={"drums": 5, "bass": 0, "comp": -1, "lead": 1, "second": -3},
    kits=(32, 40, 0, 40),
    loudness=(-26, -15),
    reverb=(0.4, 2.0),
    cut=(3_600, 10_000),
    hiss=(-74, -44),
)
FORMS = (
    "IIm7 V7 Imaj7 Imaj7 IIm7 V7 Imaj7 VI7",
    "Imaj7 VIm7 IIm7 V9 IIIm7 VI7 IIm7 V13",
    "Im7 Im7 IVm7 IVm7 IIm7b5 V7b9 Im6 Im6",
    "Imaj7 Imaj7 IIm7 V7 Im7 IV7 bVIImaj7 bVIImaj7 IIm7b5 V7b9 Imaj9 Imaj9",
    "I7 IV7 I7 I7 IV7 IV7 I7 VI7 IIm9 V13 I7 V7",
    "Im9 Im9 Im9 Im9 bIIm9 bIIm9 Im9 Im9",
)
GROOVES = (
    {"ride": "x.xox.xo", "pedal": "..x...x.", "kick": "-.-.-.-."},
    {"ride": "x.xxx.xx", "pedal": "..x...x.", "snare": ".-...-.-"},
    {"ride": "x.x.x.xo", "pedal": "..x...x.", "kick": "...o....", "snare": "......-."},
    {"snare": "ooooxooo", "pedal": "..x...x.", "ride": "..x...x."},
)
BOSSA = {"rim": "x..x..x...x..x..", "hat": "x.x.x.x.x.x.x.x.", "kick": "x..ox..ox..ox..o"}
COMPS = ("x..x....", "...x...x", ".x....x.", "L...L...", ".x..x...", "...L....")
RHYTHMS = ("xxxxxxxx", "xxxxx_..", "..xxxxxx", "x_xx.xx_", ".xxxxx_.", "x___..xx", "xx.xx.xx")


def compose(song: Song) -> None:
    """Write ride, walking bass and sparse chords; the improviser plays phrases of three bars and breathes."""
    bossa = song.habit("groove", range(7)) == 6
    groove = BOSSA if bossa else song.habit("groove", GROOVES)
    if bossa:
        song.swing = 0.5
        song.bpm = min(song.bpm, 150.0)
    mode = song.habit("form", ("major", "dorian", "mixolydian", "major", "dorian"))
    scale = scale_pitches(song.key, mode, 58, 84)
    head = song.chance(0.3)
    last = 70
    idea = motif(song, RHYTHMS, 2)
    for beat, harmony, after, number in song.harmony(song.habit("form", FORMS).split()):
        song.drum(beat, groove, 1.05)
        if song.chance(0.25) and not bossa:
            song.play("drums", beat + float(song.rng.integers(1, 8)) / 2, 0.2, 38, 70)
        if bossa:
            pulse_bass(song, beat, near(harmony.root, 40), "r__rf__f")
        else:
            walk_bass(song, beat, harmony, after, 40)
        strum(song, "comp", beat, harmony, COMPS[song.rng.integers(len(COMPS))], 61, 76)
        if not head or number % 2 == 0:
            idea = motif(song, RHYTHMS, 3)
        if number % 4 != 3 or song.chance(0.3):
            last = sing(song, "lead", beat, idea, scale, harmony, last, velocity=98, slide=0.1)
            if head:
                sing(song, "second", beat, idea, [pitch - 9 for pitch in scale], harmony, last - 9, velocity=86)
