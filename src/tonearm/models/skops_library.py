"""scikit-learn and skops, without what they would load on import and tonearm never asks for.

Conventions
-----------
scikit-learn imports all of pandas and scipy.stats in case somebody has a data frame or tests a distribution; they are
put off until somebody does. skops asks scikit-learn for all estimators, which imports every package of scikit-learn,
and with them torch and dask where they are installed (measured: 6.6 s and 520 MB, 0.9 s and 20 MB so).
"""

import sys
from types import ModuleType

from tonearm.runtime.deferring import deferring

_NOT_NEEDED = tuple(f"sklearn.externals.array_api_compat.{name}" for name in ("torch", "dask", "cupy"))


def load_scikit_learn() -> None:
    """Import what every model of scikit-learn needs."""
    with deferring("pandas", "scipy.stats"):
        import sklearn.pipeline
        import sklearn.preprocessing  # noqa: F401


def skops_io() -> ModuleType:
    """The module `skops.io`."""
    hidden = [name for name in _NOT_NEEDED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None there makes an import fail
    try:
        import skops.io
    finally:
        for name in hidden:
            del sys.modules[name]
    return skops.io  # type: ignore[no-any-return]
