"""Strided convolutions on pictures without pooling, then a linear layer: the reference system's network.

Conventions
-----------
Each layer is a convolution and an activation. A map of n pixels becomes floor((n + 2 padding - kernel_size) /
stride) + 1 pixels, in height and in width; settings that leave none are refused.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from tonearm.errors import ModelError
from tonearm.models.base import ModelSettings
from tonearm.settings import TrainSettings
from tonearm.training import need_torch
from tonearm.training.settings import (
    PATIENCE_MEANING,
    PICTURE_MEANING,
    SCHEDULE_EPOCHS_MEANING,
    SCHEDULE_MEANING,
    PictureSettings,
    Schedule,
)

if TYPE_CHECKING:
    from torch import nn

Channels = Annotated[int, Field(ge=1, le=4096)]


class CNNSettings(PictureSettings, ModelSettings):
    """`type = "cnn"`."""

    type: Literal["cnn"] = Field("cnn", description="type of model")
    reads: str = Field("layl", description=PICTURE_MEANING)
    layers: int = Field(4, ge=1, le=20, description="number of convolutional layers")
    channels: tuple[Channels, ...] = Field(
        (16, 32, 64, 128),
        min_length=1,
        max_length=20,
        description="output channels of each layer; the last value repeats",
    )
    kernel_size: int = Field(4, ge=1, le=64, description="kernel height and width in pixels")
    stride: int = Field(4, ge=1, le=64, description="stride in pixels")
    padding: int = Field(1, ge=0, le=64, description="zero padding in pixels")
    activation: Literal["tanh", "relu", "sigmoid"] = Field("tanh", description="activation function")
    weight_decay: float = Field(0.0001, ge=0, le=10, description="weight decay")
    schedule: Schedule = Field("plateau", description=SCHEDULE_MEANING)
    schedule_epochs: int = Field(5, ge=1, description=SCHEDULE_EPOCHS_MEANING)
    patience: int = Field(15, ge=0, description=PATIENCE_MEANING)


def build(settings: CNNSettings, train: TrainSettings) -> Any:
    """Unfitted classifier; raises ModelError if torch is not installed."""
    need_torch("cnn")
    from tonearm.training.engine import TorchClassifier
    from tonearm.training.pictures import PictureInputs

    return TorchClassifier(network, PictureInputs(settings.window), settings, train)


def network(shape: tuple[int, ...], classes: int, settings: CNNSettings) -> "nn.Module":
    """The network for pictures of `shape` (channels, height, width). Raises ModelError as `map_sizes`."""
    from torch import nn

    activations: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}
    channels, height, width = shape
    height, width = map_sizes(height, width, settings)[-1]
    layers: list[nn.Module] = []
    for layer in range(settings.layers):
        out = settings.channels[min(layer, len(settings.channels) - 1)]
        layers.append(nn.Conv2d(channels, out, settings.kernel_size, settings.stride, settings.padding))
        layers.append(activations[settings.activation]())
        channels = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, classes))


def check(settings: CNNSettings, height: int, width: int) -> None:
    """Raise ModelError where the layers do not fit into a picture."""
    map_sizes(height, settings.window or width, settings)


def map_sizes(height: int, width: int, settings: CNNSettings) -> list[tuple[int, int]]:
    """Height and width of the picture and of each layer's map.

    Raises ModelError, with the sizes, if a layer's kernel does not fit into the map before it.

    >>> map_sizes(172, 173, CNNSettings())
    [(172, 173), (43, 43), (11, 11), (3, 3), (1, 1)]
    """
    sizes = [(height, width)]
    for layer in range(1, settings.layers + 1):
        inside = [size + 2 * settings.padding - settings.kernel_size for size in sizes[-1]]
        if min(inside) < 0:
            way = " → ".join(f"{high}x{wide}" for high, wide in sizes)
            raise ModelError(
                f"cnn: layer {layer} of {settings.layers} has a kernel of {settings.kernel_size} pixels and a map of "
                f"{sizes[-1][0]}x{sizes[-1][1]} with {settings.padding} of padding; the maps shrink {way}. Choose "
                f"layers = {layer - 1} or less, a smaller stride or a smaller kernel_size"
            )
        sizes.append((inside[0] // settings.stride + 1, inside[1] // settings.stride + 1))
    return sizes
