"""The sound on which a function of the user's own is tried before it meets a clip."""

import numpy as np
from numpy.typing import NDArray

SECONDS, LEVEL = 10, 0.1


def probe_noise(sr: int) -> NDArray[np.float32]:
    """Ten seconds of noise, always the same, shape (samples,). sr: its rate, Hz."""
    return np.random.default_rng(0).normal(0.0, LEVEL, SECONDS * sr).astype(np.float32)
