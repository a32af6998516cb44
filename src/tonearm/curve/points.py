"""One training of a curve: a model on a subset of a split's training part, judged by the split's clips, and kept.

Conventions
-----------
`curve/points/<digest>.json` is written at once when a training ends, by the process that ran it; the digest is that
of the settings, the clips and the subset, so a curve that was killed, or was given more sizes, trains only what is
missing. What is kept is whether the model was right on each judged clip: everything that a curve says follows from it.
A training that fails is kept with its reason, and tried again by the next command.
"""

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tonearm.config import Config
from tonearm.curve.folder import CurveFolder
from tonearm.data.dataset import label_codes
from tonearm.errors import model_failure
from tonearm.evaluation.scores import predicted
from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.jobs import Job, fit_job
from tonearm.experiment.records import Bits, DamagedError, Record, from_bits, read_record, to_bits
from tonearm.experiment.runs import probabilities
from tonearm.experiment.training_alone import one_training
from tonearm.models.python import check_probabilities
from tonearm.runtime.files import write_json
from tonearm.runtime.progress import quietly
from tonearm.splits.parts import Rows


class Point(Record):
    """The file of a training. right: "1" or "0" for each judged clip, in the order of the split; "" where it failed."""

    digest: str
    state: Literal["done", "failed"]
    reason: str
    right: Bits
    seconds: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _answered(self) -> Self:
        if (self.state == "done") != bool(self.right):
            raise ValueError("it has answers if and only if the training is done")
        return self

    def answers(self) -> NDArray[np.bool_]:
        """Whether the model was right, shape (judged clips,)."""
        return from_bits(self.right)


def subset_job(whole: Job, rows: Rows, folder: CurveFolder) -> Job:
    """The training on some rows of the training part. whole: that on all of it, with its digest."""
    digest = hashlib.sha256(whole.digest.encode() + np.asarray(rows, dtype=np.int64).tobytes()).hexdigest()
    unfinished = folder.unfinished(digest)
    return replace(whole, split=replace(whole.split, train=rows), unfinished=unfinished, digest=digest)


def known_point(job: Job, tell: Callable[[str], None]) -> Point | None:
    """The training from its file, where it is this very one and need not be run again.

    tell: called where the file is damaged, so that the training has to be run again.
    """
    path = CurveFolder(job.out).point(job.digest)
    if not path.exists():
        return None
    try:
        kept = read_record(Point, path, "the training is run again")
    except DamagedError as error:
        tell(f"note: {error}")
        return None
    whole = len(kept.right) == len(job.split.judged)
    return kept if kept.state == "done" and kept.digest == job.digest and whole else None


def train_point(job: Job, data: ModelInputs, config: Config) -> Point:
    """Train, judge and keep."""
    job.register()
    start = time.perf_counter()
    right, reason = "", ""
    try:
        with one_training(f"models.{job.name}, {job.split.name}", job.own):
            right = to_bits(_right(job, data, config))
    except Exception as error:  # whatever a model raises is a training that failed
        reason = model_failure(error)
    shutil.rmtree(job.unfinished, ignore_errors=True)
    point = Point(
        digest=job.digest,
        state="failed" if reason else "done",
        reason=reason,
        right=right,
        seconds=time.perf_counter() - start,
    )
    write_json(CurveFolder(job.out).point(job.digest), point.model_dump())
    return point


def _right(job: Job, data: ModelInputs, config: Config) -> NDArray[np.bool_]:
    classifier = fit_job(job, data, config, quietly)
    dataset, judged = data.of(job.settings), job.split.judged
    found = probabilities(classifier, dataset.X[judged], dataset.classes)
    check_probabilities(job.settings, found)
    right: NDArray[np.bool_] = predicted(found) == label_codes(dataset.labels[judged], dataset.classes)
    return right
