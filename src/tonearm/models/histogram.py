"""scikit-learn's histogram gradient boosting, with a row's probabilities independent of the other rows.

Conventions
-----------
scikit-learn sums a row's exponentials in an order that depends on the number of rows; `training.rowwise`
does not.
"""

from itertools import count
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from tonearm.runtime.progress import tell_step
from tonearm.training.rowwise import softmax


class Boosting(HistGradientBoostingClassifier):  # type: ignore[misc]  # scikit-learn has no types
    """Parameters and fitted attributes are those of HistGradientBoostingClassifier."""

    def _get_loss(self, sample_weight: Any) -> Any:
        """The loss, which tells each time that it is asked for gradients: that begins an iteration."""
        loss = super()._get_loss(sample_weight)
        plain, begun = loss.gradient_hessian, count()

        def gradient_hessian(*args: Any, **kwargs: Any) -> Any:
            tell_step(next(begun), self.max_iter)
            return plain(*args, **kwargs)

        loss.gradient_hessian = gradient_hessian
        return loss

    def fit(self, X: ArrayLike, y: ArrayLike, **others: Any) -> Self:
        """Fit to rows X, shape (rows, columns), and their labels y, shape (rows,)."""
        super().fit(X, y, **others)
        del self._loss.gradient_hessian  # the class's own is back, so that the model can be saved
        tell_step(self.max_iter, self.max_iter)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class in the order of `classes_`, shape (rows, classes)."""
        scores = np.asarray(self.decision_function(X))
        return softmax(np.column_stack([np.zeros(len(scores)), scores]) if scores.ndim == 1 else scores)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, shape (rows,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])
