"""Clips on which an exported model is compared with its run: given files, or those that the run was made with.

Conventions
-----------
A run inside its experiment has the rows of its features there. For one that reads sound, and for a copied run, the
clips are looked for under the folder that its config names.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.catalog import list_files
from tonearm.data.dataset import Dataset
from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.data.pictures import is_picture_folder
from tonearm.data.tables import is_table, read_table
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.errors import ExportError, RunError, TonearmError
from tonearm.experiment.lookup import owner_of
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.reopened import reopen
from tonearm.experiment.runs import CONFIG_TOML, Run
from tonearm.runtime.remote import file_of, place
from tonearm.settings import DataSettings

MOST_ROWS, MOST_FILES = 500, 20
Rows = tuple[list[str], NDArray[Any]]


def rows_to_check(run: Run, columns: Sequence[str], given: Sequence[Path]) -> Rows | None:
    """Names and rows of clips, from a table among those given or from the run's experiment; None if there are none.

    columns: the run's. Raises ExportError where a given table lacks one.
    """
    if given:
        tables = [path for path in given if is_table(path)]
        return _of_table(tables[0], columns) if tables else None
    table = place(config_of(run).get("folder", ""))
    if is_table(table) and table.is_file():
        return _of_table(table, columns)
    owner = owner_of(run.folder)
    if owner is None:
        return None
    try:
        experiment = reopen(owner.path)
        model = experiment.folder.model_of(run.folder.resolve())
        dataset = experiment.inputs(model).of(experiment.settings(model))
    except (TonearmError, KeyError):
        return None  # a sweep, or its rows are not there any more; the clips themselves may be
    return _rows(dataset, columns) if set(columns) <= set(dataset.columns) else None


def _of_table(path: Path, columns: Sequence[str]) -> Rows:
    dataset, _ = read_table(DataSettings(folder=str(path)), whole=True)
    missing = [column for column in columns if column not in dataset.columns]
    if missing:
        raise ExportError(f"{path}: lacks {len(missing)} of the run's columns, such as {missing[0]!r}")
    return _rows(dataset, columns)


def _rows(dataset: Dataset, columns: Sequence[str]) -> Rows:
    """These columns of clips whose numbers are finite."""
    X = dataset.X[:, [dataset.columns.index(column) for column in columns]]
    usable = np.flatnonzero(np.isfinite(X).all(axis=1))
    usable = usable[spread(len(usable), MOST_ROWS)]
    return [str(name) for name in dataset.names[usable]], X[usable]


def files_to_check(run: Run, given: Sequence[Path]) -> list[Path]:
    """The given files and those of the given folders, or else some of the run's clips that are still there."""
    if given:
        return [file for path in given for file in list_files(path, _endings(path))[0]]
    folder = place(config_of(run).get("folder", ""))
    try:
        names = read_predictions(run.folder).names
    except RunError:
        return []
    there = [path for name in dict.fromkeys(names) if (path := file_of(folder, str(name))).is_file()]
    return [there[number] for number in spread(len(there), MOST_FILES)]


def _endings(path: Path) -> frozenset[str]:
    return PICTURE_EXTENSIONS if is_picture_folder(path) else EXTENSIONS


def config_of(run: Run) -> dict[str, Any]:
    """`[data]` of the run's config, {} where that is not there."""
    try:
        found = tomllib.loads((run.folder / CONFIG_TOML).read_text(encoding="utf-8")).get("data", {})
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def spread(count: int, most: int) -> NDArray[np.intp]:
    """Numbers of at most so many of some things, evenly spread, the first and the last among them.

    >>> spread(3, 5).tolist(), spread(10, 4).tolist()
    ([0, 1, 2], [0, 3, 6, 9])
    """
    return np.unique(np.rint(np.linspace(0, count - 1, min(count, most))).astype(np.intp))
