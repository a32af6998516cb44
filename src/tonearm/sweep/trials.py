"""One trial: a model with one choice of settings, trained and scored on validation clips, kept as a file.

Conventions
-----------
`trials/<digest>.json` is written at once when a trial ends, by the process that ran it; the digest is that of its
settings, its clips and their parts, so a sweep that was killed, or was given more cells, reuses what is finished.
States: "done"; "failed", with the reason (such a trial is tried again when the sweep is started again, since what it
lacked may be installed by then); "pruned", ended early by the median rule; "skipped", never run.

The median rule (Golovin et al., "Google Vizier", KDD 2017, section 3.2.2, in Optuna's form): a training ends at an
epoch at which its lowest validation loss so far is above the median of the losses that the finished trials had there.
"""

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from tonearm.config import Config
from tonearm.errors import model_failure
from tonearm.evaluation.scores import Scores, evaluate, predicted
from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.jobs import Job, fit_job, job_digest
from tonearm.experiment.records import Bits, DamagedError, Record, read_record, to_bits
from tonearm.experiment.runs import probabilities
from tonearm.experiment.training_alone import one_training
from tonearm.models import Model
from tonearm.models.python import check_probabilities
from tonearm.runtime.files import write_json
from tonearm.runtime.owncode import Source
from tonearm.runtime.progress import quietly
from tonearm.splits.parts import Split
from tonearm.sweep.folder import SweepFolder
from tonearm.sweep.grid import describe
from tonearm.training import history

FINISHED_BEFORE_PRUNING = 5  # trials whose median is worth something
EPOCHS_BEFORE_PRUNING = 5
Limits = tuple[tuple[float, ...], ...]  # by split and epoch, the loss above which a training ends


class Pruned(Exception):  # noqa: N818  # no error: the trial is not worth its time
    """The validation loss is above that of most other trials."""


@dataclass(frozen=True)
class Trial:
    """What came out. values: by path. scores: by part ("train", "valid") and name. interval: of the valid accuracy.

    epochs, best_epoch: trained, and whose weights are kept; None for models without epochs, means over inner folds.
    losses: the validation loss of each epoch, by split. right: "1" or "0" for each judged clip, whether the answer is
    right; "" where the trial was not scored.
    """

    values: dict[str, Any]
    state: str
    reason: str = ""
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    interval: tuple[float | None, float | None] = (None, None)
    epochs: float | None = None
    best_epoch: float | None = None
    seconds: float = 0.0
    losses: tuple[tuple[float, ...], ...] = ()
    right: str = ""

    def score(self, name: str, part: str = "valid") -> float:
        """The score, NaN where there is none."""
        return self.scores.get(part, {}).get(name, float("nan"))


@dataclass(frozen=True)
class Task:
    """A trial to be run: its values and config, the splits that judge it, where its file and its state lie.

    limits: of the median rule, () where nothing is pruned. entry: the model's line in `MODELS`. own: its code, where it
    is the user's.
    """

    values: dict[str, Any]
    config: Config
    splits: tuple[Split, ...]
    out: Path
    limits: Limits = ()
    entry: Model | None = None
    own: Source | None = None

    @property
    def model(self) -> str:
        """Name of the model."""
        return next(iter(self.config.models))

    def job(self, split: Split, unfinished: Path) -> Job:
        """The training on one split."""
        folder, state = unfinished / "none", unfinished / split.name
        settings = self.config.models[self.model]
        return Job(self.model, settings, split, folder, state, unfinished, entry=self.entry, own=self.own)

    def digest(self, data: ModelInputs) -> str:
        """A digest of all that decides the trial's scores."""
        each = [job_digest(self.job(split, Path()), data, self.config) for split in self.splits]
        return hashlib.sha256("|".join(each).encode()).hexdigest()


class TrialRecord(Record):
    """The file of a trial: its digest and that of its limits, and what came out; see `Trial`."""

    digest: str
    limits: str
    state: Literal["done", "pruned", "failed", "skipped"]
    reason: str
    scores: dict[str, dict[str, float]]
    interval: tuple[float | None, float | None]
    epochs: float | None
    best_epoch: float | None
    seconds: Annotated[float, Field(ge=0)]
    losses: tuple[tuple[float, ...], ...]
    right: Bits = ""  # which an older tonearm did not write

    @model_validator(mode="after")
    def _scored(self) -> Self:
        for part in ("train", "valid") if self.state == "done" else ():
            found = self.scores.get(part, {})
            if not 0 <= found.get("accuracy", -1.0) <= 1 or "log_loss" not in found:
                raise ValueError(f"it has no accuracy between 0 and 1, or no log loss, of the {part} clips")
        right = self.right.count("1") / max(1, len(self.right))
        if self.right and not math.isclose(right, self.scores.get("valid", {}).get("accuracy", -1.0), abs_tol=1e-9):
            raise ValueError("its answers do not have its accuracy")
        return self


def known_trial(task: Task, data: ModelInputs, tell: Callable[[str], None]) -> Trial | None:
    """The trial from its file, where it is this very one and need not be run again.

    data: as for `run_trial`. tell: called where the file is damaged, so that the trial has to be run again.
    """
    digest = task.digest(data)
    path = _path(task, digest)
    if not path.exists():
        return None
    try:
        kept = read_record(TrialRecord, path, "the trial is run again")
    except DamagedError as error:
        tell(f"note: {error}")
        return None
    scored = kept.state == "done" and len(kept.right) == sum(len(split.valid) for split in task.splits)
    done = scored or (kept.state == "pruned" and kept.limits == _digest(task.limits))
    if kept.digest != digest or not done:
        return None
    return Trial(
        task.values,
        kept.state,
        kept.reason,
        kept.scores,
        kept.interval,
        kept.epochs,
        kept.best_epoch,
        kept.seconds,
        kept.losses,
        kept.right,
    )


