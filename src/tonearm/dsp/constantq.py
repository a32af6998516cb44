"""The constant-Q transform of ``librosa.cqt``, with filters built once per tuning instead of seven times per clip.

Conventions
-----------
librosa rebuilds the filters of every octave for every clip, which takes longer than applying them to a clip of
10 s. They depend on the tuning alone, which is one of a hundred values, and are the same for all octaves, since
the sampling rate is halved with the pitch. The rest follows librosa step by step:
the top octave is filtered by products with short-time spectra, the clip is resampled to half the rate, the next
octave filtered, and so on. Source: C. Schörkhuber, A. Klapuri, "Constant-Q transform toolbox for music processing",
SMC 2010.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp import kernels
from tonearm.dsp.audio import resample
from tonearm.dsp.definitions import hann, normalised
from tonearm.dsp.frames import blocks_of_spectra

OCTAVES = 7
LOWEST_HZ = 440.0 * 2.0 ** ((24 - 69) / 12)  # C1
HANN_BINS = 1.50018310546875  # equivalent noise bandwidth of the window, as librosa.filters has it
SPARSITY = 0.01  # share of a filter's magnitude that may be dropped, librosa.cqt's default


def constant_q_magnitude(
    y: NDArray[np.float32], sr: int, hop_length: int, tuning: float, bins_per_octave: int = 36
) -> NDArray[np.float32]:
    """|CQT| of 7 octaves from C1, shape (7 * bins_per_octave, frames).

    y: waveform, shape (samples,). tuning: in bins, as librosa.estimate_tuning gives it.
    """
    lowest = LOWEST_HZ * 2.0 ** (tuning / bins_per_octave)
    frequencies = lowest * 2.0 ** (np.arange(OCTAVES * bins_per_octave) / bins_per_octave)
    halvings = _early_halvings(sr, frequencies, hop_length)
    rate, hop = sr / 2.0**halvings, hop_length // 2**halvings
    if halvings:
        y = _slower(y, 2**halvings)
    lengths = _quality(frequencies) * rate / frequencies
    full_rate = rate
    octaves = []
    for octave in range(OCTAVES - 1, -1, -1):
        first = float(frequencies[octave * bins_per_octave])
        # scaled by a power of two, which is exact: octaves whose rates are halved with their pitches share filters
        mantissa, exponent = math.frexp(rate)
        filters, n_fft = _filters(mantissa, math.ldexp(first, -exponent), bins_per_octave)
        filtered = np.empty((bins_per_octave, 1 + len(y) // hop), dtype=np.complex64)
        for rows, spectra in blocks_of_spectra(y, n_fft, hop, window=None):
            kernels.filter_spectra(spectra, *filters, filtered[:, rows])
        octaves.append(np.abs(filtered) * np.float32(np.sqrt(full_rate / rate)))
        if hop % 2 == 0:
            hop //= 2
            rate /= 2.0
            y = _slower(y, 2)
    frames = min(part.shape[1] for part in octaves)
    magnitude = np.concatenate([part[:, :frames] for part in reversed(octaves)])
    scaled: NDArray[np.float32] = magnitude / np.sqrt(lengths)[:, None].astype(np.float32)
    return scaled


class Filters(NamedTuple):
    """Sparse filters, one after the other: values, their bins, and where each filter starts and the last one ends."""

    values: NDArray[np.complex64]
    bins: NDArray[np.int32]
    starts: NDArray[np.int32]


def _slower(y: NDArray[np.float32], times: int) -> NDArray[np.float32]:
    """The waveform at so many times a lower rate, with the same energy; ``librosa.resample(scale=True)``."""
    slower = resample(y, times, 1)
    slower /= np.sqrt(1.0 / times)
    return slower


def _quality(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frequency over bandwidth of filters that lie beside each other; ``librosa.filters.wavelet_lengths``' Q."""
    logarithms = np.log2(frequencies)
    per_octave = np.empty_like(frequencies)
    per_octave[0] = 1 / (logarithms[1] - logarithms[0])
    per_octave[-1] = 1 / (logarithms[-1] - logarithms[-2])
    per_octave[1:-1] = 2 / (logarithms[2:] - logarithms[:-2])
    squares = 2.0 ** (2 / per_octave)
    return np.asarray(1.0 / ((squares - 1) / (squares + 1)))


def _early_halvings(sr: int, frequencies: NDArray[np.float64], hop_length: int) -> int:
    """How many times the rate may be halved before the first octave: librosa's rule."""
    cutoff = max(frequencies * (1 + 0.5 * HANN_BINS / _quality(frequencies)))
    by_rate = max(0, int(np.ceil(np.log2(sr / 2.0 / cutoff)) - 1) - 1)
    twos = (hop_length & -hop_length).bit_length() - 1
    return min(by_rate, max(0, twos - OCTAVES + 1))


@lru_cache(maxsize=1024)
def _filters(rate: float, first_hz: float, bins_per_octave: int) -> tuple[Filters, int]:
    """Filters of one octave in the frequency domain, and n_fft, of which they are 1 + n_fft // 2 bins long."""
    frequencies = first_hz * 2.0 ** (np.arange(bins_per_octave) / bins_per_octave)
    lengths = _quality(frequencies) * rate / frequencies
    n_fft = int(2.0 ** np.ceil(np.log2(max(lengths))))
    basis = np.zeros((bins_per_octave, n_fft), dtype=np.complex64)
    for line, length, hertz in zip(basis, lengths, frequencies, strict=True):
        wave = _wavelet(length, hertz, rate)
        start = (n_fft - len(wave)) // 2
        line[start : start + len(wave)] = wave
    spectra = np.fft.fft(basis * (lengths[:, None] / n_fft), axis=1)[:, : n_fft // 2 + 1]
    return _sparse(spectra), n_fft


def _wavelet(length: float, hertz: float, rate: float) -> NDArray[np.complex128]:
    """A turning phase under a window, of absolute sum 1, shape (samples,); a line of ``librosa.filters.wavelet``."""
    angles = np.arange(-length // 2, length // 2, dtype=float) * 2 * np.pi * hertz / rate
    wave = kernels.phasors(angles) * hann(len(angles))
    normal: NDArray[np.complex128] = normalised(wave, 1)
    return normal


def _sparse(spectra: NDArray[np.complex128]) -> Filters:
    """Without the smallest values that make up SPARSITY of each filter's sum; ``librosa.util.sparsify_rows``."""
    values, bins = [], []
    for line in spectra:
        size = np.abs(line)
        ordered = np.sort(size)
        least = ordered[np.argmin(np.cumsum(ordered / np.sum(size)) < SPARSITY)]
        [kept] = np.nonzero(size >= least)
        values.append(line[kept].astype(np.complex64))
        bins.append(kept)
    starts = np.cumsum([0, *map(len, bins)], dtype=np.int32)
    return Filters(np.concatenate(values), np.concatenate(bins).astype(np.int32), starts)
