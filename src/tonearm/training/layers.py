"""Layers that torch lacks: augmentation of pictures, and global pooling.

Conventions
-----------
A batch is (rows, channels, height, width), standardised to mean 0. Random numbers come from torch's global
CPU generator, so that they follow from the seed on every device. In evaluation mode augmentation does nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tonearm.errors import ModelError


class Augment(nn.Module):
    """Random crop in time that wraps around, then time and frequency masks: Park et al., "SpecAugment", 2019.

    crop: share of the width that is kept; 1: no crop and no shift. masks: number of time masks, and of frequency
    masks, set to 0 (the mean). share: largest share of width or height that a mask covers.
    """

    def __init__(self, crop: float, masks: int, share: float) -> None:
        super().__init__()
        self.crop = crop
        self.masks = masks
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Batch to batch, narrower by `crop`."""
        if not self.training:
            return x
        if self.crop < 1.0:
            x = self._cut(x)
        rows, _, height, width = x.shape
        for _ in range(self.masks):
            x = x * self._mask(rows, width).to(x.device)[:, None, None, :]
            x = x * self._mask(rows, height).to(x.device)[:, None, :, None]
        return x

    def _cut(self, x: torch.Tensor) -> torch.Tensor:
        """A crop of each picture from a random start, wrapping around at its end."""
        rows, channels, height, width = x.shape
        first = torch.randint(width, (rows,)).to(x.device)
        columns = (first[:, None] + torch.arange(max(1, round(width * self.crop)), device=x.device)) % width
        return x.gather(3, columns[:, None, None, :].expand(-1, channels, height, -1))

    def _mask(self, rows: int, size: int) -> torch.Tensor:
        """Ones of shape (rows, size), with one random run of zeros in each row."""
        length = torch.rand(rows, 1) * self.share * size
        start = torch.rand(rows, 1) * (size - length)
        position = torch.arange(size)
        return 1.0 - ((position >= start) & (position < start + length)).float()


def shape_after(module: nn.Module, shape: tuple[int, ...], what: str) -> tuple[int, ...]:
    """Output shape of the module for a row of `shape`; raises ModelError, naming `what`, if it cannot read it."""
    with torch.inference_mode():
        try:
            return tuple(module(torch.zeros(1, *shape)).shape[1:])
        except RuntimeError as error:
            size = " x ".join(map(str, shape))
            raise ModelError(f"{what}: cannot read maps of {size} ({error}); choose larger pictures") from error


def check_weights(build: Callable[[], nn.Module], weights: Mapping[str, torch.Tensor]) -> None:
    """Raise ValueError if the network has other tensors than these, before its own are allocated, or one is not finite.

    build: to the network; called with torch's "meta" device, on which tensors have shapes and no numbers.
    """
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) or (1,) for name, value in build().state_dict().items()}
    found = {name: tuple(value.shape) or (1,) for name, value in weights.items()}  # a file holds a number as an array
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise ValueError(f"{name} has shape {found.get(name)}, and the settings make it {wanted.get(name)}")
        if weights[name].is_floating_point() and not bool(torch.isfinite(weights[name]).all()):
            raise ValueError(f"{name} holds numbers that are not finite")


class Pool(nn.Module):
    """Mean over height and width, or mean and maximum: (rows, channels, height, width) to (rows, numbers)."""

    def __init__(self, maximum: bool) -> None:
        super().__init__()
        self.maximum = maximum

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Batch to batch."""
        mean = x.mean(dim=(2, 3))
        return torch.cat([mean, x.amax(dim=(2, 3))], dim=1) if self.maximum else mean


@contextmanager
def last_layer_reads(module: nn.Module) -> Iterator[list[NDArray[np.float64]]]:
    """Within the block, what the network's last linear layer reads of each batch is added to the list.

    Nothing is added where it has no such layer.
    """
    read: list[NDArray[np.float64]] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].double().cpu().numpy()))
        for layer in [layer for layer in module.modules() if isinstance(layer, nn.Linear)][-1:]
    ]
    try:
        yield read
    finally:
        for hook in hooks:
            hook.remove()


def points(read: list[NDArray[np.float64]], logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """What `last_layer_reads` gave as a row for each window; the logits of a network whose last layer is another.

    logits: shape (windows, classes); the last batch may have been filled up, and what it is filled with is cut off.
    """
    rows = np.concatenate(read) if read and all(each.ndim == 2 for each in read) else logits
    return rows[: len(logits)] if len(rows) >= len(logits) else logits
