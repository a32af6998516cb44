"""Pairs of classes that are confused more often than the sizes of the classes and the number of mistakes explain.

Conventions
-----------
Of mistakes alone, n[i, j] is how often class i is taken for class j. A class that is often wrong, or a label that is
often said, explains many of them: the model of quasi-independence, n[i, j] ~ a[i] * b[j] for i != j, whose expected
counts have the margins of the mistakes and are found by iterative proportional fitting. A pair stands out where its
count is too high given these margins: an exact conditional test of the table (i or another class) x (j or another
label), with the odds ratio of quasi-independence, corrected over all pairs by Holm. Observations are groups (artists or
recordings), since clips of one artist are mistaken together: a group that makes the mistake i for j counts once.

Sources: L. Goodman, "The analysis of cross-classified data: independence, quasi-independence, and interactions",
JASA 63, 1968; W. Deming, F. Stephan, Annals of Mathematical Statistics 11, 1940; R. Fisher, JRSS 98, 1935.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.evaluation.uncertainty import holm

SIGNIFICANCE = 0.05
MOST_CLASSES = 100  # more have too many pairs for one to stand out, and for a table
STEPS, CLOSE = 500, 1e-9  # of the fitting: at most so many, and until margins are so near


class ConfusedPair(NamedTuple):
    """A pair that stands out: clips of class `truth` that are called `said`, and of the other way round.

    clips, back: their numbers. expected, back_expected: by quasi-independence. groups: of these clips. p: corrected.
    """

    truth: str
    said: str
    clips: int
    expected: float
    groups: int
    back: int
    back_expected: float
    p: float

    def words(self) -> str:
        """Part of a sentence.

        >>> ConfusedPair("rock", "metal", 14, 5.1, 9, 3, 3.9, 0.01).words()
        'rock is heard as metal 14 times (about 5 expected), metal as rock 3 times (about 4)'
        """
        return (
            f"{self.truth} is heard as {self.said} {_times(self.clips)} ({_about(self.expected)} expected), "
            f"{self.said} as {self.truth} {_times(self.back)} ({_about(self.back_expected)})"
        )


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _about(number: float) -> str:
    return f"about {round(number)}" if round(number) else "less than 1"


def confused_pairs(
    truth: NDArray[np.intp], said: NDArray[np.intp], groups: NDArray[np.object_], labels: Sequence[str]
) -> list[ConfusedPair]:
    """The pairs that stand out, the surest first.

    truth, said: numbers of labels, shape (clips,). groups: shape (clips,), each clip's own where none is known.
    """
    if not 2 < len(labels) <= MOST_CLASSES:
        return []
    counts = _mistakes(truth, said, len(labels))
    wrong = truth != said
    cells = np.unique(np.column_stack([_numbers(groups[wrong]), truth[wrong], said[wrong]]), axis=0)
    of_groups = _mistakes(cells[:, 1], cells[:, 2], len(labels))
    expected = quasi_independent(counts)
    pairs = [(i, j) for i, j in np.ndindex(*counts.shape) if i != j]
    corrected = holm(pair_tests(of_groups, pairs).tolist())
    found = [
        ConfusedPair(
            *(labels[i], labels[j], int(counts[i, j]), float(expected[i, j])),
            *(int(of_groups[i, j]), int(counts[j, i]), float(expected[j, i]), p),
        )
        for (i, j), p in zip(pairs, corrected, strict=True)
        if p < SIGNIFICANCE and counts[i, j] > expected[i, j]
    ]
    return sorted(found, key=lambda pair: (pair.p, pair.expected - pair.clips, pair.truth, pair.said))


def quasi_independent(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected counts a[i] * b[j] off the diagonal, with the margins of the counts; 0 on it.

    counts: of mistakes, shape (labels, labels), the diagonal 0.

    >>> quasi_independent(np.array([[0.0, 4, 2], [6, 0, 3], [2, 1, 0]])).round(3).tolist()
    [[0.0, 3.74, 2.26], [6.26, 0.0, 2.74], [1.74, 1.26, 0.0]]
    """
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    fitted = 1.0 - np.eye(len(counts))
    for _ in range(STEPS):
        fitted *= _ratio(rows, fitted.sum(axis=1))[:, None]
        fitted *= _ratio(columns, fitted.sum(axis=0))
        if np.abs(fitted.sum(axis=1) - rows).max() <= CLOSE * max(1.0, rows.max()):
            break
    return fitted


def pair_tests(counts: NDArray[np.float64], pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """One-sided p of each pair, for a count that is no higher than quasi-independence has it; shape (pairs,).

    counts: of mistakes, as of `quasi_independent`. Only mistakes that could be either are compared: of classes other
    than j, called other than i.
    """
    from scipy.stats import nchypergeom_fisher

    expected = quasi_independent(counts)
    found = np.ones(len(pairs))
    for number, (i, j) in enumerate(pairs):
        if not counts[i, j]:
            continue
        others = [k for k in range(len(counts)) if k not in (i, j)]
        inner = np.ix_(others, others)
        both, of_class, of_label, rest = _four(counts, i, j, others, inner)
        fit_both, fit_class, fit_label, fit_rest = _four(expected, i, j, others, inner)
        if fit_class <= 0 or fit_label <= 0 or fit_rest <= 0:
            continue  # nothing to compare with
        odds = fit_both * fit_rest / (fit_class * fit_label)
        total = both + of_class + of_label + rest
        table = nchypergeom_fisher(int(total), int(both + of_class), int(both + of_label), float(odds))
        found[number] = float(table.sf(both - 1))
    return found


def _four(
    counts: NDArray[np.float64], i: int, j: int, others: list[int], inner: tuple[NDArray[np.intp], ...]
) -> tuple[float, float, float, float]:
    """Counts of the pair, of its class alone, of its label alone, and of neither."""
    return (
        float(counts[i, j]),
        float(counts[i, others].sum()),
        float(counts[others, j].sum()),
        float(counts[inner].sum()),
    )


def _mistakes(truth: NDArray[np.intp], said: NDArray[np.intp], labels: int) -> NDArray[np.float64]:
    """How often each label is taken for each other one, shape (labels, labels)."""
    counts = np.zeros((labels, labels))
    np.add.at(counts, (truth, said), 1.0)
    np.fill_diagonal(counts, 0.0)
    return counts


def _numbers(groups: NDArray[np.object_]) -> NDArray[np.intp]:
    _, numbers = np.unique(groups.astype(str), return_inverse=True)
    return numbers


def _ratio(wanted: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = np.divide(wanted, there, out=np.zeros_like(wanted), where=there > 0)
    return ratio
