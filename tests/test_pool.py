"""Tasks give the same in one process and in several, and processes that keep memory are kept."""

import gc
import os
import time
import warnings

import numpy as np
import pytest

from tonearm.errors import TonearmError
from tonearm.runtime.pool import Shared, check_visible, on_cluster, run_tasks, worker_count

HOARD: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []


def scaled(number: int, by: dict[str, int]) -> int:
    time.sleep(0.01 * (number % 3))
    return number * by["factor"]


def grow(number: int) -> int:
    """More memory than loky lets a process take, after its first task, when it looks (once a second)."""
    time.sleep(0.6)
    if number >= 2 and not HOARD:
        HOARD.append(np.ones(45_000_000))
    return os.getpid()


def laid_aside(number: int) -> tuple[int, int]:
    """The process, and how many objects its search for cyclic garbage passes over."""
    time.sleep(0.01)
    return os.getpid(), gc.get_freeze_count()


def die(number: int) -> int:
    if number == 3:
        os._exit(9)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_those_of_the_tasks_in_order_or_as_they_come(workers: int) -> None:
    by = Shared({"factor": 7})
    tasks = [(number, by) for number in range(12)]
    assert list(run_tasks(scaled, iter(tasks), workers)) == [7 * number for number in range(12)]
    assert sorted(run_tasks(scaled, tasks, workers, ordered=False)) == [7 * number for number in range(12)]
    assert list(run_tasks(scaled, [], workers)) == []


def test_processes_that_keep_memory_are_not_ended() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # loky warns of a process that it has ended
        pids = set(run_tasks(grow, [(number,) for number in range(10)], 2))
    assert len(pids) <= 2


def test_what_the_first_task_loaded_is_not_searched_for_garbage_after_each() -> None:
    later: dict[int, int] = {}
    for pid, count in run_tasks(laid_aside, [(number,) for number in range(12)], 2):
        assert count >= 10_000 or pid not in later  # numpy alone has more objects
        later[pid] = count
    assert max(later.values()) >= 10_000


def test_a_process_that_dies_is_an_error_with_advice() -> None:
    with pytest.raises(TonearmError, match=r"a worker process was killed.*what is finished is kept"):
        list(run_tasks(die, [(number,) for number in range(8)], 2))


def test_without_a_cluster_nothing_is_asked_of_one() -> None:
    assert not on_cluster()
    assert worker_count(3) == 3
    check_visible(["nowhere"])
