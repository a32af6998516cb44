"""One config to a folder of compared runs: data → representation → split → models → scores → leaderboard.

Conventions
-----------
```
config.toml            every effective setting
features/, pictures/   what the models read, where audio was read (`representations`)
splits.csv             which clip is in which part, for every fold
<model>/               its run folder; with k folds <model>/fold1 … , the scores of all folds together, and in
                       <model>/final the model of all clips, which is the one to use
unfinished/            the state of trainings that were killed
tensorboard/           logs for TensorBoard, where `track.tensorboard` wants them
leaderboard.json/.csv/.md, learning_curves.png/.svg
```
Clips are divided before anything is scaled or fitted. A run whose settings and data have not changed is
taken as it is; so a killed experiment, started again, does only what is missing. A model that fails is a
row with its reason, and the others go on.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.config import Config, to_toml
from tonearm.data.dataset import Dataset
from tonearm.data.pictures import open_pack
from tonearm.errors import ConfigError, ModelError, SplitError
from tonearm.evaluation.calibration import calibrate, effect, scale
from tonearm.evaluation.scores import evaluate
from tonearm.experiment.inputs import Counting, Data, quietly, read_data
from tonearm.experiment.leaderboard import Row, draw_learning_curves, run_folders, write_leaderboard
from tonearm.experiment.runs import (
    FINAL,
    MODEL,
    RUN_JSON,
    Outcome,
    PartResult,
    judged_part,
    probabilities,
    read_facts,
    read_scores,
    save_run,
)
from tonearm.experiment.tracking import check_tracking, tracked
from tonearm.models import MODELS, ModelSettings
from tonearm.runtime.files import clear_leftovers, write_csv, write_text
from tonearm.runtime.pool import Shared, check_visible, on_cluster, run_tasks
from tonearm.splits.alarms import (
    crossing_artists,
    near_copies,
    raise_or_warn,
    scaled_over_all,
    telling_columns,
    telling_names,
)
from tonearm.splits.divide import Division, Split, divide, final_split, overlap
from tonearm.splits.recordings import crossing_recordings
from tonearm.training.contract import LearnsByEpochs
from tonearm.training.process_group import process_group

UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Experiment:
    """What came out: the leaderboard's rows, best first, how the split was made, and what was left out."""

    out: Path
    rows: tuple[Row, ...]
    division: Division
    notes: tuple[str, ...]
    unusable: int

    def folder_of(self, row: Row) -> Path:
        """The run folder to predict with: the model's own, with folds that of all clips or of the first fold."""
        final = self.out / row.model / FINAL
        return final if (final / RUN_JSON).is_file() else run_folders(self.out, row.model, self.division)[0]


@dataclass(frozen=True)
class Job:
    """One model on one split; travels to the process that trains it. out: folder of the experiment."""

    name: str
    settings: ModelSettings
    split: Split
    folder: Path
    unfinished: Path
    out: Path
    keep: bool = True


def run_experiment(
    config: Config,
    out: Path,
    tell: Callable[[str], None] = lambda line: None,
    counting: Counting = quietly,
    workers: int = 1,
    data: Data | None = None,
) -> Experiment:
    """Train and evaluate every model of the config on every split; write everything to the folder `out`.

    tell: is handed a line when something was done. counting: opens a progress display. workers: processes of the
    extraction; `config.train.workers` those of the training. data: what `read_data` gave, where it is there already.
    Raises CatalogError, SplitError and ConfigError where nothing can be trained; a model's own failure is a row of
    the leaderboard. Of several processes that train together (`training.team`) all come back with an Experiment,
    and only the first one's has rows.
    """
    team = process_group(config.train)
    if on_cluster() and config.train.accelerate:
        raise ConfigError("train.accelerate and --cluster are two ways to many processes; choose one")
    if not team.leads:
        tell, counting = (lambda line: None), quietly
    check_tracking(config.track)
    out.mkdir(parents=True, exist_ok=True)
    check_visible([config.data.folder, out])
    with team.turn():
        if team.leads:
            clear_leftovers(out)
        if data is None:
            data = read_data(config, out, counting, workers)
    for note in data.notes:
        tell(f"note: {note}")
    dataset = data.clips
    division, warnings = divide_data(data, config)
    for line in (*warnings, division.sentence):
        tell(line)
    if team.leads:
        write_text(out / "config.toml", to_toml(config))
        write_splits(out / "splits.csv", dataset, division)
    jobs = _jobs(config, dataset, division, out)
    failures = _train_all(jobs, data, config, tell, counting)
    if not team.leads:
        return Experiment(out, (), division, data.notes, data.unusable)
    found = _check_scores(data, division, out, config, failures)
    for line in found:
        tell(line)
    groups = dict(zip(dataset.names, dataset.groups, strict=True))
    rows = write_leaderboard(out, config, division, groups, failures, [*warnings, *found])
    draw_learning_curves(out, rows, division)
    return Experiment(out, rows, division, data.notes, data.unusable)


