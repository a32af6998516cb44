"""One thread for the numerical libraries: the number of threads decides the order of sums, and so their last bits.

Conventions
-----------
OpenBLAS, MKL and the like have one number of threads for the whole process, so the first block that any thread enters
sets it, and the last one that is left gives it back: a thread that leaves never changes the sums of another. OpenMP
has a number for each thread, which each block sets for its own.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Limits:
    """The libraries of this process, and how many threads they had before the blocks that are entered now."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.before: dict[str, tuple[Any, int]] = {}  # by file of the library
        self._libraries: list[Any] = []
        self._modules = 0

    def enter(self) -> list[Any]:
        """Limit what all threads share; the libraries that each thread limits for itself."""
        with self.lock:
            if self._modules != len(sys.modules):  # a library comes with a module that is imported
                from threadpoolctl import ThreadpoolController

                self._libraries = ThreadpoolController().lib_controllers
                self._modules = len(sys.modules)
            for library in filter(_is_shared, self._libraries):
                if library.filepath not in self.before:
                    self.before[library.filepath] = library, library.num_threads
                    _set_for_all(library, 1)
            self.inside += 1
            return [one for one in self._libraries if not _is_shared(one)]

    def leave(self) -> None:
        """Give back what all threads share, if no other block needs it."""
        with self.lock:
            self.inside -= 1
            if not self.inside:
                for library, number in self.before.values():
                    _set_for_all(library, number)
                self.before.clear()


def _is_shared(library: Any) -> bool:
    """Whether it has one number of threads for the process: those with OpenMP inside have one for each thread."""
    return bool(library.user_api == "blas" and getattr(library, "threading_layer", "") != "openmp")


def _set_for_all(library: Any, number: int) -> None:
    """Set the number of the process. threadpoolctl lets one thread do that, and others in vain, until it is told."""
    free = getattr(library, "clear_controlling_thread", lambda force: None)  # since 3.6, of OpenBLAS
    free(force=True)
    library.set_num_threads(number)
    free(force=True)


_limits = _Limits()


def _start_anew() -> None:
    """In a child of fork: its only thread is in no block, and the lock may be held by one that is not there."""
    global _limits
    _limits = _Limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


@contextmanager
def one_thread() -> Iterator[None]:
    """In the block the libraries that are loaded work on the calling thread alone; blocks may be nested."""
    limits = _limits
    own = limits.enter()
    before: list[tuple[Any, int]] = []
    try:
        before += [(library, library.num_threads) for library in own]
        for library in own:
            library.set_num_threads(1)
        yield
    finally:
        for library, number in before:
            library.set_num_threads(number)
        limits.leave()
