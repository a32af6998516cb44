"""Uncertainty of scores: intervals that respect groups; and McNemar's test, which does not.

Conventions
-----------
Clips of one artist or recording are not independent, so groups are resampled, never clips. If no groups are
known, each clip is its own. A score is a function of sums over groups, so a matrix product resamples many repeats
at once. What each clip merely counts in (its class, its prediction) is kept as numbers of cells, so that the memory
does not grow with clips x classes. Intervals are two-sided 95 % unless stated otherwise.

Sources: B. Efron, R. Tibshirani, "An introduction to the bootstrap", 1993; T. Hesterberg, "What teachers
should know about the bootstrap", American Statistician 69(4), 2015 (the expanded percentile interval);
Q. McNemar, Psychometrika 12, 1947; S. Holm, Scandinavian Journal of Statistics 6, 1979.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

REPEATS = 2_000
LEVEL = 0.95
WEIGHTS_AT_A_TIME = 1_000_000  # 8 MB of them, however many groups there are


class Interval(NamedTuple):
    """Two-sided bounds of a score."""

    low: float
    high: float


def resampled(sums: NDArray[np.float64], repeats: int = REPEATS, seed: int = 0) -> NDArray[np.float64]:
    """Sums over bootstrap samples of the groups, shape (repeats, ...).

    sums: of each group, shape (groups, ...). The draws do not depend on how many are drawn at a time.
    """
    return np.concatenate([weights @ sums for weights in _weights(len(sums), repeats, seed)])


def _weights(count: int, repeats: int, seed: int, columns: int = 1) -> Iterator[NDArray[np.float64]]:
    """How often each group is drawn, a block of repeats at a time, shape (some, groups).

    columns: of the sums that are made of a block, which bound its size too.
    """
    at_a_time = max(1, WEIGHTS_AT_A_TIME // max(count, columns))
    generator = np.random.default_rng(seed)
    shares = np.full(count, 1.0 / count)
    for start in range(0, repeats, at_a_time):
        yield generator.multinomial(count, shares, size=min(at_a_time, repeats - start)).astype(np.float64)


def sums_by_group(values: NDArray[np.floating], groups: NDArray[np.object_]) -> NDArray[np.float64]:
    """Sums of the rows of `values`, shape (clips, ...), over each group, shape (groups, ...)."""
    member = _member(groups)
    sums = np.zeros((member.max() + 1, *values.shape[1:]))
    np.add.at(sums, member, values)
    return sums


def _member(groups: NDArray[np.object_]) -> NDArray[np.intp]:
    """Number of each clip's group, shape (clips,)."""
    _, member = np.unique(groups.astype(str), return_inverse=True)
    return member


def _counts_by_group(cells: NDArray[np.intp], cell_count: int, groups: NDArray[np.object_]) -> Any:
    """How often the clips of each group count in each cell, a sparse array of shape (cells, groups)."""
    from scipy.sparse import csc_array

    member = _member(groups)
    of_group = np.broadcast_to(member[:, None], cells.shape)
    there = cells >= 0
    shape = (cell_count, int(member.max()) + 1)
    return csc_array((np.ones(int(there.sum())), (cells[there], of_group[there])), shape=shape)


def bootstrap(
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    values: NDArray[np.floating],
    groups: NDArray[np.object_],
    repeats: int = REPEATS,
    seed: int = 0,
    cells: tuple[NDArray[np.intp], int] | None = None,
) -> list[Interval]:
    """Intervals of scores that are functions of sums over clips.

    values: what is summed, shape (clips, parts). score: from sums, shape (repeats, parts), to scores, shape
    (repeats,) or (repeats, scores), each repeat by itself. groups: shape (clips,). cells: numbers of the cells that
    each clip adds 1 to, shape (clips, any), -1 for none, and how many cells there are: their counts are the first
    columns of the sums. Returns one interval per score. With a single group nothing can be resampled: the bounds
    are NaN.

    >>> right = np.repeat([1.0, 0.0], 50)
    >>> each = np.array([str(i) for i in range(100)], dtype=object)
    >>> values = np.column_stack([right, np.ones(100)])
    >>> [interval] = bootstrap(lambda sums: sums[:, 0] / sums[:, 1], values, each)
    >>> round(interval.low, 1), round(interval.high, 1)
    (0.4, 0.6)
    """
    sums = sums_by_group(values, groups)
    counts = None if cells is None else _counts_by_group(*cells, groups)
    blocks = []
    for weights in _weights(len(sums), repeats, seed, 0 if cells is None else cells[1]):
        drawn = weights @ sums
        if counts is not None:
            drawn = np.hstack([(counts @ weights.T).T, drawn])
        scores = score(drawn)
        blocks.append(scores.reshape(len(scores), -1))
    return [percentile_interval(column, len(sums)) for column in np.concatenate(blocks).T]


def percentile_interval(scores: NDArray[np.float64], groups: int) -> Interval:
    """Percentiles of resampled scores, shape (repeats,), a little wider than 2.5 and 97.5, as Student's t is wider than
    the normal distribution.

    Repeats in which the score is undefined (no clip of a class was drawn) are left out.
    """
    scores = scores[np.isfinite(scores)]
    if groups < 2 or not len(scores):
        return Interval(float("nan"), float("nan"))
    tail = expanded_tail(groups)
    low, high = np.quantile(scores, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def expanded_tail(groups: int) -> float:
    """Probability in each tail with which the percentile interval of `groups` groups keeps its level."""
    import scipy.stats

    t = scipy.stats.t.ppf((1.0 - LEVEL) / 2, groups - 1)
    return float(scipy.stats.norm.cdf(t * np.sqrt(groups / (groups - 1))))


def mcnemar_exact(a_right: NDArray[np.bool_], b_right: NDArray[np.bool_]) -> float:
    """Two-sided p for equal error rates of two models, from the clips on which exactly one of them is right.

    a_right, b_right: shape (clips,). Clips count as independent, unlike in the test by groups.
    """
    import scipy.stats

    only_a = int(np.sum(a_right & ~b_right))
    only_b = int(np.sum(b_right & ~a_right))
    if only_a + only_b == 0:
        return 1.0
    return float(scipy.stats.binomtest(only_a, only_a + only_b).pvalue)


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction: p-values that control the family-wise error rate.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted
