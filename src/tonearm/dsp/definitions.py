"""Windows, filters and scales as librosa and scipy define them, bit for bit, without importing either's many parts.

Conventions
-----------
librosa is the definition of features (docs/design.md), and the tests compare each function here with its own. They are
written again because importing librosa takes longer than computing the features of a clip, and compiles loops of its
own the first time. The arithmetic follows the originals operation by operation, since the last bits of a filter are
those of a feature.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Filters = NDArray[np.float32]
DELTA_WIDTH = 9  # frames
MEL_LINEAR_HZ, MEL_LOG_STEP = 200.0 / 3, np.log(6.4) / 27.0  # Slaney's scale below and above 1000 Hz
MEL_BEND_HZ = 1000.0


def hann(size: int, periodic: bool = True) -> NDArray[np.float64]:
    """Hann window, shape (size,); ``scipy.signal.get_window("hann", size, fftbins=periodic)``."""
    if size <= 1:
        return np.ones(size)
    angles = np.linspace(-np.pi, np.pi, size + 1 if periodic else size)
    window = np.zeros(len(angles))
    for order in range(2):
        window += 0.5 * np.cos(order * angles)
    return window[:size]


def normalised(values: NDArray[Any], norm: float) -> NDArray[Any]:
    """Values over their norm along the first axis, or as they are where it is nearly 0; ``librosa.util.normalize``."""
    magnitude = np.abs(values).astype(float)
    if norm == np.inf:
        length = np.max(magnitude, axis=0, keepdims=True)
    else:
        length = np.sum(magnitude**norm, axis=0, keepdims=True) ** (1.0 / norm)
    length[length < np.finfo(values.dtype).tiny] = 1.0
    result = np.empty_like(values)
    result[:] = values / length
    return result


def mel_filters(sr: int, n_fft: int, n_mels: int, low_hz: float, high_hz: float, htk: bool = False) -> Filters:
    """Triangles of unit area, shape (n_mels, 1 + n_fft // 2); ``librosa.filters.mel``.

    htk: O'Shaughnessy's scale, else Slaney's (Auditory Toolbox, 1998).
    """
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / sr)
    mels = np.linspace(_mel(low_hz, htk), _mel(high_hz, htk), n_mels + 2)
    edges = _hertz(mels, htk)
    widths = np.diff(edges)
    ramps = np.subtract.outer(edges, frequencies)
    filters = np.zeros((n_mels, len(frequencies)), dtype=np.float32)
    for band in range(n_mels):
        filters[band] = np.maximum(0, np.minimum(-ramps[band] / widths[band], ramps[band + 2] / widths[band + 1]))
    filters *= (2.0 / (edges[2:] - edges[:-2]))[:, np.newaxis]
    return filters


def _mel(hertz: float, htk: bool) -> np.float64:
    if htk:
        return np.float64(2595.0 * np.log10(1.0 + np.float64(hertz) / 700.0))
    if hertz < MEL_BEND_HZ:
        return np.float64(hertz) / MEL_LINEAR_HZ
    return np.float64(MEL_BEND_HZ / MEL_LINEAR_HZ + np.log(np.float64(hertz) / MEL_BEND_HZ) / MEL_LOG_STEP)


def _hertz(mels: NDArray[np.float64], htk: bool) -> NDArray[np.float64]:
    if htk:
        return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))
    hertz = MEL_LINEAR_HZ * mels
    high = mels >= MEL_BEND_HZ / MEL_LINEAR_HZ
    hertz[high] = MEL_BEND_HZ * np.exp(MEL_LOG_STEP * (mels[high] - MEL_BEND_HZ / MEL_LINEAR_HZ))
    return hertz


def octaves(hertz: ArrayLike, tuning: float = 0.0) -> NDArray[np.float64]:
    """Octaves above 27.5 Hz, four below A440; ``librosa.hz_to_octs``. tuning: of A440, semitones."""
    return np.asarray(np.log2(np.asarray(hertz) / (440.0 * 2.0 ** (tuning / 12) / 16)))


def chroma_filters(sr: int, n_fft: int, tuning: float) -> Filters:
    """Bumps around the 12 pitch classes from C on, shape (12, 1 + n_fft // 2); ``librosa.filters.chroma``.

    Source: D. Ellis, "Chroma feature analysis and synthesis", 2007. tuning: semitones.
    """
    bins = 12 * octaves(np.linspace(0, sr, n_fft, endpoint=False)[1:], tuning)
    bins = np.concatenate(([bins[0] - 1.5 * 12], bins))  # a place for 0 Hz
    widths = np.concatenate((np.maximum(bins[1:] - bins[:-1], 1.0), [1]))
    distance = np.subtract.outer(bins, np.arange(0, 12, dtype="d")).T
    distance = np.remainder(distance + 6.0 + 10 * 12, 12) - 6.0
    filters = normalised(np.exp(-0.5 * (2 * distance / np.tile(widths, (12, 1))) ** 2), 2)
    filters *= np.tile(np.exp(-0.5 * (((bins / 12 - 5.0) / 2) ** 2)), (12, 1))
    return np.ascontiguousarray(np.roll(filters, -3, axis=0)[:, : int(1 + n_fft / 2)], dtype=np.float32)


def pitch_tuning(hertz: NDArray[np.floating], bins_per_octave: int) -> float:
    """The most common deviation of frequencies from the bins of A440, [-0.5, 0.5); ``librosa.pitch_tuning``.

    hertz: above 0, shape (any,), at least one.
    """
    residual = np.mod(bins_per_octave * octaves(hertz), 1.0)
    residual[residual >= 0.5] -= 1.0
    counts, edges = np.histogram(residual, np.linspace(-0.5, 0.5, 101))
    return float(edges[np.argmax(counts)])


def squared_windows(window: NDArray[np.float64], hop_length: int, frames: int) -> NDArray[np.float32]:
    """Sum of the squares of overlapping windows, shape (samples,); ``librosa.filters.window_sumsquare``."""
    squares = window**2
    total = np.zeros(len(window) + hop_length * (frames - 1), dtype=np.float32)
    for start in range(0, frames * hop_length, hop_length):
        total[start : start + len(window)] += squares
    return total


def decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """10 log10 of the power, floored at 1e-10 and at 80 below the largest; ``librosa.power_to_db``."""
    level = 10.0 * np.log10(np.maximum(1e-10, power))
    return np.asarray(np.maximum(level, level.max() - 80.0))


def delta(series: NDArray[np.floating], order: int) -> NDArray[np.floating]:
    """Slope (order 1) or curvature (2) over 9 frames, shape as `series`, (any, frames); ``librosa.feature.delta``.

    With fewer frames the polynomial cannot be fitted at the edges, and the edge value is held instead. Source: A.
    Savitzky, M. Golay, "Smoothing and differentiation of data by simplified least squares procedures", 1964.
    """
    from scipy.linalg import lstsq
    from scipy.ndimage import convolve1d

    half = DELTA_WIDTH // 2
    powers = np.arange(half, -half - 1, -1, dtype=np.float64) ** np.arange(order + 1, dtype=np.float64)[:, np.newaxis]
    wanted = np.zeros(order + 1)
    wanted[order] = order  # the factorial of 1, and of 2
    coefficients = lstsq(powers, wanted, cond=DELTA_WIDTH * np.finfo(np.float64).eps)[0]
    frames = series.shape[1]
    if frames < DELTA_WIDTH:
        return np.asarray(convolve1d(series, coefficients, axis=-1, mode="nearest"))
    result = np.asarray(convolve1d(series, coefficients, axis=-1, mode="constant"))
    result[:, :half] = _edge(series[:, :DELTA_WIDTH], order)[:, :half]
    result[:, frames - half :] = _edge(series[:, frames - DELTA_WIDTH :], order)[:, DELTA_WIDTH - half :]
    return result


def _edge(series: NDArray[np.floating], order: int) -> NDArray[np.floating]:
    """The derivative of the polynomial through the frames; a constant, since its degree is the derivative's order."""
    from scipy.linalg import lstsq

    kind, frames = series.dtype, series.shape[1]
    powers = np.arange(frames, dtype=kind)[:, None] ** np.arange(order, -1, -1, dtype=kind)[None, :]
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    powers /= scale
    found = lstsq(powers, series.T, cond=frames * np.finfo(kind).eps)[0]
    highest = (found.T / scale)[:, 0]
    for factor in range(order, 0, -1):
        highest = highest * kind.type(factor)
    return np.repeat(highest[:, np.newaxis], frames, axis=1)
