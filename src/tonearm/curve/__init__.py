"""Learning curves: accuracy against the number of artists, and of clips, that a model is trained on.

Conventions
-----------
`subsets` chooses the clips of each size; `points` is one training, kept, and `trainings` runs them all; `estimate`
makes accuracies with intervals of them, `promise` says what more artists would bring, and `conclude` puts both into
what curve.json holds (`records`). `driver` leads; `wording`, `drawing` and `output` write; `folder` owns the folder.
"""

from tonearm.curve.driver import LearningCurve, run_curve

__all__ = ["LearningCurve", "run_curve"]
