"""Running tasks in this process, in local processes, or on a Dask cluster, with the same results.

Conventions
-----------
All parallel work goes through `run_tasks`. Inside `cluster(address)` it sends the tasks to Dask, whatever the
number of workers asked for, so that no command knows where it runs. Tasks are created on demand, a few per worker
ahead of the results, so that the driver holds the same few however many there are. Files are shared: workers
must see the folders of the data and the output under the same names as the driver, or they are URLs.
"""

import gc
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from pathlib import Path
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, NamedTuple

from tonearm.errors import OutputError, TonearmError
from tonearm.runtime.faults import NO_ROOM, refusal
from tonearm.runtime.logs import now
from tonearm.runtime.remote import is_url, place
from tonearm.runtime.workers import begin, sparing_children
from tonearm.wording import GO_ON

if TYPE_CHECKING:
    from distributed import Client, Future

TASKS_AHEAD = 3  # per worker: one running and two waiting, so that none is idle while results are transferred
SECONDS_TO_ANSWER = 20
_client: ContextVar["Client | None"] = ContextVar("client", default=None)


class Shared(NamedTuple):
    """An argument that many tasks have in common: it is sent once."""

    value: Any


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """Send the tasks of the block to the Dask cluster at the address, or for "local:N" to N local processes.

    "" changes nothing. Raises TonearmError if no scheduler answers, or its workers are unsuitable.
    """
    if not address:
        yield
        return
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise TonearmError('--cluster needs Dask: pip install "tonearm[dask]"') from error
    # a lost connection is reported by one message of ours, not by their stack traces
    _silence("distributed", "tornado", "asyncio")
    own, limit = None, f"{SECONDS_TO_ANSWER}s"
    if address.startswith("local:"):
        count = address.removeprefix("local:")
        if not count.isdigit() or not int(count):
            raise TonearmError(f"--cluster {address}: write local: and the number of processes, as in local:4")
        with sparing_children():
            own = distributed.LocalCluster(
                n_workers=int(count), threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
            )
    try:
        client = distributed.Client(own or address, timeout=limit)
    except (OSError, ValueError) as error:
        raise TonearmError(f"--cluster {address}: no scheduler answers there ({error})") from error
    token = _client.set(client)
    try:
        _check_workers(client, address)
        yield
    finally:
        _client.reset(token)
        client.close(timeout=5)
        if own is not None:
            own.close(timeout=10)


def _silence(*libraries: str) -> None:
    """Let only what is critical be logged, also by loggers that a library has given a level of their own."""
    known = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in libraries]
    for name in (*libraries, *known):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _check_workers(client: "Client", address: str) -> None:
    threads = client.nthreads()
    if not threads:
        raise TonearmError(f"--cluster {address}: the scheduler has no workers; start some with: dask worker {address}")
    several = [worker for worker, count in threads.items() if count > 1]
    if several:
        raise TonearmError(
            f"--cluster {address}: {several[0]} works with {threads[several[0]]} threads, and sums are the same bits "
            "only in a process with one; start workers with: dask worker --nthreads 1 --nworkers N"
        )


def worker_count(workers: int) -> int:
    """How many tasks run in parallel: the cluster's threads, or as many as asked for."""
    client = _client.get()
    return workers if client is None else max(1, len(client.nthreads()))


def on_cluster() -> bool:
    """Whether tasks go to a cluster."""
    return _client.get() is not None


def check_visible(paths: Iterable[str | Path]) -> None:
    """Raise TonearmError if a worker of the cluster does not see a file or folder that exists here."""
    client = _client.get()
    if client is None:
        return
    local = [place(path) for path in paths if str(path) and not is_url(path)]
    existing = [str(path.resolve()) for path in local if path.exists()]
    for worker, missing in client.run(_missing, existing).items():
        if missing:
            raise TonearmError(
                f"{missing[0]}: the worker {worker} does not see it; data and output have to lie where the driver and "
                "all workers see them under one name, such as a network file system"
            )


def _missing(paths: list[str]) -> list[str]:
    return [path for path in paths if not Path(path).exists()]


