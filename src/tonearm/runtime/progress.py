"""How work tells how far it is: a function that is called with counts, and what opens a display of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

Progress = Callable[[int, int, int], None]  # done, total, failed
Counting = Callable[[str, str], AbstractContextManager[Progress]]  # title and unit to a display


def ignore_progress(done: int, total: int, failed: int) -> None:
    """A progress function for nobody."""


def quietly(title: str, unit: str) -> AbstractContextManager[Progress]:
    """A progress display that shows nothing."""
    return nullcontext(ignore_progress)


_listener: ContextVar[Progress] = ContextVar("listener", default=ignore_progress)


@contextmanager
def listening(progress: Progress) -> Iterator[None]:
    """Within the block `tell_step` calls this function: how a classifier inside a pipeline is heard."""
    token = _listener.set(progress)
    try:
        yield
    finally:
        _listener.reset(token)


def tell_step(done: int, total: int) -> None:
    """Tell whoever listens that so many of the steps are done."""
    _listener.get()(done, total, 0)
