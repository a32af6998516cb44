"""Rows, labels, groups and the representation they are written in: what splits and models see.

Conventions
-----------
A `Dataset` is what `extract` (or a ready table) gives and everything after it takes. Row i of `X` belongs
to `names[i]`, `labels[i]`, `groups[i]`, `splits[i]`. Strings are numpy object arrays, never pandas ones:
Arrow-backed strings break scikit-learn's indexing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Dataset:
    """One row a clip.

    X: float64, shape (clips, columns), for features; object array of picture paths, shape (clips,), for
    pictures. names: file name of each clip relative to its folder, unique. labels: class of each clip,
    "" where unknown. groups: what splits and intervals keep together (an artist, or the copies of one recording),
    "" where nothing is known. splits: "train", "valid", "test" or "". artists: the artist (or whatever
    `data.group_column` names) as the data give it, "" where unknown; by default the groups, before copies are tied.
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
    artists: NDArray[np.object_] = field(default_factory=lambda: np.zeros(0, dtype=object))

    def __post_init__(self) -> None:
        if not len(self.artists):
            object.__setattr__(self, "artists", self.groups)
        parts = (self.X, self.names, self.labels, self.groups, self.splits, self.artists)
        lengths = {len(part) for part in parts}
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
            artists=self.artists[rows],
        )


def group_or_own(groups: Iterable[str], own: Iterable[object]) -> NDArray[np.object_]:
    r"""Each clip's group, or a group of its own, which no artist's name can equal, where it has none; shape (clips,).

    own: what tells each clip from the others, such as its name or its row.

    >>> group_or_own(["Ann", "", "Ann"], range(3)).tolist()
    ['Ann', '\x001', 'Ann']
    """
    return np.array([group or f"\0{clip}" for group, clip in zip(groups, own, strict=True)], dtype=object)


def label_codes(truth: NDArray[np.object_], labels: tuple[str, ...]) -> NDArray[np.intp]:
    """The index of each clip's label among the labels, shape (clips,)."""
    column = {label: index for index, label in enumerate(labels)}
    return np.array([column[str(label)] for label in truth], dtype=np.intp)
