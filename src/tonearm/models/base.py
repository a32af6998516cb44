"""What each model gives to the rest: its settings, a function that builds it, and what it needs.

Conventions
-----------
A model is one file: a settings class whose `type` is the model's name, and `build(settings, train)`, which
gives an unfitted scikit-learn classifier. Scalers are a part of that classifier, so they see training rows
only. scikit-learn and torch are imported inside `build`: reading a config needs neither.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from pydantic import ConfigDict

from tonearm.settings import Settings


class ModelSettings(Settings):
    """Base of a model's settings; `type` is a `Literal` of one name in each model."""

    model_config = ConfigDict(allow_inf_nan=False)

    type: str


class Model(NamedTuple):
    """One model: settings class, builder, the representation it reads, and the extra it is installed by.

    build: (settings, TrainSettings) to an unfitted classifier. extra: "" where tonearm alone is enough. revision:
    raised where the same settings and rows give another model than before, so that finished runs are trained again.
    """

    settings: type[ModelSettings]
    build: Callable[[Any, Any], Any]
    needs: Literal["features", "pictures"] = "features"
    extra: Literal["", "deep"] = ""
    revision: int = 1
