"""The network for transfer learning: ResNet50 where its weights can be had, else EfficientNet-Lite0.

Conventions
-----------
ResNet50's weights are downloaded once by torchvision (98 MB); nothing is fetched where TONEARM_OFFLINE is set. Those of
EfficientNet-Lite0 come with the extra `demo`.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tonearm.errors import ModelError
from tonearm.representations.encoders.fetching import OFFLINE
from tonearm.training import need_torch

RESNET, LITE = "resnet50", "efficientnet_lite0"
PATIENCE = 20.0  # seconds without a byte from the network


def find_backbone(overrides: Sequence[str], tell: Callable[[str], None]) -> tuple[str | None, str]:
    """Name of the network and a note on it, "" where it is ResNet50; None where no weights can be had.

    overrides: of the command line; whoever names weights or a backbone there has chosen, and nothing is looked for.
    """
    for override in overrides:
        key, _, value = override.partition("=")
        if key.strip() == "models.resnet.backbone":
            name = value.strip(" \"'")
            return name, "" if name == RESNET else _note(name, "as --set says")
        if key.strip() == "models.resnet.weights":
            return RESNET, ""
    try:
        need_torch("resnet", "torchvision")
    except ModelError as error:
        return None, str(error)
    reason = _missing(RESNET, tell)
    if not reason:
        return RESNET, ""
    lite = _missing(LITE, tell)
    if not lite:
        return LITE, _note(LITE, reason)
    return None, f"{reason}; {lite}"


def _note(name: str, reason: str) -> str:
    return f"Ours is {name} and not ResNet50 ({reason}), so its rows and theirs are of two networks"


def _missing(name: str, tell: Callable[[str], None]) -> str:
    """Why the network's ImageNet weights cannot be had, "" where they can."""
    from tonearm.training.backbones import build_backbone

    if name == RESNET and not _is_here():
        if os.environ.get(OFFLINE):
            return f"its weights are not here, and {OFFLINE} is set"
        tell("the ImageNet weights of ResNet50 are fetched, once (98 MB)")
    try:
        with _impatient():
            build_backbone(name, "imagenet")
    except ModelError as error:
        return str(error).partition(". Offline")[0]
    return ""


def _is_here() -> bool:
    """Whether torchvision has downloaded the weights before."""
    from torch import hub
    from torchvision.models import get_model_weights

    return (Path(hub.get_dir()) / "checkpoints" / Path(get_model_weights(RESNET).DEFAULT.url).name).is_file()


@contextmanager
def _impatient() -> Iterator[None]:
    """Let a network that does not answer be an error and no wait without end."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
