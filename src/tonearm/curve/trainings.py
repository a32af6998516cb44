"""The trainings of a curve: which they are, and running those that are not there yet."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.config import Config
from tonearm.curve.folder import CurveFolder
from tonearm.curve.points import Point, known_point, subset_job, train_point
from tonearm.curve.subsets import Axis
from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.jobs import Job, check_travels, job_digest
from tonearm.experiment.outlook import outlooks
from tonearm.models import MODELS
from tonearm.runtime.locks import check_held
from tonearm.runtime.owncode import Source
from tonearm.runtime.pool import Shared, on_cluster, run_tasks
from tonearm.runtime.progress import Counting
from tonearm.splits.parts import Division
from tonearm.wording import count

Tell = Callable[[str], None]


class Row(NamedTuple):
    """A row of curve.csv: one training. size, repeat: from 1; all of the training part is one row for all repeats.

    artists, clips: that it was trained on; artists is 0 where none are known. judged: number of clips. accuracy: on
    them, None where it failed.
    """

    model: str
    by: str
    size: int
    split: str
    repeat: int
    artists: int
    clips: int
    judged: int
    accuracy: float | None
    state: str
    reason: str


@dataclass(frozen=True)
class Trainings:
    """One model along one axis. jobs: by size, split and repeat, as the axis's rows."""

    model: str
    axis: Axis
    jobs: tuple[tuple[tuple[Job, ...], ...], ...]

    def each(self) -> Iterator[Job]:
        """All jobs, in order."""
        return (job for size in self.jobs for split in size for job in split)

    def rows(self, artists: NDArray[np.intp], points: Mapping[str, Point]) -> Iterator[Row]:
        """Of curve.csv. artists: see `subsets.artist_codes`. points: what came out, by digest."""
        for size, splits in enumerate(self.jobs, start=1):
            for jobs in splits:
                for repeat, job in enumerate(jobs, start=1):
                    point, judged = points[job.digest], len(job.split.judged)
                    accuracy = float(point.answers().mean()) if point.state == "done" else None
                    amounts = artist_count(artists, job), len(job.split.train), judged
                    names = self.model, self.axis.by, size, job.split.name, repeat
                    yield Row(*names, *amounts, accuracy, point.state, point.reason)


def artist_count(artists: NDArray[np.intp], job: Job) -> int:
    """Number of artists that the job is trained on, 0 where none are known. artists: see `subsets.artist_codes`."""
    return len(np.unique(artists[job.split.train])) if len(artists) else 0


def planned(
    name: str,
    own: Source | None,
    axes: Sequence[Axis],
    data: ModelInputs,
    config: Config,
    division: Division,
    folder: CurveFolder,
) -> list[Trainings]:
    """The trainings of a model along each axis. own: its code, where it is the user's."""
    settings = config.models[name]
    wholes = []
    for split in division.splits:
        job = Job(name, settings, split, folder.points, folder.path, folder.results, False, division.method)
        job = replace(job, entry=MODELS[settings.type], own=own)
        wholes.append(replace(job, digest=job_digest(job, data, config)))
    return [Trainings(name, axis, _jobs(wholes, axis, folder)) for axis in axes]


def _jobs(wholes: Sequence[Job], axis: Axis, folder: CurveFolder) -> tuple[tuple[tuple[Job, ...], ...], ...]:
    """By size, split and repeat. wholes: of each split, on all of its training part."""
    return tuple(
        tuple(
            tuple(subset_job(whole, rows, folder) for rows in repeats)
            for whole, repeats in zip(wholes, splits, strict=True)
        )
        for splits in axis.rows
    )


def train_all(
    trainings: Sequence[Trainings], data: ModelInputs, config: Config, tell: Tell, counting: Counting
) -> dict[str, Point]:
    """What came out of each training by its digest; those that are kept are not run again."""
    jobs = {job.digest: job for each in trainings for job in each.each()}
    points = {digest: point for digest, job in jobs.items() if (point := known_point(job, tell)) is not None}
    waiting = [job for digest, job in jobs.items() if digest not in points]
    there = f", {len(points)} of them there already" if points else ""
    tell(f"{count(len(jobs), 'training')} on parts of the training clips{there}")
    for line in outlooks((job, data) for job in waiting):
        tell(line)
    workers = config.train.workers
    if workers > 1 or on_cluster():
        check_travels({job.name: job for job in waiting}.values())
    work = ((job, Shared(data), Shared(config)) for job in waiting)
    failed = 0
    with counting("curve", "trainings") as progress:
        for done, (job, point) in enumerate(zip(waiting, run_tasks(train_point, work, workers), strict=True), start=1):
            points[job.digest] = point
            failed += point.state == "failed"
            progress(done, len(waiting), failed)
            check_held(job.out)
    return points
