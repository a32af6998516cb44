"""The settings that every torch model has, whatever its network.

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
    "how the learning rate falls: plateau where the validation loss does not fall, cosine to zero over the epochs, "
    "step every schedule_epochs"
)
PICTURE_MEANING = "kind of picture that it reads: linear, log, layl, mel or mfcc; ready pictures are read as they are"
WINDOW_MEANING = "columns of pixels seen at once; a wider picture gives several windows; 0: the commonest width"
RESTORE_MEANING = "end with the weights of the lowest validation loss, as patience always does"


class TorchSettings(Settings):
    """How a network learns."""

    epochs: int = Field(100, ge=1, le=100_000, description="passes over the training rows at most")
    batch_size: int = Field(32, ge=1, le=65_536, description="rows of one step")
    learning_rate: float = Field(0.001, gt=0, le=100, description="length of a step at the start")
    weight_decay: float = Field(0.0, ge=0, le=10, description="pull of all weights to zero")
    optimizer: Literal["adam", "adamw", "sgd"] = Field("adam", description="how a gradient becomes a step")
    momentum: float = Field(0.9, ge=0, lt=1, description="sgd: share of the last step in the next")
    schedule: Schedule = Field("none", description=SCHEDULE_MEANING)
    schedule_factor: float = Field(0.1, gt=0, lt=1, description="plateau, step: what the rate is multiplied by")
    schedule_epochs: int = Field(10, ge=1, description="plateau: epochs without a lower loss; step: between steps")
    patience: int = Field(0, ge=0, description="stop after so many epochs without a lower validation loss; 0: never")
    restore_best: bool = Field(True, description=RESTORE_MEANING)
    validation_fraction: float = Field(
        0.1, gt=0, lt=1, description="rows held out where validation rows are needed and none are given"
    )
    class_weight: Literal["none", "balanced"] = Field("none", description="balanced: rare classes weigh more")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the truth spread over all classes")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16: faster on newer GPUs, a little less exact"
    )
    checkpoint_epochs: int = Field(10, ge=1, description="epochs between two states kept for a killed training")

    @property
    def needs_validation(self) -> bool:
        """Whether the training cannot go on without validation rows."""
        return self.patience > 0 or self.schedule == "plateau"


class PictureSettings(TorchSettings):
    """How a network learns from pictures."""

    reads: str = Field("mel", description=PICTURE_MEANING)
    window: int = Field(0, ge=0, le=65_536, description=WINDOW_MEANING)

    @model_validator(mode="before")
    @classmethod
    def _former_name(cls, values: Any) -> Any:
        """`picture` was the name of `reads` up to 0.1; configs and runs of that time have it."""
        if not isinstance(values, Mapping) or "picture" not in values:
            return values
        if "reads" in values:
            raise ValueError("picture is the former name of reads; give one of them")
        return {("reads" if key == "picture" else key): value for key, value in values.items()}


class Augmentation(PictureSettings):
    """What is hidden from a network while it learns, so that it does not learn pictures by heart."""

    crop: float = Field(0.8, gt=0, le=1, description="share of the picture's time that is seen while learning")
    masks: int = Field(2, ge=0, le=20, description="stretches of time, and bands of frequency, hidden while learning")
    mask_share: float = Field(0.12, ge=0, lt=1, description="largest share of the picture that one of them hides")
