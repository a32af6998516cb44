"""The facts in run.json, checked when they are read, and against the model that they describe.

Conventions
-----------
What a run was trained on decides what it may be given: labels, columns, and how a file becomes a row or a picture.
Facts that an older tonearm did not write have defaults; all others must be there.
"""

from typing import Annotated, Any, Self

from pydantic import AliasChoices, Field, field_validator, model_validator

from tonearm.data.described import check_representation, columns_of
from tonearm.data.pictures import READY
from tonearm.evaluation.calibration import Calibration, shortfall
from tonearm.experiment.records import Count, DivisionFacts, Record, Seconds, Share, Version
from tonearm.models import ModelSettings, takes
from tonearm.representations.combined import name_of
from tonearm.representations.registry import REPRESENTATIONS
from tonearm.training.contract import FittedClassifier


class ModelFacts(Record):
    """Name in the config, and all settings."""

    name: str
    settings: dict[str, Any]


class SplitFacts(Record):
    """Name of the split, and the number of clips in each part."""

    name: str
    clips: dict[str, Count]


class CalibrationFacts(Record):
    """See `evaluation.calibration.Calibration`; in run.json of a hold-out, and in calibration.json of a fold's run.

    parts: its effect on each part of a hold-out. run: digest of the run that it is of. sure: None in run.json of
    earlier versions, whose threshold was the lowest that held on the validation clips.
    """

    temperature: float = Field(gt=0, le=1000)
    threshold: float = Field(ge=0, le=2)
    coverage: Share = 0.0
    clips: Count = 0
    sure: Share | None = None
    bound: Share = 0.0
    groups: Count = 0
    needed: Count | None = None
    parts: dict[str, dict[str, float]] = Field(default={})
    run: str = ""

    @property
    def shortfall(self) -> str:
        """Why no answer is sure, as a part of a sentence; "" where some are, or an earlier version wrote it."""
        if self.sure is None:
            return ""
        fields = (self.temperature, self.threshold, self.coverage, self.clips, self.sure, self.bound, self.groups)
        return shortfall(Calibration(*fields, self.needed))


class RunSeconds(Record):
    """Seconds of the training, and of predicting one clip."""

    train: Seconds
    predict_a_clip: Seconds


class OwnFacts(Record):
    """Code of the user's own: see `owncode.Source`. used: as model, features or augment."""

    object: Annotated[str, Field(min_length=1, max_length=1000)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    package: str = ""
    used: str = ""


class RunFacts(Record):
    """run.json. digest: of the settings and data; earlier versions wrote it as "fingerprint".

    copies: changed copies of training clips that were trained on. kept: whether the fitted model is there. unkept: why
    it could not be saved. own: code that the run was made with.
    """

    format: Version
    created: str = ""
    versions: dict[str, str] = Field(default={})
    digest: str = Field("", validation_alias=AliasChoices("digest", "fingerprint"))
    model: ModelFacts
    labels: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=2)
    majority: str = ""
    representation: dict[str, Any]
    split: SplitFacts | None = None
    division: DivisionFacts | None = None
    calibration: CalibrationFacts | None = None
    copies: Count = 0
    kept: bool = True
    unkept: str = ""
    own: tuple[OwnFacts, ...] = ()
    seconds: RunSeconds

    @field_validator("representation")
    @classmethod
    def _described(cls, facts: dict[str, Any]) -> dict[str, Any]:
        check_representation(facts)
        return facts

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: one is listed twice")
        if self.majority and self.majority not in self.labels:
            raise ValueError(f"majority: {self.majority!r} is not one of the labels")
        return self


def misfit(facts: RunFacts, classifier: FittedClassifier) -> str:
    """What of the facts is not so of the model, "" if all fits."""
    unknown = [str(label) for label in classifier.classes_ if str(label) not in facts.labels]
    if unknown:
        return f"its labels lack {unknown[0]!r}, which the model has"
    columns, wanted = columns_of(facts.representation), getattr(classifier, "n_features_in_", None)
    settings = getattr(classifier, "settings", None)
    wants, gives = (takes(settings) if isinstance(settings, ModelSettings) else "rows"), _gives(facts.representation)
    if gives not in ("", wants):
        return f"its representation gives {gives}, and the model reads {wants}"
    if wants == "rows" and columns is not None and wanted != columns:
        return f"its representation has {columns} columns, and the model reads {wanted}"
    if wants == "images":
        height = facts.representation.get("spectrogram", facts.representation).get("height")
        own = getattr(getattr(classifier, "inputs_", None), "height", height)
        if height != own:
            return f"its pictures are {height} pixels high, and those of the model {own}"
    return ""


def _gives(representation: dict[str, Any]) -> str:
    """Rows or images; "" of a representation that is not known here."""
    if representation["kind"] in ("table", "joined"):
        return "rows"
    if representation["kind"] == READY:
        return "images"
    known = REPRESENTATIONS.get(name_of(representation))
    return known.gives if known else ""
