"""What a classifier is to the rest of tonearm, as types.

Conventions
-----------
`Classifier` is scikit-learn's contract. What only some of them can do has a protocol of its own, which
`isinstance` asks for; so a new model says what it can by having the method, and by nothing else.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Epoch = dict[str, float]  # what is known after an epoch: see `training.history`


@runtime_checkable
class Classifier(Protocol):
    """scikit-learn's: rows X of shape (rows, columns), or images of shape (rows,); labels y of shape (rows,)."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn; returns the classifier."""

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
    """A classifier that looks at validation rows while it learns, to stop early or to choose an epoch."""

    def fit_with_validation(self, X: Any, y: Any, X_valid: Any, y_valid: Any) -> Self:
        """Learn from X and y; the validation rows only choose."""


@runtime_checkable
class LearnsByEpochs(Protocol):
    """A classifier that tells of each epoch, and goes on where it was killed."""

    def attach(
        self,
        checkpoint_dir: Path,
        cache_dir: Path | None,
        report: Callable[[Epoch], None],
        callbacks: Sequence[Any],
    ) -> None:
        """Keep its state in `checkpoint_dir`, read what was computed before from `cache_dir`, report each epoch."""


@runtime_checkable
class HasHistory(Protocol):
    """A classifier that noted how it learned."""

    history_: list[Epoch]


@runtime_checkable
class HasTensors(Protocol):
    """A classifier that is saved as tensors and built anew from its settings."""

    def tensors(self) -> dict[str, NDArray[Any]]:
        """All numbers of the fitted classifier by name."""

    def description(self) -> dict[str, Any]:
        """What else `restore` needs, JSON-ready."""

    def restore(self, tensors: dict[str, NDArray[Any]], description: dict[str, Any]) -> Self:
        """Become what was fitted before. Raises KeyError, ValueError or RuntimeError where the parts do not fit."""
