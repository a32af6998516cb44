"""predictions.csv and history.csv: their writers, and beside them their only readers, both a row at a time."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RunError
from tonearm.evaluation.scores import Scores, predicted
from tonearm.experiment.facts import RunFacts
from tonearm.experiment.records import ADVICE, DamagedError, FoldsRecord, read_record, read_rows
from tonearm.runtime.files import read_csv, write_csv

PREDICTIONS_CSV, HISTORY_CSV = "predictions.csv", "history.csv"
RUN_JSON, FOLDS_JSON = "run.json", "folds.json"  # which say how many predictions there are
FIXED = ("part", "filename", "truth", "prediction")


@dataclass(frozen=True)
class PartResult:
    """What the model predicts of one part: names and truth, shape (clips,), probabilities (clips, labels)."""

    names: NDArray[np.object_]
    truth: NDArray[np.object_]
    probabilities: NDArray[np.float64]
    scores: Scores


@dataclass(frozen=True)
class PredictionTable:
    """The rows of predictions.csv. Columns of shape (rows,); probabilities of shape (rows, labels)."""

    parts: NDArray[np.object_]
    names: NDArray[np.object_]
    truth: NDArray[np.object_]
    predictions: NDArray[np.object_]
    probabilities: NDArray[np.float64]
    labels: tuple[str, ...]

    def of_part(self, part: str) -> "PredictionTable":
        """The rows of one part."""
        return self._rows(self.parts == part)

    @property
    def unseen(self) -> "PredictionTable":
        """The rows of clips that the model was not trained on."""
        return self._rows(self.parts != "train")

    def _rows(self, rows: NDArray[np.bool_]) -> "PredictionTable":
        if rows.all():
            return self  # no second copy of the probabilities
        return PredictionTable(
            self.parts[rows],
            self.names[rows],
            self.truth[rows],
            self.predictions[rows],
            self.probabilities[rows],
            self.labels,
        )


def write_predictions(path: Path, labels: Sequence[str], parts: dict[str, PartResult]) -> None:
    """One row for each clip and part: its truth, its prediction and the probability of each label."""
    write_csv(path, (*FIXED, *(f"p_{label}" for label in labels)), _rows(labels, parts))


def _rows(labels: Sequence[str], parts: dict[str, PartResult]) -> Iterator[list[Any]]:
    for part, result in parts.items():
        best = [labels[column] for column in predicted(result.probabilities)]
        for name, truth, label, row in zip(result.names, result.truth, best, result.probabilities, strict=True):
            yield [part, name, truth, label, *row.tolist()]


def read_predictions(folder: Path) -> PredictionTable:
    """predictions.csv of the folder. Raises RunError where it is missing or damaged."""
    path = folder / PREDICTIONS_CSV
    if not path.is_file():
        raise RunError(f"{folder}: holds no {PREDICTIONS_CSV}, so it is neither a run nor an experiment")
    fixed, numbers = [], array("d")  # a Python number takes four times the memory
    try:
        rows = read_csv(path)
        header = next(rows, [])
        if tuple(header[:4]) != FIXED:
            raise ValueError(f"its first columns are {', '.join(header[:4])}")
        for number, row in enumerate(rows, start=2):
            if len(row) != len(header):
                raise ValueError(f"row {number} has {len(row)} cells and the header {len(header)}")
            fixed.append(row[:4])
            numbers.extend(map(float, row[4:]))
        if not fixed:
            raise ValueError("it has no rows")
        parts, names, truth, predictions = np.array(fixed, dtype=object).T
        probabilities = np.frombuffer(numbers, dtype=np.float64).reshape(len(fixed), len(header) - 4)
        labels = tuple(column.removeprefix("p_") for column in header[4:])
        table = PredictionTable(parts, names, truth, predictions, probabilities, labels)
        _check(table, _clips(folder))
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path}: is damaged ({error}); {ADVICE}") from error
    return table


def _clips(folder: Path) -> dict[str, int] | None:
    """How many predictions of each part the folder's other files say that there are; None if they do not."""
    if (folder / RUN_JSON).is_file():
        split = read_record(RunFacts, folder / RUN_JSON, ADVICE).split
        return split.clips if split else None
    if (folder / FOLDS_JSON).is_file():
        clips = read_record(FoldsRecord, folder / FOLDS_JSON, "run the command again").clips
        return None if clips is None else {"test": clips}
    return None


def _check(table: PredictionTable, clips: dict[str, int] | None) -> None:
    """Raise ValueError where rows are missing, or are no probabilities of their prediction."""
    names, counts = np.unique(table.parts.astype(str), return_counts=True)
    found = dict(zip(names.tolist(), counts.tolist(), strict=True))
    if clips is not None and found != {part: number for part, number in clips.items() if number}:
        raise ValueError(f"it has {found} predictions, and {clips} clips were predicted")
    probabilities = table.probabilities
    if len(table.labels) < 2 or len(set(table.labels)) < len(table.labels):
        raise ValueError("it does not have a column for each of two or more labels")
    if not np.isfinite(probabilities).all() or (probabilities < 0).any():
        raise ValueError("a probability is not a number from 0 to 1")
    if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-5):
        raise ValueError("the probabilities of a row do not sum to 1")
    labels = np.array(table.labels, dtype=object)
    if (labels[predicted(probabilities)] != table.predictions).any():
        raise ValueError("a prediction is not the label with the highest probability")
    if not set(table.truth) <= set(table.labels):
        raise ValueError("a truth is not one of the labels")


def write_history(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """history.csv: one row for each epoch."""
    write_csv(folder / HISTORY_CSV, rows[0], [list(epoch.values()) for epoch in rows])


def read_history(folder: Path) -> list[dict[str, float | None]]:
    """The numbers of each epoch; [] for a model without epochs. Raises DamagedError."""
    path = folder / HISTORY_CSV
    if not path.exists():
        return []
    rows = read_rows(path, ("epoch",), ADVICE)
    try:
        return [{name: float(value) if value else None for name, value in row.items()} for row in rows]
    except ValueError as error:
        raise DamagedError(f"{path}: is damaged ({error}); {ADVICE}") from error
