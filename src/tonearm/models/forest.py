"""scikit-learn's extremely randomised trees, grown a few at a time so that they can tell how far they are.

Conventions
-----------
The trees are those of one call of `ExtraTreesClassifier.fit`, bit for bit, however many are grown at a time. How many
rows a leaf holds at least, so that the forest stays within its limit of memory, is for `trees` to say.
"""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import ExtraTreesClassifier

from tonearm.runtime.progress import tell_step

STEPS = 50
SMALL = 100_000  # numbers in a table: its trees are grown at once, in a few seconds at most


def grow(forest: ExtraTreesClassifier, X: ArrayLike, y: ArrayLike, least: int) -> None:
    """Fit the forest to rows X, shape (rows, columns), and their labels y, shape (rows,); a leaf gets `least` rows or
    more.
    """
    with np.errstate(over="ignore"):  # scikit-learn refuses what is infinite
        table: NDArray[np.float32] = np.ascontiguousarray(X, dtype=np.float32)
    trees = int(forest.n_estimators)
    forest.set_params(min_samples_leaf=max(forest.min_samples_leaf, least), warm_start=False)
    step = trees if table.size <= SMALL else -(-trees // STEPS)
    try:
        for grown in [*range(step, trees, step), trees]:
            with warnings.catch_warnings():
                # about balanced weights of other rows than before; they are the same
                warnings.filterwarnings("ignore", "class_weight presets", UserWarning)
                forest.set_params(n_estimators=grown).fit(table, y)
            forest.set_params(warm_start=True)
            tell_step(grown, trees)
    finally:
        forest.set_params(n_estimators=trees, warm_start=False)
