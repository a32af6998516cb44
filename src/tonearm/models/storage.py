"""Saving a fitted classifier, and loading it without ever running code from the file.

Conventions
-----------
A folder holds `model.json` and one data file that it names: `model.skops` for scikit-learn models,
`model.safetensors` for torch models, which are rebuilt from their settings. `model.json` is written last
and holds the other file's SHA-256, so a half-written or damaged pair is noticed before anything is loaded. skops
creates only types that it trusts and those that the models name (`Model.trusted`); a file that asks
for any other is refused.
A loaded classifier reproduces the saved one's predictions bit for bit.
"""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import ValidationError

from tonearm.errors import ModelError, RunError
from tonearm.models import MODELS
from tonearm.models.base import ModelSettings
from tonearm.runtime.files import replacing, write_json
from tonearm.settings import TrainSettings
from tonearm.training.contract import FittedClassifier, HasTensors

FORMAT = 1
DESCRIPTION = "model.json"
SKOPS = "model.skops"
TENSORS = "model.safetensors"


def trusted_types() -> list[str]:
    """Names of the types, beyond those that skops trusts, that the models say they hold."""
    return sorted({name for model in MODELS.values() for name in model.trusted})


def save_classifier(classifier: FittedClassifier, folder: str | Path) -> None:
    """Write a fitted classifier of `MODELS` into `folder`, replacing any that is there.

    Raises ModelError if it holds types that `load_classifier` would refuse.
    """
    folder = Path(folder)
    if isinstance(classifier, HasTensors):
        name, facts = TENSORS, _save_tensors(classifier, folder / TENSORS)
    else:
        name, facts = SKOPS, _save_sklearn(classifier, folder / SKOPS)
    write_json(folder / DESCRIPTION, {"format": FORMAT, "file": name, "sha256": _digest(folder / name), **facts})


def load_classifier(folder: str | Path) -> FittedClassifier:
    """The classifier in `folder`.

    Raises RunError if a file is missing, damaged, from a newer tonearm or asks for types that are not trusted,
    ModelError if it needs torch and torch is not installed.
    """
    path = Path(folder) / DESCRIPTION
    facts = _read_description(path)
    numbers = path.with_name(facts["file"])
    try:
        digest = _digest(numbers)
    except OSError as error:
        raise RunError(f"{numbers}: cannot be read ({error.strerror}); copy the whole run folder again") from error
    if digest != facts.get("sha256"):
        raise RunError(f"{numbers}: is damaged (its SHA-256 is not that in {path}); copy the whole run folder again")
    return _load_tensors(numbers, facts) if facts["file"] == TENSORS else _load_sklearn(numbers, facts)


def _read_description(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}); is this the folder of a trained model?") from error
    except ValueError as error:
        raise RunError(f"{path}: is damaged ({error}); copy the whole run folder again") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("format"), int):
        raise RunError(f"{path}: describes no model of tonearm")
    if facts["format"] > FORMAT:
        raise RunError(
            f"{path}: is format {facts['format']}, written by a newer tonearm; this one reads up to {FORMAT}. "
            "pip install --upgrade tonearm"
        )
    if facts.get("file") not in (SKOPS, TENSORS):
        raise RunError(f"{path}: names the file {facts.get('file')!r}; allowed is {SKOPS} or {TENSORS}")
    return facts


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _save_sklearn(classifier: Any, path: Path) -> dict[str, Any]:
    import skops.io
    from sklearn import __version__ as version

    with replacing(path) as temporary:
        skops.io.dump(classifier, temporary, compression=zipfile.ZIP_DEFLATED)
        unknown = sorted(set(skops.io.get_untrusted_types(file=temporary)) - set(trusted_types()))
        if unknown:
            raise ModelError(
                f"the fitted {type(classifier).__name__} holds types that would not be loaded again: "
                f"{', '.join(unknown)}; name them as `trusted` in the model's line of models/__init__.py"
            )
    return {"scikit-learn": version}


def _load_sklearn(path: Path, facts: dict[str, Any]) -> Any:
    import skops.io
    from sklearn import __version__ as version
    from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

    try:
        classifier = skops.io.load(path, trusted=trusted_types())
        _check_trees(classifier)
    except UntrustedTypesFoundException as error:
        raise RunError(f"{path}: asks for types that no model of tonearm has, and is not loaded: {error}") from error
    except (
        UnsupportedTypeException,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        ImportError,
    ) as error:
        raise RunError(
            f"{path}: does not load with scikit-learn {version} ({type(error).__name__}: {error}); it was written with "
            f"scikit-learn {facts.get('scikit-learn', 'of an unknown version')}: install that, or train again"
        ) from error
    if not hasattr(classifier, "predict_proba") or not hasattr(classifier, "classes_"):
        raise RunError(f"{path}: holds a {type(classifier).__name__}, which is not a fitted classifier")
    _check_support_vectors(path, classifier)
    return classifier


def _check_support_vectors(path: Path, classifier: Any) -> None:
    """Raise RunError for an SVM of revision 1, which used the votes of pairs of classes."""
    last = classifier.steps[-1][1] if hasattr(classifier, "steps") else classifier
    if type(last).__name__ == "SupportVectors" and not hasattr(last, "machines_"):
        raise RunError(
            f"{path}: is an SVM of an older tonearm, whose probabilities did not say how sure its answers were; "
            "train it again: `tonearm run` with the same config and --out replaces it"
        )


def _check_trees(classifier: Any) -> None:
    """Raise ValueError if a tree points outside itself: compiled code would read beyond its memory."""
    columns = getattr(classifier, "n_features_in_", 0)
    for member in getattr(classifier, "estimators_", ()):
        tree = member.tree_
        inner = tree.children_left != -1
        _check_nodes(tree.children_left[inner], tree.children_right[inner], tree.feature[inner], len(inner), columns)
    for stage in getattr(classifier, "_predictors", ()):
        for tree in stage:
            inner = tree.nodes[tree.nodes["is_leaf"] == 0]
            _check_nodes(inner["left"], inner["right"], inner["feature_idx"], len(tree.nodes), columns)


def _check_nodes(left: Any, right: Any, feature: Any, nodes: int, columns: int) -> None:
    for indices, limit in ((left, nodes), (right, nodes), (feature, columns)):
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < limit:
            raise ValueError("a tree points outside itself")


def _save_tensors(classifier: HasTensors, path: Path) -> dict[str, Any]:
    from safetensors.numpy import save_file

    with replacing(path) as temporary:
        save_file({name: np.ascontiguousarray(value) for name, value in classifier.tensors().items()}, temporary)
    return classifier.description()


def _load_tensors(path: Path, facts: dict[str, Any]) -> FittedClassifier:
    """The classifier of the settings in `facts`, with the tensors of the file `path`."""
    settings, train = _settings(path, facts)
    classifier = MODELS[settings.type].build(settings, train)
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        assert isinstance(classifier, HasTensors)
        return cast("FittedClassifier", classifier.restore(load_file(path), facts))
    except (SafetensorError, KeyError, ValueError, RuntimeError, AssertionError) as error:
        raise RunError(f"{path}: does not hold the numbers of this model ({error}); train again") from error


def _settings(path: Path, facts: dict[str, Any]) -> tuple[ModelSettings, TrainSettings]:
    description = path.with_name(DESCRIPTION)
    try:
        model = MODELS[facts["settings"]["type"]]
        return model.settings.model_validate(facts["settings"]), TrainSettings.model_validate(facts["train"])
    except (KeyError, TypeError, ValidationError) as error:
        raise RunError(f"{description}: its settings are none of this tonearm's ({error}); train again") from error
