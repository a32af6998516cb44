"""One pass over the frames of a waveform for each question about it; sums run in float64, as in the package."""

import numba
import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.kernels.frames import SUM_IN_ANY_ORDER


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUM_IN_ANY_ORDER)
def mean_square(y: NDArray[np.float32], frame_length: int, hop_length: int) -> NDArray[np.float64]:
    """Mean of the squared samples of each centred frame, zeros beyond the ends; shape (frames,)."""
    frames = 1 + y.shape[0] // hop_length
    means = np.empty(frames)
    for t in range(frames):
        start = t * hop_length - frame_length // 2
        energy = 0.0
        for i in range(max(start, 0), min(start + frame_length, y.shape[0])):
            energy += np.float64(y[i]) * np.float64(y[i])
        means[t] = energy / frame_length
    return means


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_crossings(y: NDArray[np.float32], frame_length: int, hop_length: int) -> NDArray[np.float64]:
    """Fraction of samples in each centred frame that differ in sign from the one before; shape (frames,).

    Values within 1e-10 of zero count as positive. Beyond the ends the edge sample is repeated.
    """
    threshold = np.float32(1e-10)
    crossings = np.zeros(y.shape[0] + 1, dtype=np.int64)  # crossings[i]: those before sample i
    negative = y[0] < -threshold
    for i in range(1, y.shape[0]):
        previous = negative
        negative = y[i] < -threshold
        crossings[i + 1] = crossings[i] + (1 if negative != previous else 0)
    frames = 1 + y.shape[0] // hop_length
    rates = np.empty(frames)
    for t in range(frames):
        start = t * hop_length - frame_length // 2
        begin = min(max(start + 1, 1), y.shape[0])  # a frame's first sample has no predecessor in it
        end = min(max(start + frame_length, begin), y.shape[0])
        rates[t] = (crossings[end] - crossings[begin]) / frame_length
    return rates
