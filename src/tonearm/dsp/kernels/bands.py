"""Power of spectra in bands, one pass over each frame."""

import numba
import numpy as np
from numpy.typing import NDArray


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
    power = np.empty(S.shape[1] // 2, dtype=np.float32)
    for t in range(S.shape[0]):
        for k in range(power.shape[0]):
            power[k] = S[t, 2 * k] * S[t, 2 * k] + S[t, 2 * k + 1] * S[t, 2 * k + 1]
        for band in range(first.shape[0]):
            total = np.float32(0.0)
            shift = first[band] - starts[band]
            for place in range(starts[band], starts[band + 1]):
                total += weights[place] * power[shift + place]
            out[t, band] = total
