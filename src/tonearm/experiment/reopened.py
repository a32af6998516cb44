"""A finished experiment opened again: its config, its clips and their parts, and the rows that its models read.

Conventions
-----------
Nothing is computed that a command has computed before: rows come from the tables in the folder, pixels from its packs,
and those of `tonearm demo`, whose two experiments share them, from the folder `representations` beside it. That they
are what a run was trained on is checked by the run's digest, which covers rows, labels, groups, parts and settings.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.config import Config, parse_config
from tonearm.data.dataset import Dataset
from tonearm.data.pictures import open_pack
from tonearm.data.tables import TABLE_EXTENSIONS, is_table, read_table
from tonearm.errors import ConfigError, RunError
from tonearm.experiment.folder import PICTURES, ExperimentFolder, ModelRuns
from tonearm.experiment.inputs import PACKED, ModelInputs
from tonearm.experiment.jobs import Job, job_digest
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.records import DamagedError, read_rows, read_words
from tonearm.experiment.runs import read_facts
from tonearm.experiment.trust import model_source
from tonearm.models import MODELS, ModelSettings, reads
from tonearm.representations.extract import load_rows
from tonearm.representations.registry import known_kind
from tonearm.runtime.names import typed
from tonearm.runtime.owncode import distrusting
from tonearm.runtime.remote import is_url
from tonearm.splits.parts import Split

SHARED_INPUTS = "representations"  # beside the experiments of `tonearm demo`
AGAIN = "run the command again"


@dataclass(frozen=True)
class Clips:
    """Names, labels and groups of an experiment's clips in its order, shape (clips,)."""

    names: NDArray[np.object_]
    labels: NDArray[np.object_]
    groups: NDArray[np.object_]

    def rows_of(self, names: NDArray[np.object_]) -> NDArray[np.intp]:
        """Row numbers of the clips with these names, ascending. Raises KeyError for a name that it lacks."""
        place = {name: row for row, name in enumerate(self.names)}
        return np.sort(np.array([place[name] for name in names], dtype=np.intp))


