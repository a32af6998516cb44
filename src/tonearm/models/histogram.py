"""scikit-learn's histogram gradient boosting, with a row's probabilities independent of the other rows.

Conventions
-----------
scikit-learn sums a row's exponentials in an order that depends on the number of rows; `training.rowwise`
does not.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from tonearm.training.rowwise import softmax


class Boosting(HistGradientBoostingClassifier):  # type: ignore[misc]  # scikit-learn has no types
    """Parameters and fitted attributes are those of HistGradientBoostingClassifier."""

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class in the order of `classes_`, shape (rows, classes)."""
        scores = np.asarray(self.decision_function(X))
        return softmax(np.column_stack([np.zeros(len(scores)), scores]) if scores.ndim == 1 else scores)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, shape (rows,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])
