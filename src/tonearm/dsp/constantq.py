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
from typing import Any

import librosa
import numpy as np
from numpy.typing import NDArray

from tonearm.dsp import kernels
from tonearm.dsp.frames import blocks_of_spectra

OCTAVES = 7
LOWEST_HZ = float(librosa.note_to_hz("C1"))
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
        y = librosa.resample(y, orig_sr=2**halvings, target_sr=1, res_type="soxr_hq", scale=True)
    lengths, _ = librosa.filters.wavelet_lengths(freqs=frequencies, sr=rate, gamma=0)
    full_rate = rate
    octaves = []
    for octave in range(OCTAVES - 1, -1, -1):
        first = float(frequencies[octave * bins_per_octave])
        # scaled by a power of two, which is exact: octaves whose rates are halved with their pitches share filters
        mantissa, exponent = math.frexp(rate)
        filters, n_fft = _filters(mantissa, math.ldexp(first, -exponent), bins_per_octave)
        filtered = np.empty((bins_per_octave, 1 + len(y) // hop), dtype=np.complex64)
        for rows, spectra in blocks_of_spectra(y, n_fft, hop, window=None):
            kernels.filter_spectra(spectra, filters.data, filters.indices, filters.indptr, filtered[:, rows])
        octaves.append(np.abs(filtered) * np.float32(np.sqrt(full_rate / rate)))
        if hop % 2 == 0:
            hop //= 2
            rate /= 2.0
            y = librosa.resample(y, orig_sr=2, target_sr=1, res_type="soxr_hq", scale=True)
    frames = min(part.shape[1] for part in octaves)
    magnitude = np.concatenate([part[:, :frames] for part in reversed(octaves)])
    scaled: NDArray[np.float32] = magnitude / np.sqrt(lengths)[:, None].astype(np.float32)
    return scaled


def _early_halvings(sr: int, frequencies: NDArray[np.float64], hop_length: int) -> int:
    """How many times the rate may be halved before the first octave: librosa's rule."""
    _, cutoff = librosa.filters.wavelet_lengths(freqs=frequencies, sr=sr, gamma=0)
    by_rate = max(0, int(np.ceil(np.log2(sr / 2.0 / cutoff)) - 1) - 1)
    twos = (hop_length & -hop_length).bit_length() - 1
    return min(by_rate, max(0, twos - OCTAVES + 1))


@lru_cache(maxsize=1024)
def _filters(rate: float, first_hz: float, bins_per_octave: int) -> tuple[Any, int]:
    """Sparse filters of one octave in the frequency domain, shape (bins_per_octave, 1 + n_fft // 2), and n_fft."""
    frequencies = first_hz * 2.0 ** (np.arange(bins_per_octave) / bins_per_octave)
    basis, lengths = librosa.filters.wavelet(freqs=frequencies, sr=rate, gamma=0, norm=1, pad_fft=True)
    n_fft = basis.shape[1]
    spectra = np.fft.fft(basis * (lengths[:, None] / n_fft), axis=1)[:, : n_fft // 2 + 1]
    return librosa.util.sparsify_rows(spectra, quantile=SPARSITY, dtype=np.complex64), n_fft
