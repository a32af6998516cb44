"""Small made-up feature tables for the tests of models."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABELS = ("blues", "disco", "metal")


def clouds(rows: int = 120, columns: int = 5, seed: int = 0, spread: float = 1.0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows around one centre a label, columns of very different scale; labels as an object array."""
    generator = np.random.default_rng(seed)
    codes = np.arange(rows) % len(LABELS)
    centres = np.random.default_rng(1).normal(size=(len(LABELS), columns)) * 3.0
    X = (centres[codes] + spread * generator.normal(size=(rows, columns))) * np.logspace(-3, 3, columns) + 7.0
    return X, np.array([LABELS[code] for code in codes], dtype=object)


def write_table(path: Path, X: NDArray[Any], y: NDArray[Any]) -> Path:
    """A feature table of 15 artists a label."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "label", "artist", *(f"c{column}" for column in range(X.shape[1]))])
        for row, label in enumerate(y):
            writer.writerow([f"{row}.wav", label, f"{label} {row // 3 % 15}", *map(repr, X[row].tolist())])
    return path
