"""The rows that are nearest to others, and how far rows usually are from each other.

Conventions
-----------
Distances are Euclidean, over columns that were standardised on training rows: so a kernel machine measures them, and
each column counts by how much it varies and not by its unit. They are found by matrix products and computed again for
the nearest, since products lose the last digits of small distances. Ties go to the row that comes first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NUMBERS_AT_A_TIME = 4_000_000  # distances in memory together, 32 MB
SPARE = 8  # rows computed again beyond those asked for
MOST_SAMPLED = 1_000  # rows whose nearest row is looked for to learn what is usual
LEAST_SPREAD = 1e-12  # a column that varies less than this, relative to its mean, is constant


@dataclass(frozen=True)
class Standardised:
    """Mean and spread of each column over training rows, shape (columns,): a constant column is only centred."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: NDArray[np.float64]) -> "Standardised":
        """Of the rows, shape (rows, columns)."""
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        constant = spread <= LEAST_SPREAD * np.maximum(np.abs(mean), 1.0)
        return cls(mean, np.where(constant, 1.0, spread))

    def __call__(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rows, standardised."""
        return np.asarray((rows - self.mean) / self.spread)


def nearest(
    queries: NDArray[np.float64], rows: NDArray[np.float64], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Numbers of the nearest rows of each query and their distances, the nearest first, shape (queries, count).

    queries, rows: shape (any, columns). Fewer columns come back where there are fewer rows.

    >>> nearest(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 9.0]]), 2)
    (array([[1, 0]]), array([[1., 5.]]))
    """
    count = min(count, len(rows))
    found = np.zeros((len(queries), count), dtype=np.intp)
    distances = np.zeros((len(queries), count))
    squares = np.einsum("ij,ij->i", rows, rows)
    some = min(count + SPARE, len(rows))
    at_a_time = max(1, NUMBERS_AT_A_TIME // max(len(rows), 1))
    for start in range(0, len(queries), at_a_time):
        block = queries[start : start + at_a_time]
        rough = squares - 2.0 * (block @ rows.T)
        candidates = np.sort(np.argpartition(rough, some - 1, axis=1)[:, :some], axis=1)
        for number, (query, own) in enumerate(zip(block, candidates, strict=True), start=start):
            exact = np.sqrt(np.square(rows[own] - query).sum(axis=1))
            order = np.argsort(exact, kind="stable")[:count]
            found[number], distances[number] = own[order], exact[order]
    return found, distances


def usual_distance(rows: NDArray[np.float64]) -> float:
    """Median over rows of the distance to the nearest other row; of many rows an even sample of them is asked.

    NaN of fewer than two rows.
    """
    if len(rows) < 2:
        return float("nan")
    sample = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_SAMPLED)).astype(np.intp))
    found, distances = nearest(rows[sample], rows, 2)
    # of rows that equal each other, the first of the two may be another one than the row itself
    other = np.where(found[:, 0] == sample, distances[:, 1], distances[:, 0])
    return float(np.median(other))
