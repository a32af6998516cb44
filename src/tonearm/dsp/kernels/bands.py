"""Power of spectra in bands, some frames at a time."""

import numba
import numpy as np
from numpy.typing import NDArray

TOGETHER = 16  # frames whose sums run side by side, as many as fit into a register


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def band_powers(
    S: NDArray[np.float32],
    first: NDArray[np.int64],
    starts: NDArray[np.int64],
    weights: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Weighted sums of the power of neighbouring bins, written to `out`, shape (frames, bands).

    S: spectra as pairs of real and imaginary part, shape (frames, 2 * bins). first: first bin of each band, shape
    (bands,). weights: of all bands' bins, one band after the other; starts: where each band's begin and the last one's
    end, shape (bands + 1,).
    """
    power = np.zeros((S.shape[1] // 2, TOGETHER), dtype=np.float32)
    total = np.zeros(TOGETHER, dtype=np.float32)
    for first_frame in range(0, S.shape[0], TOGETHER):
        frames = min(TOGETHER, S.shape[0] - first_frame)
        for t in range(frames):
            line = S[first_frame + t]
            for k in range(power.shape[0]):
                power[k, t] = line[2 * k] * line[2 * k] + line[2 * k + 1] * line[2 * k + 1]
        for band in range(first.shape[0]):
            for t in range(TOGETHER):
                total[t] = np.float32(0.0)
            shift = first[band] - starts[band]
            for place in range(starts[band], starts[band + 1]):
                weight = weights[place]
                for t in range(TOGETHER):
                    total[t] += weight * power[shift + place, t]
            for t in range(frames):
                out[first_frame + t, band] = total[t]
