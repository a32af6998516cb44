"""Processing many clips in parallel, resumable at any point; failures are collected beside the results.

Conventions
-----------
Several tasks (features, pictures, the search for recordings) go over the clips together, so that each file is decoded
once for all of them. The work is divided into shards, runs of clips in catalog order; the process that works on a shard
writes a part file for each task, so that the driver holds names and never data. A part is written whole or not at all.
A clip's result is looked up by its key: name, size and change times of its file and the digest of the task, which
covers its settings and its code; if any of these changes the clip is recomputed, otherwise reused. A file that was
moved, or renamed, is known by its size and its contents, and its row is reused. Failures are never reused: the cause
may be gone.
The caller locks a folder (`hold`) until everything that depends on the work is written.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tonearm.data.catalog import Catalog, Clip
from tonearm.dsp.sound import ClipSound
from tonearm.errors import Failure, OutputError
from tonearm.representations.base import Reader, batches, opened_once, read_in_batches
from tonearm.representations.moved import UNKNOWN, adopt_moved, content_key
from tonearm.representations.parts import ContentKey, Place, find_known, keep_parts, part_files, read_part, write_part
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.runtime.memory import keep_freed_memory, return_freed_memory
from tonearm.runtime.pool import Shared, run_tasks, worker_count
from tonearm.runtime.progress import Progress, ignore_progress
from tonearm.runtime.remote import file_state, is_url
from tonearm.runtime.threads import one_thread

PARTS = "parts"
CLIPS_A_SHARD = 32, 1024  # see docs/scale.md: a kill loses few clips, and not too many parts are written
PARTS_WANTED = 31_250  # for a million clips; beyond that, shards grow first
PARTS_IN_MEMORY = 8


class ClipTask(Protocol):
    """What is computed from each clip and stored; it is sent to the worker processes."""

    @property
    def digest(self) -> str:
        """A digest of everything besides the clip that decides a result, see `base.work_digest`."""

    @property
    def parts(self) -> Path:
        """The folder of its part files."""

    def open(self) -> Reader:
        """The reader, created once per process."""

    def keep(self, clip: Clip, values: NDArray[Any]) -> NDArray[Any]:
        """Write the clip's own files, if the task has any; return the row for the part file."""

    def is_kept(self, clip: Clip) -> bool:
        """Whether all files that `keep` writes for the clip exist."""


class PartsOnly:
    """The half of a task that is the same for all whose results lie in part files alone."""

    def keep(self, clip: Clip, values: NDArray[Any]) -> NDArray[Any]:
        """The values, as they are."""
        return values

    def is_kept(self, clip: Clip) -> bool:
        """True: there are no files beside the part."""
        return True

    def check(self, catalog: Catalog) -> None:
        """Any names will do."""

    def prepare(self, catalog: Catalog) -> None:
        """Nothing has to be noted."""


@dataclass(frozen=True)
class Shards:
    """Where each clip's row of one task is stored after the work.

    part: index into `parts` of each clip of the catalog, -1 for a failure; row: row in that part. excerpts: names of
    long clips of which excerpts were read.
    """

    catalog: Catalog
    parts: tuple[Path, ...]
    part: NDArray[np.int64]
    row: NDArray[np.int64]
    failures: tuple[Failure, ...]
    computed: int
    reused: int
    excerpts: tuple[str, ...] = ()

    def rows(self) -> Iterator[tuple[Clip, NDArray[Any]]]:
        """Each clip that succeeded and its row, in catalog order, with a few parts in memory at a time."""
        loaded: dict[int, Sequence[NDArray[Any]]] = {}
        for index, clip in enumerate(self.catalog.clips):
            part = int(self.part[index])
            if part < 0:
                continue
            if part not in loaded:
                while len(loaded) >= PARTS_IN_MEMORY:
                    loaded.pop(next(iter(loaded)))
                loaded[part] = read_part(self.parts[part])
            yield clip, loaded[part][self.row[index]]


class _Plan(NamedTuple):
    """Remaining work of one task: the key of each clip, and whether the clip is still to be done, shape (clips,)."""

    task: ClipTask
    keys: list[str]
    waiting: NDArray[np.bool_]


class _Work(NamedTuple):
    """A clip of a shard, and its key for each task that still needs it, None for the others."""

    clip: Clip
    keys: tuple[str | None, ...]


def run_shards(
    catalog: Catalog, tasks: Sequence[ClipTask], workers: int = 1, progress: Progress | None = None
) -> list[Shards]:
    """Run the tasks on all clips of the catalog and store the results in each task's folder of parts.

    The caller holds the folders. workers: processes; 1: this one. progress: called with (done, total, failed)
    from time to time. The result does not depend on `workers`, nor on which tasks run together. Raises TonearmError
    if a worker process was killed; finished results are kept.
    """
    for task in tasks:
        if not is_url(task.parts):  # object stores have no folders
            task.parts.mkdir(parents=True, exist_ok=True)
        clear_leftovers(task.parts)
    plans = [_plan(catalog, task) for task in tasks]
    failures = _work_off(catalog, plans, workers, progress or ignore_progress)
    return [_locate(catalog, plan, failed) for plan, failed in zip(plans, failures, strict=True)]


def _plan(catalog: Catalog, task: ClipTask) -> _Plan:
    digest = task.digest
    keys = [clip_key(clip, digest) for clip in catalog.clips]
    known = find_known(paths := part_files(task.parts))
    new = [(clip, key) for clip, key in zip(catalog.clips, keys, strict=True) if key not in known]
    if known and new and isinstance(task, PartsOnly) and adopt_moved(task.parts, digest, new):
        known = find_known(paths := part_files(task.parts))
    # before the work, since it overwrites files: if it is interrupted and run again with earlier settings, pictures
    # of these settings must not count as pictures of the earlier ones
    keep_parts({known[key].part for key in keys if key in known}, paths)
    waiting = [key not in known or not task.is_kept(clip) for key, clip in zip(keys, catalog.clips, strict=True)]
    return _Plan(task, keys, np.array(waiting, dtype=bool))


