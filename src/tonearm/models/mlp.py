"""A multilayer perceptron on feature tables.

Conventions
-----------
Columns are standardised on the training rows; each hidden layer is linear, batch norm (optional),
activation, dropout. The last layer gives logits.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from tonearm.models.base import ModelSettings
from tonearm.settings import TrainSettings
from tonearm.training import TorchSettings, need_torch
from tonearm.training.settings import RESTORE_MEANING, SCHEDULE_MEANING, Schedule

if TYPE_CHECKING:
    from torch import nn

Units = Annotated[int, Field(ge=1, le=100_000)]
Activation = Literal["relu", "gelu", "silu", "elu", "tanh", "sigmoid"]


class MLPSettings(TorchSettings, ModelSettings):
    """`type = "mlp"`."""

    type: Literal["mlp"] = Field("mlp", description="type of model")
    hidden: tuple[Units, ...] = Field((90, 70, 50), max_length=50, description="units per hidden layer")
    activation: Activation = Field("relu", description="activation function of the hidden layers")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout after each hidden layer")
    batch_norm: bool = Field(False, description="batch normalisation in each hidden layer")
    learning_rate: float = Field(0.01, gt=0, le=100, description="initial learning rate")
    weight_decay: float = Field(0.001, ge=0, le=10, description="weight decay")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="label smoothing")
    schedule: Schedule = Field("cosine", description=SCHEDULE_MEANING)
    # on few rows the validation loss rises with the network's confidence long before its accuracy falls: on the
    # fault-filtered GTZAN features its best epoch scores 0.34, the end of the cosine schedule above 0.4
    restore_best: bool = Field(False, description=RESTORE_MEANING)


def build(settings: MLPSettings, train: TrainSettings) -> Any:
    """Unfitted classifier; raises ModelError if torch is not installed."""
    need_torch("mlp")
    from tonearm.training.engine import TorchClassifier
    from tonearm.training.inputs import TableInputs

    return TorchClassifier(network, TableInputs(), settings, train)


def network(shape: tuple[int, ...], classes: int, settings: MLPSettings) -> "nn.Module":
    """The network for rows of `shape` (columns,)."""
    from torch import nn

    activations: dict[Activation, type[nn.Module]] = {
        "relu": nn.ReLU,
        "gelu": nn.GELU,
        "silu": nn.SiLU,
        "elu": nn.ELU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
    }
    layers: list[nn.Module] = []
    [width] = shape
    for units in settings.hidden:
        layers.append(nn.Linear(width, units))
        if settings.batch_norm:
            layers.append(nn.BatchNorm1d(units))
        layers.append(activations[settings.activation]())
        if settings.dropout:
            layers.append(nn.Dropout(settings.dropout))
        width = units
    layers.append(nn.Linear(width, classes))
    return nn.Sequential(*layers)
