"""Callbacks of the torch models: history, learning rate schedule, best weights, early stopping, checkpoints.

Conventions
-----------
skorch calls them in their order in `engine`. Their decisions depend on the history alone, so that a resumed
training decides as an uninterrupted one would. Training loss and accuracy are means over the batches during
training (dropout on); validation is measured after each epoch.
"""

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from skorch.callbacks import Callback

from tonearm.errors import ModelError
from tonearm.runtime.files import replacing
from tonearm.training.devices import generator_states
from tonearm.training.settings import TorchSettings


class Finished(Exception):  # noqa: N818  # not an error: training is over
    """No further epoch is needed."""


class History(Callback):  # type: ignore[misc]  # skorch has no types
    """One dict per epoch, see `training.history`; raises ModelError if the loss is not finite."""

    def __init__(self, report: Callable[[dict[str, float]], None] | None = None) -> None:
        self.rows: list[dict[str, float]] = []
        self.report = report

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        """Start the clock and the sums."""
        self._start = time.perf_counter()
        self._sums = {True: [0.0, 0.0, 0.0], False: [0.0, 0.0, 0.0]}  # loss, correct, rows

    def on_batch_end(self, net: Any, batch: Any, training: bool, loss: Any, y_pred: Any, **_: Any) -> None:
        """Add a batch to the sums."""
        sums = self._sums[training]
        truth = batch[1]
        sums[0] += net.history[-1, "batches", -1, "train_loss" if training else "valid_loss"] * net.rows_told(
            truth, training
        )
        sums[1] += int((y_pred.argmax(dim=1).cpu() == truth.cpu()).sum())
        sums[2] += len(truth)

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Add the epoch's row; raise ModelError if the training diverged."""
        row: dict[str, float] = {"epoch": len(self.rows) + 1}
        sums = net.agreed(self._sums)
        for training, part in ((True, "train"), (False, "valid")):
            loss, right, count = sums[training]
            if count:
                row |= {f"{part}_loss": loss / count, f"{part}_accuracy": right / count}
        row["learning_rate"] = net.optimizer_.param_groups[-1]["lr"]
        row["seconds"] = time.perf_counter() - self._start
        if not math.isfinite(row["train_loss"] + row.get("valid_loss", 0.0)):
            raise ModelError(
                f"training diverged in epoch {row['epoch']}: the loss is not finite; choose a learning_rate "
                f"below {row['learning_rate']:g}, or more weight_decay"
            )
        self.rows.append(row)
        note(net, row)
        if self.report is not None:
            self.report(row)


def note(net: Any, row: dict[str, float]) -> None:
    """Write the row into skorch's own history, which skorch's logging callbacks read."""
    for name, value in row.items():
        net.history.record(name, value)


class Schedule(Callback):  # type: ignore[misc]
    """Changes the learning rate after each epoch."""

    def __init__(self, settings: TorchSettings, history: History) -> None:
        self.settings = settings
        self.history = history

    def on_train_begin(self, net: Any, **_: Any) -> None:
        """Create the scheduler, now that the optimizer exists."""
        settings, schedules = self.settings, torch.optim.lr_scheduler
        self.scheduler: Any = None
        if settings.schedule == "plateau":
            self.scheduler = schedules.ReduceLROnPlateau(
                net.optimizer_, factor=settings.schedule_factor, patience=settings.schedule_epochs
            )
        elif settings.schedule == "cosine":
            self.scheduler = schedules.CosineAnnealingLR(net.optimizer_, settings.epochs)
        elif settings.schedule == "step":
            self.scheduler = schedules.StepLR(net.optimizer_, settings.schedule_epochs, settings.schedule_factor)

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Set the learning rate of the next epoch."""
        if self.settings.schedule == "plateau":
            self.scheduler.step(self.history.rows[-1]["valid_loss"])
        elif self.scheduler is not None:
            self.scheduler.step()


class BestWeights(Callback):  # type: ignore[misc]
    """Keeps the weights of the epoch with the lowest validation loss, in memory."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.loss = math.inf
        self.epoch = 0
        self.weights: dict[str, torch.Tensor] = {}

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Keep the weights if they are the best so far."""
        row = self.history.rows[-1]
        if row.get("valid_loss", math.inf) < self.loss:
            self.loss, self.epoch = row["valid_loss"], int(row["epoch"])
            self.weights = copy.deepcopy(net.bare_module.state_dict())


class Stop(Callback):  # type: ignore[misc]
    """Ends the training once the validation loss has not fallen for `patience` epochs."""

    def __init__(self, patience: int, history: History, best: BestWeights) -> None:
        self.patience = patience
        self.history = history
        self.best = best

    def due(self) -> bool:
        """Whether it is time to stop."""
        return bool(self.patience) and len(self.history.rows) - self.best.epoch >= self.patience

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Raise Finished if it is time to stop."""
        if self.due():
            raise Finished


class Checkpointer(Callback):  # type: ignore[misc]
    """Writes a checkpoint every few epochs, and resumes from it.

    digest: hash of settings and rows. A checkpoint of another training is ignored and overwritten. writes: whether
    this process is the one that writes it.
    """

    def __init__(
        self,
        path: Path,
        every: int,
        digest: str,
        history: History,
        schedule: Schedule,
        best: BestWeights,
        writes: bool,
    ) -> None:
        self.path = path
        self.every = every
        self.digest = digest
        self.history = history
        self.schedule = schedule
        self.best = best
        self.writes = writes

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Write a checkpoint, if one is due."""
        if not self.writes or len(self.history.rows) % self.every:
            return
        state = {
            "digest": self.digest,
            "history": self.history.rows,
            "module": net.bare_module.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "schedule": None if self.schedule.scheduler is None else self.schedule.scheduler.state_dict(),
            "best": {"loss": self.best.loss, "epoch": self.best.epoch, "weights": self.best.weights},
            "generators": generator_states(net.device),
        }
        with replacing(self.path) as temporary:
            torch.save(state, temporary)

    def load(self) -> dict[str, Any] | None:
        """The state of this training, None if there is none; a damaged one counts as absent."""
        if not self.path.is_file():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception:  # torch has no error of its own for damage: seven kinds were seen
            return None
        ours = isinstance(state, dict) and state.get("digest") == self.digest
        return state if ours else None

    def resume(self, net: Any, state: dict[str, Any]) -> None:
        """Restore the state, except for the random generators."""
        self.history.rows.extend(state["history"])
        for row in self.history.rows:
            net.history.new_epoch()
            note(net, row)
        net.bare_module.load_state_dict(state["module"])
        net.optimizer_.load_state_dict(state["optimizer"])
        if self.schedule.scheduler is not None:
            self.schedule.scheduler.load_state_dict(state["schedule"])
        best = state["best"]
        self.best.loss, self.best.epoch, self.best.weights = best["loss"], best["epoch"], best["weights"]