def _work_off(catalog: Catalog, plans: Sequence[_Plan], workers: int, progress: Progress) -> list[dict[str, Failure]]:
    """Do the remaining work of the tasks; return the failures of each task by clip."""
    total = len(catalog)
    waiting = np.flatnonzero(np.any([plan.waiting for plan in plans], axis=0)).tolist()
    failures: list[dict[str, Failure]] = [{} for _ in plans]
    done, failed_clips = total - len(waiting), set[str]()
    progress(done, total, 0)
    shards = list(_divide(waiting, worker_count(workers)))
    shared = Shared(tuple(plan.task for plan in plans))
    work = ((shared, [_work(catalog, plans, index) for index in shard]) for shard in shards)
    for clips, failed in run_tasks(_work_on_shard, work, workers if len(shards) > 1 else 1, ordered=False):
        for of_task, of_shard in zip(failures, failed, strict=True):
            of_task.update({failure.name: failure for failure in of_shard})
            failed_clips.update(failure.name for failure in of_shard)
        done += clips
        progress(done, total, len(failed_clips))
    return failures


def _work(catalog: Catalog, plans: Sequence[_Plan], index: int) -> _Work:
    keys = tuple(plan.keys[index] if plan.waiting[index] else None for plan in plans)
    return _Work(catalog.clips[index], keys)


def _divide(waiting: list[int], workers: int) -> Iterator[list[int]]:
    """Shards of the clips, smaller towards the end, so that no worker ends with a long one (Polychronopoulos,
    Kuck, "Guided self-scheduling", IEEE Trans. Computers 36(12), 1987).
    """
    least, most = CLIPS_A_SHARD
    usual = min(most, max(least, len(waiting) // PARTS_WANTED))
    start = 0
    while start < len(waiting):
        size = max(1, min(usual, (len(waiting) - start) // (4 * workers)))
        yield waiting[start : start + size]
        start += size


def _work_on_shard(tasks: tuple[ClipTask, ...], work: list[_Work]) -> tuple[int, list[list[Failure]]]:
    """Compute the clips and write one part per task. Runs in a worker process."""
    keep_freed_memory()
    outputs = [_Output(task) for task in tasks]
    together = max(output.reader.batch for output in outputs)
    with one_thread():  # the number of threads changes the order of sums
        for some in batches(work, together):
            with contextlib.ExitStack() as opened:
                clips = [(item, opened.enter_context(ClipSound(item.clip.path))) for item in some]
                for number, output in enumerate(outputs):
                    output.take([(item.clip, key, sound) for item, sound in clips if (key := item.keys[number])])
    for output in outputs:
        if output.rows:
            write_part(output.task.parts, output.keys, output.rows, output.excerpts, output.contents)
    if any(any(output.excerpts) for output in outputs):
        return_freed_memory()
    return len(work), [output.failures for output in outputs]


class _Output:
    """Results of one task on a shard."""

    def __init__(self, task: ClipTask) -> None:
        self.task = task
        self.reader = opened_once(task.digest, task.open)
        self.keys: list[str] = []
        self.rows: list[NDArray[Any]] = []
        self.excerpts: list[bool] = []
        self.contents: list[ContentKey] = []
        self.failures: list[Failure] = []

    def take(self, clips: Sequence[tuple[Clip, str, ClipSound]]) -> None:
        """Read clips that are currently open."""
        results = read_in_batches(self.reader, [sound for _, _, sound in clips])
        for (clip, key, sound), result in zip(clips, results, strict=True):
            if result.kind:
                self.failures.append(Failure(clip.name, result.kind, result.reason))
            else:
                self.rows.append(self.task.keep(clip, result.values))
                self.keys.append(key)
                self.excerpts.append(result.excerpts)
                unchanged = clip_key(clip, self.task.digest) == key  # since the plan was made, and while it was read
                self.contents.append(content_key(sound, self.task.digest) if unchanged else UNKNOWN)


def clip_key(clip: Clip, digest: str) -> str:
    """Hash of what a clip's result depends on, 32 hexadecimal digits; also defined if the file cannot be read."""
    try:
        state = file_state(clip.path)
    except OSError:
        state = "unseen"
    return hashlib.sha256("\0".join((digest, clip.name, state)).encode(errors="surrogatepass")).hexdigest()[:32]


def _locate(catalog: Catalog, plan: _Plan, failures: dict[str, Failure]) -> Shards:
    """The finished work of a task; parts that no clip needs are removed."""
    parts = plan.task.parts
    known = find_known(paths := part_files(parts))
    nowhere = Place(-1, -1)
    try:
        places = [
            nowhere if clip.name in failures else known[key] for clip, key in zip(catalog.clips, plan.keys, strict=True)
        ]
    except KeyError as error:
        raise OutputError(
            f"{parts}: results were removed while this command was writing them; start the same command again"
        ) from error
    part, row = (np.array([place[axis] for place in places], dtype=np.int64) for axis in (0, 1))
    excerpts = tuple(clip.name for clip, place in zip(catalog.clips, places, strict=True) if place.excerpts)
    keep_parts(set(part.tolist()), paths)
    ordered = tuple(failures[clip.name] for clip in catalog.clips if clip.name in failures)
    computed = int(plan.waiting.sum())
    return Shards(catalog, tuple(paths), part, row, ordered, computed, len(catalog) - computed, excerpts)
