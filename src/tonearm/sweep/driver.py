"""One config with a `[sweep]` to a folder of trials, a ranked table, and the winner as a run.

Conventions
-----------
Clips are divided once. Trials are given a data set without the test clips, so they cannot score them; the winner
(the highest validation accuracy, the lower log loss among equals) is trained on the training clips as
`tonearm run` would train it, and it alone is scored on the test. With split.folds = k the sweep is nested: on each
fold the settings are chosen anew without its test clips, which judges the choosing; then they are chosen once more on
all clips, and that winner is the model to use (Cawley, Talbot, "On over-fitting in model selection", JMLR 11, 2010).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tonearm.config import Config, to_toml
from tonearm.data.dataset import Dataset
from tonearm.data.pictures import is_picture_folder
from tonearm.data.tables import is_table
from tonearm.errors import ConfigError, ModelError, SplitError
from tonearm.experiment.experiment import divide_data, write_splits
from tonearm.experiment.folder import ModelRuns
from tonearm.experiment.folds import conclude_folds
from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.jobs import Job, check_travels, job_digest, train_job
from tonearm.experiment.outlook import outlooks
from tonearm.experiment.own import code_of, own_models
from tonearm.experiment.runs import read_facts
from tonearm.models import MODELS
from tonearm.runtime.files import write_text
from tonearm.runtime.locks import check_held
from tonearm.runtime.pool import Shared, check_visible, on_cluster, run_tasks
from tonearm.runtime.progress import Counting, quietly
from tonearm.settings import SplitSettings
from tonearm.splits.divide import divide, final_split
from tonearm.splits.parts import Division, Rows, Split
from tonearm.sweep.data import DataCache
from tonearm.sweep.folder import NESTED, WINNER, SweepFolder
from tonearm.sweep.grid import Cell, Values, check_paths, describe, expand, plain, swept_model, with_values
from tonearm.sweep.output import judged_winners, write_results
from tonearm.sweep.results import Nested, Results, p_against_winner
from tonearm.sweep.search import search
from tonearm.sweep.trials import Limits, Task, Trial, known_trial, run_trial

Tell = Callable[[str], None]


def run_sweep(
    config: Config,
    out: Path,
    tell: Tell = lambda line: None,
    counting: Counting = quietly,
    workers: int = 1,
    data: ModelInputs | None = None,
) -> Results:
    """Run every trial of `config.sweep` that is not there yet, then the winner; write everything to `out`.

    tell, counting, workers, data: as for `run_experiment`; trials run side by side by `config.train.workers`. Raises
    ConfigError, CatalogError and SplitError where nothing can be tried; a trial's own failure is a row.
    """
    if config.train.accelerate:
        raise ConfigError("train.accelerate is for `tonearm run`; a sweep trains side by side, with train.workers")
    model = swept_model(config)
    base = plain(config, model)
    cells = _cells(config, model)
    for cell in cells:
        with_values(config, model, cell.values)  # all are checked before anything is trained
    own_models(base)
    folder = SweepFolder(out)
    with folder.held(tell=tell):
        check_visible([config.data.folder, out])
        judged_winners(folder.sweep_json)  # which a damaged file does not tell, so that nothing is trained in vain
        cache = DataCache(base, folder, counting, workers, data)
        for note in cache.base.notes:
            tell(f"note: {note}")
        division, warnings = divide_data(cache.base, base)
        for line in (*warnings, division.sentence):
            tell(line)
        folder.begin({})
        write_text(folder.config_toml, to_toml(config))
        write_splits(folder.splits_csv, cache.base.clips, division)
        context = SweepContext(config, model, cells, cache, tell)
        if config.split.folds:
            return _nested(context, folder, division)
        results = context.choose(folder, division)
        _conclude(folder, results)
    return results


def _conclude(folder: SweepFolder, results: Results, runs: dict[str, ModelRuns] | None = None) -> None:
    """Write the results, and say in the manifest that the sweep is done. runs: other than the winner alone."""
    write_results(folder, results)
    if results.winner is None:
        folder.finish({}, ())
        return
    runs = runs or folder.plan(results.model, _digest(results.winner))
    folder.finish(runs, list(runs))


def _digest(run: Path) -> str:
    return read_facts(run).digest


def _nested(context: "SweepContext", folder: SweepFolder, division: Division) -> Results:
    """The results on all clips, with what the folds' winners predict of their own test clips. Raises ModelError."""
    winners, chosen = [], []
    for split in division.splits:
        context.tell(f"{split.name}: settings are chosen without its {len(split.test)} test clips")
        fold = folder.fold(split.name)
        fold.path.mkdir(exist_ok=True)
        fold.begin({})
        results = context.choose(fold, replace(division, splits=(split,)))
        _conclude(fold, results)
        if results.winner is None:
            raise ModelError(f"{split.name}: no trial could be trained; {fold.sweep_md} says why")
        winners.append(results.winner)
        chosen.append((split.name, results.ranked[0].values))
    clips = context.cache.base.clips
    context.tell("all clips: settings are chosen once more, for the model to use")
    last = replace(division, splits=(final_split(clips, context.config.split, division.method),))
    results = context.choose(folder, last)
    groups = dict(zip(clips.names, clips.groups, strict=True))
    together = conclude_folds(folder.nested, winners, results.winner, groups, context.config.train)
    results = replace(results, division=division, nested=Nested(together.tests.scores, tuple(chosen)))
    digests = {f"{split.name}/{WINNER}": _digest(run) for split, run in zip(division.splits, winners, strict=True)}
    if results.winner is not None:
        every = {**digests, WINNER: _digest(results.winner)}
        _conclude(folder, results, {context.model: ModelRuns(tuple(digests), NESTED, WINNER, every)})
    else:
        _conclude(folder, results)
    return results