def divide_data(data: Data, config: Config) -> tuple[Division, list[str]]:
    """The division of the clips, and warnings. Raises SplitError where it is impossible, or tears a recording apart."""
    division = divide(data.clips, config.split)
    _check_apart(data.clips, division)
    said = [crossing_recordings(data.clips, data.recordings, division), crossing_artists(data.clips, division)]
    said += [scaled_over_all(data.clips), telling_columns(data.clips, division.splits[0])]
    warnings = raise_or_warn(said, config.split.leaks)
    named = telling_names(data.clips, division.splits[0])
    return division, [*warnings, *([f"warning: {named}"] if named else [])]


def _check_apart(dataset: Dataset, division: Division) -> None:
    """Stop where a group crosses although the split was made by groups: a fault of ours, never to be scored."""
    for split in division.splits:
        shared = overlap(dataset, split) if division.method == "group" else []
        if shared:
            raise SplitError(f"split {split.name}: {shared[0]!r} stands in two parts; please report this")


def _jobs(config: Config, dataset: Dataset, division: Division, out: Path) -> list[Job]:
    """Every training: each model on each split, and with folds on all clips."""
    folded, final = bool(config.split.folds), config.split.keep == FINAL
    jobs = []
    for name, settings in config.models.items():
        folders = run_folders(out, name, division)
        splits = list(division.splits)
        keep = [not (folded and final)] * len(splits)
        if folded and final:
            splits.append(final_split(dataset, config.split, division.method))
            folders.append(out / name / FINAL)
            keep.append(True)
        for split, folder, kept in zip(splits, folders, keep, strict=True):
            jobs.append(Job(name, settings, split, folder, out / UNFINISHED / name / split.name, out, kept))
    return jobs


def _check_scores(data: Data, division: Division, out: Path, config: Config, failures: dict[Path, str]) -> list[str]:
    """Warnings where the trained models' scores and the data together look like a leak. Raises SplitError."""
    accuracies = []
    for name in config.models:
        folders = [folder for folder in run_folders(out, name, division) if folder not in failures]
        found = [read_scores(folder) for folder in folders]
        judged = [scores[judged_part(scores)] for scores in found]
        if judged:
            accuracies.append(float(np.mean([scores["scores"]["accuracy"]["value"] for scores in judged])))
    features = data.datasets.get("features")
    said = "" if features is None else near_copies(features, division, accuracies)
    return raise_or_warn([said], config.split.leaks)


def write_splits(path: Path, dataset: Dataset, division: Division) -> None:
    """Write the CSV of every clip's label, group and part in each split; `compare` reads the groups."""
    parts = np.full((len(dataset), len(division.splits)), "", dtype=object)
    for column, split in enumerate(division.splits):
        for part in ("train", "valid", "test"):
            parts[getattr(split, part), column] = part
    rows = zip(dataset.names, dataset.labels, dataset.groups, *parts.T, strict=True)
    write_csv(path, ("filename", "label", "group", *(split.name for split in division.splits)), rows)


def _train_all(
    jobs: list[Job], data: Data, config: Config, tell: Callable[[str], None], counting: Counting
) -> dict[Path, str]:
    """Train what is not there yet; the reason of each job that failed by its folder."""
    failures = {}
    workers = config.train.workers
    shown = quietly if workers > 1 or on_cluster() else counting  # a display cannot travel to another process
    results = run_tasks(train_job, ((job, Shared(data), Shared(config), shown) for job in jobs), workers)
    for job, (said, reason) in zip(jobs, results, strict=True):
        tell(f"{job.name}, {job.split.name}: {said}")
        if reason:
            failures[job.folder] = reason
    return failures


def train_job(job: Job, data: Data, config: Config, counting: Counting) -> tuple[str, str]:
    """Train, evaluate and save one model on one split; what to say of it, and why it failed, if it did."""
    from threadpoolctl import threadpool_limits

    fingerprint = fingerprint_of(job, data, config)
    team = process_group(config.train)
    if team.agree(_is_finished(job, fingerprint)):
        return "is there already, with the same settings and data", ""
    try:
        # one thread: the same sums in the same order, whatever else runs beside
        with threadpool_limits(limits=1):
            if not team.leads:
                _help_to_fit(job, data, config)
                return "", ""
            outcome = _fit_and_evaluate(job, data, config, fingerprint, counting)
    except ModelError as error:
        return f"failed: {error}", str(error)
    save_run(job.folder, outcome)
    shutil.rmtree(job.unfinished, ignore_errors=True)
    scores = {part: result.scores.values["accuracy"] for part, result in outcome.parts.items()}
    seconds = outcome.facts["seconds"]["train"]
    return ", ".join(f"{part} {value:.3f}" for part, value in scores.items()) + f" accuracy, {seconds:.1f} s", ""


def _help_to_fit(job: Job, data: Data, config: Config) -> None:
    """Learn together with the process that leads; only networks are learned by several processes."""
    if isinstance(MODELS[job.settings.type].build(job.settings, config.train), LearnsByEpochs):
        fit_job(job, data, config, quietly)


