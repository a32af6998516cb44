"""The work on many clips: in parallel, resumable at any moment, with what failed beside what was done.

Conventions
-----------
A task is a shard, some clips in catalog order; the process that works on it writes its own part file, so
that the driver holds names and never data. A part is written whole or not at all. A clip's result is found
again by its key: name, size and times of change of its file and the fingerprint of what is computed; whatever
of these changes is computed anew, everything else is reused. Failures are never reused: the cause may be gone.
Whoever works in a folder holds it (`hold`) until all that follows from the work is written.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tonearm.data.catalog import Catalog, Clip
from tonearm.errors import ClipError
from tonearm.runtime.files import clear_leftovers, replacing
from tonearm.runtime.locks import hold as hold
from tonearm.runtime.memory import keep_freed_memory
from tonearm.runtime.pool import Shared, run_tasks, worker_count
from tonearm.runtime.remote import file_state, is_url

PARTS = "parts"
CLIPS_A_SHARD = 32, 1024  # docs/scale.md says why: few clips are lost by a kill, and not too many parts are written
PARTS_WANTED = 31_250  # of a million clips; of more, shards grow first
PARTS_IN_MEMORY = 8

Progress = Callable[[int, int, int], None]  # done, total, failed


class Worker(Protocol):
    """What is done with one clip; it travels to the process that does it."""

    @property
    def fingerprint(self) -> str:
        """A digest of all that decides a result beside the clip; `fingerprint` makes one."""

    def compute(self, clip: Clip) -> NDArray[np.float64]:
        """The clip's row of numbers, shape (columns,); files of its own are written before it returns."""

    def is_done(self, clip: Clip) -> bool:
        """Whether all files that `compute` writes for the clip are there."""


class Failure(NamedTuple):
    """A clip that could not be used, and why."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Shards:
    """Where each clip's row lies after the work.

    part: index into `parts` of each clip of the catalog, -1 for a failure; row: row in that part.
    """

    catalog: Catalog
    parts: tuple[Path, ...]
    part: NDArray[np.int64]
    row: NDArray[np.int64]
    failures: tuple[Failure, ...]
    computed: int
    reused: int

    def rows(self) -> Iterator[tuple[Clip, NDArray[np.float64]]]:
        """Each clip that worked and its row, in catalog order, a few parts in memory at a time."""
        loaded: dict[int, NDArray[np.float64]] = {}
        for index, clip in enumerate(self.catalog.clips):
            part = int(self.part[index])
            if part < 0:
                continue
            if part not in loaded:
                while len(loaded) >= PARTS_IN_MEMORY:
                    loaded.pop(next(iter(loaded)))
                loaded[part] = _read_part(self.parts[part])["values"]
            yield clip, loaded[part][self.row[index]]


def run_shards(
    catalog: Catalog, worker: Worker, folder: Path, workers: int = 1, progress: Progress | None = None
) -> Shards:
    """Do the work on all clips of the catalog and keep the results in `folder`/parts.

    The caller holds the folder. workers: processes; 1 works here. progress: called with (done, total, failed)
    now and then. The result does not depend on `workers`. Raises TonearmError where a worker process was
    killed; what is finished is kept.
    """
    parts = folder / PARTS
    if not is_url(parts):  # object stores have no folders
        parts.mkdir(parents=True, exist_ok=True)
    clear_leftovers(parts)
    return _run(catalog, worker, parts, workers, progress or (lambda done, total, failed: None))


def _run(catalog: Catalog, worker: Worker, parts: Path, workers: int, progress: Progress) -> Shards:
    keys = [clip_key(clip, worker.fingerprint) for clip in catalog.clips]
    known = _find_known(parts)
    # before the work, since it replaces files: pictures of these settings must not count as those of earlier ones
    # when it is stopped and the earlier settings come back
    _keep_parts({known[key][0] for key in keys if key in known}, parts)
    waiting = [i for i, clip in enumerate(catalog.clips) if keys[i] not in known or not worker.is_done(clip)]
    reused = len(keys) - len(waiting)
    done, failures = reused, {}
    progress(done, len(keys), 0)
    shards = list(_divide(waiting, worker_count(workers)))
    tasks = ((Shared(worker), [catalog.clips[i] for i in one], [keys[i] for i in one], parts) for one in shards)
    for clips, failed in run_tasks(_work_on_shard, tasks, workers if len(shards) > 1 else 1, ordered=False):
        failures.update({failure.name: failure for failure in failed})
        done += clips
        progress(done, len(keys), len(failures))
    return _locate(catalog, keys, parts, failures, len(waiting), reused)


def _divide(waiting: list[int], workers: int) -> Iterator[list[int]]:
    """Shards of the clips, smaller towards the end, so that no worker is left with a long one (Polychronopoulos,
    Kuck, "Guided self-scheduling", IEEE Trans. Computers 36(12), 1987).
    """
    least, most = CLIPS_A_SHARD
    usual = min(most, max(least, len(waiting) // PARTS_WANTED))
    start = 0
    while start < len(waiting):
        size = max(1, min(usual, (len(waiting) - start) // (4 * workers)))
        yield waiting[start : start + size]
        start += size


def _work_on_shard(worker: Worker, clips: list[Clip], keys: list[str], parts: Path) -> tuple[int, list[Failure]]:
    """Compute the clips and write one part. Runs in a worker process."""
    from threadpoolctl import threadpool_limits

    keep_freed_memory()
    rows, names, failures = [], [], []
    with threadpool_limits(limits=1):  # another number of threads would sum in another order
        for clip, key in zip(clips, keys, strict=True):
            row, failure = attempt(worker, clip)
            if failure:
                failures.append(failure)
            else:
                rows.append(row)
                names.append(key)
    if rows:
        name = hashlib.sha256("".join(names).encode()).hexdigest()[:20]
        with replacing(parts / f"{name}.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, keys=np.array(names), values=np.stack(rows))
    return len(clips), failures


def attempt(worker: Worker, clip: Clip) -> tuple[NDArray[np.float64], Failure | None]:
    """The clip's row, or why there is none: one broken clip never stops the others."""
    nothing = np.zeros(0)
    try:
        row = worker.compute(clip)
    except ClipError as error:
        return nothing, Failure(clip.name, error.kind, error.reason)
    except Exception as error:  # a fault of ours, named in the row
        return nothing, Failure(clip.name, "internal", f"{type(error).__name__}: {error}; please report it")
    if not np.isfinite(row).all():
        return nothing, Failure(clip.name, "nonfinite", "a feature came out as no finite number; please report it")
    return row, None


