"""What players of every genre do: walk a bass, improvise a line, strum, fill.

Conventions
-----------
Every function writes notes into the song it is given, from a beat on; styles stand in `genres`.
"""

from collections.abc import Sequence

import numpy as np

from tonearm.jam.song import DRUMS, Song
from tonearm.jam.theory import Chord, near, nearest_index, voicing


def walk_bass(song: Song, beat: float, harmony: Chord, after: Chord, low: int = 40) -> None:
    """One bar of walking bass: root, chord tones, and a semitone's approach to the next bar's root."""
    pitch = near(harmony.root, low)
    target = near(after.root, low)
    for step in range(song.meter):
        if step == song.meter - 1:
            pitch = target + int(song.rng.choice((-1, 1)))
        elif step:
            tone = int(harmony.tones[song.rng.integers(1, min(len(harmony.tones), 4))])
            pitch = near(tone, low + int(song.rng.integers(0, 7)))
        song.play("bass", beat + step, 0.9, pitch, 96 if step % 2 == 0 else 88)


def pulse_bass(song: Song, beat: float, pitch: int, pattern: str, fifth: int = 7) -> None:
    """One bar of bass from a line of strokes: `r` root, `o` octave, `f` fifth, `s` seventh, `t` a tone below.

    `_` holds the note before, anything else is a rest. fifth: semitones from the root, -5 for the fifth below.
    """
    interval = {"r": 0, "o": 12, "f": fifth, "s": 10, "t": -2}
    step = song.meter / len(pattern)
    for place, stroke in enumerate(pattern):
        if stroke in interval:
            held = 1
            while place + held < len(pattern) and pattern[place + held] == "_":
                held += 1
            song.play("bass", beat + place * step, held * step * 0.92, pitch + interval[stroke], 98)


def strum(song: Song, role: str, beat: float, harmony: Chord, pattern: str, centre: int, velocity: float = 84) -> None:
    """One bar of chords from a line of strokes: `x` short, `X` short and loud, `L` rings until the next stroke."""
    step = song.meter / len(pattern)
    pitches = voicing(harmony, centre)
    for place, stroke in enumerate(pattern):
        if stroke in "xX":
            song.play(role, beat + place * step, step * 0.55, pitches, velocity + 14 * (stroke == "X"))
        elif stroke == "L":
            rest = next((n for n, mark in enumerate(pattern[place + 1 :]) if mark in "xXL"), len(pattern) - place - 1)
            song.play(role, beat + place * step, (rest + 1) * step * 0.96, pitches, velocity)


def arpeggio(
    song: Song, role: str, beat: float, pitches: Sequence[int], order: Sequence[int], velocity: float = 80
) -> None:
    """One bar of broken chord: `order` are places in `pitches` (counted round), spread evenly over the bar."""
    step = song.meter / len(order)
    for place, index in enumerate(order):
        accent = 10 if place == 0 else 0
        song.play(role, beat + place * step, step * 0.95, pitches[index % len(pitches)], velocity + accent)


def motif(song: Song, rhythms: Sequence[str], span: int = 3) -> list[tuple[float, float, int]]:
    """A bar's idea: onsets and lengths in beats with steps of the scale from the note before.

    rhythms: lines of `x` (a note) and `_` (held), to choose from.
    """
    rhythm = rhythms[int(song.rng.integers(len(rhythms)))]
    step = song.meter / len(rhythm)
    idea = []
    for place, stroke in enumerate(rhythm):
        if stroke == "x":
            held = 1
            while place + held < len(rhythm) and rhythm[place + held] == "_":
                held += 1
            move = int(np.clip(round(song.rng.normal(0, span / 2)), -span, span))
            idea.append((place * step, held * step, move))
    return idea


def sing(
    song: Song,
    role: str,
    beat: float,
    idea: Sequence[tuple[float, float, int]],
    pitches: Sequence[int],
    harmony: Chord,
    start: int,
    *,
    velocity: float = 100,
    slide: float = 0.0,
) -> int:
    """Play an idea on the scale `pitches` from the pitch `start`; long notes settle on chord tones.

    slide: probability that a long note is bent up to from a semitone or two below. Returns the last pitch.
    """
    index = nearest_index(pitches, start)
    for onset, length, move in idea:
        index = int(np.clip(index + move, 0, len(pitches) - 1))
        pitch = pitches[index]
        if length >= 0.75:
            settled = [near(tone, pitch) for tone in harmony.tones]
            pitch = min(settled, key=lambda tone: abs(tone - pitches[index]))
        bent = float(song.rng.choice((-1.0, -2.0))) if length >= 0.5 and song.chance(slide) else 0.0
        song.play(role, beat + onset, length * 0.93, pitch, velocity, bent)
    return pitches[index]


def fill(song: Song, beat: float, length: float = 1.0) -> None:
    """A drum fill of `length` beats from `beat` on, in sixteenths that grow louder, and a crash after it."""
    drums = song.rng.permutation(["snare", "high_tom", "mid_tom", "low_tom"])
    steps = int(length * 4)
    for step in range(steps):
        name = str(drums[step * len(drums) // steps])
        song.play("drums", beat + step / 4, 0.2, DRUMS[name], 88 + 20 * step / steps)
    song.play("drums", beat + length, 0.5, DRUMS["crash"], 100)
