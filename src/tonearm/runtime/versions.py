"""Versions of Python and of the libraries that numbers depend on."""

import platform
from importlib.metadata import PackageNotFoundError, version

VERSIONED = ("tonearm", "numpy", "scipy", "scikit-learn", "numba", "torch", "skorch", "skops")


def versions() -> dict[str, str]:
    """What the numbers depend on beside the settings: Python and the libraries that are installed."""
    found = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
