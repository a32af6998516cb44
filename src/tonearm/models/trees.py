"""Extremely randomised trees: many trees with random thresholds, their probabilities averaged.

Conventions
-----------
Trees need no scaling. P. Geurts et al., "Extremely randomized trees", Machine Learning 63, 2006.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from tonearm.models.base import ModelSettings
from tonearm.settings import TrainSettings

TRUSTED = ("sklearn.tree._tree.Tree", "sklearn.tree._classes.ExtraTreeClassifier")


class TreesSettings(ModelSettings):
    """`type = "trees"`."""

    type: Literal["trees"] = Field("trees", description="type of model")
    n_estimators: int = Field(500, ge=1, le=100_000, description="number of trees")
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt", "log2"] = Field(
        "sqrt", description="columns tried at each split: a share, or the square root or logarithm of their number"
    )
    min_samples_leaf: int = Field(1, ge=1, description="minimum number of rows per leaf")
    max_depth: int | None = Field(None, ge=1, description="maximum depth of a tree; absent: no limit")
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: weight classes inversely to their frequency"
    )


def build(settings: TreesSettings, train: TrainSettings) -> Any:
    """Unfitted forest; its trees are grown one after the other from the random seed."""
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(
        n_estimators=settings.n_estimators,
        max_features=settings.max_features,
        min_samples_leaf=settings.min_samples_leaf,
        max_depth=settings.max_depth,
        class_weight=None if settings.class_weight == "none" else settings.class_weight,
        random_state=train.seed,
        n_jobs=1,  # the sum over trees has a fixed order, so results are the same bit for bit
    )
