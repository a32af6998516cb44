"""skorch's net as the engine uses it: precision, optimizer, process groups.

Conventions
-----------
skorch's parameter strings appear here and nowhere else.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from skorch import NeuralNet
from skorch.helper import predefined_split
from skorch.hf import AccelerateMixin
from torch import nn

from tonearm.errors import ModelError
from tonearm.training.batches import Batches, Rows
from tonearm.training.devices import kind
from tonearm.training.process_group import LaunchedGroup, ProcessGroup
from tonearm.training.settings import TorchSettings

VALID_BATCH = 128
Sums = dict[bool, list[float]]  # over training batches (True) and validation batches: loss, correct, rows


class Net(NeuralNet):  # type: ignore[misc]
    """skorch's net with an optional lower precision."""

    precision = "float32"
    processes: ProcessGroup
    seed = 0

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Logits in float32, whatever the precision inside."""
        with autocast(self.device, self.precision):
            return super().infer(x, **fit_params).float()

    @property
    def bare_module(self) -> nn.Module:
        """The network without any wrapper."""
        module: nn.Module = self.module_
        return module

    def rows_told(self, truth: torch.Tensor, training: bool) -> float:
        """The factor of the last loss in a sum over rows."""
        return len(truth)

    def agreed(self, sums: Sums) -> Sums:
        """The sums over all processes that train together."""
        return sums


class GroupNet(AccelerateMixin, Net):  # type: ignore[misc]
    """The net of one of several processes: each trains on its share of a batch, and validates on all rows."""

    processes: LaunchedGroup

    @property
    def bare_module(self) -> nn.Module:
        """The network without accelerate's wrapper."""
        module: nn.Module = self.accelerator.unwrap_model(self.module_, keep_fp32_wrapper=False)
        return module

    def on_epoch_begin(self, net: Any, **arguments: Any) -> None:
        """Reseed this process for the epoch, so that a resumed training needs no generator state."""
        super().on_epoch_begin(net, **arguments)
        mixed = np.random.SeedSequence([self.seed, self.processes.index, len(self.history)])
        torch.manual_seed(int(mixed.generate_state(1)[0]))

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Any:
        """The mean over a batch; in training scaled so that the mean over processes is that of the whole batch.

        accelerate averages gradients as if each process had the same number of rows (and class weights).
        """
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        if not training:
            return loss
        weight = self.criterion_.weight
        own = float(len(y_true)) if weight is None else float(weight[y_true].sum())
        whole = self.processes.total(torch.tensor([own, len(y_true)]))
        self._rows_told = float(whole[1]) / self.processes.count
        return loss * (self.processes.count * own / float(whole[0]))

    def rows_told(self, truth: torch.Tensor, training: bool) -> float:
        """The factor of the last loss in a sum over rows and processes."""
        return self._rows_told if training else len(truth)

    def agreed(self, sums: Sums) -> Sums:
        """Training sums over all processes; validation sums of process 0, since each process validates on all rows."""
        return {True: self.processes.total(torch.tensor(sums[True])).tolist(), False: self.processes.agree(sums[False])}


def autocast(device: str, precision: str) -> torch.autocast:
    """Inside the block the network computes in this precision: "float32" or "bfloat16"."""
    return torch.autocast(kind(device), dtype=torch.bfloat16, enabled=precision == "bfloat16")


def optimizer(settings: TorchSettings) -> Callable[..., torch.optim.Optimizer]:
    """Called by skorch with the parameters and `lr`."""
    if settings.optimizer == "sgd":
        return functools.partial(torch.optim.SGD, momentum=settings.momentum, weight_decay=settings.weight_decay)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return functools.partial(kind, weight_decay=settings.weight_decay)


def build_net(
    module: nn.Module,
    train: Rows,
    valid: Rows | None,
    settings: TorchSettings,
    seed: int,
    device: str,
    processes: ProcessGroup,
    callbacks: Sequence[Any],
) -> Net:
    """The net that trains `module` with these settings; valid: rows that are evaluated after each epoch.

    Raises ModelError for batches of one row with batch normalisation.
    """
    if settings.batch_size < 2 and any(isinstance(x, nn.BatchNorm1d | nn.BatchNorm2d) for x in module.modules()):
        raise ModelError("batch_size = 1: batch normalisation compares the rows of a batch; choose 2 or more")
    weight = _class_weight(train) if settings.class_weight == "balanced" else None
    own_kind = {"accelerator": processes.accelerator} if isinstance(processes, LaunchedGroup) else {}
    net: Net = (GroupNet if own_kind else Net)(
        module,
        criterion=nn.CrossEntropyLoss(weight=weight, label_smoothing=settings.label_smoothing).to(device),
        optimizer=optimizer(settings),
        lr=settings.learning_rate,
        optimizer__param_groups=[
            (pattern, {"lr": settings.learning_rate * factor})
            for pattern, factor in getattr(module, "rates", {}).items()
        ],
        batch_size=settings.batch_size,
        iterator_train=Batches,
        iterator_train__shuffle=True,
        iterator_train__processes=processes,
        iterator_valid=Batches,
        iterator_valid__batch_size=max(settings.batch_size, VALID_BATCH),
        train_split=None if valid is None else predefined_split(valid),
        callbacks=[(type(callback).__name__.lower(), callback) for callback in callbacks],
        device=device,
        verbose=0,
        **own_kind,
    )
    net.precision = settings.precision
    net.processes, net.seed = processes, seed
    return net


def _class_weight(train: Rows) -> torch.Tensor:
    """Weights that balance the classes, shape (classes,)."""
    codes = train.truth.numpy()
    return torch.tensor(compute_class_weight("balanced", classes=np.unique(codes), y=codes), dtype=torch.float32)
