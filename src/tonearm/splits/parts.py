"""What a division is: row numbers of each part, and what stands in more than one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import Dataset

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """Row numbers of each part, ascending; `valid` or `test` may be empty."""

    name: str
    train: Rows
    valid: Rows
    test: Rows

    @property
    def judged(self) -> Rows:
        """The rows that stand for the model: the test, or the validation where there is none."""
        return self.test if len(self.test) else self.valid


@dataclass(frozen=True)
class Division:
    """The splits, the method that made them (never "auto"), and one plain sentence on how."""

    splits: tuple[Split, ...]
    method: str
    sentence: str


def overlap(dataset: Dataset, split: Split) -> list[str]:
    """Names and groups that stand in more than one part of the split, sorted; [] when nothing crosses."""
    seen: dict[str, set[str]] = {}
    for part in ("train", "valid", "test"):
        rows = getattr(split, part)
        for name in {*dataset.names[rows], *dataset.groups[rows]} - {""}:
            seen.setdefault(name, set()).add(part)
    return sorted(name for name, parts in seen.items() if len(parts) > 1)


def never_trained(dataset: Dataset, split: Split) -> list[str]:
    """Classes that are judged, yet missing from the training part."""
    judged = np.concatenate([split.valid, split.test])
    return sorted(set(dataset.labels[judged]) - set(dataset.labels[split.train]))
