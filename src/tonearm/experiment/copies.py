"""Copies of clips for training: what is computed of them, beside the clips and together with them.

Conventions
-----------
Copies are computed once for all clips, in the same pass, and lie in `augmented/<copy>/`. A training takes those of its
training clips (`ModelInputs.training_rows`); nothing else sees them: they are no clips, so no split, search, alarm,
score or count has them. Networks hold no copies out for validation. A scikit-learn estimator that divides its training
rows itself, as the SVM does to sharpen its probabilities, cannot tell copies from clips.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.config import Config
from tonearm.data.catalog import Catalog
from tonearm.data.dataset import Dataset
from tonearm.data.pictures import dataset_of
from tonearm.errors import ConfigError
from tonearm.models import reads
from tonearm.representations.augmented import Alteration, alterations, augmented
from tonearm.representations.base import digest_of
from tonearm.representations.extract import FAILURES_CSV, Extraction
from tonearm.representations.image_files import ImagesTask
from tonearm.representations.registry import represent
from tonearm.representations.row_files import RowsTask
from tonearm.runtime.owncode import Source

AUGMENTED = "augmented"
Task = RowsTask | ImagesTask


@dataclass(frozen=True)
class CopyTask:
    """A task on one copy of each clip. of: the task on the clips themselves."""

    task: Task
    of: str
    copy: int


def refuse_copies(config: Config, what: str) -> None:
    """Raise ConfigError where copies are asked for and there is no sound. what: there is instead."""
    if config.augment.object:
        raise ConfigError(f"augment.object: changes the sound of clips, and {config.data.folder} {what}; leave it out")


def code_of_copies(config: Config) -> tuple[Alteration, ...]:
    """What is done for each copy; () where nothing is augmented. Raises ConfigError."""
    return alterations(config.augment, config.audio.sr, config.train.seed)


def copy_tasks(tasks: Sequence[Task], made: Sequence[Alteration], config: Config, out: Path) -> list[CopyTask]:
    """The tasks on the copies, for the tasks on the clips."""
    found = []
    for alteration in made:
        for task in tasks:
            folder = out / AUGMENTED / str(alteration.copy) / task.folder.name
            representation = augmented(task.representation, alteration, config.audio)
            mine = replace(task, representation=representation, folder=folder)
            found.append(CopyTask(mine, task.representation.name, alteration.copy))
    return found


def read_copies(
    copies: Sequence[CopyTask], done: Sequence[Extraction], catalog: Catalog
) -> tuple[dict[str, Dataset], list[str]]:
    """The rows of all copies by representation, the same copies in the same order; and notes.

    Raises ConfigError where no copy could be made.
    """
    tables: dict[int, dict[str, Dataset]] = {}
    for one, each in zip(copies, done, strict=True):
        if not each.usable:
            raise ConfigError(f"augment.object: not one copy could be made: {each.failures[0].reason}")
        tables.setdefault(one.copy, {})[one.of] = dataset_of_task(one.task, catalog, each)
    notes: list[str] = []
    tables = {copy: shared_clips(datasets) for copy, datasets in tables.items()}
    for each in done:
        broken = [failure for failure in each.failures if failure.kind == "augment"]
        if broken:
            failures = each.out / FAILURES_CSV
            notes.append(f"{_copies(len(broken), 'was', 'were')} not made: {broken[0].reason} ({failures})")
    found = {name: joined([tables[copy][name] for copy in tables]) for name in next(iter(tables.values()))}
    made = len(next(iter(found.values())))
    notes.append(
        f"{_copies(made, 'is', 'are')} there, changed by augment.object; a model trains on those of its "
        "training clips, and none is evaluated"
    )
    return found, notes


def dataset_of_task(task: Task, catalog: Catalog, done: Extraction) -> Dataset:
    """The data set of the clips, or of their copies, that have a result."""
    if isinstance(task, RowsTask):
        return task.load()
    failed = {failure.name for failure in done.failures}
    clips = [clip for clip in catalog.clips if clip.name not in failed]
    return dataset_of(clips, [str(task.path(clip)) for clip in clips], task.representation.facts())


def shared_clips(datasets: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """The data sets without the clips that one of them lacks."""
    everywhere = reduce(set.intersection, ({*dataset.names} for dataset in datasets.values()))
    return _with_names(datasets, everywhere)


def _with_names(datasets: Mapping[str, Dataset], names: Container[str]) -> dict[str, Dataset]:
    return {
        key: dataset.take(np.array([clip in names for clip in dataset.names], dtype=bool))
        for key, dataset in datasets.items()
    }


def joined(datasets: Sequence[Dataset]) -> Dataset:
    """Data sets of the same columns, one below the other."""

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(one, name) for one in datasets])

    X, names, labels, groups, splits, artists = map(column, ("X", "names", "labels", "groups", "splits", "artists"))
    return replace(datasets[0], X=X, names=names, labels=labels, groups=groups, splits=splits, artists=artists)


def only(copies: Mapping[str, Dataset], clips: Dataset) -> dict[str, Dataset]:
    """The copies of these clips alone."""
    return _with_names(copies, set(clips.names))


def inputs_digest(config: Config) -> str:
    """What decides the rows that the config's only model reads, and those of the copies."""
    [settings] = config.models.values()
    facts = represent(reads(settings), config).facts()
    copies = {"augment": [one.facts() for one in code_of_copies(config)]} if config.augment.object else {}
    return digest_of(facts | copies)


def code(made: Sequence[Alteration]) -> tuple[tuple[Source, str], ...]:
    """The user's own function, and what it is used as."""
    return ((made[0].source, "augment"),) if made else ()


def _copies(number: int, one: str, many: str) -> str:
    return f"1 copy {one}" if number == 1 else f"{number:,} copies {many}"
