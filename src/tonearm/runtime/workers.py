"""What a worker process does first: it leaves Ctrl-C to its leader, and does not outlive it.

Conventions
-----------
A thread asks for the parent's number. Linux could also send a signal on the parent's death (prctl), but on that of the
thread which started the worker, and a program that calls tonearm may end such a thread and go on. On Windows a process
keeps its parent's number, so workers end there when their idle time is over.
"""

import os
import signal
import threading
import time

SECONDS_BETWEEN_LOOKS = 0.5


def begin(leader: int) -> None:
    """Prepare this process for the tasks of its parent `leader`."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(leader,), daemon=True).start()


def _end_with(leader: int) -> None:
    """End this process when its parent has ended: nobody is left to take its results."""
    while os.getppid() == leader:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)
