"""Small made-up pictures for the tests: a genre is where its stripes lie."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LABELS = ("blues", "disco", "metal")


def stripes(code: int, seed: int, height: int = 32, width: int = 32) -> NDArray[np.uint8]:
    """Noise with a bright band whose height tells the class."""
    generator = np.random.default_rng(seed)
    picture = generator.integers(0, 90, (height, width, 3))
    top = 2 + code * height // 4
    picture[top : top + height // 6] += 140
    return picture.astype(np.uint8)


def pictures(rows: int, **shape: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pictures as an object array of arrays, and their labels."""
    X = np.empty(rows, dtype=object)
    X[:] = [stripes(row % len(LABELS), row, **shape) for row in range(rows)]
    return X, np.array([LABELS[row % len(LABELS)] for row in range(rows)], dtype=object)


def write_tree(folder: Path, rows: int = 12, **shape: int) -> None:
    """`<genre>/<genre>.<number>.wav.png` of the same pictures."""
    for row in range(rows):
        label = LABELS[row % len(LABELS)]
        path = folder / label / f"{label}.{row:05}.wav.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(stripes(row % len(LABELS), row, **shape)).save(path)
