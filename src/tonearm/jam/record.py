"""One recording of the built-in music, from nothing but a seed, a genre and a number.

Conventions
-----------
Every recording has its own generator, seeded by (seed, genre, number): it sounds the same whatever else
is rendered, in whatever order, by however many processes.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tonearm.jam.bands import Band, band_names, draw_band
from tonearm.jam.genres import GENRES
from tonearm.jam.song import Song
from tonearm.jam.sound import Signal, produce
from tonearm.jam.synth import SYNTH_SR, drum_track, synthesise
from tonearm.jam.theory import NAMES

BANDS_PER_GENRE = 8
TEMPO_SPREAD = 1.1  # how far a band goes from its usual tempo, as a factor
_BAND, _LINE_UP, _RECORDING = 2, 3, 4  # what a generator is for: no two draw the same numbers


@dataclass(frozen=True)
class Recording:
    """Sound and facts. samples: mono float64 in [-0.97, 0.97] at `SR`, exactly as long as asked."""

    samples: Signal
    artist: str
    tempo: float
    key: str


@lru_cache(maxsize=16)
def bands(seed: int, genre: str) -> tuple[Band, ...]:
    """The bands of a genre."""
    place = list(GENRES).index(genre)
    names = band_names(seed)[place * BANDS_PER_GENRE : (place + 1) * BANDS_PER_GENRE]
    style = GENRES[genre].style
    return tuple(
        draw_band(name, genre, style, np.random.default_rng([seed, _BAND, place, number]))
        for number, name in enumerate(names)
    )


def compose(seed: int, genre: str, number: int, seconds: float) -> Song:
    """Write recording `number` of a genre: `seconds` from some point of its first bar on."""
    place = list(GENRES).index(genre)
    block, seat = divmod(number, BANDS_PER_GENRE)
    line_up = np.random.default_rng([seed, _LINE_UP, place, block]).permutation(BANDS_PER_GENRE)
    band = bands(seed, genre)[line_up[seat]]
    rng = np.random.default_rng([seed, _RECORDING, place, number])
    slowest, fastest = GENRES[genre].style.tempo
    bpm = float(rng.uniform(max(slowest, band.tempo / TEMPO_SPREAD), min(fastest, band.tempo * TEMPO_SPREAD)))
    song = Song(
        band=band,
        rng=rng,
        bpm=bpm,
        key=int(band.keys[rng.integers(len(band.keys))]),
        first_bar=int(rng.integers(0, 12)),
        lead=float(rng.uniform(0.0, 4 * 60.0 / bpm)),
        length=seconds,
        swing=band.swing,
        swing_unit=band.swing_unit,
    )
    GENRES[genre].compose(song)
    return song


def record(seed: int, genre: str, number: int, seconds: float) -> Recording:
    """Compose, play and produce `seconds` of recording `number` of a genre."""
    song = compose(seed, genre, number, seconds)
    stems = (drum_track(song), *synthesise(song))
    samples = produce(stems, SYNTH_SR, seconds, song.band, song.rng)
    return Recording(samples, song.band.name, round(song.bpm, 1), NAMES[song.key])
