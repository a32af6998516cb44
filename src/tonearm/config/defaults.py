"""Which models are trained where a config names none: those that can be trained here."""

from collections.abc import Mapping
from typing import Any

from tonearm.data.tables import is_table
from tonearm.models import MODELS, ModelSettings
from tonearm.representations.encoders.weights import at_hand
from tonearm.training import torch_lacks

LINEAR, NETWORK, FOREST = "logistic", "mlp", "trees"
HEAD = LINEAR  # of a model on an encoder


def default_models(sections: Mapping[str, Any]) -> dict[str, ModelSettings]:
    """A linear model and another of the features; where an encoder is at hand (`weights.at_hand`) a linear one on it.

    sections: as given. The other one is a network where the extra for it is installed, else a forest, whose time and
    memory, unlike an SVM's, stay moderate for any number of clips. A table has no sound for an encoder.
    """
    folder, layer = given_text(sections, "data", "folder"), given_text(sections, "encoders", "layer")
    second = FOREST if torch_lacks() else NETWORK
    models = {name: MODELS[name].settings.model_validate({}) for name in (LINEAR, second)}
    encoder = "" if is_table(folder) else at_hand(layer)
    if encoder:
        models[encoder] = MODELS[HEAD].settings.model_validate({"reads": encoder})
    return models


def given_text(sections: Mapping[str, Any], section: str, key: str) -> str:
    """A text in a section that nobody has checked, "" if there is none."""
    table = sections.get(section)
    value = table.get(key) if isinstance(table, Mapping) else getattr(table, key, "")
    return value if isinstance(value, str) else ""
