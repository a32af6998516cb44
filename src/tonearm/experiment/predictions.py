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
from tonearm.runtime.files import read_csv, read_csv_rows, write_csv

PREDICTIONS_CSV, HISTORY_CSV = "predictions.csv", "history.csv"
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
        rows = self.parts == part
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
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: is damaged ({error}); train the model again") from error
    parts, names, truth, predictions = np.array(fixed, dtype=object).T
    probabilities = np.frombuffer(numbers, dtype=np.float64).reshape(len(fixed), len(header) - 4)
    return PredictionTable(
        parts, names, truth, predictions, probabilities, tuple(column.removeprefix("p_") for column in header[4:])
    )


def write_history(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """history.csv: one row for each epoch."""
    write_csv(folder / HISTORY_CSV, rows[0], [list(epoch.values()) for epoch in rows])


def read_history(folder: Path) -> list[dict[str, float | None]]:
    """The numbers of each epoch; [] for a model without epochs."""
    path = folder / HISTORY_CSV
    if not path.is_file():
        return []
    return [{name: float(value) if value else None for name, value in row.items()} for row in read_csv_rows(path)]
