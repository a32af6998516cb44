"""scikit-learn's extremely randomised trees, grown a few at a time so that they can tell how far they are.

Conventions
-----------
The trees are those of `ExtraTreesClassifier`, bit for bit, however many are grown at a time. Only where trees with
leaves of single rows could exceed the memory limit does a leaf hold more rows (`rows_per_leaf`).
"""

import warnings
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import ExtraTreesClassifier

from tonearm.models.trees import rows_per_leaf
from tonearm.runtime.progress import tell_step

STEPS = 50
SMALL = 100_000  # numbers in a table: its trees are grown at once, in a few seconds at most


class Forest(ExtraTreesClassifier):  # type: ignore[misc]  # scikit-learn has no types
    """Parameters as in ExtraTreesClassifier; max_gigabytes: limit on the size of the fitted trees.

    Fitted: also min_samples_leaf_, the number of rows that a leaf holds at least.
    """

    n_estimators: int
    min_samples_leaf: int

    def __init__(
        self,
        n_estimators: int = 500,
        max_features: float | str = "sqrt",
        min_samples_leaf: int = 1,
        max_depth: int | None = None,
        class_weight: str | None = None,
        random_state: int = 0,
        max_gigabytes: float = 2.0,
    ) -> None:
        super().__init__(
            n_estimators,
            max_features=max_features,
            min_samples_leaf=min_samples_leaf,
            max_depth=max_depth,
            class_weight=class_weight,
            random_state=random_state,
            n_jobs=1,  # the sum over trees has a fixed order, so results are the same bit for bit
        )
        self.max_gigabytes = max_gigabytes

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to rows X, shape (rows, columns), and their labels y, shape (rows,)."""
        with np.errstate(over="ignore"):  # scikit-learn refuses what is infinite
            table: NDArray[np.float32] = np.ascontiguousarray(X, dtype=np.float32)
        trees, asked = self.n_estimators, self.min_samples_leaf
        classes = len(np.unique(np.asarray(y)))
        step = trees if table.size <= SMALL else -(-trees // STEPS)
        self.min_samples_leaf_ = self.min_samples_leaf = max(
            asked, rows_per_leaf(len(table), classes, trees, self.max_gigabytes)
        )
        try:
            for grown in [*range(step, trees, step), trees]:
                self.n_estimators = grown
                with warnings.catch_warnings():
                    # about balanced weights of other rows than before; they are the same
                    warnings.filterwarnings("ignore", "class_weight presets", UserWarning)
                    super().fit(table, y, sample_weight)
                self.warm_start = True
                tell_step(grown, trees)
        finally:
            self.n_estimators, self.min_samples_leaf, self.warm_start = trees, asked, False
        return self
