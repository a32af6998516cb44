"""Overlapping frames of a waveform, and their spectra.

Conventions
-----------
Frames are centred: frame t is centred on sample t * hop_length, with silence beyond the ends, so a clip has
1 + samples // hop_length frames. Spectra are frame-major, shape (frames, bins), complex64.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from tonearm.dsp import definitions

FRAMES_AT_ONCE = 32  # frames transformed in one call: input and output stay in the second-level cache


def short_time_spectra(
    y: NDArray[np.float32], n_fft: int, hop_length: int, window: NDArray[np.float64] | None
) -> NDArray[np.complex64]:
    """Short-time Fourier transform, shape (frames, 1 + n_fft // 2); ``librosa.stft(y).T`` bit for bit.

    window: shape (n_fft,), None for a rectangular one.
    """
    D = np.empty((1 + len(y) // hop_length, 1 + n_fft // 2), dtype=np.complex64)
    for rows, spectra in blocks_of_spectra(y, n_fft, hop_length, window):
        D[rows] = spectra
    return D


def blocks_of_spectra(
    y: NDArray[np.float32], n_fft: int, hop_length: int, window: NDArray[np.float64] | None
) -> Iterator[tuple[slice, NDArray[np.complex128]]]:
    """The same transform, a few frames at a time: their slice and their spectra, shape (frames, 1 + n_fft // 2).

    Windows and transforms are float64, as in librosa, so that bins 140 dB below their neighbours stay exact.
    """
    padded = np.zeros(len(y) + n_fft, dtype=np.float32)
    padded[n_fft // 2 : n_fft // 2 + len(y)] = y
    frames = 1 + len(y) // hop_length
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length][:frames]
    for first in range(0, frames, FRAMES_AT_ONCE):
        rows = slice(first, min(first + FRAMES_AT_ONCE, frames))
        block = windows[rows].astype(np.float64) if window is None else windows[rows] * window
        yield rows, scipy.fft.rfft(block, axis=1, overwrite_x=True)


@lru_cache(maxsize=8)
def hann(n_fft: int) -> NDArray[np.float64]:
    """Periodic Hann window, shape (n_fft,)."""
    return definitions.hann(n_fft)
