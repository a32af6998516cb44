"""predictions.csv and history.csv: their writers, and beside them their only readers."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RunError
from tonearm.evaluation.scores import Scores, predicted
from tonearm.runtime.files import write_csv

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
    rows = []
    for part, result in parts.items():
        best = [labels[column] for column in predicted(result.probabilities)]
        for name, truth, label, row in zip(result.names, result.truth, best, result.probabilities, strict=True):
            rows.append([part, name, truth, label, *row.tolist()])
    write_csv(path, (*FIXED, *(f"p_{label}" for label in labels)), rows)


def read_predictions(folder: Path) -> PredictionTable:
    """predictions.csv of the folder. Raises RunError where it is missing or damaged."""
    path = folder / PREDICTIONS_CSV
    if not path.is_file():
        raise RunError(f"{folder}: holds no {PREDICTIONS_CSV}, so it is neither a run nor an experiment")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        if tuple(header[:4]) != FIXED or not rows:
            raise ValueError(f"its first columns are {', '.join(header[:4])}" if rows else "it has no rows")
        fixed = np.array([row[:4] for row in rows], dtype=object)
        numbers = np.array([[float(value) for value in row[4:]] for row in rows]).reshape(len(rows), len(header) - 4)
    except (OSError, ValueError, IndexError) as error:
        raise RunError(f"{path}: is damaged ({error}); train the model again") from error
    parts, names, truth, predictions = fixed.T
    return PredictionTable(
        parts, names, truth, predictions, numbers, tuple(column.removeprefix("p_") for column in header[4:])
    )


def write_history(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """history.csv: one row for each epoch."""
    write_csv(folder / HISTORY_CSV, rows[0], [list(epoch.values()) for epoch in rows])


def read_history(folder: Path) -> list[dict[str, float | None]]:
    """The numbers of each epoch; [] for a model without epochs."""
    path = folder / HISTORY_CSV
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(value) if value else None for name, value in row.items()} for row in rows]
