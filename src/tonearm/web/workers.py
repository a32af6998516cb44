"""Worker processes that load runs once and do tasks for the application, each within a time limit.

Conventions
-----------
A task is a function of a module, called in a worker as `task(models, *arguments)`; its result goes back by pickle
between processes of our own, and where it is a generator, what it yields part by part, as fast as they are taken. A
worker that takes too long, or dies, is killed and replaced, and its task alone fails, with the reason. What cannot wait
any more is refused at once. `runtime.pool` is for work that is known from its start to its end; here it comes one by
one, and one bad file must not end the others.
"""

import asyncio
import multiprocessing
import os
import queue
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from tonearm.errors import TonearmError
from tonearm.experiment.trust import Trust
from tonearm.runtime.workers import begin, sparing_children
from tonearm.web.errors import RequestError
from tonearm.web.limits import Limits
from tonearm.web.models import Models, RunKey
from tonearm.web.parts import Parts
from tonearm.wording import duration

START_SECONDS = 300.0  # to import the libraries and to load the first run
END_SECONDS = 5.0

Task = Callable[..., Any]
PART, DONE, FAILED = "part", "done", "failed"  # what a worker sends: one of these, and a value


@dataclass
class _Job:
    task: Task
    arguments: tuple[Any, ...]
    seconds: float
    take: Callable[[Any], bool] | None = None  # a part of the result; False where no more are wanted
    future: "Future[Any]" = field(default_factory=Future)


