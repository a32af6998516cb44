"""When the kernels are compiled, and where they are kept.

Conventions
-----------
numba compiles a kernel at its first call, for the types of that call, and keeps it beside this package, or in
NUMBA_CACHE_DIR, or in the user's cache folder where the package cannot be written to. Compiling all takes some seconds,
so it is said; later processes read what is kept.
"""

import logging
import multiprocessing
from typing import Any, NamedTuple

from numba.core import event
from numba.core.dispatcher import Dispatcher

from tonearm.dsp.kernels import bands, frames, median, waveform

_LOG = logging.getLogger("tonearm.dsp.kernels")
PACKAGE = "tonearm.dsp.kernels."


class KernelStates(NamedTuple):
    """Names of kernels that this process compiled, and of those that it read; folder: where they are kept."""

    compiled: tuple[str, ...]
    read: tuple[str, ...]
    folder: str


def kernel_states() -> KernelStates:
    """What has become of the kernels in this process."""
    kernels = _kernels()
    return KernelStates(
        tuple(name for name, kernel in kernels.items() if kernel.stats.cache_misses),
        tuple(name for name, kernel in kernels.items() if kernel.stats.cache_hits and not kernel.stats.cache_misses),
        _folder(median.medians_of_blocks),
    )


def _kernels() -> dict[str, Any]:
    """The kernels that Python calls, by name; what they call among themselves is compiled and kept with them."""
    found = (vars(module).items() for module in (bands, frames, median, waveform))
    return {name: value for some in found for name, value in some if isinstance(value, Dispatcher) and name[0] != "_"}


def _folder(kernel: Any) -> str:
    return str(kernel.stats.cache_path)


class _Telling(event.Listener):  # type: ignore[misc]  # numba has no types
    """Says it once when this process starts to compile; worker processes leave that to their leader."""

    told = False

    def on_start(self, event: Any) -> None:
        kernel = event.data["dispatcher"]
        if self.told or not kernel.py_func.__module__.startswith(PACKAGE):
            return
        self.told = True
        level = logging.INFO if multiprocessing.current_process().name == "MainProcess" else logging.DEBUG
        _LOG.log(
            level,
            "compiling the loops that this needs, once; later starts read them from %s (`tonearm warm` does it "
            "beforehand)",
            _folder(kernel),
        )

    def on_end(self, event: Any) -> None:
        """Nothing is said of the end."""


event.register("numba:compile", _Telling())
