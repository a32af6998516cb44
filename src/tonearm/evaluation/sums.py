"""What each clip adds to the scores, and the sums of it: no more than three counts a class, however many classes.

Conventions
-----------
A clip adds 1 to a few cells of counts (its true class, its predicted class, and the hits of its class if the two are
one) and numbers of its own to a few columns (log loss, top-2 hit, bins of confidence). The resampled scores need
nothing else of the confusion matrix, which has classes² cells. Counts are whole numbers, so their sums are
exact in any order. Probabilities are read in blocks of rows, so that nothing beside them grows with clips x classes.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SMALLEST_PROBABILITY = 1e-15
NUMBERS_AT_A_TIME = 1_000_000  # of a block of rows: 8 MB


def row_blocks(table: NDArray[np.float64]) -> Iterator[slice]:
    """Slices that cover the rows of a table, shape (rows, columns), a block at a time.

    >>> [*row_blocks(np.zeros((3, 600_000)))]
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    step = max(1, NUMBERS_AT_A_TIME // max(1, table.shape[1]))
    return (slice(start, min(start + step, len(table))) for start in range(0, len(table), step))


def bin_of(confidence: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    """Number of the bin of equal width that each confidence falls in, shape (clips,); 1 is in the last one."""
    return np.minimum((confidence * bins).astype(np.intp), bins - 1)


class Summands:
    """What each clip adds. cells: numbers of its cells, shape (clips, 3), -1 for none; values: shape (clips, parts).

    true, prediction: columns of the truth and of the most probable label, shape (clips,). probabilities: shape (clips,
    classes). bins: of equal width, over the confidence.
    """

    def __init__(
        self, true: NDArray[np.intp], prediction: NDArray[np.intp], probabilities: NDArray[np.float64], bins: int
    ) -> None:
        clips, self.classes = probabilities.shape
        every = np.arange(clips)
        right = prediction == true
        self.true, self.prediction = true, prediction
        self.cells = np.column_stack([np.where(right, true, -1), self.classes + true, 2 * self.classes + prediction])
        self.cell_count = 3 * self.classes
        confidence = probabilities[every, prediction]
        in_bin = bin_of(confidence, bins)
        self.values = np.zeros((clips, 2 + 3 * bins))
        self.values[:, 0] = -np.log(np.clip(probabilities[every, true], SMALLEST_PROBABILITY, 1.0))
        self.values[:, 1] = _ranks(probabilities, true) < 2
        for place, of_bin in enumerate((1.0, confidence, right)):
            self.values[every, 2 + place * bins + in_bin] = of_bin

    def total(self) -> NDArray[np.float64]:
        """Counts of the cells, then the sums of the values, over all clips, shape (1, cells + parts)."""
        counts = np.bincount(self.cells[self.cells >= 0], minlength=self.cell_count)
        return np.concatenate([counts.astype(np.float64), self.values.sum(axis=0)])[None]

    def confusion(self) -> NDArray[np.int64]:
        """Number of clips by true and predicted class, shape (classes, classes)."""
        counts = np.bincount(self.true * self.classes + self.prediction, minlength=self.classes**2)
        return counts.reshape(self.classes, self.classes).astype(np.int64)


def _ranks(probabilities: NDArray[np.float64], true: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many labels rank before the truth, shape (clips,)."""
    ranks = np.empty(len(true), dtype=np.intp)
    columns = np.arange(probabilities.shape[1])
    for rows in row_blocks(probabilities):
        block, truth = probabilities[rows], true[rows, None]
        of_truth = np.take_along_axis(block, truth, axis=1)
        # of ties the first ranks higher: a model with equal probabilities for all labels must not always be right
        ranks[rows] = ((block > of_truth) | ((block == of_truth) & (columns < truth))).sum(axis=1)
    return ranks


class Sums:
    """Sums over clips, one set of clips per row as `Summands.total` orders them, and the scores computed from them."""

    def __init__(self, sums: NDArray[np.float64], classes: int) -> None:
        self.hits, self.support, self.predictions = (
            sums[:, part * classes : (part + 1) * classes] for part in range(3)
        )
        self.surprise, self.top2 = sums[:, 3 * classes], sums[:, 3 * classes + 1]
        self.in_bin, self.confidence, self.right = np.split(sums[:, 3 * classes + 2 :], 3, axis=1)
        self.clips = self.support.sum(axis=1)

    def precision_by_class(self) -> NDArray[np.float64]:
        """Shape (sets, classes); 0 for a class that is never predicted."""
        return divide(self.hits, self.predictions, 0.0)

    def recall_by_class(self) -> NDArray[np.float64]:
        """Shape (sets, classes); NaN for a class that does not occur."""
        return divide(self.hits, self.support, np.nan)

    def f1_by_class(self) -> NDArray[np.float64]:
        """Shape (sets, classes); NaN for a class that does not occur."""
        return np.where(self.support > 0, divide(2 * self.hits, self.predictions + self.support, 0.0), np.nan)

    def mean_over_classes(self, by_class: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the classes that occur, shape (sets,)."""
        present = self.support > 0
        mean: NDArray[np.float64] = np.where(present, by_class, 0.0).sum(axis=1) / present.sum(axis=1)
        return mean

    def accuracy(self) -> NDArray[np.float64]:
        """Share of right predictions, shape (sets,)."""
        share: NDArray[np.float64] = self.hits.sum(axis=1) / self.clips
        return share

    def kappa(self) -> NDArray[np.float64]:
        """Cohen's kappa, shape (sets,)."""
        chance = (self.support * self.predictions).sum(axis=1) / self.clips**2
        return divide(self.accuracy() - chance, 1 - chance, 0.0)

    def ece(self) -> NDArray[np.float64]:
        """Expected calibration error, shape (sets,)."""
        gap: NDArray[np.float64] = np.abs(self.confidence - self.right).sum(axis=1) / self.clips
        return gap


def divide(above: NDArray[np.float64], below: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    """The quotient, or `otherwise` where the divisor is 0."""
    quotient: NDArray[np.float64] = np.divide(above, below, out=np.full(above.shape, otherwise), where=below > 0)
    return quotient
