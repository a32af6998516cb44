"""What tonearm tells through Python's `logging`, and how the command line shows it.

Conventions
-----------
Loggers are below "tonearm"; a program that uses the library configures them as any others, and without that nothing is
shown. Levels: ERROR for what ends the work, WARNING for what a person should look at, INFO for notes and progress,
DEBUG for files read, what is reused ("tonearm.files"), and times ("tonearm.times"). On the command line `shown` shows
them: on standard error as they are said, and in a file with the time, the version and the command. Local worker
processes of `runtime.pool` do as their leader does. Nothing but the standard library is loaded.
"""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

ROOT = logging.getLogger("tonearm")
ROOT.addHandler(logging.NullHandler())
FILES, TIMES = ROOT.getChild("files"), ROOT.getChild("times")
TIME = "%Y-%m-%dT%H:%M:%S%z"


class Shown(NamedTuple):
    """How messages are shown: the least level on standard error, and the file, its least level and its lines' head."""

    level: int = logging.INFO
    file: Path | None = None
    file_level: int = logging.INFO
    head: str = ""


class _OnStandardError(logging.Handler):
    """Prints messages as they are said to what is standard error at that moment, such as that of a progress display.

    A record with `on_screen` False is for the file alone.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Print the message."""
        if getattr(record, "on_screen", True):
            with suppress(ValueError):  # closed, since its reader has gone
                print(record.getMessage(), file=sys.stderr, flush=True)


class _InFile(logging.FileHandler):
    """Appends a line for each line of a message: the time, tonearm and its version, the command, process and level."""

    def __init__(self, shown: Shown, file: Path) -> None:
        super().__init__(file, "a", "utf-8", errors="backslashreplace")
        self.setLevel(shown.file_level)
        self._head = shown.head
        self._times = logging.Formatter(datefmt=TIME)

    def format(self, record: logging.LogRecord) -> str:
        """The lines."""
        head = f"{self._times.formatTime(record, TIME)} {self._head}[{record.process}] {record.levelname}"
        said = record.getMessage()
        if record.exc_info:
            said += f"\n{self._times.formatException(record.exc_info)}"
        return "\n".join(f"{head} {line}" for line in said.splitlines() if line)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, logging's name
        """Say once that the file cannot be written: the work is not to blame, and goes on."""
        error = sys.exc_info()[1]
        ROOT.removeHandler(self)
        with suppress(OSError):
            self.close()
        reason = getattr(error, "strerror", None) or error
        ROOT.warning("warning: %s: cannot be written (%s), and gets no more messages", self.baseFilename, reason)


class _State:
    """How messages are shown now; None where the command line does not run."""

    now: Shown | None = None


def now() -> Shown | None:
    """How messages are shown now, for worker processes; None where the command line does not run."""
    return _State.now


def show(how: Shown) -> None:
    """Show messages like that from now on. Raises OSError where the file cannot be opened."""
    screen = _OnStandardError(how.level)
    handlers: list[logging.Handler] = [screen, *([_InFile(how, how.file)] if how.file else [])]
    _remove_handlers()
    for handler in handlers:
        ROOT.addHandler(handler)
    ROOT.setLevel(min(handler.level for handler in handlers))
    ROOT.propagate = False  # a library may have given the root logger a handler
    _State.now = how


@contextmanager
def shown(how: Shown) -> Iterator[None]:
    """Show messages like that during the block, or as `show` says in it; then as before, not at all."""
    show(how)
    try:
        yield
    finally:
        _remove_handlers()
        ROOT.setLevel(logging.NOTSET)
        ROOT.propagate = True
        _State.now = None


def _remove_handlers() -> None:
    for handler in [one for one in ROOT.handlers if isinstance(one, _OnStandardError | _InFile)]:
        ROOT.removeHandler(handler)
        handler.close()


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Tell how long the block took, or each call of the function, if it came to its end."""
    start = time.perf_counter()
    yield
    TIMES.debug("%s: %.2f s", what, time.perf_counter() - start)


def join(how: Shown | None) -> None:
    """In a worker process: show messages as its leader does."""
    if how is not None:
        with suppress(OSError):  # the leader has opened the file, and says what happens to it
            show(how)


def head(command: str) -> str:
    """What stands before each message in a file, but for the time.

    >>> head("run").startswith("tonearm ")
    True
    """
    from importlib.metadata import version

    return f"tonearm {version('tonearm')} {command}".rstrip()
