"""Saving a fitted classifier, and loading it without ever running code from the file.

Conventions
-----------
A folder holds `model.json` and one data file that it names: `model.skops` for scikit-learn models,
`model.safetensors` for torch models, which are rebuilt from their settings. `model.json` is written last
and holds the other file's SHA-256, so a half-written or damaged pair is noticed before anything is loaded. Of a
skops file only the types of the models are created (`allowed_types`; of a model of the user's own `own_types` says
which), after `archive` has found it harmless, and `inspection` checks what came out before it predicts.
A loaded classifier reproduces the saved one's predictions bit for bit.
"""

import hashlib
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import ValidationError

from tonearm.errors import ModelError, RunError
from tonearm.models import MODELS
from tonearm.models.archive import UnknownTypesError, UnsafeError, check_archive
from tonearm.models.base import Model, ModelSettings
from tonearm.models.inspection import check_classes, check_fitted
from tonearm.models.own_types import save_own, types_of_own
from tonearm.models.reading import OtherNodesError, read_archive
from tonearm.models.skops_library import load_scikit_learn, skops_io
from tonearm.runtime.files import read_json, replacing, write_json
from tonearm.runtime.owncode import CodeError, Source, UntrustedError
from tonearm.runtime.regular import check_regular
from tonearm.settings import TrainSettings
from tonearm.training.contract import FittedClassifier, HasTensors

FORMAT = 1
DESCRIPTION = "model.json"
SKOPS = "model.skops"
TENSORS = "model.safetensors"
UNCHECKED = ("KDTree", "BallTree")  # search trees of scikit-learn, which follow indices without a look at them
MOST_WORDS = 300  # of what a library says of a damaged file


def allowed_types(kind: str = "") -> set[str]:
    """Names of the types that a saved classifier may hold: those of the unfitted models, and those that they name.

    kind: of one model alone. No model can name a type that compiled code reads and nothing checks.
    """
    built = {name for model in _unfitted(kind) for name in _type_names(model)}
    named = built.union(*(model.trusted for model in _models(kind).values()))
    return {name for name in named if not name.rpartition(".")[2].startswith(UNCHECKED)}


def _models(kind: str) -> dict[str, Model]:
    """All models by their type, or one alone; none for a type that is not known."""
    known = MODELS.known()
    return {name: model for name, model in known.items() if kind in ("", name)}


def _unfitted(kind: str = "") -> Iterator[Any]:
    """Each scikit-learn model as its default settings build it, or one alone."""
    load_scikit_learn()
    for name, model in _models(kind).items():
        if model.extra != "deep":
            try:
                yield model.build(model.settings.model_validate({"type": name}), TrainSettings())
            except (ValidationError, ModelError, CodeError):
                continue  # a model of a user's own that has no defaults


def _type_names(classifier: Any) -> list[str]:
    """Names of the types of a classifier, and of a pipeline's steps."""
    steps = [step for _, step in getattr(classifier, "steps", ())]
    return [f"{type(part).__module__}.{type(part).__name__}" for part in (classifier, *steps)]


def _is_ours(classifier: Any, kind: str = "") -> bool:
    found = _type_names(classifier)
    return found in map(_type_names, _unfitted(kind)) or (kind != "" and found in map(_type_names, _unfitted()))


def save_classifier(classifier: FittedClassifier, folder: str | Path, own: Source | None = None) -> None:
    """Write a fitted classifier of `MODELS` into `folder`, replacing any that is there.

    own: its code, of a classifier of the user's own. Raises ModelError if it holds types that `load_classifier` would
    refuse, and of one of the user's own for whatever keeps it from being saved.
    """
    folder = Path(folder)
    if isinstance(classifier, HasTensors):
        name, facts = TENSORS, _save_tensors(classifier, folder / TENSORS)
    elif own is not None:
        name, facts = SKOPS, save_own(classifier, folder / SKOPS, own, allowed_types())
    else:
        name, facts = SKOPS, _save_sklearn(classifier, folder / SKOPS)
    write_json(folder / DESCRIPTION, {"format": FORMAT, "file": name, "sha256": _digest(folder / name), **facts})


def load_classifier(folder: str | Path, kind: str = "") -> FittedClassifier:
    """The classifier in `folder`.

    kind: type of the model, where it is known: only what that needs is imported then, and others are loaded too.
    Raises RunError if a file is missing, damaged, from a newer tonearm or asks for types that are not trusted,
    ModelError if it needs torch and torch is not installed, UntrustedError if it needs code that nobody trusts.
    """
    numbers, facts = check_files(folder)
    return _load_tensors(numbers, facts) if facts["file"] == TENSORS else _load_sklearn(numbers, facts, kind)


def check_files(folder: str | Path) -> tuple[Path, dict[str, Any]]:
    """The data file of the classifier in `folder`, and its description. Raises RunError if either is damaged."""
    path = Path(folder) / DESCRIPTION
    facts = _read_description(path)
    numbers = path.with_name(facts["file"])
    try:
        check_regular(numbers)
        digest = _digest(numbers)
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"{numbers}: cannot be read ({reason}); copy the whole run folder again") from error
    if digest != facts.get("sha256"):
        raise RunError(f"{numbers}: is damaged (its SHA-256 is not that in {path}); copy the whole run folder again")
    return numbers, facts


