"""Training rows that a network is validated on where it needs such rows and is given none."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from tonearm.errors import ModelError
from tonearm.training.settings import TorchSettings


def hold_out(settings: TorchSettings, seed: int, y: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows to train on and a stratified part to validate on; that is empty if the settings do not need it.

    y: labels of all rows, shape (rows,). Raises ModelError if there are too few rows.
    """
    every = np.arange(len(y))
    if not settings.needs_validation:
        return every, every[:0]
    try:
        rows, held = train_test_split(every, test_size=settings.validation_fraction, stratify=y, random_state=seed)
    except ValueError as error:
        raise ModelError(
            f"patience and the plateau schedule need validation rows, and {len(y)} training rows cannot give "
            f"validation_fraction = {settings.validation_fraction:g} of each class ({error}); give "
            "validation rows, a larger fraction, or set patience = 0 and another schedule"
        ) from error
    return rows, held
