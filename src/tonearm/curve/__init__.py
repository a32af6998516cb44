"""Learning curves: accuracy against the number of artists, and of clips, that a model is trained on.

Conventions
-----------
`subsets` chooses the clips of each size, `points` trains on them and keeps what came out, `estimate` makes accuracies
with intervals of it, `promise` says what more artists would bring, `driver` leads, `records` is what curve.json holds,
`wording` and `output` write, and `folder` owns the folder.
"""

from tonearm.curve.driver import LearningCurve, run_curve

__all__ = ["LearningCurve", "run_curve"]
