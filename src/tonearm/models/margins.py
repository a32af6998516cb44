"""Support vectors with probabilities: a softmax of the decision values, its sharpness from held-out rows.

Conventions
-----------
The class with the highest decision value (one against the rest) is the prediction. Probabilities are the
softmax of the decision values times one factor, chosen for the least log loss of rows that the machine was
not fitted on; so calibration never changes a prediction. C. Guo et al., "On Calibration of Modern Neural
Networks", ICML 2017 (temperature scaling).
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tonearm.training.rowwise import softmax

SHARPNESS_BOUNDS = (0.05, 50.0)
UNKNOWN_SHARPNESS = 1.0  # where a class has too few rows to hold any out


class SupportVectors(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """scikit-learn's SVC (RBF kernel) with calibrated probabilities.

    C, gamma, class_weight: as in SVC. folds: parts for the calibration, at most the rows of the smallest
    class; where that is 1 the sharpness stays 1. seed: of the division into folds. Fitted: classes_,
    machine_ (the SVC), sharpness_.
    """

    def __init__(
        self,
        C: float = 10.0,
        gamma: float | str = "scale",
        class_weight: str | None = None,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.class_weight = class_weight
        self.folds = folds
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from rows X, shape (rows, columns), and their labels y, shape (rows,)."""
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if len(self.classes_) < 2:
            raise ValueError("a classifier needs at least 2 classes; the labels have 1 class")
        folds = min(self.folds, int(counts.min()))
        self.sharpness_ = UNKNOWN_SHARPNESS if folds < 2 else self._sharpness(rows, codes, folds)
        self.machine_ = self._machine().fit(rows, codes)
        return self

    def _machine(self) -> Any:
        return SVC(C=self.C, gamma=self.gamma, class_weight=self.class_weight, decision_function_shape="ovr")

    def _sharpness(self, rows: NDArray[np.float64], codes: NDArray[np.intp], folds: int) -> float:
        """The factor that gives held-out rows the least log loss."""
        values = np.empty((len(rows), len(self.classes_)))
        division = StratifiedKFold(folds, shuffle=True, random_state=self.seed)
        for train, held in division.split(rows, codes):
            values[held] = _values(self._machine().fit(rows[train], codes[train]), rows[held])
        each = np.arange(len(rows))

        def loss(logarithm: float) -> float:
            return -float(np.mean(log_softmax(np.exp(logarithm) * values, axis=1)[each, codes]))

        low, high = np.log(SHARPNESS_BOUNDS)
        return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class in the order of `classes_`, shape (rows, classes)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return softmax(self.sharpness_ * _values(self.machine_, rows))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, shape (rows,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])


def _values(machine: Any, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decision values, shape (rows, classes), also for two classes."""
    values: NDArray[np.float64] = machine.decision_function(rows)
    return np.column_stack([-values, values]) if values.ndim == 1 else values
