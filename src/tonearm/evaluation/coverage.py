"""Accuracy against the share of clips that are answered, the most confident answers first.

Conventions
-----------
The risk-coverage curve of El-Yaniv, Wiener, "On the foundations of noise-free selective classification", JMLR 11, 2010,
upside down: a model that answers only where its probability reaches a threshold leaves clips out, and is right more
often on the others. The points are thresholds with equal shares of the answers between them, equals undivided. The band
is pointwise: at each point 95 %, by resampled groups; where all answers are right, resampling shows no spread, and its
lower end is the exact one of as many observations as there are groups (Clopper, Pearson 1934).

A model whose probability says nothing of whether it is right has a flat curve; how well it ranks right answers above
wrong ones is the area under the ROC curve of its probability (`ranking`): 0.5 by chance, 1 at best.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.evaluation.uncertainty import LEVEL, Interval, bootstrap

POINTS = 50


class Coverage(NamedTuple):
    """Share answered, ascending, and accuracy among these; shape (points,). band: interval of each accuracy."""

    share: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    band: tuple[Interval, ...]


def coverage_curve(confidence: NDArray[np.float64], right: NDArray[np.bool_], groups: NDArray[np.object_]) -> Coverage:
    """Accuracy of the most confident answers.

    confidence: probability of each answer, right: whether it is right, groups: as `group_or_own` gives them; shape
    (answers,).
    """
    thresholds = _thresholds(confidence)
    # the point from which on an answer counts: ascending thresholds, so that equals fall on one side
    place = len(thresholds) - np.searchsorted(thresholds[::-1], confidence, side="right")
    hits = np.where(right, len(thresholds) + place, -1)
    cells = np.column_stack([place, hits]).astype(np.intp)

    def accuracy(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        answered, found = np.split(sums.cumsum(axis=1), 2, axis=1)
        with np.errstate(invalid="ignore"):
            share: NDArray[np.float64] = (found - answered[:, -1:]) / answered
        return share

    total = np.bincount(cells[cells >= 0], minlength=2 * len(thresholds)).astype(np.float64)[None]
    answered = total[0, : len(thresholds)].cumsum()
    band = bootstrap(accuracy, np.zeros((len(right), 0)), groups, cells=(cells, 2 * len(thresholds)))
    values = accuracy(total)[0]
    for point in np.flatnonzero(values == 1.0):
        known = len(set(groups[place <= point]))
        band[point] = Interval(((1 - LEVEL) / 2) ** (1 / known), 1.0)
    return Coverage(answered / len(right), values, tuple(band))


def covered(confidence: NDArray[np.float64], right: NDArray[np.bool_], accuracy: float) -> float:
    """The largest share of clips, the most confident first, on which the answers have at least this accuracy.

    It is what these answers had, and promises nothing of others (`sureness` does).

    >>> covered(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True]), 0.75)
    1.0
    >>> covered(np.array([0.9, 0.8, 0.7, 0.7]), np.array([True, True, True, False]), 0.9)
    0.5
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    last_of_equals = np.append(ranked[:-1] != ranked[1:], True)
    enough = np.flatnonzero(last_of_equals & (share >= accuracy - 1e-12))
    return float(enough[-1] + 1) / len(order) if len(enough) else 0.0


def ranking(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: probability that a right answer has a higher confidence than a wrong one.

    Equals count one half (Mann, Whitney 1947). NaN where all answers are right, or all are wrong.

    >>> ranking(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))
    0.5
    """
    from scipy.stats import rankdata

    hits = int(right.sum())
    misses = len(right) - hits
    if not hits or not misses:
        return float("nan")
    return float((rankdata(confidence)[right].sum() - hits * (hits + 1) / 2) / (hits * misses))


def _thresholds(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Thresholds with equal shares of the answers between them, the highest first; the last one is reached by all."""
    ranked = np.sort(confidence)[::-1]
    places = np.ceil(len(ranked) * np.arange(1, POINTS + 1) / POINTS).astype(int) - 1
    found: NDArray[np.float64] = np.unique(ranked[places])[::-1]
    return found