class WorkerPool:
    """The workers. runs: loaded before the first task; others at their first use. trust: see `experiment.trust`."""

    def __init__(self, limits: Limits, runs: Sequence[RunKey] = (), trust: Trust = ()) -> None:
        self.limits = limits
        self.runs = tuple(runs)
        self.trust = trust
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._threads: list[threading.Thread] = []
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()
        self._busy = 0  # tasks that workers have in hand
        self._replaced = 0
        self._ending = False

    @property
    def waiting(self) -> int:
        """Tasks that no worker has taken yet."""
        return self._jobs.qsize()

    @property
    def busy(self) -> int:
        """Tasks that workers have in hand."""
        return self._busy

    @property
    def replaced(self) -> int:
        """Workers that died or took too long, and have a successor."""
        return self._replaced

    def start(self) -> None:
        """Start the processes, and return when all have loaded their runs. Raises TonearmError where they cannot."""
        self._workers = [_Worker(self) for _ in range(self.limits.workers)]
        try:
            for worker in self._workers:
                worker.check_ready()
        except BaseException:
            self.stop()
            raise
        for number in range(len(self._workers)):
            thread = threading.Thread(target=self._work, args=(number,), daemon=True, name=f"worker {number}")
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End the processes; tasks that are not done fail."""
        self._ending = True
        for job in self._drained():
            job.future.set_exception(RequestError(503, "the application is stopping"))
        for _ in self._threads:
            self._jobs.put(None)
        with self._lock:
            for worker in self._workers:
                worker.kill()
        for thread in self._threads:
            thread.join(END_SECONDS)

    def submit(self, task: Task, *arguments: Any, seconds: float | None = None) -> "Future[Any]":
        """The future result of `task(models, *arguments)`. seconds: the limit of this task, else that of all.

        The future raises what the task raised, or RequestError where it took too long or ended its worker. Raises
        RequestError where too many wait already.
        """
        return self._submit(_Job(task, arguments, seconds or self.limits.task_seconds))

    def _submit(self, job: _Job) -> "Future[Any]":
        if self._ending:
            raise RequestError(503, "the application is stopping")
        if self.waiting >= self.limits.waiting:
            raise RequestError(429, f"{self.waiting} tasks are waiting already, which is the most; try again later")
        self._jobs.put(job)
        return job.future

    async def run(self, task: Task, *arguments: Any, seconds: float | None = None) -> Any:
        """The same for coroutines: wait for the result, or give up the task where the client has gone."""
        return await asyncio.wrap_future(self.submit(task, *arguments, seconds=seconds))

    async def stream(self, task: Task, *arguments: Any, seconds: float | None = None) -> AsyncIterator[Any]:
        """What a task yields, part by part. seconds: the limit of each part.

        The task waits until a part is taken, and ends where the parts are not asked for any more. Raises as the future
        of `submit`.
        """
        parts = Parts(asyncio.get_running_loop())
        job = _Job(task, arguments, seconds or self.limits.task_seconds, parts.take)
        ended = asyncio.wrap_future(self._submit(job))
        try:
            async for part in parts.until(ended):
                yield part
        finally:
            parts.refuse()

    def _work(self, number: int) -> None:
        """One worker's thread: hand it one task after the other."""
        while (job := self._jobs.get()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            self._busy += 1
            try:
                result = self._result(number, job)
            except BaseException as error:
                job.future.set_exception(error)
            else:
                job.future.set_result(result)
            finally:
                self._busy -= 1

    def _result(self, number: int, job: _Job) -> Any:
        worker = self._workers[number]
        if not worker.usable:
            worker = self._replace(number)
        try:
            return worker.do(job)
        except (EOFError, OSError) as error:
            worker.kill()
            raise RequestError(
                503,
                "the application is stopping"
                if self._ending
                else "the process that worked on it ended, most often because memory ran out or the file is broken",
            ) from error

    def _replace(self, number: int) -> "_Worker":
        with self._lock:
            if self._ending:
                raise RequestError(503, "the application is stopping")
            self._replaced += 1
            worker = self._workers[number] = _Worker(self)
        worker.check_ready()
        return worker

    def _drained(self) -> list[_Job]:
        jobs: list[_Job] = []
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs
            if job is not None and job.future.set_running_or_notify_cancel():
                jobs.append(job)


class _Worker:
    """One process, and the pipe to it."""

    def __init__(self, pool: WorkerPool) -> None:
        context = multiprocessing.get_context("spawn")  # a server has threads, which a fork would not survive
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, os.getpid(), pool.runs, pool.trust)
        self._process = context.Process(target=_serve, args=arguments, daemon=True, name="tonearm worker")
        self._killed = False
        self._ends = threading.Lock()
        with sparing_children():
            self._process.start()
        theirs.close()

    @property
    def usable(self) -> bool:
        """Whether it can be given a task: it may have died while it had none, which closes its end of the pipe."""
        return not self._killed and self._process.is_alive() and not self._pipe.poll()

    def check_ready(self) -> None:
        """Wait until it has loaded its runs. Raises TonearmError where it cannot."""
        try:
            if not self._pipe.poll(START_SECONDS):
                self.kill()
                raise RequestError(503, f"a worker did not load its run within {duration(START_SECONDS)}")
            self._receive()
        except EOFError as error:
            self.kill()
            raise RequestError(
                503, "a worker ended while it loaded its run, most often because memory ran out"
            ) from error
        except TonearmError:
            self.kill()
            raise

    def do(self, job: _Job) -> Any:
        """The result of a task. Raises what it raised, RequestError where it took too long, EOFError where it died."""
        self._pipe.send((job.task, job.arguments))
        while True:
            if not self._pipe.poll(job.seconds):
                self.kill()
                what = "one file" if job.take is None else "one part of a file"
                raise RequestError(503, f"took longer than {duration(job.seconds)}, which is the most for {what}")
            kind, value = self._receive()
            if kind == DONE:
                return value
            self._pipe.send(job.take is not None and job.take(value))

    def _receive(self) -> tuple[str, Any]:
        kind, value = self._pipe.recv()
        if kind == FAILED:
            raise value
        return kind, value

    def kill(self) -> None:
        """End it, whatever it does."""
        self._killed = True
        with self._ends:  # whoever notices its end, and whoever stops all, may come at once
            self._process.kill()
            self._process.join(END_SECONDS)
            self._pipe.close()


def _serve(pipe: Connection, leader: int, runs: Sequence[RunKey], trust: Trust) -> None:
    """The life of a worker process."""
    begin(leader)
    models = Models(trust)
    if not _answer(pipe, lambda: models.load(runs)):
        return
    while True:
        try:
            task, arguments = pipe.recv()
        except EOFError:
            return
        _answer(pipe, partial(task, models, *arguments))


def _answer(pipe: Connection, work: Callable[[], Any]) -> bool:
    """Send what the work gives, or the error that it raises; whether it gave something."""
    try:
        value = work()
        if isinstance(value, Generator):
            _send_parts(pipe, value)
            value = None
    except TonearmError as error:
        pipe.send((FAILED, error))
        return False
    except Exception as error:
        traceback.print_exc(file=sys.stderr)  # a fault of ours, or of a library: whoever started the server reads it
        pipe.send((FAILED, RequestError(500, f"cannot be done: {type(error).__name__}: {error}")))
        return False
    pipe.send((DONE, value))
    return True


def _send_parts(pipe: Connection, parts: Generator[Any]) -> None:
    """Send one part after the other, each when the one before was taken, as long as they are wanted."""
    for part in parts:
        pipe.send((PART, part))
        if not pipe.recv():
            parts.close()
