"""One config to a folder of compared runs: data → representation → split → models → scores → leaderboard.

Conventions
-----------
Clips are divided before anything is scaled or fitted. A run whose settings and data have not changed is not trained
again; so a killed experiment, started again, does only what is missing. A model that fails is a row with its
reason, and the others go on. What the folder holds, and which of its runs count, `folder` says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from tonearm.config import Config, to_toml
from tonearm.data.dataset import Dataset
from tonearm.errors import ConfigError, SplitError
from tonearm.evaluation.compare import Comparison, Pair
from tonearm.experiment.adding import add_estimator
from tonearm.experiment.comparison import compare_folders
from tonearm.experiment.folder import ExperimentFolder, ModelRuns
from tonearm.experiment.importance_files import keep_current
from tonearm.experiment.inputs import ModelInputs, read_inputs
from tonearm.experiment.jobs import Job, check_travels, is_finished, job_digest, train_job
from tonearm.experiment.leaderboard import Row, draw_learning_curves, write_leaderboard
from tonearm.experiment.notebook import leaderboard_html, predictions_frame
from tonearm.experiment.outlook import outlooks
from tonearm.experiment.own import own_models
from tonearm.experiment.runs import FINAL, judged_part
from tonearm.experiment.score_files import read_scores
from tonearm.experiment.tracking import check_tracking
from tonearm.experiment.trust import Trust
from tonearm.models import MODELS, reads
from tonearm.runtime.files import write_csv, write_text
from tonearm.runtime.locks import check_held
from tonearm.runtime.owncode import Source
from tonearm.runtime.pool import Shared, check_visible, on_cluster, run_tasks
from tonearm.runtime.progress import Counting, quietly
from tonearm.runtime.remote import anchored
from tonearm.splits.alarms import (
    crossing_artists,
    near_copies,
    raise_or_warn,
    scaled_over_all,
    telling_columns,
    telling_names,
)
from tonearm.splits.divide import divide, final_split
from tonearm.splits.parts import Division, overlap
from tonearm.splits.recordings import crossing_recordings
from tonearm.training.process_group import process_group

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Experiment:
    """What came out: the leaderboard's rows, best first, how the clips were divided, and what was left out.

    runs: of each model, as paths inside `out`. config, data: that it was run with, and read.
    """

    out: Path
    rows: tuple[Row, ...]
    division: Division
    notes: tuple[str, ...]
    unusable: int
    runs: Mapping[str, ModelRuns] = field(default_factory=dict)
    config: Config | None = field(default=None, repr=False, compare=False)
    data: ModelInputs | None = field(default=None, repr=False, compare=False)

    def folder_of(self, row: Row) -> Path:
        """The run folder to predict with: that of the hold-out; with folds that of all clips, or of the first fold."""
        return self.out / self.runs[row.model].predict

    def importance(self, models: Sequence[str] = (), trust: Trust = ()) -> "pd.DataFrame":
        """What the models rely on, a row for each feature family or part of a clip; see `experiment.importance`."""
        from tonearm.experiment.importance import importance_frame

        return importance_frame(self.out, models, trust)

    def add(self, name: str, estimator: Any, reads: str | tuple[str, ...] = "features") -> "Experiment":
        """The experiment with one more model, a scikit-learn estimator, judged on the same rows of the same parts.

        Raises ConfigError like `adding.add_estimator`.
        """
        return add_estimator(self, name, estimator, reads)

    def predictions(self) -> "pd.DataFrame":
        """The answers to the evaluated clips as a data frame (`notebook.predictions_frame`)."""
        return predictions_frame(self._answers)

    @overload
    def compare(self) -> Comparison: ...

    @overload
    def compare(self, first: str, second: str) -> Pair: ...

    def compare(self, first: str = "", second: str = "") -> Comparison | Pair:
        """The paired tests of all models, or that of two of them, corrected for all pairs of the experiment.

        Raises RunError where a name is none of the trained models, or only one was trained.
        """
        found = compare_folders([*self._answers.values()])
        return found.pair(first, second) if first or second else found

    @property
    def _answers(self) -> dict[str, Path]:
        """The folder of each trained model's answers."""
        return {row.model: self.out / self.runs[row.model].answers for row in self.rows if not row.error}

    def _repr_html_(self) -> str:
        return leaderboard_html(self.rows, self.division.sentence, self.compare().sentence() if self._answers else "")


def run_experiment(
    config: Config,
    out: Path,
    tell: Callable[[str], None] = lambda line: None,
    counting: Counting = quietly,
    workers: int = 1,
    data: ModelInputs | None = None,
) -> Experiment:
    """Train and evaluate every model of the config on every split; write everything to the folder `out`.

    tell: called with each progress line. counting: opens a progress display. workers: processes of the extraction;
    `config.train.workers` those of the training. data: what `read_inputs` gave, where it was read before. Raises
    CatalogError, SplitError and ConfigError where nothing can be trained, and TonearmError where another command
    works in `out`; a model's own failure is a row of the leaderboard. Of several processes that train together
    (`training.process_group`) all return an Experiment, and only that of the first has rows.
    """
    team = process_group(config.train)
    if on_cluster() and config.train.accelerate:
        raise ConfigError("train.accelerate and --cluster are two ways to many processes; choose one")
    if not team.leads:
        tell, counting = (lambda line: None), quietly
    check_tracking(config.track)
    own = own_models(config)
    folder = ExperimentFolder(out)
    with folder.held(team.leads, tell):
        check_visible([config.data.folder, out])
        with team.turn():
            if data is None:
                data = read_inputs(config, out, counting, workers)
        for note in data.notes:
            tell(f"note: {note}")
        division, warnings = divide_data(data, config)
        for line in (*warnings, division.sentence):
            tell(line)
        jobs = [
            replace(job, digest=job_digest(job, data, config)) for job in _jobs(config, data, division, folder, own)
        ]
        runs = _runs(jobs, folder)
        if team.leads:
            folder.begin(runs)
            write_text(folder.config_toml, to_toml(config))
            write_splits(folder.splits_csv, data.clips, division)
        failures = _train_all(jobs, data, config, tell, counting)
        rows: tuple[Row, ...] = ()
        if team.leads:
            rows = _conclude(folder, runs, data, division, config, failures, warnings, tell)
    return Experiment(anchored(out), rows, division, data.notes, data.unusable, runs, config, data)


