"""A result that comes in parts: from the thread that hears a worker to the coroutine that answers a client."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from typing import Any

TAKE_SECONDS = 60.0  # that a client may take for a part of a result


class Parts:
    """Parts of a result on their way from a worker's thread to a coroutine, one at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: asyncio.Queue[Any] = asyncio.Queue(1)
        self._refused = threading.Event()

    def take(self, part: Any) -> bool:
        """In the worker's thread: hand a part over, and wait until it fits; whether further ones are wanted."""
        if self._refused.is_set():
            return False
        putting = asyncio.run_coroutine_threadsafe(self._queue.put(part), self._loop)
        try:
            putting.result(TAKE_SECONDS)
        except (TimeoutError, CancelledError):
            putting.cancel()
            return False
        return not self._refused.is_set()

    async def until(self, ended: "asyncio.Future[Any]") -> AsyncIterator[Any]:
        """The parts, until the task has ended. Raises what it raised."""
        while not (ended.done() and self._queue.empty()):
            getting = asyncio.ensure_future(self._queue.get())
            await asyncio.wait({getting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                yield getting.result()
            else:
                getting.cancel()
        ended.result()

    def refuse(self) -> None:
        """Want no further parts; whoever waits to hand one over is let go."""
        self._refused.set()
        while not self._queue.empty():
            self._queue.get_nowait()
