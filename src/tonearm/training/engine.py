"""`TorchClassifier`: any torch network as a scikit-learn classifier, trained by skorch.

Conventions
-----------
The network gives logits, shape (rows, classes); the loss is cross-entropy. Input preparation is part of
the classifier and fitted on training rows only. One random seed decides everything random; the same seed, rows and
settings give the same bits on one machine. A row's probabilities do not depend on the rows beside it.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d
from torch import nn

from tonearm.errors import ModelError
from tonearm.representations.frozen import blocks
from tonearm.runtime.source import source_digest
from tonearm.settings import TrainSettings
from tonearm.training.batches import Rows
from tonearm.training.callbacks import BestWeights, Checkpointer, Finished, History, Schedule, Stop
from tonearm.training.contract import Epoch
from tonearm.training.devices import available, choose_device, seeded, set_generator_states, threads
from tonearm.training.holdout import hold_out
from tonearm.training.inputs import Inputs
from tonearm.training.layers import check_weights, last_layer_reads, points
from tonearm.training.net import Net, autocast, build_net
from tonearm.training.process_group import process_group
from tonearm.training.rowwise import mean_by_owner, softmax
from tonearm.training.settings import TorchSettings

CHECKPOINT = "checkpoint.pt"
Network = Callable[[tuple[int, ...], int, Any], nn.Module]


class TorchClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A network with scikit-learn's contract.

    network: from the shape of a row, the number of classes and the settings to a module that gives logits. inputs:
    how rows become tensors. settings: of the model. train: random seed and device. checkpoint_dir: folder for
    checkpoints, from which a killed training resumes; None: no checkpoints. cache_dir: folder with cached results
    that trainings on the same rows share (pixels, frozen features); None: no cache. report: called with each
    epoch's history. callbacks: further skorch callbacks.

    Fitted: classes_, module_ (on the CPU, in evaluation mode), inputs_, history_ (dicts, see
    `training.history`), best_epoch_ (the epoch of these weights), n_features_in_ for tables.
    """

    def __init__(
        self,
        network: Network,
        inputs: Inputs,
        settings: TorchSettings,
        train: TrainSettings,
        checkpoint_dir: str | Path | None = None,
        cache_dir: str | Path | None = None,
        report: Callable[[dict[str, float]], None] | None = None,
        callbacks: Sequence[Any] = (),
    ) -> None:
        self.network = network
        self.inputs = inputs
        self.settings = settings
        self.train = train
        self.checkpoint_dir = checkpoint_dir
        self.cache_dir = cache_dir
        self.report = report
        self.callbacks = callbacks

    def fit(
        self, X: NDArray[Any], y: NDArray[Any], X_valid: NDArray[Any] | None = None, y_valid: NDArray[Any] | None = None
    ) -> Self:
        """Fit to rows X and labels y; the validation rows only decide when to stop and which epoch to keep.

        If none are given and the settings need them, a stratified part of the training rows is held out.
        Raises ModelError if that is impossible or training diverges.
        """
        y = _labels(X, y)
        if X_valid is None or y_valid is None:
            X, y, X_valid, y_valid = self._hold_out(X, y)
        else:
            y_valid = _labels(X_valid, y_valid)
        self._processes = process_group(self.train)
        device = self._processes.device(self.train.device)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError("a classifier needs at least 2 classes; the labels have 1 class")
        self.inputs_ = copy.deepcopy(self.inputs)
        with threads(self.train.threads):
            with self._processes.turn():
                self.inputs_.fit(X, self._cache())
                self._note_columns()
                train = self._rows(X, y, device)
                valid = None if y_valid is None else self._rows(X_valid, y_valid, device)
            digest = self._digest(X, y, X_valid, y_valid)
            with seeded(self.train.seed, device):
                self._learn(train, valid, device, digest)
        return self

    def fit_with_validation(
        self, X: NDArray[Any], y: NDArray[Any], X_valid: NDArray[Any], y_valid: NDArray[Any]
    ) -> Self:
        """The same as `fit`, with validation rows."""
        return self.fit(X, y, X_valid, y_valid)

    def attach(
        self,
        checkpoint_dir: Path,
        cache_dir: Path | None,
        report: Callable[[Epoch], None],
        callbacks: Sequence[Any],
    ) -> None:
        """Keep checkpoints in `checkpoint_dir`, read cached results from `cache_dir`, report each epoch."""
        self.set_params(checkpoint_dir=checkpoint_dir, cache_dir=cache_dir, report=report, callbacks=callbacks)

    def _cache(self) -> Path | None:
        return None if self.cache_dir is None else Path(self.cache_dir)

    def _rows(self, X: Any, y: NDArray[Any], device: str) -> Rows:
        prepared = self.inputs_.prepare(X, device, self._cache(), repeated=True)
        return Rows(prepared.source, self._codes(y)[prepared.owners])

    def _hold_out(self, X: NDArray[Any], y: NDArray[Any]) -> tuple[Any, Any, Any, Any]:
        """Training and validation rows, the latter None if the settings do not need them."""
        rows, held = self.hold_out(y)
        if not len(held):
            return X, y, None, None
        return X[rows], y[rows], X[held], y[held]

    def hold_out(self, y: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Training and validation rows of those with the labels y, as `holdout.hold_out`."""
        return hold_out(self.settings, self.train.seed, y)

    def _note_columns(self) -> None:
        if len(self.inputs_.shape) == 1:
            self.n_features_in_ = self.inputs_.shape[0]

    def _codes(self, y: NDArray[Any]) -> NDArray[np.int64]:
        """Each label's index in `classes_`."""
        unknown = sorted(set(y.tolist()) - set(self.classes_.tolist()))
        if unknown:
            raise ModelError(f"validation rows have labels that no training row has: {', '.join(map(str, unknown))}")
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _digest(self, X: NDArray[Any], y: NDArray[Any], X_valid: Any, y_valid: Any) -> str:
        """A hash of everything that decides the weights."""
        parts = [
            self.settings.model_dump(mode="json"),
            self.train.seed,
            list(map(str, y)),
            self.inputs_.digest(X, self._cache()),
            source_digest(__name__, type(self.settings).__module__),
        ]
        if y_valid is not None:
            parts += [list(map(str, y_valid)), self.inputs_.digest(X_valid, self._cache())]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _learn(self, train: Rows, valid: Rows | None, device: str, digest: str) -> None:
        settings, processes = self.settings, self._processes
        least = 2 * processes.count
        if processes.count > 1 and min(len(train), settings.batch_size) < least:
            raise ModelError(
                f"{processes.count} processes divide each batch, and each needs 2 rows of it: batch_size = "
                f"{settings.batch_size} and {len(train)} training rows must be at least {least}"
            )
        history = History(self.report)
        schedule, best = Schedule(settings, history), BestWeights(history)
        stop = Stop(settings.patience, history, best)
        checkpointer = None
        if self.checkpoint_dir is not None:
            path = Path(self.checkpoint_dir) / CHECKPOINT
            checkpointer = Checkpointer(
                path, settings.checkpoint_epochs, digest, history, schedule, best, processes.leads
            )
        callbacks = [history, schedule, best, *([checkpointer] if checkpointer else []), *self.callbacks, stop]
        net = self._net(train, valid, device, callbacks).initialize()
        net.notify("on_train_begin", X=train, y=None)
        state = checkpointer.load() if checkpointer else None
        if checkpointer and state:
            checkpointer.resume(net, state)
            set_generator_states(state["generators"])
        try:
            if not stop.due():
                net.fit_loop(train, epochs=settings.epochs - len(history.rows))
        except Finished:
            pass  # early stopping
        net.notify("on_train_end", X=train, y=None)
        # early stopping always goes past the best epoch
        restored = (settings.restore_best or settings.patience > 0) and best.epoch > 0
        if restored:
            net.module_.load_state_dict(best.weights)
        self.best_epoch_ = best.epoch if restored else len(history.rows)
        self.history_ = history.rows
        self.module_ = net.module_.cpu().eval()

    def _net(self, train: Rows, valid: Rows | None, device: str, callbacks: list[Any]) -> Net:
        module = self._module()
        self.inputs_.start(module)
        return build_net(module, train, valid, self.settings, self.train.seed, device, self._processes, callbacks)

    def _module(self) -> nn.Module:
        """The network with random weights, in the memory layout of the pictures."""
        module = self.network(self.inputs_.shape, len(self.classes_), self.settings)
        return module.to(memory_format=torch.channels_last) if len(self.inputs_.shape) == 3 else module

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Weights and statistics of the network, and the fitted arrays of the inputs."""
        tensors = {f"module.{name}": value.numpy() for name, value in self.module_.state_dict().items()}
        return tensors | {f"inputs.{name}": value for name, value in self.inputs_.arrays().items()}

    def description(self) -> dict[str, Any]:
        """Settings, classes, history and the epoch of these weights, JSON-ready."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "train": self.train.model_dump(mode="json"),
            "classes": self.classes_.tolist(),
            "best_epoch": self.best_epoch_,
            "history": self.history_,
        }

    def restore(self, tensors: dict[str, NDArray[Any]], description: dict[str, Any]) -> Self:
        """Become the classifier that was saved.

        Raises KeyError, ValueError or RuntimeError if the tensors do not fit these settings.
        """
        words = all(isinstance(label, str) for label in description["classes"])
        self.classes_ = np.array(description["classes"], dtype=object if words else None)
        self.inputs_ = copy.deepcopy(self.inputs)
        self.inputs_.restore(_under("inputs.", tensors))
        self._note_columns()
        weights = {name: torch.from_numpy(value) for name, value in _under("module.", tensors).items()}
        check_weights(self._module, weights)
        with seeded(self.train.seed, "cpu"):
            self.module_ = self._module().eval()
        self.module_.load_state_dict(weights)
        self.history_ = description["history"]
        self.best_epoch_ = description["best_epoch"]
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Probability of each class in the order of `classes_`, shape (rows, classes); rows sum to 1.

        Runs on the device of `train` if this machine has it, otherwise on the CPU.
        """
        logits, owners = self._logits(X)
        return mean_by_owner(softmax(logits), owners)

    def embed(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """What the last linear layer reads, shape (rows, numbers); of several windows the mean."""
        with last_layer_reads(self.module_) as read:
            logits, owners = self._logits(X)
        return mean_by_owner(points(read, logits), owners)

    def _logits(self, X: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The network's output for each window, shape (windows, classes), and the row that each window belongs to."""
        check_is_fitted(self)
        wanted = self.train.device
        device = choose_device(wanted if wanted == "auto" or available(wanted) else "cpu")
        with threads(self.train.threads):
            source, owners = self.inputs_.prepare(X, device, self._cache(), repeated=False)
            module = self.module_.to(device)
            logits = []
            with torch.inference_mode():
                for rows in blocks(len(source), self.inputs_.block):
                    with autocast(device, self.settings.precision):
                        output = module(source[rows].to(device))
                    logits.append(output.double().cpu().numpy())
            self.module_.cpu()
        return np.concatenate(logits)[: len(source)], owners

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """The most probable class of each row, shape (rows,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])


def _under(prefix: str, tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The tensors whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _labels(X: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    labels: NDArray[Any] = column_or_1d(y)
    check_consistent_length(X, labels)
    check_classification_targets(labels)
    return labels
