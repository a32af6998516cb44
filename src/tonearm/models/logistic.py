"""Multinomial logistic regression, by scikit-learn's L-BFGS or by plain gradient descent.

Conventions
-----------
Columns are standardised on the training rows. `lbfgs` minimises the cross-entropy with an L2 penalty of
strength 1 / C; `gradient-descent` takes `epochs` full-batch steps with `learning_rate` and no penalty.
"""

from typing import Any, Literal

from pydantic import Field

from tonearm.models.base import ModelSettings, Outlook, Size
from tonearm.settings import TrainSettings


class LogisticSettings(ModelSettings):
    """`type = "logistic"`."""

    type: Literal["logistic"] = Field("logistic", description="type of model")
    solver: Literal["lbfgs", "gradient-descent"] = Field("lbfgs", description="solver")
    C: float = Field(1.0, gt=0, description="lbfgs: inverse strength of the L2 penalty")
    max_iter: int = Field(2_000, ge=1, description="lbfgs: maximum number of iterations")
    learning_rate: float = Field(0.1, gt=0, description="gradient-descent: learning rate")
    epochs: int = Field(
        5_000, ge=1, le=100_000_000, description="gradient-descent: number of epochs, each one full-batch step"
    )
    tolerance: float = Field(
        0.0, ge=0, description="gradient-descent: stop when no gradient component exceeds this; 0: never"
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: weight classes inversely to their frequency"
    )


def outlook(settings: LogisticSettings, size: Size) -> Outlook:
    """L-BFGS takes some hundred iterations, each a pass over the table for each class."""
    passes = settings.epochs if settings.solver == "gradient-descent" else 100
    return Outlook(1e-9 * passes * size.rows * size.columns * size.classes)


def build(settings: LogisticSettings, train: TrainSettings) -> Any:
    """Unfitted pipeline of a scaler and the regression; nothing in it is random."""
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from tonearm.models.softmax import SoftmaxRegression

    regression = SoftmaxRegression(
        solver=settings.solver,
        C=settings.C,
        max_iter=settings.max_iter,
        learning_rate=settings.learning_rate,
        epochs=settings.epochs,
        tolerance=settings.tolerance,
        class_weight=None if settings.class_weight == "none" else settings.class_weight,
    )
    return Pipeline([("scale", StandardScaler()), ("classify", regression)])