def _cells(config: Config, model: str) -> tuple[Cell, ...]:
    """The grid's cells, none for a search. Raises ConfigError if nothing is swept, or what is not a setting."""
    settings = config.sweep
    paths = [*settings.grid, *settings.search]
    if not paths:
        raise ConfigError(
            f'sweep: nothing is swept; write [sweep.grid] and under it "models.{model}.epochs" = [10, 20], or such'
        )
    folder = config.data.folder
    check_paths(paths, config, model, ready=is_table(folder) or is_picture_folder(folder))
    if settings.search:
        for path, place in settings.search.items():
            for value in place.choices or (place.low, place.high):
                with_values(config, model, {path: value})
        return ()
    return expand(settings)


@dataclass(frozen=True)
class SweepContext:
    """What every trial of a sweep has in common. cells: of a grid, () for a search."""

    config: Config
    model: str
    cells: tuple[Cell, ...]
    cache: DataCache
    tell: Tell

    def choose(self, folder: SweepFolder, division: Division) -> Results:
        """The trials without the test clips of the only split, and their winner, trained and tested in the folder."""
        rows, splits = _apart(self.config, self.cache.base.clips, division)
        runner = TrialRunner(self, folder.path, rows, splits)
        trials = (
            runner.grid(self.cells) if self.cells else search(self.config.sweep, self.config.train.seed, runner.run)
        )
        judged = rows[np.concatenate([split.valid for split in splits])]
        results = Results(self.config, self.model, division, tuple(trials), len(judged))
        if not results.ranked:
            return results
        p = p_against_winner(results.ranked, self.cache.base.clips.take(judged))
        return replace(results, p=p, winner=_train_winner(results.ranked[0], self, folder, division))


