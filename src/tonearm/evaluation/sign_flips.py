"""Which of several models differ: all pairs tested at once, by flipping the signs of whole groups.

Conventions
-----------
The statistic of a pair is the sum of its differences over groups (artists or recordings), in absolute value, divided
by the root of their sum of squares; it orders pairs as Student's t does. Where two models are equally good, the
difference of a group is as likely to be as large the other way round. So the signs of whole groups are flipped, for
all models together, and the largest statistic over all pairs is what chance can do for somebody who looks for the
best before testing (max-T); this holds for any number of groups. After the most different pair the next is compared
with the largest of those that are left (step-down). All flips are enumerated where there are at most `MOST_FLIPS`.

Sources: J. P. Romano, M. Wolf, "Exact and approximate stepdown methods for multiple hypothesis testing", JASA 100,
2005; P. H. Westfall, S. S. Young, "Resampling-based multiple testing", 1993.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST_FLIPS, FEWER_FLIPS = 9_999, 1_999
SIGNS_AT_A_TIME = 4_000_000
MUCH = 200_000_000  # flips x groups, or flips x pairs: beyond it `FEWER_FLIPS` are drawn
TOLERANCE = 1e-9


def max_t(sums: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """The p-value of each pair of models, corrected for all pairs, shape (models, models).

    sums: right answers by group and model, shape (groups, models); of repeated folds, shares of them. Symmetric, 1 on
    the diagonal; all NaN if there are fewer than two groups.
    """
    groups, models = sums.shape
    if groups < 2:
        return np.full((models, models), np.nan)
    p = np.ones((models, models))
    first, second = np.triu_indices(models, 1)
    if not len(first):
        return p
    products = sums.T @ sums
    squares = np.diag(products)[first] + np.diag(products)[second] - 2 * products[first, second]
    norms = np.where(squares > TOLERANCE, np.sqrt(np.maximum(squares, TOLERANCE)), np.inf)  # the same answers: 0
    total = sums.sum(axis=0)
    observed = np.abs(total[first] - total[second]) / norms
    flipped = np.concatenate([signs @ sums for signs in _signs(groups, len(first), seed)])
    order = np.argsort(observed, kind="stable")
    largest = np.zeros(len(flipped))
    found = np.empty(len(order))
    for place in order:
        difference = np.abs(flipped[:, first[place]] - flipped[:, second[place]]) / norms[place]
        np.maximum(largest, difference, out=largest)
        found[place] = np.mean(largest >= observed[place] - TOLERANCE)
    stepped = np.maximum.accumulate(found[order[::-1]])[::-1]
    p[first[order], second[order]] = p[second[order], first[order]] = stepped
    return p


def smallest_p(groups: int) -> float:
    """The smallest p that flips of so many groups can give.

    >>> smallest_p(5), smallest_p(6)
    (0.0625, 0.03125)
    """
    return max(2.0 ** (1 - groups), 1 / (MOST_FLIPS + 1))


def _signs(groups: int, pairs: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Flips of the groups' signs, 1 or -1, blocks of shape (some, groups); the first of all flips nothing."""
    if groups <= MOST_FLIPS.bit_length():  # the sign of the last one stays, since only absolute values count
        bits = np.arange(2 ** (groups - 1))[:, None] >> np.arange(groups)[None, :]
        yield np.where(bits & 1, -1.0, 1.0)
        return
    flips = MOST_FLIPS if MOST_FLIPS * max(groups, pairs) <= MUCH else FEWER_FLIPS
    yield np.ones((1, groups))
    generator = np.random.default_rng(seed)
    at_a_time = max(1, SIGNS_AT_A_TIME // groups)
    for start in range(0, flips, at_a_time):
        drawn = generator.integers(0, 2, size=(min(at_a_time, flips - start), groups), dtype=np.int8)
        yield np.where(drawn, 1.0, -1.0)
