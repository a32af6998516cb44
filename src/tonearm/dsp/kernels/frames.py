"""One pass over the frames of a spectrum for each question about it.

Conventions
-----------
As in the package: spectra are (frames, bins) float32. Sums run in float64 where librosa's run in numpy's
pairwise float32, and in sequential float32 where librosa's do (the roll-off's cumulative sum), because
there a rounding decides which bin is found.
"""

import numba
import numpy as np
from numpy.typing import NDArray

# error_model="numpy": a division by zero gives infinity, as in numpy, and not a branch to an exception
SUM_IN_ANY_ORDER = {"reassoc", "contract"}  # lets the compiler vectorise a sum; NaN rules stay


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUM_IN_ANY_ORDER)
def _centroid(line: NDArray[np.float32], frequencies: NDArray[np.float64]) -> tuple[float, float]:
    mass = 0.0
    moment = 0.0
    for k in range(line.shape[0]):
        mass += np.float64(line[k])
        moment += np.float64(line[k]) * frequencies[k]
    return mass, moment


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=SUM_IN_ANY_ORDER)
def _spread(line: NDArray[np.float32], frequencies: NDArray[np.float64], centre: float) -> float:
    spread = 0.0
    for k in range(line.shape[0]):
        distance = frequencies[k] - centre
        spread += np.float64(line[k]) * (distance * distance)
    return spread


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _first_not_below(ascending: NDArray[np.float32], value: np.float32) -> int:
    """``numpy.searchsorted``, which takes longer to compile than all else in `spectral_moments`."""
    low, high = 0, ascending.shape[0]
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True, nogil=True, error_model="numpy")
def spectral_moments(
    S: NDArray[np.float32], frequencies: NDArray[np.float64], roll_percent: np.float32
) -> NDArray[np.float64]:
    """Centroid, bandwidth and roll-off of each frame, in the unit of `frequencies`; shape (3, frames).

    A silent frame gives 0, 0 and the first frequency, as librosa does.
    """
    moments = np.zeros((3, S.shape[0]))
    cumulative = np.empty(S.shape[1], dtype=np.float32)
    for t in range(S.shape[0]):
        mass, moment = _centroid(S[t], frequencies)
        if mass > 0.0:
            centre = moment / mass
            moments[0, t] = centre
            moments[1, t] = np.sqrt(_spread(S[t], frequencies, centre) / mass)
        total = np.float32(0.0)
        for k in range(S.shape[1]):
            total += S[t, k]
            cumulative[k] = total
        moments[2, t] = frequencies[_first_not_below(cumulative, roll_percent * total)]
    return moments


@numba.njit(cache=True, nogil=True, error_model="numpy")
def spectral_peaks(
    S: NDArray[np.float32], low: int, high: int, bin_hz: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Frequencies (Hz) and heights of the local maxima in bins low to high - 1, by parabolic interpolation.

    A peak stands above a tenth of its frame's largest value. The arithmetic follows librosa.piptrack
    operation by operation, in its mixture of float32 and float64, since a histogram of the results decides
    the tuning. Source: J. O. Smith, "Spectral Audio Signal Processing", 2011, sinusoidal peak interpolation.
    """
    bins = S.shape[1]
    most = S.shape[0] * ((high - low) // 2 + 1)
    frequency = np.empty(most, dtype=np.float32)
    height = np.empty(most, dtype=np.float32)
    found = 0
    for t in range(S.shape[0]):
        largest = np.float32(0.0)
        for k in range(bins):
            largest = max(largest, S[t, k])
        threshold = np.float32(0.1) * largest
        for k in range(max(low, 1), min(high, bins - 1)):
            here = S[t, k]
            if here > threshold and here > S[t, k - 1] and here >= S[t, k + 1]:
                curve = np.float64(np.float32(S[t, k + 1] + S[t, k - 1])) - 2.0 * np.float64(here)
                slope = np.float64(np.float32(S[t, k + 1] - S[t, k - 1])) / 2.0
                shift = np.float32(0.0) if abs(slope) >= abs(curve) else np.float32(-slope / curve)
                frequency[found] = np.float32((k + np.float64(shift)) * bin_hz)
                height[found] = here + np.float32(0.5) * np.float32(slope) * shift
                found += 1
    return frequency[:found], height[:found]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def part_spectra(
    D: NDArray[np.float32],
    S: NDArray[np.float32],
    lasting: NDArray[np.float32],
    clicking: NDArray[np.float32],
    harmonic: NDArray[np.float32],
    percussive: NDArray[np.float32],
) -> None:
    """Fill harmonic and percussive with D under the soft masks l² / (l² + c²) and c² / (l² + c²).

    D, harmonic, percussive: complex spectra seen as float32, shape (frames, 2 * bins), real and imaginary parts
    in turn. S: |D|, shape (frames, bins), as are lasting (l) and clicking (c). Where both are zero the masks
    are one half. The ratios are taken before the squares, so that none underflows, and the magnitude is
    masked before it gets its phase back: librosa's order, for librosa's roundings. No branches, so that the
    compiler can vectorise. Source: J. Driedger, M. Müller, S. Disch, "Extending harmonic-percussive
    separation of audio", ISMIR 2014.
    """
    tiny = np.float32(np.finfo(np.float32).tiny)
    one = np.float32(1.0)
    half = np.float32(0.5)
    zero = np.float32(0.0)
    for t in range(S.shape[0]):
        for k in range(S.shape[1]):
            larger = lasting[t, k] if lasting[t, k] > clicking[t, k] else clicking[t, k]
            heard = larger >= tiny
            scale = larger if heard else one
            l = lasting[t, k] / scale  # noqa: E741
            c = clicking[t, k] / scale
            l *= l  # noqa: E741
            c *= c
            total = l + c if heard else one
            magnitude = S[t, k]
            divisor = magnitude if magnitude > zero else one
            real = D[t, 2 * k] / divisor
            imaginary = D[t, 2 * k + 1] / divisor
            level = magnitude * (l / total if heard else half)
            harmonic[t, 2 * k] = level * real
            harmonic[t, 2 * k + 1] = level * imaginary
            level = magnitude * (c / total if heard else half)
            percussive[t, 2 * k] = level * real
            percussive[t, 2 * k + 1] = level * imaginary


@numba.njit(cache=True, nogil=True, error_model="numpy")
def overlap_add(
    frames: NDArray[np.float32], window: NDArray[np.float64], hop_length: int, first: int, y: NDArray[np.float32]
) -> None:
    """Add window * frames[t] to y from sample (first + t) * hop_length on."""
    for t in range(frames.shape[0]):
        target = y[(first + t) * hop_length : (first + t) * hop_length + frames.shape[1]]
        for i in range(frames.shape[1]):
            target[i] = np.float32(np.float64(target[i]) + window[i] * np.float64(frames[t, i]))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def phasors(angles: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Cosine and sine of angles in radians as complex numbers, shape (angles,); with the bits of librosa's compiler."""
    turned = np.empty(angles.shape[0], dtype=np.complex128)
    for i in range(angles.shape[0]):
        turned[i] = complex(np.cos(angles[i]), np.sin(angles[i]))
    return turned


@numba.njit(cache=True, nogil=True, error_model="numpy")
def filter_spectra(
    spectra: NDArray[np.complex128],
    values: NDArray[np.complex64],
    bins: NDArray[np.int32],
    starts: NDArray[np.int32],
    filtered: NDArray[np.complex64],
) -> None:
    """Fill filtered, shape (filters, frames), with the products of sparse filters and spectra, (frames, bins).

    Filter f has the values values[starts[f] : starts[f + 1]] in the bins of the same places. Products and sums
    are complex64 in this order, as in scipy.sparse. Only the bins that a filter uses are read, and turned so that
    the innermost loop runs over frames.
    """
    frames = spectra.shape[0]
    low, high = bins[0], bins[0]
    for n in range(bins.shape[0]):  # bins.min() takes longer to compile than all else
        low = min(low, bins[n])
        high = max(high, bins[n])
    width = high + 1 - low
    real = np.empty((width, frames), dtype=np.float32)
    imaginary = np.empty((width, frames), dtype=np.float32)
    for t in range(frames):
        for k in range(width):
            real[k, t] = spectra[t, low + k].real
            imaginary[k, t] = spectra[t, low + k].imag
    sums = np.empty((2, frames), dtype=np.float32)
    for f in range(filtered.shape[0]):
        for t in range(frames):
            sums[0, t] = np.float32(0.0)
            sums[1, t] = np.float32(0.0)
        for n in range(starts[f], starts[f + 1]):
            a = values[n].real
            b = values[n].imag
            x = real[bins[n] - low]
            y = imaginary[bins[n] - low]
            for t in range(frames):
                sums[0, t] += a * x[t] - b * y[t]
                sums[1, t] += a * y[t] + b * x[t]
        for t in range(frames):
            filtered[f, t] = complex(sums[0, t], sums[1, t])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def band_extremes(
    S: NDArray[np.float32], first: NDArray[np.int64], last: NDArray[np.int64], kept: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Means of the kept[b] smallest and largest values in bins first[b] to last[b] - 1 of each frame.

    Returns shape (2, bands, frames): valleys and peaks.
    """
    extremes = np.zeros((2, first.shape[0], S.shape[0]))
    most = 0
    for b in range(kept.shape[0]):
        most = max(most, kept[b])
    small = np.empty(most, dtype=np.float32)
    large = np.empty(most, dtype=np.float32)
    for t in range(S.shape[0]):
        for b in range(first.shape[0]):
            count = kept[b]
            for i in range(count):
                small[i] = np.inf
                large[i] = -np.inf
            for k in range(first[b], last[b]):
                value = S[t, k]
                if value < small[count - 1]:  # keep the smallest in ascending order
                    at = count - 1
                    while at > 0 and small[at - 1] > value:
                        small[at] = small[at - 1]
                        at -= 1
                    small[at] = value
                if value > large[count - 1]:  # and the largest in descending order
                    at = count - 1
                    while at > 0 and large[at - 1] < value:
                        large[at] = large[at - 1]
                        at -= 1
                    large[at] = value
            for i in range(count):
                extremes[0, b, t] += small[i] / np.float64(count)
                extremes[1, b, t] += large[i] / np.float64(count)
    return extremes


@numba.njit(cache=True, nogil=True, error_model="numpy")
def flatness(P: NDArray[np.float32], amin: np.float32) -> NDArray[np.float64]:
    """Geometric over arithmetic mean of max(amin, P) in each frame, in (0, 1]; shape (frames,).

    Eight values are multiplied before each logarithm: with amin >= 1e-10 their product stays in range.
    """
    ratios = np.empty(P.shape[0])
    bins = P.shape[1]
    for t in range(P.shape[0]):
        logarithms = 0.0
        total = 0.0
        product = 1.0
        for k in range(bins):
            value = np.float64(max(amin, P[t, k]))
            total += value
            product *= value
            if k % 8 == 7:
                logarithms += np.log(product)
                product = 1.0
        logarithms += np.log(product)
        ratios[t] = np.exp(logarithms / bins) / (total / bins)
    return ratios
