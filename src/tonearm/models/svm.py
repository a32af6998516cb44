"""A one-vs-rest support vector machine (RBF kernel, exact or approximate, or linear) with calibrated probabilities.

Conventions
-----------
Columns are standardised on the training rows. Calibration does not change predictions, see `models.margins`; the
approximate and the linear machine, which many rows need, are in `models.linear_margins`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from tonearm.models.base import ModelSettings, Outlook, Size
from tonearm.settings import TrainSettings
from tonearm.wording import duration

TRUSTED = ("sklearn.svm._classes.SVC",)
BY_LANDMARKS, BY_COLUMNS = 2.5e-7, 1e-7  # seconds of a linear machine for each number of its table


class SVMSettings(ModelSettings):
    """`type = "svm"`."""

    type: Literal["svm"] = Field("svm", description="type of model")
    C: float = Field(10.0, gt=0, description="inverse regularisation strength")
    gamma: Annotated[float, Field(gt=0)] | Literal["scale"] = Field(
        "scale", description="RBF kernel width; smaller values reach further; scale: 1 / number of columns"
    )
    kernel: Literal["rbf", "nystroem", "linear"] = Field(
        "rbf", description="rbf: exact; nystroem: approximates it by landmarks, for many rows; linear: no kernel"
    )
    landmarks: int = Field(300, ge=2, le=20_000, description="nystroem: training rows that the kernel compares with")
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: weight classes inversely to their frequency"
    )
    calibration_folds: int = Field(5, ge=2, le=100, description="cross-validation folds for calibrating probabilities")


def outlook(settings: SVMSettings, size: Size) -> Outlook:
    """The exact kernel compares all rows with all rows, for each class and fold of the calibration."""
    machines = size.classes if size.classes > 2 else 1
    folds = 1 + settings.calibration_folds * (1 - 1 / settings.calibration_folds) ** 2
    rbf = 2.5e-10 * size.rows**2 * size.columns * machines * folds
    fits = size.rows * machines * settings.calibration_folds
    nystroem, plain = BY_LANDMARKS * settings.landmarks * fits, BY_COLUMNS * size.columns * fits
    if settings.kernel != "rbf":
        return Outlook(nystroem if settings.kernel == "nystroem" else plain)
    return Outlook(rbf, f'kernel = "nystroem" takes about {duration(nystroem)}, kernel = "linear" {duration(plain)}')


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
        kernel=settings.kernel,
        landmarks=settings.landmarks,
    )
    return Pipeline([("scale", StandardScaler()), ("classify", machine)])
