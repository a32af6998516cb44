"""skorch's net as the engine uses it: precision and optimizer.

Conventions
-----------
skorch's strings of parameters stand in `engine` and here, and nowhere else.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet

from tonearm.training.settings import TorchSettings


class Net(NeuralNet):  # type: ignore[misc]
    """skorch's net with an optional lower precision."""

    precision = "float32"

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Logits in float32, whatever the precision inside."""
        with autocast(self.device, self.precision):
            return super().infer(x, **fit_params).float()


def autocast(device: str, precision: str) -> torch.autocast:
    """Inside, the network computes in this precision: "float32" or "bfloat16"."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bfloat16")


def optimizer(settings: TorchSettings) -> Callable[..., torch.optim.Optimizer]:
    """Called by skorch with the parameters and `lr`."""
    if settings.optimizer == "sgd":
        return functools.partial(torch.optim.SGD, momentum=settings.momentum, weight_decay=settings.weight_decay)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return functools.partial(kind, weight_decay=settings.weight_decay)
