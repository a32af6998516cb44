"""Gradient-boosted trees on binned columns.

Conventions
-----------
Trees need no scaling. There is no early stopping: all `max_iter` iterations are run. G. Ke et al.,
"LightGBM: a highly efficient gradient boosting decision tree", NeurIPS 2017.
"""

from typing import Any, Literal

from pydantic import Field

from tonearm.models.base import ModelSettings, Outlook, Size
from tonearm.settings import TrainSettings

TRUSTED = (
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.preprocessing._label.LabelEncoder",
    *(f"sklearn._loss.loss.{name}" for name in ("HalfBinomialLoss", "HalfMultinomialLoss")),
    *(f"sklearn._loss._loss.{name}" for name in ("CyHalfBinomialLoss", "CyHalfMultinomialLoss")),
    *(f"sklearn._loss.link.{name}" for name in ("Interval", "LogitLink", "HalfLogitLink", "MultinomialLogit")),
)


class BoostingSettings(ModelSettings):
    """`type = "boosting"`."""

    type: Literal["boosting"] = Field("boosting", description="type of model")
    learning_rate: float = Field(0.1, gt=0, le=1, description="learning rate (shrinkage)")
    max_iter: int = Field(150, ge=1, le=100_000, description="boosting iterations; each grows one tree per class")
    max_leaf_nodes: int = Field(31, ge=2, description="maximum number of leaves per tree")
    min_samples_leaf: int = Field(10, ge=1, description="minimum number of rows per leaf")
    l2_regularization: float = Field(1.0, ge=0, description="L2 penalty on the leaf values")
    max_features: float = Field(0.3, gt=0, le=1, description="share of the columns tried at each split")
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: weight classes inversely to their frequency"
    )


def outlook(settings: BoostingSettings, size: Size) -> Outlook:
    """A tree for each class and iteration: histograms of all columns in each node, and all rows on each level."""
    leaves = min(settings.max_leaf_nodes, max(2, size.rows // settings.min_samples_leaf))
    tree = size.columns * (2e-6 * leaves + 7.5e-9 * size.rows)
    classes = size.classes if size.classes > 2 else 1
    trees = settings.max_iter * classes
    advice = f"it grows {trees} trees, one for each iteration and class; a lower max_iter, trees or logistic are faster"
    return Outlook(tree * trees, advice)


def build(settings: BoostingSettings, train: TrainSettings) -> Any:
    """Unfitted classifier; the random seed decides which columns are tried."""
    from tonearm.models.histogram import Boosting

    return Boosting(
        learning_rate=settings.learning_rate,
        max_iter=settings.max_iter,
        max_leaf_nodes=settings.max_leaf_nodes,
        min_samples_leaf=settings.min_samples_leaf,
        l2_regularization=settings.l2_regularization,
        max_features=settings.max_features,
        class_weight=None if settings.class_weight == "none" else settings.class_weight,
        early_stopping=False,
        random_state=train.seed,
    )
