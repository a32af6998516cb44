"""Linear support vector machines, alone or over landmarks that stand for an RBF kernel: for tables of many rows.

Conventions
-----------
An SVM with a kernel compares all rows with all rows, so its time grows with their square. A linear one grows with
their number. Nyström's method (C. Williams, M. Seeger, "Using the Nyström Method to Speed Up Kernel Machines", NIPS
2000) draws some training rows as landmarks and describes each row by its kernel with these alone, so that a linear SVM
over them approaches the kernel's. The loss is the squared hinge, minimised by liblinear without random numbers.
"""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from tonearm.errors import ModelError
from tonearm.training.rowwise import linear

if TYPE_CHECKING:
    from sklearn.kernel_approximation import Nystroem
    from sklearn.svm import LinearSVC

MAX_ITER = 2_000


class Linear(NamedTuple):
    """Fitted machines. weights: shape (machines, columns or landmarks). intercepts: shape (machines,).

    landmarks: shape (landmarks, columns), None without a kernel. gamma: of the kernel, 0 without.
    """

    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    landmarks: NDArray[np.float64] | None = None
    gamma: float = 0.0

    def margins(self, rows: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The margin of each row, shape (rows,), by each machine; each row's the same bits whatever rows are beside."""
        table = rows if self.landmarks is None else _kernel(rows, self.landmarks, self.gamma)
        return list(linear(table, self.weights, self.intercepts).T)


def fit_linear(
    rows: NDArray[np.float64],
    classes: list[NDArray[np.bool_]],
    weights: NDArray[np.float64],
    C: float,
    kernel: "Nystroem | None",
    tell: Callable[[], None],
) -> Linear:
    """A machine for each class. classes: which rows are of each, shape (rows,). weights: of the rows, shape (rows,).

    kernel: unfitted, None without. tell: called when a machine is fitted. Raises ModelError if one does not converge.
    """
    table = rows if kernel is None else kernel.fit_transform(rows)
    machines = []
    for of_class in classes:
        machines.append(_machine(table, of_class, weights, C))
        tell()
    found = np.array([machine.coef_[0] for machine in machines])
    intercepts = np.array([machine.intercept_[0] for machine in machines])
    if kernel is None:
        return Linear(found, intercepts)
    # weights of the kernel's own values, so that prediction needs one product less
    return Linear(found @ kernel.normalization_, intercepts, kernel.components_, float(kernel.gamma))


def _machine(
    table: NDArray[np.float64], of_class: NDArray[np.bool_], weights: NDArray[np.float64], C: float
) -> "LinearSVC":
    from sklearn.svm import LinearSVC

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return LinearSVC(C=C, dual=False, max_iter=MAX_ITER).fit(table, of_class, sample_weight=weights)
        except ConvergenceWarning as error:
            raise ModelError(f"svm: no convergence within {MAX_ITER} iterations; lower C = {C:g}") from error


def _kernel(rows: NDArray[np.float64], landmarks: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """exp(-gamma |row - landmark|²), shape (rows, landmarks)."""
    distances = np.zeros((len(rows), len(landmarks)))
    for column, of_landmarks in zip(rows.T, landmarks.T, strict=True):
        distances += (column[:, np.newaxis] - of_landmarks) ** 2
    values: NDArray[np.float64] = np.exp(-gamma * distances)
    return values
