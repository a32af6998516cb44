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

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tonearm.runtime.progress import tell_step
from tonearm.training.rowwise import softmax

SHARPNESS_BOUNDS = (0.05, 50.0)
UNKNOWN_SHARPNESS = 1.0  # if a class has too few rows to hold any out


class MarginClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What SVMs of all kinds have in common: calibrated probabilities from the margins that a subclass fits.

    class_weight: None or "balanced", which weights a row by rows / (classes * rows of its class), as SVC does. folds:
    for the calibration, at most the rows of the smallest class; if that is 1 the sharpness stays 1. seed: random seed
    of the folds. Fitted: classes_, sharpness_.
    """

    class_weight: str | None
    folds: int
    seed: int

    @abstractmethod
    def _fit_margins(self, rows: NDArray[np.float64], codes: NDArray[np.intp], steps: "Steps") -> Any:
        """What `_margins` needs: a machine for each class; with two classes one, since the other mirrors it."""

    @abstractmethod
    def _margins(self, fitted: Any, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Margin of each class, shape (rows, classes), also for two classes."""

    @abstractmethod
    def _keep(self, fitted: Any) -> None:
        """Make what was fitted to all rows an attribute."""

    @abstractmethod
    def _kept(self) -> Any:
        """What `_keep` was given."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit to rows X, shape (rows, columns), and their labels y, shape (rows,)."""
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if len(self.classes_) < 2:
            raise ValueError("a classifier needs at least 2 classes; the labels have 1 class")
        folds = min(self.folds, int(counts.min()))
        steps = Steps(len(machine_classes(len(self.classes_))) * (1 if folds < 2 else folds + 1))
        self.sharpness_ = UNKNOWN_SHARPNESS if folds < 2 else self._sharpness(rows, codes, folds, steps)
        self._keep(self._fit_margins(rows, codes, steps))
        return self

    def _sharpness(self, rows: NDArray[np.float64], codes: NDArray[np.intp], folds: int, steps: "Steps") -> float:
        """The factor that gives held-out rows the lowest log loss."""
        margins = np.empty((len(rows), len(self.classes_)))
        division = StratifiedKFold(folds, shuffle=True, random_state=self.seed)
        for train, held in division.split(rows, codes):
            margins[held] = self._margins(self._fit_margins(rows[train], codes[train], steps), rows[held])
        each = np.arange(len(rows))

        def loss(logarithm: float) -> float:
            return -float(np.mean(log_softmax(np.exp(logarithm) * margins, axis=1)[each, codes]))

        low, high = np.log(SHARPNESS_BOUNDS)
        return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class in the order of `classes_`, shape (rows, classes)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return softmax(self.sharpness_ * self._margins(self._kept(), rows))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, shape (rows,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])


class Steps:
    """Counts the machines that are fitted, and tells."""

    def __init__(self, total: int) -> None:
        self.done, self.total = 0, total

    def tell(self) -> None:
        """One more is fitted."""
        self.done += 1
        tell_step(self.done, self.total)


def machine_classes(classes: int) -> range:
    """The classes that have a machine: all, of two only the second.

    >>> machine_classes(2), machine_classes(4)
    (range(1, 2), range(0, 4))
    """
    return range(classes) if classes > 2 else range(1, 2)


class SupportVectors(MarginClassifier):
    """One scikit-learn SVC (RBF kernel) for each class against the rest, with calibrated probabilities.

    C, gamma: as in SVC; others as in MarginClassifier. Fitted: also machines_ (a list of SVC, one for each class in the
    order of `classes_`; with two classes one SVC, for the second).
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

    def _fit_margins(self, rows: NDArray[np.float64], codes: NDArray[np.intp], steps: Steps) -> list[Any]:
        weights = compute_sample_weight(self.class_weight, codes)
        machines = []
        for code in machine_classes(len(self.classes_)):
            machines.append(SVC(C=self.C, gamma=self.gamma).fit(rows, codes == code, sample_weight=weights))
            steps.tell()
        return machines

    def _margins(self, fitted: list[Any], rows: NDArray[np.float64]) -> NDArray[np.float64]:
        margins = [machine.decision_function(rows) for machine in fitted]
        return np.column_stack(margins if len(margins) > 1 else [-margins[0], margins[0]])

    def _keep(self, fitted: list[Any]) -> None:
        self.machines_ = fitted

    def _kept(self) -> list[Any]:
        return self.machines_
