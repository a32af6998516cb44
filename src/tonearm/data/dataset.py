"""Rows, labels, groups and the representation they are written in: what splits and models see.

Conventions
-----------
A `Dataset` is what `extract` (or a ready table) gives and everything after it takes. Row i of `X` belongs
to `names[i]`, `labels[i]`, `groups[i]`, `splits[i]`. Strings are numpy object arrays, never pandas ones:
Arrow-backed strings break scikit-learn's indexing.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Dataset:
    """One row a clip.

    X: float64, shape (clips, columns), for features; object array of picture paths, shape (clips,), for
    pictures. names: file name of each clip relative to its folder, unique. labels: class of each clip,
    "" where unknown. groups: artist or recording, "" where unknown. splits: "train", "valid", "test" or "".
    columns: names of X's columns, () for pictures. representation: how X was made, as JSON-ready values;
    a run stores it, and prediction recomputes exactly that.
    """

    X: NDArray[Any]
    names: NDArray[np.object_]
    labels: NDArray[np.object_]
    groups: NDArray[np.object_]
    splits: NDArray[np.object_]
    columns: tuple[str, ...] = ()
    representation: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.X, self.names, self.labels, self.groups, self.splits)}
        if len(lengths) != 1:
            raise ValueError(f"parts of a dataset differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted; "" (unknown) is none."""
        return tuple(sorted({str(label) for label in self.labels} - {""}))

    def take(self, rows: NDArray[Any]) -> "Dataset":
        """The dataset of these rows (integer indices or a boolean mask), in the order given."""
        return replace(
            self,
            X=self.X[rows],
            names=self.names[rows],
            labels=self.labels[rows],
            groups=self.groups[rows],
            splits=self.splits[rows],
        )


def label_codes(truth: NDArray[np.object_], labels: tuple[str, ...]) -> NDArray[np.intp]:
    """The place of each clip's label among the labels, shape (clips,)."""
    return np.array([labels.index(str(label)) for label in truth], dtype=np.intp)