def _read_description(path: Path) -> dict[str, Any]:
    try:
        facts = read_json(path)
    except OSError as error:
        raise RunError(
            f"{path}: cannot be read ({error.strerror or error}); is this the folder of a trained model?"
        ) from error
    except ValueError as error:
        raise RunError(f"{path}: is damaged ({error}); copy the whole run folder again") from error
    if not isinstance(facts, dict) or facts.get("format") not in range(1, 1000):
        raise RunError(f"{path}: describes no model of tonearm; train it again")
    if facts["format"] in range(FORMAT + 1, 1000):  # a higher number is damage and no newer tonearm
        raise RunError(
            f"{path}: is format {facts['format']}, written by a newer tonearm; this one reads up to {FORMAT}. "
            "pip install --upgrade tonearm"
        )
    if facts.get("file") not in (SKOPS, TENSORS):
        raise RunError(
            f"{path}: names the file {str(facts.get('file'))[:99]!r}; allowed is {SKOPS} or {TENSORS}; train it again"
        )
    return facts


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _save_sklearn(classifier: Any, path: Path) -> dict[str, Any]:
    from sklearn import __version__ as version

    if not _is_ours(classifier):
        raise ModelError(
            f"the fitted {type(classifier).__name__} would not be loaded again, since it is of other types than the "
            "model has with its default settings; let `build` give the same types whatever the settings"
        )
    with replacing(path) as temporary:
        skops_io().dump(classifier, temporary, compression=zipfile.ZIP_DEFLATED)
        try:
            check_archive(temporary, allowed_types())
        except UnknownTypesError as error:
            raise ModelError(
                f"the fitted {type(classifier).__name__} holds types that would not be loaded again: "
                f"{error}; name them as `trusted` in the model's line of models/__init__.py, with a check in "
                'models/inspection.py where compiled code reads them, or choose a form without them (algorithm="brute")'
            ) from error
        except UnsafeError as error:
            raise ModelError(f"the fitted {type(classifier).__name__} would not be loaded again: {error}") from error
    return {"scikit-learn": version}


def _load_sklearn(path: Path, facts: dict[str, Any], kind: str) -> Any:
    own = facts.get("own")
    load_scikit_learn()
    from sklearn import __version__ as version
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        allowed = _check_types(path, own, kind)
        with warnings.catch_warnings():
            # scikit-learn's own, a line for each part of a model; `experiment.origin` says it in one
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            try:
                classifier = read_archive(path)
            except OtherNodesError:
                classifier = skops_io().load(path, trusted=sorted(allowed))
        if own is None and not _is_ours(classifier, kind):
            raise UnsafeError(f"holds a {type(classifier).__name__}, which is not a fitted classifier of tonearm")
        _check_support_vectors(path, classifier)
        check_fitted(classifier)
    except UnknownTypesError as error:
        raise RunError(f"{path}: asks for types that no model of tonearm has, and is not loaded: {error}") from error
    except UnsafeError as error:
        raise RunError(f"{path}: is damaged, or made to do harm, and is not loaded: it {error}; train again") from error
    except (RunError, UntrustedError, CodeError):
        raise
    except Exception as error:  # whatever zipfile, numpy, skops and scikit-learn make of a stranger's file
        raise RunError(
            f"{path}: does not load with scikit-learn {version} ({_in_words(error)}); it was written with "
            f"scikit-learn {facts.get('scikit-learn', 'of an unknown version')}: install that, or train again"
        ) from error
    return classifier


def _check_types(path: Path, own: Any, kind: str) -> set[str]:
    """The types that the file may hold, after a look at all that it asks for. Raises what `check_archive` raises.

    Those of its own kind of model are enough most often, and cost no import of the others.
    """
    if isinstance(own, dict):
        every = allowed_types()
        every |= types_of_own(path, own, every)
        check_archive(path, every)
        return every
    allowed = allowed_types(kind)
    try:
        check_archive(path, allowed)
    except UnknownTypesError:
        if not kind:
            raise
        return _check_types(path, own, "")
    return allowed


def _in_words(error: Exception) -> str:
    """What went wrong, as a part of one sentence."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MOST_WORDS]


def _check_support_vectors(path: Path, classifier: Any) -> None:
    """Raise RunError for an SVM of an older tonearm, which used the votes of pairs of classes."""
    last = classifier.steps[-1][1] if hasattr(classifier, "steps") else classifier
    if type(last).__name__ == "SupportVectors" and not hasattr(last, "machines_"):
        raise RunError(
            f"{path}: is an SVM of an older tonearm, whose probabilities did not say how sure its answers were; "
            "train it again: `tonearm run` with the same config and --out replaces it"
        )


def _save_tensors(classifier: HasTensors, path: Path) -> dict[str, Any]:
    from safetensors.numpy import save_file

    with replacing(path) as temporary:
        save_file({name: np.ascontiguousarray(value) for name, value in classifier.tensors().items()}, temporary)
    return classifier.description()


def _load_tensors(path: Path, facts: dict[str, Any]) -> FittedClassifier:
    """The classifier of the settings in `facts`, with the tensors of the file `path`."""
    settings, train = _settings(path, facts)
    classifier = MODELS[settings.type].build(settings, train)
    from safetensors.numpy import load_file

    try:
        assert isinstance(classifier, HasTensors)
        loaded = cast("FittedClassifier", classifier.restore(load_file(path), facts))
        check_classes(loaded)
        return loaded
    except Exception as error:  # whatever safetensors and torch make of a stranger's file
        raise RunError(f"{path}: does not hold the numbers of this model ({_in_words(error)}); train again") from error


def _settings(path: Path, facts: dict[str, Any]) -> tuple[ModelSettings, TrainSettings]:
    description = path.with_name(DESCRIPTION)
    try:
        model = MODELS[facts["settings"]["type"]]
        return model.settings.model_validate(facts["settings"]), TrainSettings.model_validate(facts["train"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{description}: its settings are none of this tonearm's ({_in_words(error)}); train again"
        ) from error