def run_trial(task: Task, data: ModelInputs) -> Trial:
    """The trial, trained, scored and kept in its file. data: without the clips of the test."""
    task.job(task.splits[0], task.out).register()
    digest = task.digest(data)
    trial = _train(task, data, SweepFolder(task.out).unfinished(digest[:16]))
    write_json(_path(task, digest), {"digest": digest, "limits": _digest(task.limits), **asdict(trial)})
    return trial


def _path(task: Task, digest: str) -> Path:
    return SweepFolder(task.out).trials / f"{digest[:16]}.json"


def _digest(limits: Limits) -> str:
    return hashlib.sha256(json.dumps(limits).encode()).hexdigest()


def _train(task: Task, data: ModelInputs, unfinished: Path) -> Trial:
    start = time.perf_counter()
    try:
        with one_training(describe(task.values), task.own, (Pruned,)):
            trial = _scored(task, data, unfinished)
    except Pruned as ended:
        trial = Trial(task.values, "pruned", str(ended), seconds=time.perf_counter() - start)
    except Exception as error:  # whatever a model raises is a trial that failed
        trial = Trial(task.values, "failed", model_failure(error), seconds=time.perf_counter() - start)
    shutil.rmtree(unfinished, ignore_errors=True)
    return trial


def _scored(task: Task, data: ModelInputs, unfinished: Path) -> Trial:
    """Train on every split; the validation parts are judged together, the training parts one by one."""
    dataset = data.of(task.config.models[task.model])
    labels, X, y, groups = dataset.classes, dataset.X, dataset.labels, dataset.groups
    seconds, found, train, histories, best = 0.0, [], [], [], []
    for place, split in enumerate(task.splits):
        start = time.perf_counter()
        watch = _Watch(task.limits[place] if task.limits else ())
        classifier = fit_job(task.job(split, unfinished), data, task.config, quietly, watch)
        seconds += time.perf_counter() - start
        found.append(probabilities(classifier, X[split.valid], labels))
        learned = probabilities(classifier, X[split.train], labels)
        check_probabilities(task.config.models[task.model], np.concatenate([found[-1], learned]))
        train.append(evaluate(y[split.train], learned, labels, groups[split.train]))
        histories.append(history(classifier))
        best += [classifier.best_epoch_] if hasattr(classifier, "best_epoch_") else []
    judged = np.concatenate([split.valid for split in task.splits])
    answers = np.concatenate(found)
    valid = evaluate(y[judged], answers, labels, groups[judged])
    right = np.array(labels, dtype=object)[predicted(answers)] == y[judged]
    return Trial(
        task.values,
        "done",
        "",
        {"train": _mean(train), "valid": valid.values},
        _bounds(valid),
        float(np.mean([rows[-1]["epoch"] for rows in histories])) if all(histories) else None,
        float(np.mean(best)) if best else None,
        seconds,
        tuple(tuple(row["valid_loss"] for row in rows if "valid_loss" in row) for rows in histories),
        to_bits(right),
    )


def _mean(scores: Sequence[Scores]) -> dict[str, float]:
    return {name: float(np.mean([one.values[name] for one in scores])) for name in scores[0].values}


def _bounds(scores: Scores) -> tuple[float | None, float | None]:
    """The interval of the accuracy; None where one group gives none."""
    low, high = scores.intervals["accuracy"]
    return (float(low), float(high)) if np.isfinite([low, high]).all() else (None, None)


class _Watch:
    """Raises Pruned at the first epoch whose limit the lowest loss so far is above."""

    def __init__(self, limits: tuple[float, ...]) -> None:
        self.limits = limits
        self.lowest = float("inf")

    def __call__(self, row: dict[str, float]) -> None:
        epoch = int(row["epoch"])
        self.lowest = min(self.lowest, row.get("valid_loss", float("inf")))
        if EPOCHS_BEFORE_PRUNING < epoch <= len(self.limits) and self.lowest > self.limits[epoch - 1]:
            raise Pruned(
                f"ended at epoch {epoch}: its lowest validation loss, {self.lowest:.3f}, is above the median of the "
                f"trials before it, {self.limits[epoch - 1]:.3f}"
            )


def median_limits(trials: Sequence[Trial]) -> Limits:
    """The medians of the finished trials' losses, by split and epoch; () while too few are finished.

    >>> def loses(*losses):
    ...     return Trial({}, "done", losses=(losses,))
    >>> median_limits([loses(3, 2), loses(4, 1), loses(5), loses(6, 5), loses(7, 5), loses(8, 5)])
    ((5.5, 5.0),)
    >>> median_limits([loses(1.0)])
    ()
    """
    curves = [trial.losses for trial in trials if trial.state == "done" and all(trial.losses)]
    if len(curves) < FINISHED_BEFORE_PRUNING:
        return ()
    limits = []
    for split in zip(*curves, strict=True):
        medians = []
        for epoch in range(max(map(len, split))):
            there = [losses[epoch] for losses in split if len(losses) > epoch]
            if len(there) < FINISHED_BEFORE_PRUNING:
                break
            medians.append(float(np.median(there)))
        limits.append(tuple(medians))
    return tuple(limits)
