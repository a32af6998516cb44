"""A classifier of the user's own: any function or class that gives one of scikit-learn's contract, or a torch module.

Conventions
-----------
`object` is called with `arguments`. What it gives is an unfitted scikit-learn classifier with `predict_proba`, or a
Pipeline that ends in one; each of its `random_state`s that is None becomes `train.seed`, others stay as they are set.
Or it is a torch module, which gives logits of shape (rows, classes): then the engine trains it, and the settings of
the engine apply (`training.settings`). A function that has parameters of these names gets `shape`, that of a row,
(columns,) or (channels, height, width), and `classes`, their number. Columns and channels are standardised on the
training rows.
"""

import inspect
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from tonearm.errors import ModelError, TonearmError
from tonearm.models.base import ModelSettings
from tonearm.runtime.owncode import (
    CodeError,
    Source,
    blame,
    call,
    check_form,
    label,
    load,
    read_source,
    trusted,
    trusting,
)
from tonearm.settings import TrainSettings
from tonearm.training import TorchSettings, need_torch
from tonearm.training.settings import WINDOW_MEANING

if TYPE_CHECKING:
    from torch import nn

PROBE_ROWS = 2
OUR_PARAMETERS = ("shape", "classes")  # of a function that gives a network
ADVICE = (
    "wrap it in sklearn.calibration.CalibratedClassifierCV, or set the estimator's own option for probabilities, such "
    'as loss="log_loss" of SGDClassifier'
)


class PythonSettings(TorchSettings, ModelSettings):
    """`type = "python"`."""

    type: Literal["python"] = Field("python", description="type of model")
    object: str = Field(
        "",
        description='what gives the classifier or the torch module: "mine.py:make", relative to the config file, or '
        '"package.module:make"',
    )
    arguments: dict[str, Any] = Field({}, description="arguments of the object")
    window: int = Field(0, ge=0, le=65_536, description=f"torch module on pictures: {WINDOW_MEANING}")

    _formed = field_validator("object")(check_form)  # the template shows it empty


def source_of(settings: ModelSettings) -> Source | None:
    """The code of the model, None for a model of tonearm. Raises CodeError where there is no such file or module."""
    if not isinstance(settings, PythonSettings):
        return None
    check_form_of(settings)
    return read_source(settings.object)


def check_form_of(settings: PythonSettings) -> None:
    """Raise CodeError if the object is not named."""
    if not settings.object:
        raise CodeError('names no function or class; set it as in "mine.py:make" or "package.module:make"')


def build(settings: PythonSettings, train: TrainSettings) -> Any:
    """Unfitted classifier. Raises CodeError and ModelError, UntrustedError outside `owncode.trusting`."""
    check_form_of(settings)
    source = trusted(Source(label(settings.object), ""))
    if _gives_network(source):
        return _torch_classifier(source, settings, train)
    made = call(source, **settings.arguments) if source.value is None else source.value
    if source.value is None and _is_module(made):
        return _torch_classifier(source, settings, train)
    _check_estimator(source, made)
    _check_rows(settings)
    _check_no_engine(settings)
    made = made if source.value is None else _copied(made)
    _set_seeds(made, train.seed)
    return made


def _copied(estimator: Any) -> Any:
    from sklearn.base import clone

    return clone(estimator)


def _parameters(source: Source) -> set[str]:
    try:
        return set(inspect.signature(load(source)).parameters)
    except ValueError:  # some built-in types have none
        return set()


def _gives_network(source: Source) -> bool:
    return source.value is None and "shape" in _parameters(source)


def _is_module(made: Any) -> bool:
    return "torch" in sys.modules and isinstance(made, sys.modules["torch"].nn.Module)


def _torch_classifier(source: Source, settings: PythonSettings, train: TrainSettings) -> Any:
    need_torch("python")
    from tonearm.representations.registry import known_kind
    from tonearm.training.engine import TorchClassifier
    from tonearm.training.inputs import Inputs, TableInputs
    from tonearm.training.pictures import PictureInputs

    first = settings.reads if isinstance(settings.reads, str) else settings.reads[0]
    inputs: Inputs = TableInputs() if known_kind(first).gives == "rows" else PictureInputs(settings.window)
    return TorchClassifier(partial(network, source=source), inputs, settings, train)


