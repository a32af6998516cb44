"""Folders of runs, models and experiments to a paired comparison.

Conventions
-----------
What is compared are the predictions of the evaluated part: the test, all folds' test parts together, or the last
part that a run has. Which folders these are is the results folder's matter (`lookup.evaluated_folders`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tonearm.evaluation.compare import Answers, Comparison, compare
from tonearm.experiment.lookup import evaluated_folders, owner_of, read_division
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.runs import judged_part
from tonearm.runtime.files import read_csv_rows


def compare_folders(folders: Sequence[str | Path]) -> Comparison:
    """Compare run folders, models' folders, and all models of experiments.

    Raises RunError where a folder is none of these, or its runs are not those of the experiment's last command.
    """
    expanded = [folder for given in folders for folder in evaluated_folders(Path(given))]
    groups: dict[str, str] = {}
    for folder in expanded:
        groups |= read_groups(folder)
    names = _short_names(expanded)
    return compare([read_answers(folder, name) for folder, name in zip(expanded, names, strict=True)], groups)


def read_answers(folder: Path, run: str) -> Answers:
    """The predictions of the folder's evaluated part. Raises RunError where there are none."""
    table = read_predictions(folder)
    table = table.of_part(judged_part(table.parts))
    right: dict[str, list[bool]] = {}
    for name, truth, prediction in zip(table.names, table.truth, table.predictions, strict=True):
        right.setdefault(name, []).append(truth == prediction)
    method, digest = read_division(folder)
    return Answers(run, tuple(right), np.array(list(right.values())), digest, method)


def read_groups(folder: Path) -> dict[str, str]:
    """Group of each clip by its name, from the experiment or sweep that the folder is in; {} for a copied folder."""
    owner = owner_of(folder)
    # an experiment of layout 1 has its runs beside splits.csv, or one folder lower
    candidates = [owner.splits_csv] if owner else [parent / "splits.csv" for parent in list(folder.parents)[:2]]
    for path in candidates:
        if path.is_file():
            return {row["filename"]: row["group"] for row in read_csv_rows(path)}
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
