"""A one-vs-rest support vector machine (RBF kernel) with calibrated probabilities.

Conventions
-----------
Columns are standardised on the training rows. Calibration does not change predictions, see `models.margins`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from tonearm.models.base import ModelSettings
from tonearm.settings import TrainSettings

TRUSTED = ("sklearn.svm._classes.SVC",)


class SVMSettings(ModelSettings):
    """`type = "svm"`."""

    type: Literal["svm"] = Field("svm", description="type of model")
    C: float = Field(10.0, gt=0, description="inverse regularisation strength")
    gamma: Annotated[float, Field(gt=0)] | Literal["scale"] = Field(
        "scale", description="RBF kernel width; smaller values reach further; scale: 1 / number of columns"
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: weight classes inversely to their frequency"
    )
    calibration_folds: int = Field(5, ge=2, le=100, description="cross-validation folds for calibrating probabilities")


def build(settings: SVMSettings, train: TrainSettings) -> Any:
    """Unfitted pipeline of a scaler and the SVM; the random seed divides the rows for the calibration."""
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from tonearm.models.margins import SupportVectors

    machine = SupportVectors(
        C=settings.C,
        gamma=settings.gamma,
        class_weight=None if settings.class_weight == "none" else settings.class_weight,
        folds=settings.calibration_folds,
        seed=train.seed,
    )
    return Pipeline([("scale", StandardScaler()), ("classify", machine)])
