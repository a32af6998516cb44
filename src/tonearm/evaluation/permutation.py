"""Permutation importance of families of columns: how much worse answers become when a family says nothing any more.

Conventions
-----------
All columns of a family are shuffled together among the evaluated clips of one fitted model: each clip gets the family
of another clip, whole, so that what its columns have in common stays, and what they say of this clip goes. The drop is
that of the accuracy, and the rise that of the log loss, averaged over shuffles; intervals resample groups over
the clips' own drops, in which the chance of the shuffles is contained. A family that a model does not use drops
exactly 0.

Sources: L. Breiman, "Random forests", Machine Learning 45, 2001; of groups: Q. Au, J. Herbinger, C. Stachl, B. Bischl,
G. Casalicchio, "Grouped feature importance and combined features effect plot", Data Mining and Knowledge Discovery 36,
2022.
"""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.evaluation.calibration import log_losses
from tonearm.evaluation.scores import predicted
from tonearm.evaluation.uncertainty import Interval, bootstrap

NUMBERS_AT_A_TIME = 8_000_000  # of shuffled tables in memory together, 64 MB
CORRELATED = 0.8  # |r| of two columns, from which one can stand in for the other
Predict = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # rows to probabilities, shape (rows, labels)


class Losses(NamedTuple):
    """Of each clip, shape (clips,): whether it is right (or in which share of shuffles), and its surprise, -ln p."""

    right: NDArray[np.float64]
    surprise: NDArray[np.float64]


class Drop(NamedTuple):
    """How much accuracy is lost, and how much log loss gained, with their 95 % intervals."""

    accuracy: float
    accuracy_interval: Interval
    log_loss: float
    log_loss_interval: Interval


def losses(probabilities: NDArray[np.float64], codes: NDArray[np.intp]) -> Losses:
    """Losses of clips. probabilities: shape (clips, labels). codes: columns of the truth, shape (clips,)."""
    return Losses((predicted(probabilities) == codes).astype(np.float64), log_losses(probabilities, codes))


def shuffled_losses(
    predict: Predict,
    X: NDArray[np.float64],
    codes: NDArray[np.intp],
    before: Losses,
    columns: NDArray[np.intp],
    shuffles: int,
    generator: np.random.Generator,
) -> Losses:
    """Mean losses of clips over shuffles of some columns.

    X: rows of the clips, shape (clips, columns). before: their losses without shuffling, from which differences are
    summed, so that what changes nothing gives exactly the same.
    """
    right, surprise = np.zeros(len(X)), np.zeros(len(X))
    at_a_time = max(1, NUMBERS_AT_A_TIME // max(X.size, 1))
    for start in range(0, shuffles, at_a_time):
        tables = []
        for _ in range(min(at_a_time, shuffles - start)):
            table = X.copy()
            table[:, columns] = X[generator.permutation(len(X))][:, columns]
            tables.append(table)
        found = losses(predict(np.concatenate(tables)), np.tile(codes, len(tables)))
        right += (found.right.reshape(len(tables), -1) - before.right).sum(axis=0)
        surprise += (found.surprise.reshape(len(tables), -1) - before.surprise).sum(axis=0)
    return Losses(before.right + right / shuffles, before.surprise + surprise / shuffles)


def drop(before: Losses, after: Losses, groups: NDArray[np.object_]) -> Drop:
    """The drop from one to the other on the same clips. groups: shape (clips,), each clip's own where none is known."""
    lost, gained = before.right - after.right, after.surprise - before.surprise
    values = np.column_stack([lost, gained, np.ones(len(lost))])
    accuracy, log_loss = bootstrap(lambda sums: sums[:, :2] / sums[:, 2:], values, groups)
    return Drop(float(lost.mean()), accuracy, float(gained.mean()), log_loss)


def correlated(X: NDArray[np.float64], families: Mapping[str, NDArray[np.intp]]) -> list[tuple[str, str, float]]:
    """Pairs of families in which a column of one follows one of the other, |r| >= CORRELATED, the closest first.

    X: shape (clips, columns). families: numbers of their columns.
    """
    centred = X - X.mean(axis=0)
    norms = np.sqrt(np.square(centred).sum(axis=0))
    # of a column that does not vary nothing can follow
    units = centred / np.where(norms > 1e-9 * np.maximum(np.abs(X).max(axis=0), 1e-300), norms, np.inf)
    pairs = []
    for one, other in combinations(families, 2):
        r = float(np.abs(units[:, families[one]].T @ units[:, families[other]]).max())
        if r >= CORRELATED:
            pairs.append((one, other, r))
    return sorted(pairs, key=lambda pair: -pair[2])
