"""One job of an experiment or a sweep: train and evaluate one model on one split, and keep what came out."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.config import Config, to_toml
from tonearm.data.dataset import group_or_own
from tonearm.data.described import extras_of
from tonearm.data.pictures import open_pack
from tonearm.errors import ModelError, RunError, model_failure
from tonearm.evaluation.calibration import calibrate, effect, scale
from tonearm.evaluation.scores import evaluate
from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.predictions import RUN_JSON, PartResult
from tonearm.experiment.runs import (
    Outcome,
    check_run,
    probabilities,
    read_facts,
    save_run,
)
from tonearm.experiment.tracking import tracked
from tonearm.experiment.training_alone import one_training
from tonearm.models import MODELS, Model, ModelSettings, reads
from tonearm.models.python import check_probabilities
from tonearm.runtime.logs import timed
from tonearm.runtime.owncode import Source
from tonearm.runtime.progress import Counting, Progress, listening, quietly
from tonearm.runtime.source import source_digest
from tonearm.splits.parts import Split
from tonearm.training import fit_classifier
from tonearm.training.contract import FittedClassifier, HoldsOut, LearnsByEpochs
from tonearm.training.process_group import process_group

MOMENT = 2.0  # seconds


@dataclass(frozen=True)
class Job:
    """One model on one split; travels to the process that trains it.

    out: folder of the experiment or sweep. folder: the run's. keep: whether the fitted model is written. method: that
    divided the clips. digest: of all that decides the run, "" where it is not computed yet. entry: the model's line
    in `MODELS`, for a process in which a model registered at run time is not known. own: the model's code, where it is
    the user's.
    """

    name: str
    settings: ModelSettings
    split: Split
    folder: Path
    unfinished: Path
    out: Path
    keep: bool = True
    method: str = ""
    digest: str = ""
    entry: Model | None = None
    own: Source | None = None

    def register(self) -> None:
        """Make the model known to this process."""
        if self.entry is not None and self.settings.type not in MODELS:
            MODELS[self.settings.type] = self.entry


def check_travels(jobs: Iterable[Job]) -> None:
    """Raise ModelError where a model that was registered at run time cannot be sent to another process."""
    from joblib.externals.loky.backend.reduction import dumps

    for job in jobs:
        try:
            dumps((job.entry, job.settings, job.own))
        except Exception as error:  # whatever the model's own objects raise
            raise ModelError(
                f"models.{job.name}: a model of type {job.settings.type!r} cannot be sent to another process "
                f"({type(error).__name__}: {error}); set train.workers = 1"
            ) from error


def train_job(
    job: Job, data: ModelInputs, config: Config, counting: Counting, state: tuple[bool, str] | None = None
) -> tuple[str, str]:
    """Train, evaluate and save one model on one split; what to say of it, and why it failed, if it did.

    state: what `is_finished` says of the job, if that was asked before: it reads all files of a run.
    """
    job.register()
    digest = job.digest or job_digest(job, data, config)
    team = process_group(config.train)
    finished, damage = state or is_finished(job, digest)
    if team.agree(finished):
        return "is there already, with the same settings and data", ""
    try:
        with one_training(f"models.{job.name}, {job.split.name}", job.own):
            if not team.leads:
                _help_to_fit(job, data, config)
                return "", ""
            with timed(f"models.{job.name}, {job.split.name}: training and evaluation"):
                outcome = _fit_and_evaluate(job, data, config, digest, counting)
    except Exception as error:  # whatever a model raises is its own failure, and the others go on
        said = model_failure(error)
        return f"failed: {said}", said
    unkept = save_run(job.folder, outcome)
    shutil.rmtree(job.unfinished, ignore_errors=True)
    scores = {part: result.scores.values["accuracy"] for part, result in outcome.parts.items()}
    seconds = outcome.facts["seconds"]["train"]
    told = ", ".join(f"{part} {value:.3f}" for part, value in scores.items())
    copies = outcome.facts.get("copies", 0)
    told += f" accuracy{f' with {copies} copies' if copies else ''}"
    lost = f"; the fitted model is not kept, only its results: {unkept}" if unkept else ""
    return f"{told}, {seconds:.1f} s{damage}{lost}", ""


def _help_to_fit(job: Job, data: ModelInputs, config: Config) -> None:
    """Learn together with the process that leads; only networks are learned by several processes."""
    if isinstance(MODELS[job.settings.type].build(job.settings, config.train), LearnsByEpochs):
        fit_job(job, data, config, quietly)


def fit_job(
    job: Job,
    data: ModelInputs,
    config: Config,
    counting: Counting,
    watch: Callable[[dict[str, float]], None] = lambda row: None,
    callbacks: Sequence[Any] = (),
) -> FittedClassifier:
    """The fitted classifier; one that was killed while it learned goes on where its state was kept.

    watch: called with each epoch's row of the history (see `training.history`), where the model has epochs of torch;
    what it raises ends the training. callbacks: of skorch, for such a model.
    """
    model = MODELS[job.settings.type]
    classifier = model.build(job.settings, config.train)
    dataset, split = data.of(job.settings), job.split
    train, held = split.train, split.valid
    if data.copies and not len(held) and isinstance(classifier, HoldsOut):
        rows, others = classifier.hold_out(dataset.labels[train])  # here, since copies of these must not be trained on
        train, held = train[rows], train[others]
    X, y = data.training_rows(job.settings, train)
    valid = (dataset.X[held], dataset.labels[held]) if len(held) else (None, None)
    fit = partial(model.fit, job.settings) if model.fit else None
    with counting(f"{job.name}, {split.name}", model.steps) as progress, listening(_patient(progress)):
        if isinstance(classifier, LearnsByEpochs):
            epochs = job.settings.model_dump()["epochs"]

            def report(row: dict[str, float]) -> None:
                progress(int(row["epoch"]), epochs, 0)
                watch(row)

            classifier.attach(job.unfinished, data.cache_dir(job.settings), report, callbacks)
        return fit_classifier(classifier, X, y, valid[0], valid[1], fit)


def _patient(progress: Progress) -> Progress:
    """The progress of a training that takes longer than a moment; a quick one needs no lines."""
    start = time.monotonic()

    def tell(done: int, total: int, failed: int) -> None:
        if time.monotonic() - start >= MOMENT:
            progress(done, total, failed)

    return tell


def _fit_and_evaluate(job: Job, data: ModelInputs, config: Config, digest: str, counting: Counting) -> Outcome:
    values = {"split": job.split.name, "train.seed": config.train.seed, **job.settings.model_dump(mode="json")}
    with tracked(config.track, job.out, job.name, job.split.name, values) as training:
        outcome = _outcome(job, data, config, digest, counting, training.callbacks)
        for part, result in outcome.parts.items():
            training.scores |= {f"{part}_{name}": value for name, value in result.scores.values.items()}
    return outcome


def _outcome(
    job: Job, data: ModelInputs, config: Config, digest: str, counting: Counting, callbacks: Sequence[Any]
) -> Outcome:
    dataset = data.of(job.settings)
    split = job.split
    labels = dataset.classes
    start = time.perf_counter()
    classifier = fit_job(job, data, config, counting, callbacks=callbacks)
    X, y = dataset.X, dataset.labels
    train_seconds = time.perf_counter() - start
    start = time.perf_counter()
    there = [part for part in ("train", "valid", "test") if len(getattr(split, part))]
    raw = {part: probabilities(classifier, X[getattr(split, part)], labels) for part in there}
    predict_seconds = time.perf_counter() - start
    check_probabilities(job.settings, np.concatenate(list(raw.values())))
    calibration = None
    # if the validation part is the one evaluated, fitting to it would flatter; folds are calibrated all together
    if config.train.calibrate and not config.split.folds and "valid" in raw and "test" in raw:
        names = dataset.names[split.valid]
        units = group_or_own(dataset.groups[split.valid], names)
        calibration = calibrate(y[split.valid], raw["valid"], labels, names, units, config.train.sure)
    parts, effects = {}, {}
    for part in there:
        rows = getattr(split, part)
        found = scale(raw[part], calibration.temperature) if calibration else raw[part]
        scores = evaluate(y[rows], found, labels, dataset.groups[rows])
        parts[part] = PartResult(dataset.names[rows], y[rows], found, scores)
        if calibration:
            effects[part] = effect(y[rows], raw[part], found, labels, found.max(axis=1) >= calibration.threshold)
    clips = sum(len(result.names) for result in parts.values())
    facts: dict[str, Any] = {
        "digest": digest,
        "model": {"name": job.name, "settings": job.settings.model_dump(mode="json")},
        "labels": list(labels),
        "majority": _majority(y[split.train]),
        "representation": dataset.representation,
        "split": {"name": split.name, "clips": {part: len(result.names) for part, result in parts.items()}},
        "division": {"method": job.method, "digest": _division_digest(dataset.names, split)},
        "calibration": {**calibration.to_json(), "parts": effects} if calibration else None,
        "kept": job.keep,
        "seed": {"split": config.split.seed, "train": config.train.seed},
        "seconds": {"train": train_seconds, "predict_a_clip": predict_seconds / clips},
    }
    own = [(job.own, "model")] if job.own else []
    own += [(source, used) for source, used in data.own if used != "features" or extras_of(dataset.representation)]
    if data.copies:
        facts["copies"] = len(data.copies_of(job.settings, split.train))
    return Outcome(classifier, facts, parts, to_toml(config), not config.split.folds, job.keep, tuple(own))


def _majority(labels: np.ndarray[Any, np.dtype[np.object_]]) -> str:
    """The commonest label, the first in the alphabet among equals."""
    names, counts = np.unique(labels.astype(str), return_counts=True)
    return str(names[np.argmax(counts)])


def _division_digest(names: np.ndarray[Any, np.dtype[np.object_]], split: Split) -> str:
    """What identifies the parts: the names in each, whatever the order of the data."""
    digest = hashlib.sha256()
    for part in ("train", "valid", "test"):
        digest.update("\0".join(sorted(names[getattr(split, part)])).encode(errors="surrogatepass") + b"|")
    return digest.hexdigest()


def job_digest(job: Job, data: ModelInputs, config: Config) -> str:
    """A digest of all that decides the run: settings, code, seeds, rows, labels, groups, and who is in which part."""
    digest = hashlib.sha256()
    dataset = data.of(job.settings)
    model = job.settings.model_dump(mode="json")
    if job.own:  # and not where its file lies
        model |= {"object": job.own.facts()}
    # folds are calibrated when all are there, so that another train.sure trains nothing
    beside = {"workers", *(("calibrate", "sure") if config.split.folds else ())}
    settings = [model, config.train.model_dump(mode="json", exclude=beside)]
    digest.update(json.dumps([settings, dataset.representation], sort_keys=True).encode())
    calibrated = config.train.calibrate and not config.split.folds
    digest.update(_code(MODELS[job.settings.type], calibrated).encode())
    if package := MODELS.package(job.settings.type):
        digest.update(package.encode())
    for column in (dataset.names, dataset.labels, dataset.groups):
        digest.update("\0".join(column).encode(errors="surrogatepass"))
    for copies in [data.copies[name] for name in reads(job.settings)] if data.copies else ():
        digest.update("\0".join(copies.names).encode(errors="surrogatepass"))
        digest.update(np.ascontiguousarray(copies.X).tobytes() if copies.columns else b"copies")
    pack = data.cache_dir(job.settings)
    digest.update(open_pack(pack).digest.encode() if pack else np.ascontiguousarray(dataset.X).tobytes())
    for rows in (job.split.train, job.split.valid, job.split.test):
        digest.update(np.asarray(rows, dtype=np.int64).tobytes() + b"|")
    return digest.hexdigest()


def _code(model: Model, calibrated: bool) -> str:
    """A digest of the code that trains and judges the model; where its rows come from they say themselves."""
    functions = [model.build, model.fit, evaluate, fit_classifier, *([calibrate] if calibrated else [])]
    return source_digest(*sorted({function.__module__ for function in functions if hasattr(function, "__module__")}))


def is_finished(job: Job, digest: str) -> tuple[bool, str]:
    """Whether the run is there, whole; and what is damaged in it, if it is to be made again for that."""
    if not (job.folder / RUN_JSON).is_file():
        return False, ""
    try:
        facts = read_facts(job.folder)
        if facts.digest != digest:
            return False, ""
        check_run(job.folder, job.keep and not facts.unkept)
    except RunError as error:
        return False, f", made again, since {error}"
    return True, ""
