"""How work tells how far it is: a function that is called with counts, and what opens a display of them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Progress = Callable[[int, int, int], None]  # done, total, failed
Counting = Callable[[str, str], AbstractContextManager[Progress]]  # title and unit to a display


def ignore_progress(done: int, total: int, failed: int) -> None:
    """A progress function for nobody."""


def quietly(title: str, unit: str) -> AbstractContextManager[Progress]:
    """A progress display that shows nothing."""
    return nullcontext(ignore_progress)
