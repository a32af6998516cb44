"""Fitting any classifier, and the engine that the torch models share (`training.engine`).

Conventions
-----------
`contract` defines a classifier. A row's probabilities are the same bits whatever other rows are predicted with it, so
that predicting one file reproduces its evaluation. This module needs neither scikit-learn nor torch; `training.engine`
needs both.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import ModelError
from tonearm.training.contract import Classifier, Epoch, FittedClassifier, HasHistory, UsesValidation
from tonearm.training.settings import TorchSettings

__all__ = ["TorchSettings", "fit_classifier", "history", "need_torch", "torch_lacks"]


def need_torch(model: str, *others: str) -> None:
    """Raise ModelError, with the install command, if a package of the extra `deep` is missing."""
    if package := torch_lacks(*others):
        raise ModelError(f'{model} needs {package}, which is not installed; pip install "tonearm[deep]"')


def torch_lacks(*others: str) -> str:
    """The first package of the extra `deep` that is not installed; "" if networks can be trained."""
    needed = ("torch", "skorch", "safetensors", *others)
    return next((package for package in needed if importlib.util.find_spec(package) is None), "")


def fit_classifier(
    classifier: Classifier,
    X: NDArray[Any],
    y: NDArray[np.object_],
    X_valid: NDArray[Any] | None = None,
    y_valid: NDArray[np.object_] | None = None,
    fit: Callable[[Any, Any, Any], None] | None = None,
) -> FittedClassifier:
    """Fit `classifier` and return it; only classifiers that use validation rows get them.

    fit: (classifier, X, y), to be called in place of the classifier's own.
    Raises ModelError if the rows have fewer than 2 classes, or training fails.
    """
    classes = sorted({str(label) for label in y})
    if len(classes) < 2:
        raise ModelError(f"training needs rows of at least 2 classes, found {classes}")
    if X_valid is not None and len(X_valid) and isinstance(classifier, UsesValidation):
        classifier.fit_with_validation(X, y, X_valid, y_valid)
    elif fit is not None:
        fit(classifier, X, y)
    else:
        classifier.fit(X, y)
    assert isinstance(classifier, FittedClassifier)
    return classifier


def history(classifier: Any) -> list[Epoch]:
    """A classifier's training history, one dict per epoch; [] if it has no epochs.

    Keys: epoch, train_loss, train_accuracy, and from torch models valid_loss and valid_accuracy (if
    there were validation rows), learning_rate and seconds.
    """
    last = classifier.steps[-1][1] if hasattr(classifier, "steps") else classifier  # of a scikit-learn pipeline
    return list(last.history_) if isinstance(last, HasHistory) else []