def fit_job(
    job: Job,
    data: Data,
    config: Config,
    counting: Counting,
    watch: Callable[[dict[str, float]], None] = lambda row: None,
    callbacks: Sequence[Any] = (),
) -> Any:
    """The fitted classifier; one that was killed while it learned goes on where its state was kept.

    watch: is handed each epoch's row of the history (see `training.history`), where the model has epochs of torch;
    what it raises ends the training. callbacks: of skorch, for such a model.
    """
    from tonearm.training import fit_classifier

    classifier = MODELS[job.settings.type].build(job.settings, config.train)
    dataset, split = data.of(job.settings), job.split
    X, y = dataset.X, dataset.labels
    valid = (X[split.valid], y[split.valid]) if len(split.valid) else (None, None)
    with counting(f"{job.name}, {split.name}", "epochs") as progress:
        if isinstance(classifier, LearnsByEpochs):
            epochs = job.settings.model_dump()["epochs"]

            def report(row: dict[str, float]) -> None:
                progress(int(row["epoch"]), epochs, 0)
                watch(row)

            classifier.attach(job.unfinished, data.cache_dir(job.settings), report, callbacks)
        return fit_classifier(classifier, X[split.train], y[split.train], *valid)


def _fit_and_evaluate(job: Job, data: Data, config: Config, fingerprint: str, counting: Counting) -> Outcome:
    values = {"split": job.split.name, "train.seed": config.train.seed, **job.settings.model_dump(mode="json")}
    with tracked(config.track, job.out, job.name, job.split.name, values) as training:
        outcome = _outcome(job, data, config, fingerprint, counting, training.callbacks)
        for part, result in outcome.parts.items():
            training.scores |= {f"{part}_{name}": value for name, value in result.scores.values.items()}
    return outcome


def _outcome(
    job: Job, data: Data, config: Config, fingerprint: str, counting: Counting, callbacks: Sequence[Any]
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
    calibration = None
    # where the validation clips are the judges too, fitting to them would flatter; a final model is judged by its folds
    if config.train.calibrate and "valid" in raw and ("test" in raw or split.name == FINAL):
        calibration = calibrate(y[split.valid], raw["valid"], labels, config.train.sure)
    parts, effects = {}, {}
    for part in there:
        rows = getattr(split, part)
        found = scale(raw[part], calibration.temperature) if calibration else raw[part]
        scores = evaluate(y[rows], found, labels, dataset.groups[rows])
        parts[part] = PartResult(dataset.names[rows], y[rows], found, scores)
        if calibration:
            effects[part] = effect(y[rows], raw[part], found, labels, calibration.threshold)
    clips = sum(len(result.names) for result in parts.values())
    facts = {
        "fingerprint": fingerprint,
        "model": {"name": job.name, "settings": job.settings.model_dump(mode="json")},
        "labels": list(labels),
        "majority": _majority(y[split.train]),
        "representation": dataset.representation,
        "split": {"name": split.name, "clips": {part: len(result.names) for part, result in parts.items()}},
        "calibration": {**calibration.to_json(), "parts": effects} if calibration else None,
        "kept": job.keep,
        "seed": {"split": config.split.seed, "train": config.train.seed},
        "seconds": {"train": train_seconds, "evaluate_a_clip": (time.perf_counter() - start) / clips},
    }
    return Outcome(classifier, facts, parts, to_toml(config), not config.split.folds, job.keep)


def _majority(labels: np.ndarray[Any, np.dtype[np.object_]]) -> str:
    """The commonest label, the first in the alphabet among equals."""
    names, counts = np.unique(labels.astype(str), return_counts=True)
    return str(names[np.argmax(counts)])


def fingerprint_of(job: Job, data: Data, config: Config) -> str:
    """A digest of all that decides the run: model, settings, seeds, rows, labels, groups, and who is in which part."""
    digest = hashlib.sha256()
    dataset = data.of(job.settings)
    settings = [job.settings.model_dump(mode="json"), config.train.model_dump(mode="json", exclude={"workers"})]
    digest.update(json.dumps([settings, dataset.representation], sort_keys=True).encode())
    revision = MODELS[job.settings.type].revision
    if revision > 1:  # nothing for the first, so that runs from before revisions stay finished
        digest.update(f"revision {revision}".encode())
    for column in (dataset.names, dataset.labels, dataset.groups):
        digest.update("\0".join(column).encode(errors="surrogatepass"))
    pack = data.cache_dir(job.settings)
    digest.update(open_pack(pack).fingerprint.encode() if pack else np.ascontiguousarray(dataset.X).tobytes())
    for rows in (job.split.train, job.split.valid, job.split.test):
        digest.update(np.asarray(rows, dtype=np.int64).tobytes() + b"|")
    return digest.hexdigest()


def _is_finished(job: Job, fingerprint: str) -> bool:
    there = (job.folder / RUN_JSON).is_file() and read_facts(job.folder).get("fingerprint") == fingerprint
    return there and (not job.keep or (job.folder / MODEL).is_dir())