@dataclass(frozen=True)
class Reopened:
    """An experiment whose last command is done. runs: by model. ranking: trained models, best first."""

    folder: ExperimentFolder
    runs: Mapping[str, ModelRuns]
    ranking: tuple[str, ...]

    @cached_property
    def config(self) -> Config:
        """The effective settings; its paths are as they were given. Raises DamagedError."""
        text = read_words(self.folder.config_toml, AGAIN)
        try:
            with distrusting():  # what the config of a folder names runs only where it is trusted
                return parse_config(tomllib.loads(text))
        except (ConfigError, ValueError) as error:
            raise DamagedError(f"{self.folder.config_toml}: is damaged ({error}); {AGAIN}") from error

    @cached_property
    def clips(self) -> Clips:
        """The clips of splits.csv. Raises DamagedError."""
        rows = read_rows(self.folder.splits_csv, ("filename", "label", "group"), AGAIN)
        columns = [np.array([row[name] for row in rows], dtype=object) for name in ("filename", "label", "group")]
        return Clips(*columns)

    def settings(self, model: str) -> ModelSettings:
        """Settings of one of the models."""
        return self.config.models[model]

    def job(self, model: str, run: str) -> Job:
        """The training that gave a run. run: its path inside the folder, as `runs` has it. Raises RunError."""
        predictions = read_predictions(self.folder.path / run)
        try:
            parts = [self.clips.rows_of(predictions.of_part(part).names) for part in ("train", "valid", "test")]
        except KeyError as error:
            raise DamagedError(f"{self.folder.splits_csv}: lacks the clip {error} of {run}; {AGAIN}") from error
        settings, name = self.settings(model), run.rsplit("/", 1)[-1]
        unfinished = self.folder.unfinished("reopened", model, name)
        entry = MODELS[settings.type]
        folder = self.folder.path / run
        job = Job(model, settings, Split(name, *parts), folder, unfinished, self.folder.path, entry=entry)
        return replace(job, own=model_source(read_facts(folder)))

    def inputs(self, model: str) -> ModelInputs:
        """What the model reads. Raises RunError where that is not in the folder any more."""
        datasets, packs = {}, {}
        for name in reads(self.settings(model)):
            if known_kind(name).gives == "rows":
                datasets[name] = self._in_order(self._table(name), name)
            else:
                facts = read_facts(self.folder.path / self.runs[model].evaluated[0]).representation
                datasets[name], packs[name] = self._pictures(name, facts)
        return ModelInputs(datasets, packs, (), 0)

    def check(self, job: Job, data: ModelInputs) -> None:
        """Raise RunError where the run was not trained on these inputs, or also on what they do not hold."""
        if read_facts(job.folder).copies:
            raise RunError(
                f"{job.folder}: was also trained on changed copies of clips ([augment]), which only `run` reads"
            )
        if job_digest(job, data, self.config) != read_facts(job.folder).digest:
            raise RunError(
                f"{job.folder}: was not trained on the {' + '.join(reads(job.settings))} that are there now; {AGAIN}"
            )

    def _homes(self) -> list[ExperimentFolder]:
        path = self.folder.path if is_url(self.folder.path) else self.folder.path.resolve()
        return [self.folder, ExperimentFolder(path.parent / SHARED_INPUTS)]

    def _table(self, name: str) -> Dataset:
        if is_table(self.config.data.folder):
            return read_table(self.config.data)[0]
        for home in self._homes():
            folder = home.representation(name)
            if folder.is_dir():
                return load_rows(folder, name)
        if Path(self.config.data.folder).suffix.lower() in TABLE_EXTENSIONS:
            raise RunError(f"{self.config.data.folder}: the table that {self.folder.path} was trained on is not there")
        raise RunError(f"{self.folder.representation(name)}: the rows that the models read are not there; {AGAIN}")

    def _in_order(self, dataset: Dataset, name: str) -> Dataset:
        """The rows of the experiment's clips, in their order, with its labels and groups. Raises RunError."""
        place = {clip: row for row, clip in enumerate(dataset.names)}
        missing = next((clip for clip in self.clips.names if clip not in place), None)
        if missing is not None:
            raise RunError(f"{self.folder.path}: {missing!r} has no row of {name} any more; {AGAIN}")
        rows = dataset.X[[place[clip] for clip in self.clips.names]]
        return self._dataset(rows, dataset.columns, dataset.representation)

    def _dataset(self, X: NDArray[Any], columns: tuple[str, ...], facts: dict[str, Any]) -> Dataset:
        clips = self.clips
        nowhere = np.full(len(clips.names), "", dtype=object)
        return Dataset(X, clips.names, clips.labels, clips.groups, nowhere, columns, facts)

    def _pictures(self, kind: str, facts: dict[str, Any]) -> tuple[Dataset, Path]:
        """The pictures' paths as the pack of their pixels knows them, and the folder of the pack."""
        folder = next((pack for home in self._homes() if (pack := home.path / PICTURES / PACKED / kind).is_dir()), None)
        if folder is None:
            raise RunError(f"{self.folder.path / PICTURES / PACKED / kind}: the pixels are not there; {AGAIN}")
        try:
            known = open_pack(folder).places
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedError(f"{folder}: is damaged ({type(error).__name__}: {error}); {AGAIN}") from error
        for ending in ("{kind}/{name}.png", "{name}"):  # drawn by tonearm, or ready pictures
            endings = [ending.format(kind=kind, name=typed(name)) for name in self.clips.names]
            first = next((path for path in known if path.endswith("/" + endings[0])), None)
            if first is not None:
                start = first.removesuffix(endings[0])
                paths = np.array([start + each for each in endings], dtype=object)
                if all(path in known for path in paths):
                    return self._dataset(paths, (), facts), folder
        raise RunError(f"{folder}: lacks pictures of the experiment's clips; {AGAIN}")


def reopen(path: str | Path) -> Reopened:
    """The experiment in a folder. Raises RunError where it is none, is damaged, or its command has not ended."""
    folder = ExperimentFolder(path)
    manifest = folder.opened()
    return Reopened(folder, manifest.models, manifest.ranking)
