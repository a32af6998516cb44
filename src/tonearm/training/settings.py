"""Settings shared by all torch models.

Conventions
-----------
A model's settings class inherits these and may set other defaults. An epoch is one pass over the rows.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from tonearm.settings import Settings

Schedule = Literal["none", "plateau", "cosine", "step"]
SCHEDULE_MEANING = (
    "learning rate schedule: plateau (when the validation loss stops falling), cosine (to zero over the epochs), "
    "step (every schedule_epochs)"
)
PICTURE_MEANING = "kind of picture to read: linear, log, layl, mel or mfcc; image files are read as they are"
WINDOW_MEANING = "input width in pixels; wider pictures give several windows; 0: the most common width"
SCHEDULE_EPOCHS_MEANING = (
    "plateau: epochs without a lower validation loss before a reduction; step: epochs between reductions"
)
PATIENCE_MEANING = "stop after this many epochs without a lower validation loss; 0: never"
RESTORE_MEANING = "keep the weights of the epoch with the lowest validation loss; patience implies it"


class TorchSettings(Settings):
    """How a network is trained."""

    epochs: int = Field(100, ge=1, le=100_000, description="maximum number of epochs")
    batch_size: int = Field(32, ge=1, le=65_536, description="batch size")
    learning_rate: float = Field(0.001, gt=0, le=100, description="initial learning rate")
    weight_decay: float = Field(0.0, ge=0, le=10, description="weight decay")
    optimizer: Literal["adam", "adamw", "sgd"] = Field("adam", description="optimizer")
    momentum: float = Field(0.9, ge=0, lt=1, description="sgd: momentum")
    schedule: Schedule = Field("none", description=SCHEDULE_MEANING)
    schedule_factor: float = Field(
        0.1, gt=0, lt=1, description="plateau, step: factor by which the learning rate is multiplied"
    )
    schedule_epochs: int = Field(10, ge=1, description=SCHEDULE_EPOCHS_MEANING)
    patience: int = Field(0, ge=0, description=PATIENCE_MEANING)
    restore_best: bool = Field(True, description=RESTORE_MEANING)
    validation_fraction: float = Field(
        0.1, gt=0, lt=1, description="share of training rows held out if validation rows are needed and none are given"
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: weight classes inversely to their frequency"
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="label smoothing")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16: faster on newer GPUs, slightly less exact"
    )
    checkpoint_epochs: int = Field(
        10, ge=1, description="epochs between checkpoints, from which a killed training resumes"
    )

    @property
    def needs_validation(self) -> bool:
        """Whether training needs validation rows."""
        return self.patience > 0 or self.schedule == "plateau"


class PictureSettings(TorchSettings):
    """How a network is trained on pictures."""

    reads: str = Field("mel", description=PICTURE_MEANING)
    window: int = Field(0, ge=0, le=65_536, description=WINDOW_MEANING)

    @model_validator(mode="before")
    @classmethod
    def _former_name(cls, values: Any) -> Any:
        """Accept `picture`, the name of `reads` up to 0.1, from old configs and runs."""
        if not isinstance(values, Mapping) or "picture" not in values:
            return values
        if "reads" in values:
            raise ValueError("picture is the former name of reads; give one of them")
        return {("reads" if key == "picture" else key): value for key, value in values.items()}


class Augmentation(PictureSettings):
    """Augmentation during training, against overfitting."""

    crop: float = Field(
        0.8, gt=0, le=1, description="share of the picture's width in a random crop during training; 1: no crop"
    )
    masks: int = Field(2, ge=0, le=20, description="time masks, and as many frequency masks, during training")
    mask_share: float = Field(0.12, ge=0, lt=1, description="largest share of the picture that a mask hides")
