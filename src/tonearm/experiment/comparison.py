"""Folders of runs, models and experiments, and tables of answers made elsewhere, to a paired comparison.

Conventions
-----------
What is compared are the predictions of the evaluated part: the test, all folds' test parts together, or the last
part that a run has. Which folders these are is the results folder's matter (`lookup.evaluated_folders`).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tonearm.errors import RunError
from tonearm.evaluation.compare import Answers, Comparison, compare
from tonearm.experiment.foreign import read_foreign
from tonearm.experiment.lookup import evaluated_folders, owner_of, read_division
from tonearm.experiment.predictions import PredictionTable, read_predictions
from tonearm.experiment.records import DamagedError, read_rows
from tonearm.experiment.runs import judged_part


def compare_folders(folders: Sequence[str | Path]) -> Comparison:
    """Compare run folders, models' folders, all models of experiments, and CSV files of answers (`foreign`).

    Raises RunError where a folder is none of these, its runs are not those of the experiment's last command, or a file
    does not answer the clips of the first run.
    """
    tables = [Path(given) for given in folders if Path(given).suffix.lower() == ".csv"]
    expanded = [folder for given in folders if Path(given) not in tables for folder in evaluated_folders(Path(given))]
    if not expanded:
        raise RunError(f"{tables[0]}: answers are compared with those of a run; name a run or an experiment before it")
    groups: dict[str, str] = {}
    answers = []
    for folder, name in zip(expanded, _short_names(expanded), strict=True):
        answers.append(read_answers(folder, name))
        own = read_groups(folder)
        unknown = [clip for clip in answers[-1].names if own and clip not in own]
        if unknown:
            raise DamagedError(f"{folder}: its experiment's splits.csv lacks {unknown[0]!r}; run the command again")
        groups |= own
    notes = []
    for path in tables:
        table = read_judged(expanded[0])
        truth = dict(zip(table.names, table.truth, strict=True))
        found, said = read_foreign(path, answers[0], [truth[name] for name in answers[0].names], table.labels)
        answers.append(found)
        notes += said
    return replace(compare(answers, groups), notes=tuple(notes))


def read_answers(folder: Path, run: str) -> Answers:
    """The predictions of the folder's evaluated part. Raises RunError where there are none."""
    table = read_judged(folder)
    right: dict[str, list[bool]] = {}
    for name, truth, prediction in zip(table.names, table.truth, table.predictions, strict=True):
        right.setdefault(name, []).append(truth == prediction)
    method, digest = read_division(folder)
    return Answers(run, tuple(right), np.array(list(right.values())), digest, method)


def read_judged(folder: Path) -> PredictionTable:
    """The predictions of the folder's evaluated part."""
    table = read_predictions(folder)
    return table.of_part(judged_part(table.parts))


def read_groups(folder: Path) -> dict[str, str]:
    """Group of each clip by its name, from the experiment or sweep that the folder is in; {} for a copied folder."""
    owner = owner_of(folder)
    # an experiment of layout 1 has its runs beside splits.csv, or one folder lower
    candidates = [owner.splits_csv] if owner else [parent / "splits.csv" for parent in list(folder.parents)[:2]]
    for path in candidates:
        if path.is_file():
            rows = read_rows(path, ("filename", "group"), "run the command again")
            return {row["filename"]: row["group"] for row in rows}
    return {}


def _short_names(folders: list[Path]) -> list[str]:
    """For each folder the shortest of its labels that no other folder has, too."""
    labels = [_labels(folder) for folder in folders]
    names = []
    for own in labels:
        unique = (label for level, label in enumerate(own) if [other[level] for other in labels].count(label) == 1)
        names.append(next(unique, own[-1]))
    return names


def _labels(folder: Path) -> tuple[str, str, str]:
    """From the shortest to the longest: model; experiment and model; the whole path. Of a copied run: its path."""
    owner = owner_of(folder)
    if owner is None:
        return folder.name, "/".join(folder.parts[-2:]), str(folder)
    model = owner.model_of(folder)
    return model, f"{owner.path.name}/{model}", str(folder)