def _conclude(
    folder: ExperimentFolder,
    runs: Mapping[str, ModelRuns],
    data: ModelInputs,
    division: Division,
    config: Config,
    failures: dict[Path, str],
    warnings: list[str],
    tell: Callable[[str], None],
) -> tuple[Row, ...]:
    """Check the scores, write the leaderboard and the curves, and say in the manifest that the command is done."""
    found = _check_scores(data, division, folder.path, runs, config, failures)
    for line in found:
        tell(line)
    groups = dict(zip(data.clips.names, data.clips.groups, strict=True))
    rows = write_leaderboard(folder, config, division, runs, groups, failures, [*warnings, *found])
    draw_learning_curves(folder, rows, runs)
    folder.tidy(runs)
    ranking = [row.model for row in rows if not row.error]
    keep_current(folder.path, runs, ranking)
    folder.finish(runs, ranking)
    return rows


def divide_data(data: ModelInputs, config: Config) -> tuple[Division, list[str]]:
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


def _jobs(
    config: Config, data: ModelInputs, division: Division, folder: ExperimentFolder, own: Mapping[str, Source]
) -> list[Job]:
    """Every training: each model on each split, and with folds on all clips. own: code of the user's own models."""
    with_final = bool(config.split.folds) and config.split.keep == FINAL
    splits = [(split, not with_final) for split in division.splits]
    if with_final:
        splits.append((final_split(data.clips, config.split, division.method), True))
    return [
        Job(
            name,
            settings,
            split,
            folder.run(name, split.name),
            folder.unfinished(name, split.name),
            folder.path,
            keep,
            division.method,
            entry=MODELS[settings.type],
            own=own.get(name),
        )
        for name, settings in config.models.items()
        for split, keep in splits
    ]


def _runs(jobs: list[Job], folder: ExperimentFolder) -> dict[str, ModelRuns]:
    """What the manifest says of each model; the run to predict with is that of all clips, or else the first."""
    digests: dict[str, dict[str, str]] = {}
    for job in jobs:
        digests.setdefault(job.name, {})[job.split.name] = job.digest
    return {
        name: folder.plan(name, splits, FINAL if FINAL in splits else next(iter(splits)))
        for name, splits in digests.items()
    }


def _check_scores(
    data: ModelInputs,
    division: Division,
    out: Path,
    runs: Mapping[str, ModelRuns],
    config: Config,
    failures: dict[Path, str],
) -> list[str]:
    """Warnings where the trained models' scores and the data together look like a leak. Raises SplitError."""
    accuracies = {}
    for name in config.models:
        folders = [folder for path in runs[name].evaluated if (folder := out / path) not in failures]
        found = [read_scores(folder) for folder in folders]
        judged = [scores[judged_part(scores)] for scores in found]
        if judged:
            accuracies[name] = float(np.mean([scores["scores"]["accuracy"]["value"] for scores in judged]))
    said = []
    for name, dataset in data.datasets.items():
        readers = [model for model, settings in config.models.items() if name in reads(settings)]
        known = [accuracies[model] for model in readers if model in accuracies]
        said.append(near_copies(dataset, division, known, "" if name == "features" else f" by {name}"))
    return raise_or_warn(said, config.split.leaks)


def write_splits(path: Path, dataset: Dataset, division: Division) -> None:
    """Write the CSV of every clip's label, group and part in each split; `compare` reads the groups."""
    parts = np.full((len(dataset), len(division.splits)), "", dtype=object)
    for column, split in enumerate(division.splits):
        for part in ("train", "valid", "test"):
            parts[getattr(split, part), column] = part
    rows = zip(dataset.names, dataset.labels, dataset.groups, *parts.T, strict=True)
    write_csv(path, ("filename", "label", "group", *(split.name for split in division.splits)), rows)


def _train_all(
    jobs: list[Job], data: ModelInputs, config: Config, tell: Callable[[str], None], counting: Counting
) -> dict[Path, str]:
    """Train what is missing; the reason of each job that failed by its folder."""
    failures = {}
    workers = config.train.workers
    states = [is_finished(job, job.digest) for job in jobs]
    for line in outlooks((job, data) for job, (finished, _) in zip(jobs, states, strict=True) if not finished):
        tell(line)
    if workers > 1 or on_cluster():
        check_travels({job.name: job for job in jobs}.values())
    shown = quietly if workers > 1 or on_cluster() else counting  # a display cannot travel to another process
    work = ((job, Shared(data), Shared(config), shown, state) for job, state in zip(jobs, states, strict=True))
    results = run_tasks(train_job, work, workers)
    for job, (said, reason) in zip(jobs, results, strict=True):
        tell(f"{job.name}, {job.split.name}: {said}")
        check_held(job.out)
        if reason:
            failures[job.folder] = reason
    return failures