def network(shape: tuple[int, ...], classes: int, settings: PythonSettings, source: Source) -> "nn.Module":
    """The network for rows of `shape`. Raises CodeError and ModelError."""
    import torch

    given = {"shape": shape, "classes": classes}
    wanted = _parameters(source)
    module = call(source, **{name: given[name] for name in OUR_PARAMETERS if name in wanted}, **settings.arguments)
    if not isinstance(module, torch.nn.Module):
        raise CodeError(f"{source.object} gives {_a(module)}; with a parameter `shape` it must give a torch module")
    if torch.get_default_device().type != "meta":
        _check_logits(source, module, shape, classes)
    return module


def _check_logits(source: Source, module: "nn.Module", shape: tuple[int, ...], classes: int) -> None:
    import torch

    training = module.training
    try:
        with torch.inference_mode():
            found = tuple(module.eval()(torch.zeros(PROBE_ROWS, *shape)).shape)
    except Exception as error:
        raise CodeError(f"{source.object} cannot read rows of shape {shape}: {blame(error, source)}") from error
    finally:
        module.train(training)
    if found != (PROBE_ROWS, classes):
        raise CodeError(
            f"{source.object} gives an output of shape {found} for {PROBE_ROWS} rows; it must be logits, of shape "
            f"({PROBE_ROWS}, {classes}): one for each class"
        )


def _check_estimator(source: Source, made: Any) -> None:
    from sklearn.base import BaseEstimator, is_classifier

    what = f"{source.object} gives {_a(made)}"
    if inspect.isclass(made):
        raise CodeError(f"{source.object} gives the class {made.__name__}, not an object: write {made.__name__}()")
    if not isinstance(made, BaseEstimator) or not is_classifier(made):
        raise CodeError(f"{what}; it must be a scikit-learn classifier, a Pipeline that ends in one, or a torch module")
    if not hasattr(made, "predict_proba"):
        raise CodeError(f"{what}, which has no predict_proba; {ADVICE}")


def _a(made: Any) -> str:
    return "nothing" if made is None else f"a {type(made).__name__}"


def _check_rows(settings: PythonSettings) -> None:
    from tonearm.representations.registry import known_kind

    first = settings.reads if isinstance(settings.reads, str) else settings.reads[0]
    if known_kind(first).gives == "images":
        raise CodeError(
            f"gives a scikit-learn classifier, which takes rows, and reads = {first!r} are pictures; read features, or "
            "give a torch module"
        )


def _check_no_engine(settings: PythonSettings) -> None:
    """Refuse settings of the engine that a scikit-learn classifier would not hear of."""
    usual = PythonSettings.model_construct()
    for name in (*TorchSettings.model_fields, "window"):
        if getattr(settings, name) != getattr(usual, name):
            raise CodeError(
                f"gives a scikit-learn classifier, for which the setting {name} has no meaning; write it into arguments"
            )


def _set_seeds(estimator: Any, seed: int) -> None:
    """Give every `random_state` that is None the seed."""
    parameters = estimator.get_params(deep=True)
    unset = [name for name, value in parameters.items() if name.split("__")[-1] == "random_state" and value is None]
    estimator.set_params(**dict.fromkeys(unset, seed))


def fit(settings: PythonSettings, classifier: Any, X: NDArray[Any], y: NDArray[Any]) -> None:
    """Fit a scikit-learn classifier, and note how many columns it reads, where it does not do so itself."""
    classifier.fit(X, y)
    if not hasattr(classifier, "n_features_in_"):
        classifier.n_features_in_ = X.shape[1]
    if not hasattr(classifier, "classes_"):
        raise CodeError(f"{settings.object} gives a classifier without the attribute classes_ after fit")


@contextmanager
def running_own_code(source: Source | None, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Let the block run the model's code. Raises ModelError for whatever that raises: the model fails, and no other.

    passing: what the block raises on purpose.
    """
    try:
        with trusting([source] if source else []):
            yield
    except CodeError as error:
        raise ModelError(str(error)) from error
    except Exception as error:
        if source is None or isinstance(error, (TonearmError, *passing)):
            raise
        raise ModelError(f"{source.object} failed: {blame(error, source)}") from error


def check_probabilities(settings: ModelSettings, found: NDArray[np.float64]) -> None:
    """Raise ModelError where these are not probabilities, shape (rows, classes); of the user's own models alone."""
    if not isinstance(settings, PythonSettings) or not len(found):
        return
    sums = found.sum(axis=1)
    if not np.isfinite(found).all() or (found < 0).any():
        raise ModelError(f"{settings.object}: its predict_proba gives numbers that are negative or not finite")
    worst = float(sums[np.abs(sums - 1).argmax()])
    if not math.isclose(worst, 1.0, abs_tol=1e-6):
        raise ModelError(f"{settings.object}: its predict_proba gives rows that sum to {worst:.4g}, not to 1")
