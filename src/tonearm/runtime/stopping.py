"""Ctrl-C, and the signals that end a process: one sentence, no traceback, and exit code 128 + the signal's number.

Conventions
-----------
The first signal raises `Stopped` in the main thread, so that temporary files are removed, workers ended and locks
released on the way out; later ones change nothing. `Stopped` is not KeyboardInterrupt, which typer turns into an exit
without a word. A library may swallow it or keep the main thread in C: then a second thread ends the process after
`SECONDS_TO_END`. Only the command line is `guarded`: as a library, tonearm leaves signals alone. This module loads
nothing but the standard library, since it is there before all others are loaded.
"""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

SECONDS_TO_END = 10.0
SECONDS_TO_RETURN = 0.05  # from a function that is called from C
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


class Stopped(BaseException):
    """A signal asks this process to end."""


class _Course:
    """How far the command is. number: of the first signal, 0 if none came. lost: whether `Stopped` was swallowed since.

    folders: that it is filling. seconds: how long it may take to end. words: what to say of what
    is kept, where no folder is.
    """

    number = 0
    lost = False
    done = False
    said = False
    folders: tuple[Path, ...] = ()
    seconds = SECONDS_TO_END
    words = ""


_course = _Course()


def guarded(work: Callable[[], None]) -> None:
    """Run the command line to its end, or until a signal."""
    _listen()
    try:
        work()
    except BaseException:
        if not _course.number:
            raise
    finally:
        with suppress(OSError, ValueError):  # a reader that has gone is reported by the command
            sys.stdout.flush()
        _course.done = True
        if _course.number:  # whatever else came of it, and also if a library has swallowed it
            _say()
            _silence()
            sys.exit(128 + _course.number)


@contextmanager
def filling(folder: Path) -> Iterator[None]:
    """Name the folder in the sentence, if a signal comes during the block."""
    before = _course.folders
    _course.folders = (*before, folder)
    try:
        yield
    finally:
        if not _course.number:
            _course.folders = before


@contextmanager
def saying(words: str) -> Iterator[None]:
    """Say these words of what is kept, if a signal comes during the block that fills no folder."""
    _course.words = words
    try:
        yield
    finally:
        if not _course.number:
            _course.words = ""


@contextmanager
def ending_within(seconds: float) -> Iterator[None]:
    """Let the process take so long to end, if a signal comes during the block: a server answers what it has begun."""
    _course.seconds = seconds
    try:
        yield
    finally:
        if not _course.number:
            _course.seconds = SECONDS_TO_END


def _listen() -> None:
    reading, writing = os.pipe()
    if hasattr(os, "set_blocking"):  # not on Windows before Python 3.12
        os.set_blocking(writing, False)
    # the byte is written when the signal comes, the handler called when the main thread is back from C
    sys.unraisablehook = _raise_again
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_end_anyhow, args=(reading,), daemon=True).start()
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as for `nohup`, or in the background of a script
            signal.signal(number, _stop)


def _stop(number: int, _frame: object) -> None:
    if _course.done:
        _end(number)
    if not _course.number or _course.lost:
        _course.number, _course.lost = _course.number or number, False
        raise Stopped


def _raise_again(lost: "sys.UnraisableHookArgs") -> None:
    """Take up a `Stopped` that was raised where nothing can be, such as a function that a library calls from C."""
    if lost.exc_type is not Stopped:
        sys.__unraisablehook__(lost)
        return
    _course.lost = True
    threading.Timer(SECONDS_TO_RETURN, _thread.interrupt_main, [_course.number]).start()  # not inside this function


def _end_anyhow(reading: int) -> None:
    """Wait for a signal, then as long as a process may take to end, and end it."""
    number = 0
    while number not in SIGNALS:
        number = next(iter(os.read(reading, 1)), 0)
    time.sleep(_course.seconds)
    _end(number)


def _end(number: int) -> NoReturn:
    """End at once; what should be removed on the way out is removed by the next start, and workers notice."""
    _course.number = _course.number or number
    _say()
    os._exit(128 + _course.number)


def _say() -> None:
    if _course.said:
        return
    _course.said = True
    said = "start the same command again"
    if _course.folders:
        said = f"what is finished is kept in {_course.folders[0]}: {said} to go on"
    elif _course.words:
        said = _course.words
    with suppress(OSError, ValueError):
        print(f"\ntonearm: stopped; {said}", file=sys.stderr, flush=True)


def _silence() -> None:
    """Let nothing follow the sentence, and no further signal change how it ends.

    Libraries complain of what was not finished; and the interpreter, on its last way, gives up all handlers.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
