"""All models, one line each: name in a config → settings, builder, kind of input, required extra.

Conventions
-----------
The keys are the `type` literals of the settings classes. `models.base` says what a model's file contains. Installed
packages add models by entry points of the group `tonearm.models` (`runtime.plugins`).
"""

from typing import Literal

from tonearm.models import boosting, cnn, cnn_mel, logistic, mlp, python, resnet, svm, trees
from tonearm.models.base import Model, ModelSettings, Outlook, Size
from tonearm.representations.registry import known_kind
from tonearm.runtime.plugins import Registry

__all__ = ["MODELS", "Model", "ModelSettings", "Outlook", "Size", "reads", "takes"]

_OURS = {
    "logistic": Model(logistic.LogisticSettings, logistic.build, outlook=logistic.outlook),
    "mlp": Model(mlp.MLPSettings, mlp.build, extra="deep"),
    "svm": Model(svm.SVMSettings, svm.build, trusted=svm.TRUSTED, steps="machines", outlook=svm.outlook),
    "trees": Model(
        trees.TreesSettings, trees.build, trusted=trees.TRUSTED, steps="trees", fit=trees.fit, outlook=trees.outlook
    ),
    "boosting": Model(
        boosting.BoostingSettings,
        boosting.build,
        trusted=boosting.TRUSTED,
        steps="iterations",
        outlook=boosting.outlook,
    ),
    "cnn": Model(cnn.CNNSettings, cnn.build, "images", "deep", check=cnn.check),
    "cnn-mel": Model(cnn_mel.CNNMelSettings, cnn_mel.build, "images", "deep"),
    "resnet": Model(resnet.ResNetSettings, resnet.build, "images", "deep"),
    "python": Model(python.PythonSettings, python.build, "any", fit=python.fit),
}


def _check(name: str, entry: object) -> None:
    """Raise what says why an entry of an installed package is not a model of this name."""
    if not isinstance(entry, Model):
        raise TypeError(f"it is a {type(entry).__name__}, where a tonearm.models.Model is needed")
    kind = entry.settings.model_fields["type"].default
    if kind != name:
        raise ValueError(f"the type of its settings is {kind!r}, where the name of the entry point is needed")


MODELS: Registry[Model] = Registry("tonearm.models", "model", _OURS, _check)


def reads(settings: ModelSettings) -> tuple[str, ...]:
    """Names of the representations that a model with these settings reads."""
    return (settings.reads,) if isinstance(settings.reads, str) else settings.reads


def takes(settings: ModelSettings) -> Literal["rows", "images"]:
    """What a model with these settings is given; for one that takes either, the first name in its `reads` decides."""
    entry = MODELS[settings.type].takes
    return known_kind(reads(settings)[0]).gives if entry == "any" else entry
