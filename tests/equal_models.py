"""Answers of simulated models, of which it is known how good they are; tests and benchmarks use them."""

import numpy as np
from numpy.typing import NDArray

CLIPS_A_GROUP = 5


def simulated_answers(
    generator: np.random.Generator, models: int, groups: int, lag: float = 0.0, repeats: int = 1
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Whether answers are right, shape (clips, repeats, models), and each clip's group, shape (clips,).

    Clips and groups are easy or hard for all models, and each model has its own luck with each group and each
    clip; all are right in about half of the clips. lag: points by which the last model is truly worse, in [0, 1].
    repeats: answers of a clip that a model gives, from trainings of their own.
    """
    group = np.repeat(np.arange(groups), CLIPS_A_GROUP)
    clips = len(group)
    ease = generator.normal(0, 1, groups)[group] + generator.normal(0, 1, clips)
    luck = generator.normal(0, 0.8, (groups, models))[group] + generator.normal(0, 0.8, (clips, models))
    chance = 1 / (1 + np.exp(-2 * (ease[:, None] + luck)))
    right = generator.random((clips, repeats, models)) < chance[:, None, :]
    # a share of its right answers is lost, which is `lag` of all answers
    right[:, :, -1] &= generator.random((clips, repeats)) >= 2 * lag
    return right, group
