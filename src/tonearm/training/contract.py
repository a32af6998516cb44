"""What a classifier is to the rest of tonearm, as protocols.

Conventions
-----------
`Classifier` is scikit-learn's contract. What only some classifiers can do has a protocol of its own, checked by
`isinstance`; so a new model declares an ability by having the method, and by nothing else.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Epoch = dict[str, float]  # an epoch's history: see `training.history`


@runtime_checkable
class Classifier(Protocol):
    """scikit-learn's: rows X of shape (rows, columns), or images of shape (rows,); labels y of shape (rows,)."""

    def fit(self, X: Any, y: Any) -> Any:
        """Fit; returns the classifier."""

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of each class in the order of `classes_`, shape (rows, classes)."""

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row, shape (rows,)."""


@runtime_checkable
class FittedClassifier(Classifier, Protocol):
    """A classifier that knows its classes."""

    classes_: NDArray[Any]


@runtime_checkable
class UsesValidation(Protocol):
    """A classifier that uses validation rows during training, to stop early or to choose an epoch."""

    def fit_with_validation(self, X: Any, y: Any, X_valid: Any, y_valid: Any) -> Self:
        """Fit to X and y; the validation rows only decide when to stop and which epoch to keep."""


@runtime_checkable
class HoldsOut(Protocol):
    """A classifier that holds some training rows out for validation, if it needs them and is given none."""

    def hold_out(self, y: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The rows to train on, and the others. y: labels of all training rows."""


@runtime_checkable
class LearnsByEpochs(Protocol):
    """A classifier that reports each epoch, and resumes after it was killed."""

    def attach(
        self,
        checkpoint_dir: Path,
        cache_dir: Path | None,
        report: Callable[[Epoch], None],
        callbacks: Sequence[Any],
    ) -> None:
        """Keep checkpoints in `checkpoint_dir`, read cached results from `cache_dir`, report each epoch."""


@runtime_checkable
class Embeds(Protocol):
    """A classifier that gives each row a point in a space of its own, where what it takes for similar is near."""

    def embed(self, X: Any) -> NDArray[np.float64]:
        """What the last layer reads of each row, shape (rows, columns)."""


@runtime_checkable
class HasHistory(Protocol):
    """A classifier with a training history."""

    history_: list[Epoch]


@runtime_checkable
class HasTensors(Protocol):
    """A classifier that is saved as tensors and rebuilt from its settings."""

    def tensors(self) -> dict[str, NDArray[Any]]:
        """All tensors of the fitted classifier by name."""

    def description(self) -> dict[str, Any]:
        """What else `restore` needs, JSON-ready."""

    def restore(self, tensors: dict[str, NDArray[Any]], description: dict[str, Any]) -> Self:
        """Become the classifier that was saved. Raises KeyError, ValueError or RuntimeError if the parts do not fit."""
