"""Clips whose label is likely wrong, found by models that have not seen them.

Conventions
-----------
Confident learning: Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70,
2021. Probabilities must be out-of-fold: a model that was trained on a wrong label reproduces it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import label_codes
from tonearm.evaluation.sums import row_blocks


class Suspicion(NamedTuple):
    """A clip's row, its label, the more likely label, and the probability of the latter minus that of the former."""

    row: int
    label: str
    likely: str
    margin: float


def suspicious_labels(
    truth: NDArray[np.object_], probabilities: NDArray[np.float64], labels: tuple[str, ...]
) -> list[Suspicion]:
    """The clips that are confidently of another class than their label, the most suspicious first.

    truth: shape (clips,). probabilities: out-of-fold, shape (clips, labels). A clip is confidently of a class if
    its probability reaches the mean of the clips with that label; of several such classes the most probable counts.

    >>> truth = np.array(["a", "a", "a", "b", "b", "b"], dtype=object)
    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    >>> [(found.row, found.likely) for found in suspicious_labels(truth, p, ("a", "b"))]
    [(2, 'b')]
    """
    codes = label_codes(truth, labels)
    own = probabilities[np.arange(len(codes)), codes]
    # a class without clips has no mean to reach
    thresholds = np.array(
        [own[codes == code].mean() if (codes == code).any() else np.inf for code in range(len(labels))]
    )
    likely, reached = np.empty(len(codes), dtype=np.intp), np.empty(len(codes))
    for block in row_blocks(probabilities):
        possible = np.where(probabilities[block] >= thresholds, probabilities[block], -1.0)
        likely[block], reached[block] = possible.argmax(axis=1), possible.max(axis=1)
    rows = np.flatnonzero((reached >= 0) & (likely != codes))
    suspicions = [
        Suspicion(int(row), labels[codes[row]], labels[likely[row]], float(probabilities[row, likely[row]] - own[row]))
        for row in rows
    ]
    return sorted(suspicions, key=lambda suspicion: (-suspicion.margin, suspicion.row))
