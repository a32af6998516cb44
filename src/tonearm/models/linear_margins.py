"""Linear support vector machines, alone or over landmarks that stand for an RBF kernel: for tables of many rows.

Conventions
-----------
An SVM with a kernel compares all rows with all rows, so its time grows with their square. A linear one grows with
their number. Nyström's method (C. Williams, M. Seeger, "Using the Nyström Method to Speed Up Kernel Machines", NIPS
2000) draws some training rows as landmarks and describes each row by its kernel with these alone, so that a linear SVM
over them approaches the kernel's. The loss is the squared hinge, minimised by liblinear without random numbers.
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_sample_weight

from tonearm.errors import ModelError
from tonearm.models.margins import MarginClassifier, Steps, machine_classes
from tonearm.training.rowwise import linear

MAX_ITER = 2_000


class Machines(NamedTuple):
    """weights: shape (machines, landmarks or columns). intercepts: (machines,). landmarks: (landmarks, columns)."""

    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    landmarks: NDArray[np.float64] | None
    width: float


class LinearMargins(MarginClassifier):
    """One LinearSVC for each class against the rest, over the columns or over a kernel with landmarks.

    C: as in LinearSVC. landmarks: their number, at most that of the rows; 0: none, and the machine is linear in the
    columns. gamma: of the RBF kernel, "scale" as in SVC; others as in MarginClassifier. Fitted: also weights_,
    intercepts_, landmarks_ (None without) and gamma_, as in `Machines`.
    """

    def __init__(
        self,
        C: float = 10.0,
        gamma: float | str = "scale",
        landmarks: int = 0,
        class_weight: str | None = None,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.landmarks = landmarks
        self.class_weight = class_weight
        self.folds = folds
        self.seed = seed

    def _fit_margins(self, rows: NDArray[np.float64], codes: NDArray[np.intp], steps: Steps) -> Machines:
        width, drawn, table, back = 0.0, None, rows, None
        if self.landmarks:
            variance = float(rows.var())
            width = 1.0 / (rows.shape[1] * (variance or 1.0)) if isinstance(self.gamma, str) else self.gamma
            count = min(self.landmarks, len(rows))
            kernel = Nystroem(gamma=width, n_components=count, random_state=self.seed).fit(rows)
            table, drawn, back = kernel.transform(rows), kernel.components_, kernel.normalization_
        balance = compute_sample_weight(self.class_weight, codes)
        weights, intercepts = [], []
        for code in machine_classes(len(self.classes_)):
            machine = self._machine(table, codes == code, balance)
            weights.append(machine.coef_[0])
            intercepts.append(machine.intercept_[0])
            steps.tell()
        # weights of the kernel's values themselves, so that prediction needs one product less
        found = np.array(weights) if back is None else np.array(weights) @ back
        return Machines(found, np.array(intercepts), drawn, width)

    def _machine(
        self, table: NDArray[np.float64], of_class: NDArray[np.bool_], balance: NDArray[np.float64]
    ) -> LinearSVC:
        machine = LinearSVC(C=self.C, dual=False, max_iter=MAX_ITER)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                return machine.fit(table, of_class, sample_weight=balance)
            except ConvergenceWarning as error:
                raise ModelError(f"svm: no convergence within {MAX_ITER} iterations; lower C = {self.C:g}") from error

    def _margins(self, fitted: Machines, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        table = rows if fitted.landmarks is None else _kernel(rows, fitted.landmarks, fitted.width)
        margins = linear(table, fitted.weights, fitted.intercepts)
        return margins if margins.shape[1] > 1 else np.column_stack([-margins[:, 0], margins[:, 0]])

    def _keep(self, fitted: Machines) -> None:
        self.weights_, self.intercepts_, self.landmarks_, self.gamma_ = fitted

    def _kept(self) -> Machines:
        return Machines(self.weights_, self.intercepts_, self.landmarks_, self.gamma_)


def _kernel(rows: NDArray[np.float64], landmarks: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """exp(-gamma |row - landmark|²), shape (rows, landmarks), each row's the same bits whatever rows are beside it."""
    distances = np.zeros((len(rows), len(landmarks)))
    for column, of_landmarks in zip(rows.T, landmarks.T, strict=True):
        distances += (column[:, np.newaxis] - of_landmarks) ** 2
    values: NDArray[np.float64] = np.exp(-gamma * distances)
    return values
