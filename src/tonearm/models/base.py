"""What each model provides: its settings, a function that builds it, and what it needs.

Conventions
-----------
A model is one file: a settings class whose `type` is the model's name, and `build(settings, train)`, which
returns an unfitted scikit-learn classifier. Scalers are part of that classifier, so they see training rows
only. scikit-learn and torch are imported inside `build`: reading a config needs neither.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from pydantic import ConfigDict, Field

from tonearm.settings import Settings, TrainSettings
from tonearm.training.contract import Classifier

READS_MEANING = "representation to read; the columns of several in a list are concatenated"


class ModelSettings(Settings):
    """Base class of model settings; in each model `type` is a `Literal` of one name."""

    model_config = ConfigDict(allow_inf_nan=False)

    type: str
    reads: str | tuple[str, ...] = Field("features", description=READS_MEANING)


class Size(NamedTuple):
    """Of the table that a model is trained on."""

    rows: int
    columns: int
    classes: int


class Outlook(NamedTuple):
    """How long one training takes on one core, in seconds, a guess; and what to know or do, "" for nothing.

    always: whether to say it even where the training is short.
    """

    seconds: float
    advice: str = ""
    always: bool = False


class Model(NamedTuple):
    """One model: settings class, builder, whether it takes rows, images or either, and the extra that installs it.

    build: (settings, TrainSettings) to an unfitted classifier, of the same types whatever the settings. extra: "" if
    tonearm alone is enough. trusted: names of types, beyond those of the unfitted classifier, that a saved one may
    hold. steps: what it counts while it learns. fit: (settings, classifier, X, y), if the classifier's own `fit` is
    not all. outlook: from settings and size, for models that may take long. check: (settings, height, width of a
    picture), raises ModelError where they do not go together, before anything is computed.
    """

    settings: type[ModelSettings]
    build: Callable[[Any, TrainSettings], Classifier]
    takes: Literal["rows", "images", "any"] = "rows"
    extra: Literal["", "deep"] = ""
    trusted: tuple[str, ...] = ()
    steps: str = "epochs"
    fit: Callable[[Any, Any, Any, Any], None] | None = None
    outlook: Callable[[Any, Size], Outlook] | None = None
    check: Callable[[Any, int, int], object] | None = None
