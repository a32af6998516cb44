"""The owner of a results folder: its paths, its lock, its layout, and which of its runs belong to the last command.

Conventions
-----------
```
layout.json       layout, kind, tonearm's version, state of the last command ("running" or "done"), and its runs: for
                  each model the evaluated ones, where their predictions are, the one to predict with; digests of all
config.toml, splits.csv, leaderboard.*, learning_curves.*, importance.*, report/, tensorboard/
features/, …      made by `inputs`
runs/<model>/holdout/, fold1/, …, final/    run folders; folds/ holds the predictions of all folds together
unfinished/<model>/<split>/                 the state of trainings that were killed
```
Runs that an earlier command made stay, so that going back to its settings trains nothing; but a run inside a results
folder counts only where the manifest lists it with the digest that the run itself has. A copied run folder has no
owner and always counts. Folders without layout.json are of layout 1: their run folders load, and nothing else is read.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from tonearm.errors import RunError
from tonearm.experiment.records import MOST_VERSION, DamagedError, LayoutRecord, parse_record, read_checked
from tonearm.experiment.runs import FINAL
from tonearm.representations.base import file_name
from tonearm.representations.registry import known_kind
from tonearm.runtime.files import remove_empty, write_json
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.runtime.locks import hold
from tonearm.runtime.remote import inside, is_url, place

LAYOUT = 2
LAYOUT_JSON, LEADERBOARD_JSON, SWEEP_JSON = "layout.json", "leaderboard.json", "sweep.json"
RUNS, FOLDS, PICTURES = "runs", "folds", "pictures"
COMMANDS = {"experiment": "run", "sweep": "sweep"}


@dataclass(frozen=True)
class ModelRuns:
    """A model's runs in one command, as paths inside the results folder.

    evaluated: the hold-out or the folds. answers: where the predictions are that stand for the model. predict: the
    run to predict with. digests: of each run.
    """

    evaluated: tuple[str, ...]
    answers: str
    predict: str
    digests: Mapping[str, str]


@dataclass(frozen=True)
class Manifest:
    """What layout.json says. ranking: trained models, best first; () until the command is done."""

    kind: str
    state: str
    models: Mapping[str, ModelRuns]
    ranking: tuple[str, ...]

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each run by its path."""
        return {path: digest for runs in self.models.values() for path, digest in runs.digests.items()}


class ResultsFolder:
    """A folder that one command writes: what experiments and sweeps have in common."""

    kind: ClassVar[str]
    foreign: ClassVar[tuple[str, ...]] = ()  # files that only the other command writes

    def __init__(self, path: str | Path) -> None:
        self.path = place(path)
        self.manifest_json = self.path / LAYOUT_JSON
        self.config_toml = self.path / "config.toml"
        self.splits_csv = self.path / "splits.csv"
        self.report = self.path / "report"

    def unfinished(self, *names: str) -> Path:
        """Where a training keeps its state."""
        return self.path.joinpath("unfinished", *names)

    def tensorboard(self, model: str, split: str) -> Path:
        """Where TensorBoard's log of a training is."""
        return self.path / "tensorboard" / model / split

    @contextmanager
    def held(self, leads: bool = True, tell: Callable[[str], None] = lambda line: None) -> Iterator[None]:
        """Keep other commands out of the folder, check that it is ours, and clear what a killed command left.

        leads: of processes that train together, only the leading one holds. tell: called where layout.json is damaged
        and will be made again. Raises TonearmError where another command holds the folder, RunError where it is of
        another layout or kind.
        """
        try:
            self.check_layout()
        except DamagedError as error:
            if any((self.path / name).exists() for name in self.foreign):
                raise
            tell(f"note: {error}: this command does, and makes the file anew")
        if not leads:
            yield
            return
        with hold(self.path):
            clear_leftovers(self.path)
            yield

    def check_layout(self) -> None:
        """Raise RunError where the folder holds results of another layout, or of another command."""
        refuse_older(self.path)
        if self.manifest_json.exists():
            self.manifest()

    def begin(self, models: Mapping[str, ModelRuns]) -> None:
        """Say which runs the command is going to make, before it makes them."""
        self._write("running", models, ())

    def finish(self, models: Mapping[str, ModelRuns], ranking: Sequence[str]) -> None:
        """Say that the command is done. ranking: the models that were trained, best first."""
        self._write("done", models, ranking)

    def _write(self, state: str, models: Mapping[str, ModelRuns], ranking: Sequence[str]) -> None:
        entries = {
            name: {"evaluated": list(runs.evaluated), "answers": runs.answers, "predict": runs.predict}
            | {"digests": dict(runs.digests)}
            for name, runs in models.items()
        }
        facts = {"layout": LAYOUT, "kind": self.kind, "tonearm": version("tonearm"), "state": state}
        write_json(self.manifest_json, {**facts, "ranking": list(ranking), "models": entries})

    def manifest(self) -> Manifest:
        """layout.json. Raises RunError where it is missing, damaged, of a newer layout or of another kind."""
        manifest = read_manifest(self.path)
        if manifest.kind != self.kind:
            raise RunError(
                f"{self.path}: was written by `tonearm {COMMANDS[manifest.kind]}`, and `tonearm "
                f"{COMMANDS[self.kind]}` does not read or write such a folder; choose another one"
            )
        return manifest

    def ranking(self) -> tuple[str, ...]:
        """The trained models, best first; () before a command is done. Raises RunError for a damaged manifest."""
        return self.manifest().ranking if self.manifest_json.exists() else ()

    def finished(self) -> Manifest:
        """The manifest of a command that is done. Raises RunError where it is not."""
        manifest = self.manifest()
        check_done(self.path, manifest)
        return manifest

    def model_of(self, folder: Path) -> str:
        """Name of the model whose run folder it is."""
        relative = inside(self.path, folder).parts
        return relative[1] if relative[0] == RUNS else folder.name