def run_tasks(
    function: Callable[..., Any], tasks: Iterable[Sequence[Any]], workers: int = 1, ordered: bool = True
) -> Iterator[Any]:
    """The function's result for each task's arguments, in the order of the tasks or as they are completed.

    An argument may be `Shared`: the function gets its value. workers: local processes; 1: this one.
    Raises what the function raises, and TonearmError if a process was killed or the cluster is lost.
    """
    client = _client.get()
    if client is not None:
        yield from _on_cluster(client, function, tasks, ordered)
    elif workers == 1:
        for task in tasks:
            yield _call(function, *task)
    else:
        yield from _on_processes(function, tasks, workers, ordered)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*(argument.value if isinstance(argument, Shared) else argument for argument in arguments))


def _call_in_process(function: Callable[..., Any], *arguments: Any) -> Any:
    from joblib.externals.loky import process_executor

    # if psutil is installed, loky ends processes whose memory has grown, and ours keep what they free (`memory`)
    process_executor._USE_PSUTIL = False
    result = _call(function, *arguments)
    _settle_process()
    return result


@lru_cache(maxsize=1)
def _settle_process() -> None:
    """Exclude the loaded libraries from garbage collection, which loky runs after tasks, once the first is done.

    Their million objects live until the end, and traversing them took a fiftieth of the time of an extraction.
    """
    gc.collect()
    gc.freeze()


def _on_processes(
    function: Callable[..., Any], tasks: Iterable[Sequence[Any]], workers: int, ordered: bool
) -> Iterator[Any]:
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    first = {"initializer": begin, "initargs": (os.getpid(), now())}
    try:
        with sparing_children(), joblib.parallel_config("loky", n_jobs=workers, inner_max_num_threads=1, **first):
            pool = joblib.Parallel(return_as="generator" if ordered else "generator_unordered", batch_size=1)
            results = pool(joblib.delayed(_call_in_process)(function, *task) for task in tasks)
        yield from results
    except PicklingError as error:  # joblib hands large arrays over as files
        cause = refusal(error, NO_ROOM)
        if cause is None:
            raise
        raise OutputError(
            f"{cause.filename or 'the folder of temporary files'}: {cause.strerror}; large arrays go through it to "
            f"other processes: set JOBLIB_TEMP_FOLDER to a folder with room, and {GO_ON}"
        ) from error
    except TerminatedWorkerError as error:
        raise TonearmError(
            f"a worker process was killed, most often because memory ran out with {workers} workers; {GO_ON}, with "
            "fewer workers if it happens again"
        ) from error


def _on_cluster(
    client: "Client", function: Callable[..., Any], tasks: Iterable[Sequence[Any]], ordered: bool
) -> Iterator[Any]:
    """Results of the tasks, with enough of them queued at the scheduler that no worker is idle."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    shared: dict[int, Future] = {}
    waiting: list[Future] = []
    source = iter(tasks)
    try:
        while True:
            ahead = TASKS_AHEAD * max(1, len(client.nthreads()))
            for task in islice(source, max(0, ahead - len(waiting))):
                arguments = [_send(client, value, shared) if isinstance(value, Shared) else value for value in task]
                waiting.append(client.submit(function, *arguments, pure=False))
            if not waiting:
                return
            yield waiting.pop(0 if ordered else _first_done(client, waiting)).result()
    except KilledWorker as error:
        raise TonearmError(f"workers of the cluster die of one task, most often for want of memory; {GO_ON}") from error
    except (CancelledError, CommClosedError, OSError, TimeoutError) as error:
        if isinstance(error, OSError) and not isinstance(error, CommClosedError) and client.status == "running":
            raise  # raised by a task, such as for a full disk
        raise TonearmError(f"the cluster's scheduler has gone away; {GO_ON}") from error
    finally:
        if client.status == "running":
            client.cancel(waiting, asynchronous=False)


def _send(client: "Client", argument: Shared, sent: dict[int, "Future"]) -> "Future":
    key = id(argument.value)
    if key not in sent:
        sent[key] = client.scatter(argument.value, hash=False)
    return sent[key]


def _first_done(client: "Client", waiting: list["Future"]) -> int:
    """Index of the first future that is done or has failed."""
    from distributed import wait

    wait(waiting, return_when="FIRST_COMPLETED")
    return next(index for index, future in enumerate(waiting) if future.status != "pending")
