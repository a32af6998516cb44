"""The feature families: one pure function each, from a clip's shared spectrum to series over frames.

Conventions
-----------
A family takes a `Spectrum` and returns float values of shape (series, frames); `FAMILIES` names it with its
unit, formula and source. To add one, write its function and its line in `_OURS`. Every family equals the
librosa function that its docstring names, called with its defaults and the same sr, n_fft and hop_length;
if that definition is unusual it is kept, and the docstring says so. A family that librosa lacks has
`librosa=False`, and equals its formula.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from tonearm.dsp import definitions, kernels
from tonearm.dsp.spectrum import AMIN, Spectrum
from tonearm.runtime.plugins import Registry

Series = NDArray[np.floating]

CENS_STEPS, CENS_FRAMES = (0.4, 0.2, 0.1, 0.05), 41
TONNETZ_STEPS, TONNETZ_RADII = (7 / 6, 3 / 2, 2 / 3), (1.0, 1.0, 0.5)  # circles of fifths, minor and major thirds
TEMPO_SECONDS, USUAL_BPM, MOST_BPM = 8.0, 120.0, 320.0
WINDOWS_AT_ONCE = 64  # of the tempo's autocorrelation: they stay in the second-level cache


def chroma_stft(spectrum: Spectrum) -> Series:
    """Energy of the 12 pitch classes C to B in [0, 1], loudest 1; ``librosa.feature.chroma_stft``."""
    filters = _chroma_filters(spectrum.sr, spectrum.n_fft, spectrum.tuning)
    chroma = np.einsum("cf,ft->ct", filters, spectrum.power.T, optimize=True)
    return definitions.normalised(chroma, np.inf)


def chroma_cqt(spectrum: Spectrum) -> Series:
    """Pitch classes from the constant-Q transform in [0, 1], loudest 1; ``librosa.feature.chroma_cqt``."""
    return definitions.normalised(_pitch_classes(spectrum.constant_q), np.inf)


def chroma_cens(spectrum: Spectrum) -> Series:
    """Pitch classes, quantised and smoothed over 41 frames, unit length; ``librosa.feature.chroma_cens``."""
    from scipy.ndimage import convolve

    chroma = definitions.normalised(_pitch_classes(spectrum.constant_q), 1)
    quantised = np.zeros_like(chroma)
    for step in CENS_STEPS:
        quantised += (chroma > step) * 0.25
    window = definitions.hann(CENS_FRAMES + 2, periodic=False)
    window /= np.sum(window)
    return definitions.normalised(convolve(quantised, window[np.newaxis], mode="constant"), 2)


def tonnetz(spectrum: Spectrum) -> Series:
    """Position on the circles of fifths, minor and major thirds (sine, cosine each); ``librosa.feature.tonnetz``.

    librosa uses the chroma of the whole clip, although its own example separates the harmonic part first.
    """
    angles = np.multiply.outer(np.repeat(TONNETZ_STEPS, 2), np.linspace(0, 12, num=12, endpoint=False))
    angles[::2] -= 0.5  # the cosine is then a sine
    basis = np.repeat(TONNETZ_RADII, 2)[:, np.newaxis] * np.cos(np.pi * angles)
    chroma = definitions.normalised(chroma_cqt(spectrum), 1)
    return np.einsum("pc,...ci->...pi", basis, chroma, optimize=True)  # type: ignore[no-any-return]


def rms(spectrum: Spectrum) -> Series:
    """Root mean square of the samples of each frame, full scale 1; ``librosa.feature.rms(y=y)``."""
    power: NDArray[np.float64] = kernels.mean_square(spectrum.y, spectrum.n_fft, spectrum.hop_length)
    return np.sqrt(power)[None]


def zero_crossing_rate(spectrum: Spectrum) -> Series:
    """Fraction of samples that differ in sign from the one before, [0, 1]; ``librosa.feature.zero_crossing_rate``."""
    return kernels.count_crossings(spectrum.y, spectrum.n_fft, spectrum.hop_length)[None]  # type: ignore[no-any-return]


def spectral_centroid(spectrum: Spectrum) -> Series:
    """Mean frequency weighted by magnitude, Hz; ``librosa.feature.spectral_centroid``."""
    return spectrum.moments[0:1]


def spectral_bandwidth(spectrum: Spectrum) -> Series:
    """Standard deviation of frequency weighted by magnitude, Hz; ``librosa.feature.spectral_bandwidth``."""
    return spectrum.moments[1:2]


def spectral_rolloff(spectrum: Spectrum) -> Series:
    """Lowest bin below which 85 % of the magnitude lies, Hz; ``librosa.feature.spectral_rolloff``.

    Magnitude, not energy as in most textbooks: librosa's definition, kept.
    """
    return spectrum.moments[2:3]


def spectral_flatness(spectrum: Spectrum) -> Series:
    """Geometric over arithmetic mean of the power, (0, 1], noise near 1; ``librosa.feature.spectral_flatness``."""
    return kernels.flatness(spectrum.power, AMIN)[None]  # type: ignore[no-any-return]


def spectral_contrast(spectrum: Spectrum) -> Series:
    """Peaks over valleys, dB, below 200 Hz and in 6 octaves above; ``librosa.feature.spectral_contrast``.

    librosa converts magnitudes to decibels as if they were powers, and limits both at 80 dB below their
    maximum; kept.
    """
    extremes = kernels.band_extremes(spectrum.magnitude, *_contrast_bands(spectrum.sr, spectrum.n_fft))
    valley, peak = extremes
    return definitions.decibels(peak) - definitions.decibels(valley)


def mfcc(spectrum: Spectrum) -> Series:
    """Mel-frequency cepstral coefficients; ``librosa.feature.mfcc``."""
    return spectrum.mfcc


def mfcc_delta(spectrum: Spectrum) -> Series:
    """Slope of the MFCC over 9 frames (Savitzky-Golay), per frame; ``librosa.feature.delta``."""
    return definitions.delta(spectrum.mfcc, 1)


def mfcc_delta2(spectrum: Spectrum) -> Series:
    """Curvature of the MFCC over 9 frames, per frame²; ``librosa.feature.delta(order=2)``."""
    return definitions.delta(spectrum.mfcc, 2)


def harmonic(spectrum: Spectrum) -> Series:
    """The samples of the harmonic part, shape (1, samples); ``librosa.effects.harmonic``."""
    return spectrum.parts[0][None]


def percussive(spectrum: Spectrum) -> Series:
    """The samples of the percussive part, shape (1, samples); ``librosa.effects.percussive``."""
    return spectrum.parts[1][None]


def onset_strength(spectrum: Spectrum) -> Series:
    """Mean increase of the mel bands from frame to frame, dB; ``librosa.onset.onset_strength``."""
    return _onset_envelope(spectrum, np.mean)[None]


def tempo(spectrum: Spectrum) -> Series:
    """Beats per minute, shape (1, 1), 0 without any onset; the tempo of ``librosa.beat.beat_track``.

    That is the highest mean autocorrelation of the onset strength (here the median over mel bands) under a
    log-normal prior around 120. Every window's autocorrelation is divided by its value at lag 0 before
    the mean; since the inverse Fourier transform is linear, only the mean power spectrum is transformed back.
    """
    envelope = _onset_envelope(spectrum, np.median)
    if not envelope.any():
        return np.zeros((1, 1))
    length = int(TEMPO_SECONDS * spectrum.sr) // spectrum.hop_length
    padded = np.pad(envelope, length // 2, mode="linear_ramp", end_values=0)
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)[: len(envelope)]
    size = scipy.fft.next_fast_len(2 * length - 1, real=True)
    power = np.zeros(size // 2 + 1)
    for first in range(0, len(windows), WINDOWS_AT_ONCE):
        block = windows[first : first + WINDOWS_AT_ONCE] * definitions.hann(length)
        energy = np.einsum("tk,tk->t", block, block)
        energy[energy < np.finfo(np.float64).tiny] = 1.0
        transform = scipy.fft.rfft(block, n=size, axis=1)
        power += (1.0 / energy) @ (transform.real**2 + transform.imag**2)
    autocorrelation = scipy.fft.irfft(power / len(windows), n=size)[:length]
    return np.full((1, 1), _strongest(autocorrelation, spectrum.sr, spectrum.hop_length))


def _strongest(autocorrelation: NDArray[np.float64], sr: int, hop_length: int) -> float:
    """Beats per minute of the lag with the highest autocorrelation under the prior; ``librosa.feature.tempo``."""
    bpm = np.concatenate([[np.inf], 60.0 * sr / (hop_length * np.arange(1.0, len(autocorrelation)))])
    prior = -0.5 * (np.log2(bpm) - np.log2(USUAL_BPM)) ** 2
    prior[: int(np.argmax(bpm < MOST_BPM))] = -np.inf
    return float(bpm[np.argmax(np.log1p(1e6 * autocorrelation) + prior)])


def _pitch_classes(constant_q: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over the octaves and the three bins of a semitone, shape (12, frames); ``librosa.filters.cq_to_chroma``."""
    bins = len(constant_q)
    merge = np.tile(np.roll(np.repeat(np.eye(12), 3, axis=1), -1, axis=1), bins // 36).astype(np.float32)
    chroma: NDArray[np.float32] = np.einsum("cf,...ft->...ct", merge, constant_q, optimize=True)
    return chroma


def _onset_envelope(spectrum: Spectrum, aggregate: Callable[..., NDArray[np.float32]]) -> NDArray[np.float32]:
    """``librosa.onset.onset_strength``: increases of the log-mel bands, aggregated, shifted to the frame's centre."""
    rise = np.maximum(np.float32(0.0), spectrum.log_mel[:, 1:] - spectrum.log_mel[:, :-1])
    shift = 1 + spectrum.n_fft // (2 * spectrum.hop_length)
    envelope = np.zeros(spectrum.frames - 1 + shift, dtype=np.float32)
    envelope[shift:] = aggregate(rise, axis=0)
    return envelope[: spectrum.frames]


@lru_cache(maxsize=256)
def _chroma_filters(sr: int, n_fft: int, tuning: float) -> NDArray[np.float32]:
    return definitions.chroma_filters(sr, n_fft, tuning)


@lru_cache(maxsize=8)
def _contrast_bands(sr: int, n_fft: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First bin, one past the last, and how many extremes are averaged, for librosa's 7 bands.

    Each band but the lowest starts one bin early, each but the highest ends one bin early, and the mean is over
    2 % of the band's bins, counted before that end is cut: librosa's rules.
    """
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / sr)
    edges = np.concatenate([[0.0], 200.0 * 2.0 ** np.arange(7)])
    first, last, kept = [], [], []
    for band, (low, high) in enumerate(pairwise(edges)):
        inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
        start = inside[0] - (1 if band > 0 else 0)
        stop = inside[-1] + 1 if band < 6 else len(frequencies)
        first.append(start)
        last.append(stop - 1 if band < 6 else stop)
        kept.append(max(int(np.rint(0.02 * (stop - start))), 1))
    return np.array(first), np.array(last), np.array(kept)


@dataclass(frozen=True)
class Family:
    """A feature family: its function, number of series, unit, formula and source.

    series: number of series, or "n_mfcc" if the setting decides. scalar: one number per clip, without
    statistics. costly: takes as long as several others together; `basic` leaves it out. librosa: False if it
    has no such feature; then the formula, written out in tests/oracle.py, is what it is compared with.
    """

    compute: Callable[[Spectrum], Series]
    series: int | str
    unit: str
    formula: str
    source: str
    scalar: bool = False
    costly: bool = False
    librosa: bool = True


_OURS = {
    "chroma_stft": Family(chroma_stft, 12, "1", "Σ power of a pitch class / the frame's largest", "Ellis 2007"),
    "chroma_cqt": Family(
        chroma_cqt,
        12,
        "1",
        "Σ constant-Q magnitude of a pitch class / largest",
        "Schörkhuber, Klapuri 2010",
        costly=True,
    ),
    "chroma_cens": Family(
        chroma_cens, 12, "1", "chroma_cqt in 4 steps, smoothed over 41 frames", "Müller, Ewert 2011", costly=True
    ),
    "tonnetz": Family(
        tonnetz, 6, "1", "chroma_cqt on the circles of fifths and thirds", "Harte, Sandler, Gasser 2006", costly=True
    ),
    "rms": Family(rms, 1, "full scale", "√(mean y²)", "textbook"),
    "zero_crossing_rate": Family(zero_crossing_rate, 1, "1/sample", "sign changes / samples", "Kedem 1986"),
    "spectral_centroid": Family(spectral_centroid, 1, "Hz", "Σ f·S / Σ S", "Klapuri, Davy 2007"),
    "spectral_bandwidth": Family(spectral_bandwidth, 1, "Hz", "√(Σ S·(f - centroid)² / Σ S)", "Klapuri, Davy 2007"),
    "spectral_rolloff": Family(spectral_rolloff, 1, "Hz", "lowest f with 85 % of Σ S below", "Tzanetakis, Cook 2002"),
    "spectral_flatness": Family(spectral_flatness, 1, "1", "geometric / arithmetic mean of S²", "Dubnov 2004"),
    "spectral_contrast": Family(
        spectral_contrast, 7, "dB", "top 2 % over bottom 2 % of S by octave", "Jiang et al. 2002"
    ),
    "mfcc": Family(mfcc, "n_mfcc", "dB", "DCT-II of 10·log10(mel power)", "Davis, Mermelstein 1980"),
    "mfcc_delta": Family(mfcc_delta, "n_mfcc", "dB/frame", "slope of mfcc over 9 frames", "Furui 1986"),
    "mfcc_delta2": Family(mfcc_delta2, "n_mfcc", "dB/frame²", "curvature of mfcc over 9 frames", "Furui 1986"),
    "harmonic": Family(harmonic, 1, "full scale", "samples under the mask h²/(h²+p²)", "FitzGerald 2010", costly=True),
    "percussive": Family(
        percussive, 1, "full scale", "samples under the mask p²/(h²+p²)", "FitzGerald 2010", costly=True
    ),
    "onset_strength": Family(onset_strength, 1, "dB", "mean rise of the mel bands", "Böck, Widmer 2013"),
    "tempo": Family(tempo, 1, "beats/min", "strongest period of the onset strength", "Ellis 2007", scalar=True),
}


def _check(name: str, entry: object) -> None:
    """Raise TypeError if an entry of an installed package is not a family."""
    if not isinstance(entry, Family):
        raise TypeError(f"it is a {type(entry).__name__}, where a families.Family is needed")


FAMILIES: Registry[Family] = Registry("tonearm.features", "feature family", _OURS, _check)
