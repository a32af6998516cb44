"""Softmax regression by scikit-learn's L-BFGS, or by full-batch gradient descent fast enough for very many epochs.

Conventions
-----------
All weights start at zero, so that a fit is the same each time without a random seed. Gradient descent's loss is
the mean cross-entropy, with no penalty. With P the probabilities, Y the one-hot labels and m the weights of the
clips, the gradient is ((P - Y) m) X; the term Y m X is constant and computed once. C. Bishop, "Pattern Recognition
and Machine Learning", 2006, section 4.3.4.
"""

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tonearm.errors import ModelError
from tonearm.runtime.progress import tell_step
from tonearm.training.rowwise import linear, softmax

HISTORY_ROWS = 200  # points of the learning curve, however many epochs there are


class SoftmaxRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Linear scores of each class, turned into probabilities by softmax.

    solver: "lbfgs" (with C and max_iter, as in scikit-learn's LogisticRegression) or "gradient-descent".
    epochs: maximum number of steps. tolerance: stop when no component of the gradient exceeds
    this, 0: never. class_weight: None or "balanced". Fitted: classes_, coef_ of shape
    (classes, columns), intercept_ of shape (classes,), n_iter_, history_ (dicts of epoch, train_loss and
    train_accuracy at up to 200 epochs of gradient descent).
    """

    def __init__(
        self,
        solver: str = "lbfgs",
        C: float = 1.0,
        max_iter: int = 2_000,
        learning_rate: float = 0.1,
        epochs: int = 5_000,
        tolerance: float = 0.0,
        class_weight: str | None = None,
    ) -> None:
        self.solver = solver
        self.C = C
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.tolerance = tolerance
        self.class_weight = class_weight

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit to rows X, shape (rows, columns), and their labels y, shape (rows,).

        Raises ModelError if L-BFGS does not converge within max_iter, or gradient descent diverges.
        """
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, truth = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("a classifier needs at least 2 classes; the labels have 1 class")
        self.history_: list[dict[str, float]] = []
        if self.solver == "lbfgs":
            self._fit_lbfgs(rows, labels)
            return self
        from sklearn.utils.class_weight import compute_sample_weight

        mass = compute_sample_weight(self.class_weight, labels) / len(labels)
        with np.errstate(over="ignore", invalid="ignore"):  # `_check` reports divergence
            weights = self._descend(np.column_stack([rows, np.ones(len(rows))]), truth, mass)
        self._check(weights)
        self.coef_ = np.ascontiguousarray(weights[:, :-1])
        self.intercept_ = weights[:, -1].copy()
        return self

    def _fit_lbfgs(self, rows: NDArray[np.float64], labels: NDArray[Any]) -> None:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=self.C, max_iter=self.max_iter, class_weight=self.class_weight)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(rows, labels)
            except ConvergenceWarning as error:
                raise ModelError(
                    f"logistic: L-BFGS did not converge within max_iter = {self.max_iter}; raise max_iter or lower C"
                ) from error
        self.coef_, self.intercept_ = model.coef_, model.intercept_
        if len(self.classes_) == 2:  # scikit-learn has only the second class's row; the first one's is zero
            self.coef_ = np.vstack([np.zeros_like(self.coef_), self.coef_])
            self.intercept_ = np.append(0.0, self.intercept_)
        self.n_iter_ = int(model.n_iter_[0])

    def _descend(
        self, rows: NDArray[np.float64], truth: NDArray[np.intp], mass: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The weights after all epochs, shape (classes, columns + 1); the last column holds the intercepts."""
        columns = np.ascontiguousarray(rows.T)  # classes × rows keeps elementwise work contiguous
        weights = np.zeros((len(self.classes_), rows.shape[1]))
        wanted = np.zeros((len(self.classes_), len(rows)))
        wanted[truth, np.arange(len(rows))] = mass
        fixed = wanted @ rows
        logits = np.empty_like(wanted)
        gradient = np.empty_like(weights)
        noted = set(np.unique(np.linspace(1, self.epochs, min(self.epochs, HISTORY_ROWS)).astype(int)).tolist())
        self.n_iter_ = 0
        for epoch in range(1, self.epochs + 1):
            _softmax_in_place(np.matmul(weights, columns, out=logits))
            if epoch in noted:
                tell_step(epoch, self.epochs)
                self._note(epoch, logits, truth, mass)
                self._check(weights)
            logits *= mass
            np.matmul(logits, rows, out=gradient)
            gradient -= fixed
            self.n_iter_ = epoch
            if self.tolerance and np.abs(gradient).max() <= self.tolerance:
                break
            gradient *= self.learning_rate
            weights -= gradient
        return weights

    def _note(
        self,
        epoch: int,
        probabilities: NDArray[np.float64],
        truth: NDArray[np.intp],
        mass: NDArray[np.float64],
    ) -> None:
        """Add a row to the history, from the probabilities at the start of this epoch."""
        of_truth = probabilities[truth, np.arange(len(truth))]
        loss = -float(mass @ np.log(np.maximum(of_truth, np.finfo(np.float64).tiny))) / float(mass.sum())
        right = float(np.mean(probabilities.argmax(axis=0) == truth))
        self.history_.append({"epoch": epoch, "train_loss": loss, "train_accuracy": right})

    def _check(self, weights: NDArray[np.float64]) -> None:
        if not np.isfinite(weights).all():
            raise ModelError(
                f"logistic: gradient descent diverged within {self.n_iter_} epochs; choose a learning_rate below "
                f"{self.learning_rate:g}"
            )

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class in the order of `classes_`, shape (rows, classes)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return softmax(linear(rows, self.coef_, self.intercept_))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, shape (rows,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])


def _softmax_in_place(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax over axis 0, in place for speed: it runs once per epoch."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=0)
    return logits
