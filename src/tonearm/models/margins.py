"""Support vector machines with probabilities: a softmax of one-vs-rest margins, calibrated on held-out rows.

Conventions
-----------
For each class a binary SVM learns to tell its rows from all others (R. Rifkin, A. Klautau, "In Defense of
One-Vs-All Classification", JMLR 5, 2004). A margin is the decision value of that SVM: above 0 on the side of the
class, at least 1 in size for training rows outside the soft margin. The class with the largest margin is the
prediction. SVC's own `decision_function_shape="ovr"` is something else: it counts the votes of SVMs for pairs
of classes and uses their decision values only to break ties, so it says little about the confidence of a prediction.

Probabilities are the softmax of the margins times one factor, chosen for the lowest log loss on rows that the
SVMs were not fitted on, so calibration never changes a prediction: temperature scaling, C. Guo et al., "On
Calibration of Modern Neural Networks", ICML 2017.
"""

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tonearm.models.linear_margins import Linear, fit_linear
from tonearm.runtime.progress import tell_step
from tonearm.training.rowwise import softmax

if TYPE_CHECKING:
    from sklearn.kernel_approximation import Nystroem

SHARPNESS_BOUNDS = (0.05, 50.0)
UNKNOWN_SHARPNESS = 1.0  # if a class has too few rows to hold any out


class SupportVectors(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A machine for each class against the rest, with calibrated probabilities: scikit-learn's SVC, or linear ones.

    C, gamma: as in SVC. class_weight: None or "balanced", which weights a row by rows / (classes * rows of its
    class), as SVC does. folds: for the calibration, at most the rows of the smallest class; if that is 1
    the sharpness stays 1. seed: random seed of the folds and landmarks. kernel: "rbf" (SVC), "nystroem" (the RBF
    kernel with so many landmarks, at most the rows, see `linear_margins`) or "linear". Fitted: classes_, sharpness_,
    and machines_ (a list of SVC, one for each class in the order of `classes_`; with two classes one SVC, for the
    second; [] where they are linear) or weights_, intercepts_, landmarks_ and gamma_ (as in `Linear`).
    """

    def __init__(
        self,
        C: float = 10.0,
        gamma: float | str = "scale",
        class_weight: str | None = None,
        folds: int = 5,
        seed: int = 0,
        kernel: str = "rbf",
        landmarks: int = 300,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.class_weight = class_weight
        self.folds = folds
        self.seed = seed
        self.kernel = kernel
        self.landmarks = landmarks

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit to rows X, shape (rows, columns), and their labels y, shape (rows,)."""
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if len(self.classes_) < 2:
            raise ValueError("a classifier needs at least 2 classes; the labels have 1 class")
        folds = min(self.folds, int(counts.min()))
        total = (len(self.classes_) if len(self.classes_) > 2 else 1) * (1 if folds < 2 else folds + 1)
        fitted = count(1)

        def tell() -> None:
            tell_step(next(fitted), total)

        self.sharpness_ = UNKNOWN_SHARPNESS if folds < 2 else self._sharpness(rows, codes, folds, tell)
        machines = self._machines(rows, codes, tell)
        self.machines_ = [] if isinstance(machines, Linear) else machines
        if isinstance(machines, Linear):
            self.weights_, self.intercepts_, self.landmarks_, self.gamma_ = machines
        return self

    def _machines(
        self, rows: NDArray[np.float64], codes: NDArray[np.intp], tell: Callable[[], None]
    ) -> list[Any] | Linear:
        """A fitted machine for each class; with two classes only the second's, since the first's mirrors it."""
        from sklearn.svm import SVC
        from sklearn.utils.class_weight import compute_sample_weight

        weights = compute_sample_weight(self.class_weight, codes)
        classes = [codes == code for code in (range(len(self.classes_)) if len(self.classes_) > 2 else [1])]
        if self.kernel != "rbf":
            return fit_linear(rows, classes, weights, self.C, self._nystroem(rows), tell)
        machines = []
        for of_class in classes:
            machines.append(SVC(C=self.C, gamma=self.gamma).fit(rows, of_class, sample_weight=weights))
            tell()
        return machines

    def _nystroem(self, rows: NDArray[np.float64]) -> "Nystroem | None":
        """The unfitted kernel with landmarks, of the width that SVC's would have; None if the machines are linear."""
        if self.kernel == "linear":
            return None
        spread = rows.shape[1] * float(rows.var()) or 1.0
        gamma = 1.0 / spread if isinstance(self.gamma, str) else self.gamma
        from sklearn.kernel_approximation import Nystroem

        return Nystroem(gamma=gamma, n_components=min(self.landmarks, len(rows)), random_state=self.seed)

    def _sharpness(
        self, rows: NDArray[np.float64], codes: NDArray[np.intp], folds: int, tell: Callable[[], None]
    ) -> float:
        """The factor that gives held-out rows the lowest log loss."""
        from scipy.optimize import minimize_scalar
        from scipy.special import log_softmax
        from sklearn.model_selection import StratifiedKFold

        margins = np.empty((len(rows), len(self.classes_)))
        division = StratifiedKFold(folds, shuffle=True, random_state=self.seed)
        for train, held in division.split(rows, codes):
            margins[held] = _margins(self._machines(rows[train], codes[train], tell), rows[held])
        each = np.arange(len(rows))

        def loss(logarithm: float) -> float:
            return -float(np.mean(log_softmax(np.exp(logarithm) * margins, axis=1)[each, codes]))

        low, high = np.log(SHARPNESS_BOUNDS)
        return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class in the order of `classes_`, shape (rows, classes)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        machines = self.machines_ or Linear(self.weights_, self.intercepts_, self.landmarks_, self.gamma_)
        return softmax(self.sharpness_ * _margins(machines, rows))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, shape (rows,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])


def _margins(machines: list[Any] | Linear, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Margin of each class, shape (rows, classes), also for two classes."""
    if isinstance(machines, Linear):
        margins = machines.margins(rows)
    else:
        margins = [machine.decision_function(rows) for machine in machines]
    return np.column_stack(margins if len(margins) > 1 else [-margins[0], margins[0]])