@dataclass(frozen=True)
class TrialRunner:
    """The trials on some clips: which they are, and the splits that judge a trial."""

    context: SweepContext
    out: Path
    rows: Rows
    splits: tuple[Split, ...]
    _seen: dict[int, ModelInputs] = field(default_factory=dict)

    def grid(self, cells: Sequence[Cell]) -> list[Trial]:
        """A trial for each cell, in their order."""
        run = iter(self.run([cell.values for cell in cells if not cell.skipped], ()))
        return [Trial(cell.values, "skipped") if cell.skipped else next(run) for cell in cells]

    def run(self, choices: Sequence[Values], limits: Limits) -> list[Trial]:
        """A trial for each choice of values, in their order; those that are there are not run again."""
        found: dict[int, Trial] = {}
        waiting: dict[int, tuple[Task, ModelInputs]] = {}
        for place, values in enumerate(choices):
            try:
                task, data = self._task(values, limits)
            except ModelError as error:
                found[place] = Trial(values, "failed", str(error))
                continue
            known = known_trial(task, data, self.context.tell)
            if known is None:
                waiting[place] = (task, data)
            else:
                found[place] = known
        for place in sorted(found):
            self._say(found[place], "is there already: " if found[place].state != "failed" else "")
        found |= self._run_waiting(waiting)
        return [found[place] for place in range(len(choices))]

    def _run_waiting(self, waiting: dict[int, tuple[Task, ModelInputs]]) -> dict[int, Trial]:
        done = {}
        tasks = ((task, Shared(data)) for task, data in waiting.values())
        jobs = [(task.job(split, self.out), data) for task, data in waiting.values() for split in task.splits]
        if (workers := self.context.config.train.workers) > 1 or on_cluster():
            check_travels(job for job, _ in jobs[:1])
        for line in outlooks(jobs):
            self.context.tell(line)
        trials = run_tasks(run_trial, tasks, workers)
        for place, trial in zip(waiting, trials, strict=True):
            self._say(trial)
            check_held(self.context.cache.out)
            done[place] = trial
        return done

    def _task(self, values: Values, limits: Limits) -> tuple[Task, ModelInputs]:
        config = with_values(self.context.config, self.context.model, values)
        data = self.context.cache.of(config)
        if id(data) not in self._seen:
            self._seen[id(data)] = data.take(self.rows)
        settings = config.models[self.context.model]
        entry, own = MODELS[settings.type], code_of(self.context.model, settings)
        return Task(values, config, self.splits, self.out, limits, entry, own), self._seen[id(data)]

    def _say(self, trial: Trial, before: str = "") -> None:
        said = trial.reason
        if trial.state == "done":
            said = f"valid {trial.score('accuracy'):.3f}, train {trial.score('accuracy', 'train'):.3f} accuracy"
        self.context.tell(f"{describe(trial.values)}: {before}{said}, {trial.seconds:.1f} s")


def _apart(config: Config, clips: Dataset, division: Division) -> tuple[Rows, tuple[Split, ...]]:
    """Rows of all clips outside the test, and the splits that judge a trial, by their places among these rows."""
    [split] = division.splits
    rows = np.sort(np.concatenate([split.train, split.valid]))
    if config.sweep.folds:
        rest = clips.take(rows)
        method = division.method
        if method == "listed":
            method = "group" if (rest.groups != "").any() else "stratified"
        inner = {"method": method, "folds": config.sweep.folds, "valid": 0.0, "seed": config.split.seed}
        folds = divide(rest, SplitSettings.model_validate(inner)).splits
        return rows, tuple(Split(fold.name, fold.train, fold.test, fold.valid) for fold in folds)
    if not len(split.valid):
        raise SplitError(
            "no clip chooses: trials are judged on validation clips; set split.valid above 0, or sweep.folds = 5"
        )
    train, valid = np.searchsorted(rows, split.train), np.searchsorted(rows, split.valid)
    return rows, (Split(split.name, train, valid, rows[:0]),)


def _train_winner(best: Trial, context: SweepContext, folder: SweepFolder, division: Division) -> Path:
    """Train the winner on the training clips and score it on the test; its run folder. Raises ModelError."""
    config = with_values(context.config, context.model, best.values)
    data, [split], settings = context.cache.of(config), division.splits, config.models[context.model]
    job = Job(context.model, settings, split, folder.winner, folder.unfinished(WINNER), folder.path)
    job = replace(job, method=division.method, own=code_of(context.model, settings))
    job = replace(job, digest=job_digest(job, data, config))
    folder.begin(folder.plan(context.model, job.digest))
    text, reason = train_job(job, data, config, quietly)
    if reason:
        raise ModelError(f"the winner, {describe(best.values)}, cannot be trained on all training clips: {reason}")
    context.tell(f"winner, {describe(best.values)}: {text}")
    return job.folder
