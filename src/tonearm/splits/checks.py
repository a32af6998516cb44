"""Data that cannot be divided as asked are refused, with the classes and numbers that stand in the way."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import Dataset, group_or_own
from tonearm.data.metadata import name_some
from tonearm.errors import SplitError


def groups_of(dataset: Dataset, rows: NDArray[np.intp]) -> NDArray[np.str_]:
    """Each row's group; a row without one has its own."""
    return group_or_own(dataset.groups[rows], rows).astype(str)


def check_class_sizes(labels: NDArray[np.str_], needed: int, method: str) -> None:
    """Raise SplitError where there are too few clips, or with `stratified` too few of a class, for so many parts."""
    counts = Counter(labels.tolist())
    if method == "stratified" and min(counts.values()) < needed:
        small = [f"{label} ({count})" for label, count in sorted(counts.items()) if count < needed]
        raise SplitError(
            f"too few clips to stratify {len(labels)} clips into {needed} parts: {name_some(small)}; add clips, "
            'ask for fewer folds, or choose split.method = "random"'
        )
    if len(labels) < needed:
        raise SplitError(f"{len(labels)} clips cannot be divided into {needed} parts")


def check_groups(dataset: Dataset) -> None:
    """Raise SplitError where a class has a single group, which cannot be both trained and tested on."""
    labels, groups = dataset.labels, groups_of(dataset, np.arange(len(dataset)))
    small = [label for label in dataset.classes if len(set(groups[labels == label])) < 2]
    if small:
        raise SplitError(
            "classes with a single artist or recording cannot be trained and tested apart: "
            f"{evidence(dataset, small)}; add others, leave the class out, or choose "
            'split.method = "stratified" and read its scores as optimistic'
        )


def check_fold_count(labels: NDArray[np.str_], groups: NDArray[np.str_], needed: int) -> None:
    """Raise SplitError where there are fewer groups, or fewer clips of every class, than parts."""
    if len(set(groups)) < needed:
        raise SplitError(f"{len(set(groups))} artists or recordings cannot be divided into {needed} parts")
    largest = max(Counter(labels.tolist()).values())
    if largest < needed:
        raise SplitError(f"no class has the {needed} clips that {needed} parts need; the largest has {largest}")


def evidence(dataset: Dataset, labels: Sequence[str]) -> str:
    """How many clips and groups the data hold of each class."""
    groups = groups_of(dataset, np.arange(len(dataset)))
    return name_some(
        [
            f"{label} (clips: {np.sum(dataset.labels == label)}, groups: {len(set(groups[dataset.labels == label]))})"
            for label in labels
        ]
    )
