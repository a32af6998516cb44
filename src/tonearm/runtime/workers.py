"""Worker processes: they leave Ctrl-C to their leader, and do not outlive it.

Conventions
-----------
A thread asks for the parent's number. Linux could also send a signal on the parent's death (prctl), but on that of the
thread which started the worker, and a program that calls tonearm may end such a thread and go on. On Windows a process
keeps its parent's number, so there the thread waits for the parent itself.
"""

import ctypes
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tonearm.runtime.logs import Shown, join
from tonearm.runtime.system import WINDOWS

SECONDS_BETWEEN_LOOKS = 0.5
SYNCHRONIZE, INFINITE = 0x00100000, 0xFFFFFFFF  # winnt.h, winbase.h


@contextmanager
def sparing_children() -> Iterator[None]:
    """Let processes that the block starts ignore Ctrl-C, which a terminal sends to all: the leader ends them.

    A signal mask is inherited from the first instruction on, earlier than any handler could be set.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows, whose Python cannot start the first of the trackers either
        yield
        return
    _start_trackers()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_trackers() -> None:
    """Start what removes the semaphores of processes that were killed, and let it do so without a word.

    Started later, it would end the mask.
    """
    from multiprocessing import resource_tracker

    from joblib.externals.loky.backend import resource_tracker as of_loky

    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = f"{before + ',' if before else ''}ignore:resource_tracker"
    try:
        resource_tracker.ensure_running()
        of_loky.ensure_running()
    finally:
        del os.environ["PYTHONWARNINGS"]
        if before is not None:
            os.environ["PYTHONWARNINGS"] = before


def begin(leader: int, how: Shown | None = None) -> None:
    """Prepare this process for the tasks of its parent `leader`. how: messages are shown there."""
    join(how)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(leader,), daemon=True).start()


def _end_with(leader: int) -> None:
    """End this process when its parent has ended: nobody is left to take its results."""
    if WINDOWS:
        _wait_on_windows(leader)
    while not WINDOWS and os.getppid() == leader:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _wait_on_windows(process: int) -> None:
    """Return when the process has ended. Source: OpenProcess, WaitForSingleObject of the Windows API."""
    kernel32 = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    kernel32.OpenProcess.restype = ctypes.c_void_p
    handle = kernel32.OpenProcess(SYNCHRONIZE, False, process)
    if handle:  # else it has ended already
        kernel32.WaitForSingleObject(ctypes.c_void_p(handle), INFINITE)
