"""Extremely randomised trees: many trees with random thresholds, their probabilities averaged.

Conventions
-----------
Trees need no scaling. P. Geurts et al., "Extremely randomized trees", Machine Learning 63, 2006. A tree that tells all
rows apart has a leaf for each, so the size of a forest grows with rows x trees x classes. Where that could exceed
`max_gigabytes`, a leaf holds more rows; with ten classes and 500 trees that begins above 13,888 rows.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from tonearm.models.base import ModelSettings, Outlook, Size
from tonearm.settings import TrainSettings

TRUSTED = ("sklearn.tree._tree.Tree", "sklearn.tree._classes.ExtraTreeClassifier")
NODE_BYTES, CLASS_BYTES = 64, 8  # of each node of a tree, and of each class in each node


class TreesSettings(ModelSettings):
    """`type = "trees"`."""

    type: Literal["trees"] = Field("trees", description="type of model")
    n_estimators: int = Field(500, ge=1, le=100_000, description="number of trees")
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt", "log2"] = Field(
        "sqrt", description="columns tried at each split: a share, or the square root or logarithm of their number"
    )
    min_samples_leaf: int = Field(1, ge=1, description="minimum number of rows per leaf")
    max_gigabytes: float = Field(
        2.0, gt=0, description="limit on the forest's size, kept on large tables by more rows per leaf"
    )
    max_depth: int | None = Field(None, ge=1, description="maximum depth of a tree; absent: no limit")
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: weight classes inversely to their frequency"
    )


def rows_per_leaf(rows: int, classes: int, trees: int, gigabytes: float) -> int:
    """Least rows of a leaf with which so many trees stay within the limit, whatever the labels are.

    >>> rows_per_leaf(13_888, 10, 500, 2.0), rows_per_leaf(13_889, 10, 500, 2.0), rows_per_leaf(100_000, 10, 500, 2.0)
    (1, 2, 8)
    """
    nodes_a_tree = gigabytes * 1e9 / (trees * (NODE_BYTES + CLASS_BYTES * classes))
    return max(1, math.ceil(2 * rows / nodes_a_tree))  # a tree has twice as many nodes as leaves


def outlook(settings: TreesSettings, size: Size) -> Outlook:
    """Every tree sorts the rows by some columns on each of its levels."""
    named = {"sqrt": size.columns**0.5, "log2": math.log2(size.columns + 1)}
    tried = named[settings.max_features] if isinstance(settings.max_features, str) else settings.max_features
    tried = tried if isinstance(settings.max_features, str) else tried * size.columns
    levels = math.log2(size.rows + 1)
    seconds = 2e-8 * (1 + size.classes / 100) * size.rows * levels * max(1.0, tried) * settings.n_estimators
    least = rows_per_leaf(size.rows, size.classes, settings.n_estimators, settings.max_gigabytes)
    if least <= settings.min_samples_leaf:
        return Outlook(seconds, "a lower n_estimators is faster")
    return Outlook(
        seconds,
        f"a leaf holds at least {least} rows, so that the forest stays below {settings.max_gigabytes:g} GB "
        "(max_gigabytes)",
        always=True,
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


def fit(settings: TreesSettings, classifier: Any, X: Any, y: Any) -> None:
    """Fit the forest that `build` gave, within its limit, telling how far it is."""
    from tonearm.models.forest import grow

    least = rows_per_leaf(len(X), len(set(y)), settings.n_estimators, settings.max_gigabytes)
    grow(classifier, X, y, least)