def clip_key(clip: Clip, fingerprint: str) -> str:
    """What a clip's result depends on, as 32 hexadecimal digits; a file that cannot be seen has its own."""
    try:
        state = file_state(clip.path)
    except OSError:
        state = "unseen"
    return hashlib.sha256("\0".join((fingerprint, clip.name, state)).encode(errors="surrogatepass")).hexdigest()[:32]


def _read_part(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
        return {"keys": part["keys"], "values": part["values"]}


def _part_files(parts: Path) -> list[Path]:
    return sorted(parts.glob("*.npz"), key=lambda path: path.name)


def _find_known(parts: Path) -> dict[str, tuple[int, int]]:
    """Part number (in sorted order of the files) and row of every key that some part holds."""
    known = {}
    for number, path in enumerate(_part_files(parts)):
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
                known.update({str(key): (number, row) for row, key in enumerate(part["keys"])})
        except (ValueError, KeyError, OSError, zipfile.BadZipFile):
            continue  # damaged from outside: its clips count as not done, and it is removed as unused
    return known


def _locate(
    catalog: Catalog, keys: list[str], parts: Path, failures: dict[str, Failure], computed: int, reused: int
) -> Shards:
    """The finished work; parts that no clip needs any more are removed."""
    known = _find_known(parts)
    paths = _part_files(parts)
    places = [(-1, -1) if clip.name in failures else known[key] for clip, key in zip(catalog.clips, keys, strict=True)]
    part, row = np.array(places, dtype=np.int64).reshape(-1, 2).T
    _keep_parts(set(part.tolist()), parts)
    ordered = tuple(failures[clip.name] for clip in catalog.clips if clip.name in failures)
    return Shards(catalog, tuple(paths), part, row, ordered, computed, reused)


def _keep_parts(numbers: set[int], parts: Path) -> None:
    """Remove the parts whose number, in sorted order of the files, is none of these: no clip needs them."""
    for number, path in enumerate(_part_files(parts)):
        if number not in numbers:
            path.unlink()


def fingerprint(representation: dict[str, Any]) -> str:
    """A digest of all that decides a clip's result beside the clip."""
    return hashlib.sha256(json.dumps(representation, sort_keys=True).encode()).hexdigest()
