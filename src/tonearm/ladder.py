"""The former name of `tonearm.api`, kept for one release."""

import warnings
from typing import Any

from tonearm import api


def __getattr__(name: str) -> Any:
    """The function of that name in `tonearm.api`, with a warning."""
    if name.startswith("_") or not hasattr(api, name):
        raise AttributeError(f"module 'tonearm.ladder' has no attribute {name!r}")
    message = "tonearm.ladder is now called tonearm.api; the old name will be removed in 0.3"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return getattr(api, name)
