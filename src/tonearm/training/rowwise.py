"""Arithmetic in which a row's result is the same bits whatever rows are beside it.

Conventions
-----------
numpy and BLAS choose the order of a sum by the shape of the whole array. Here sums over columns go column
by column, so the order is always the same; everything else is elementwise.
"""

import numpy as np
from numpy.typing import NDArray


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax of each row of `scores`, shape (rows, classes); rows sum to 1.

    >>> softmax(np.array([[0.0, np.log(3.0)]])).round(2)
    array([[0.25, 0.75]])
    """
    exponentials = np.exp(np.ascontiguousarray(scores - scores.max(axis=1, keepdims=True)))
    total = np.zeros(len(scores))
    for column in exponentials.T:
        total += column
    return np.asarray(exponentials / total[:, np.newaxis])


def linear(rows: NDArray[np.float64], weights: NDArray[np.float64], bias: NDArray[np.float64]) -> NDArray[np.float64]:
    """`rows @ weights.T + bias`: rows of shape (rows, columns), weights (classes, columns), bias (classes,).

    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5]))
    array([[11.5]])
    """
    scores = np.tile(bias, (len(rows), 1))
    for column, weight in zip(rows.T, weights.T, strict=True):
        scores += column[:, np.newaxis] * weight
    return scores


def mean_by_owner(values: NDArray[np.float64], owners: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean over the rows of each owner, shape (owners, columns); summed in row order.

    >>> mean_by_owner(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1])).tolist()
    [[2.0], [5.0]]
    """
    total = np.zeros((owners[-1] + 1, values.shape[1]))
    np.add.at(total, owners, values)
    return np.asarray(total / np.bincount(owners)[:, None])