class ExperimentFolder(ResultsFolder):
    """The folder of `tonearm run`."""

    def opened(self) -> Manifest:
        """The manifest of an experiment that is done. Raises RunError where it is none, is damaged, or is not done."""
        self.check_layout()
        if not self.path.is_dir():
            raise RunError(f"{self.path}: there is no such folder; `tonearm run` makes one")
        if not self.manifest_json.is_file():
            raise RunError(
                f"{self.path}: is not an experiment, since it has no {self.manifest_json.name}; `tonearm run` makes one"
            )
        return self.finished()

    kind = "experiment"
    foreign = (SWEEP_JSON,)

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.leaderboard_json = self.path / LEADERBOARD_JSON
        self.leaderboard_csv = self.path / "leaderboard.csv"
        self.leaderboard_md = self.path / "leaderboard.md"
        self.learning_curves = self.path / "learning_curves"

    def representation(self, name: str) -> Path:
        """Where what is computed of the clips is, for a name in a model's `reads`; all pictures are in one folder."""
        return self.path / (PICTURES if known_kind(name).gives == "images" else file_name(name))

    def run(self, model: str, split: str) -> Path:
        """The run folder of a model on a split."""
        return self.path / RUNS / model / split

    def plan(self, model: str, digests: Mapping[str, str], predict: str) -> ModelRuns:
        """The model's runs. digests: of each run by its split, the evaluated ones first. predict: split of the run
        to predict with.
        """
        paths = {split: f"{RUNS}/{model}/{split}" for split in digests}
        evaluated = tuple(path for split, path in paths.items() if split != FINAL)
        answers = evaluated[0] if len(evaluated) == 1 else f"{RUNS}/{model}/{FOLDS}"
        return ModelRuns(evaluated, answers, paths[predict], {paths[split]: digests[split] for split in digests})

    def tidy(self, models: Mapping[str, ModelRuns]) -> None:
        """Remove what earlier commands left of models, or of folds, that are not among these.

        These are the predictions of all folds together, TensorBoard's logs, and empty folders. Runs stay, and the state
        of trainings that were killed: going back to their settings needs them.
        """
        if is_url(self.path):
            return  # an object store has no empty folders, and whole ones are not removed there
        answers = {runs.answers for runs in models.values()}
        for folds in self.path.glob(f"{RUNS}/*/{FOLDS}"):
            if folds.relative_to(self.path).as_posix() not in answers:
                shutil.rmtree(folds)
        logs = self.path / "tensorboard"
        for folder in logs.iterdir() if logs.is_dir() else ():
            if folder.name not in models and folder.is_dir():
                shutil.rmtree(folder)
        for name in (RUNS, "unfinished", logs.name):
            remove_empty(self.path / name)


def read_manifest(path: Path) -> Manifest:
    """layout.json of an experiment or a sweep. Raises RunError where it is missing, damaged or of a newer layout."""
    file, advice = path / LAYOUT_JSON, "run the command again"
    facts = read_checked(file, advice)
    if isinstance(facts, dict) and facts.get("layout") in range(LAYOUT + 1, MOST_VERSION):
        raise RunError(
            f"{path}: has layout {facts['layout']}, written by tonearm {facts.get('tonearm')}; this one reads layout "
            f"{LAYOUT}: upgrade tonearm"
        )
    found = parse_record(LayoutRecord, facts, file, advice)
    models = {
        name: ModelRuns(runs.evaluated, runs.answers, runs.predict, runs.digests) for name, runs in found.models.items()
    }
    return Manifest(found.kind, found.state, models, found.ranking)


def check_done(path: Path, manifest: Manifest) -> None:
    """Raise RunError where the last command was stopped, or still works."""
    if manifest.state != "done":
        command = f"tonearm {COMMANDS[manifest.kind]}"
        raise RunError(f"{path}: the last `{command}` is still running or was stopped; let it end, or start it again")


def refuse_older(path: Path, advice: str = "choose another folder, or remove this one") -> None:
    """Raise RunError where the folder is an experiment or a sweep of layout 1."""
    if (path / LAYOUT_JSON).exists():
        return
    if any((path / name).is_file() for name in (LEADERBOARD_JSON, SWEEP_JSON)):
        raise RunError(
            f"{path}: was written by an older tonearm (layout 1; this one has layout {LAYOUT}); its run folders can "
            f"be used as they are: {advice}"
        )
