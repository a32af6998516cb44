"""Transfer learning: a network pretrained on photographs learns genres from spectrogram pictures.

Conventions
-----------
A new output layer replaces the old one; the last `unfreeze` blocks of the backbone are fine-tuned with it and
the others stay frozen (`training.backbones`, `training.transfer`). Augmentation shifts and masks the maps that the
unfrozen blocks read, not the pictures, since the maps are cached. On the GTZAN pictures it is worth seven points
(EfficientNet-Lite0, two blocks, a random fold: 0.70 without, 0.78 with it).
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tonearm.models.base import ModelSettings
from tonearm.settings import TrainSettings
from tonearm.training import need_torch
from tonearm.training.settings import RESTORE_MEANING, SCHEDULE_MEANING, Augmentation, Schedule

if TYPE_CHECKING:
    from torch import nn


class ResNetSettings(Augmentation, ModelSettings):
    """`type = "resnet"`."""

    type: Literal["resnet"] = Field("resnet", description="type of model")
    backbone: str = Field(
        "resnet50", description="torchvision classification network, or efficientnet_lite0 (extra demo)"
    )
    weights: str = Field("imagenet", description="imagenet, none, torchvision weights such as IMAGENET1K_V1, or a file")
    unfreeze: int = Field(
        1, ge=0, le=4, description="number of blocks, from the end, to fine-tune with the new output layer"
    )
    block_rate: float = Field(
        1.0, gt=0, le=1, description="learning rate of an unfrozen block as a share of the next block's"
    )
    cache: Literal["float32", "float16", "none"] = Field(
        "float32", description="precision of the cached frozen features; none: recompute them each epoch"
    )
    maximum: bool = Field(True, description="pool each channel by mean and maximum, not by mean alone")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout before the output layer")
    # masks on the frozen part's maps, which are far coarser than pictures
    masks: int = Field(
        1, ge=0, le=20, description="unfreeze >= 1: time masks, and as many frequency masks, during training"
    )
    mask_share: float = Field(0.25, ge=0, lt=1, description="unfreeze >= 1: largest share of the map that a mask hides")
    epochs: int = Field(30, ge=1, le=100_000, description="maximum number of epochs")
    weight_decay: float = Field(0.01, ge=0, le=10, description="weight decay")
    optimizer: Literal["adam", "adamw", "sgd"] = Field("adamw", description="optimizer")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="label smoothing")
    schedule: Schedule = Field("cosine", description=SCHEDULE_MEANING)
    restore_best: bool = Field(False, description=RESTORE_MEANING)


def build(settings: ResNetSettings, train: TrainSettings) -> Any:
    """Unfitted classifier; raises ModelError if torch or torchvision is not installed."""
    need_torch("resnet", "torchvision")
    from tonearm.training.engine import TorchClassifier
    from tonearm.training.transfer import TransferInputs

    inputs = TransferInputs(
        settings.backbone, settings.weights, settings.unfreeze, settings.cache, settings.window, settings.maximum
    )
    return TorchClassifier(network, inputs, settings, train)


def network(shape: tuple[int, ...], classes: int, settings: ResNetSettings) -> "nn.Module":
    """The trainable part: unfrozen blocks and output layer, for features of `shape` from the frozen part."""
    from torch import nn

    from tonearm.training.backbones import build_backbone
    from tonearm.training.layers import Augment, Pool, shape_after

    layers: dict[str, nn.Module] = {}
    numbers = shape[0]
    if settings.unfreeze:
        layers["augment"] = Augment(settings.crop, settings.masks, settings.mask_share)
        layers["blocks"] = build_backbone(settings.backbone).open_part(settings.unfreeze)
        layers["pool"] = Pool(settings.maximum)
        tail = nn.Sequential(*layers.values()).eval()
        [numbers] = shape_after(tail, shape, f"backbone = {settings.backbone!r}")
        tail.train()
    # a backbone's features differ in scale by a factor of 100; the output layer learns faster from standardised ones
    layers |= {"even": nn.BatchNorm1d(numbers, affine=False), "dropout": nn.Dropout(settings.dropout)}
    layers["output"] = nn.Linear(numbers, classes)
    module = nn.Sequential()
    for name, layer in layers.items():
        module.add_module(name, layer)
    module.rates = {  # type: ignore[assignment]  # read by the engine
        f"blocks.{block}.*": settings.block_rate ** (settings.unfreeze - block) for block in range(settings.unfreeze)
    }
    return module
