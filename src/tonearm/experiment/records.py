"""What the files of a results folder hold, checked when they are read.

Conventions
-----------
A folder may have been damaged, edited, or written by a stranger: each JSON file has a model here that says what it
must hold, and a reader either gives that or raises DamagedError, which names the file, what is wrong in it and what to
do. Unknown keys are ignored, since a newer tonearm of the same format may write more. The numbers of a file are checked
against each other where they repeat each other.
"""

import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, model_validator

from tonearm.errors import RunError
from tonearm.runtime.files import read_csv, read_json
from tonearm.runtime.regular import check_regular

MOST_VERSION = 1000  # of a format; a higher number is damage and no newer tonearm
ADVICE = "train the model again"
SHARES = frozenset({"accuracy", "precision", "recall", "f1", "top2", "ece"})  # scores in [0, 1]
CALIBRATION_SHARES = frozenset(
    {"ece_before", "ece_after", "ece_low", "ece_high", "auc", "sure", "covered", "sure_share", "sure_accuracy"}
)
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=10**12)]
Seconds = Annotated[float, Field(ge=0)]
Version = Annotated[StrictInt, Field(ge=1, le=MOST_VERSION)]
Bounds = tuple[float | None, float | None]


Bits = Annotated[str, Field(pattern="^[01]*$")]  # see `to_bits`


def to_bits(right: NDArray[np.bool_]) -> str:
    """Whether each of some answers is right, as a file keeps it: "1" or "0" for each.

    >>> to_bits(np.array([True, False])), from_bits("10").tolist()
    ('10', [True, False])
    """
    return "".join(np.where(right, "1", "0").tolist())


def from_bits(bits: str) -> NDArray[np.bool_]:
    """What `to_bits` was given, shape (answers,)."""
    right: NDArray[np.bool_] = np.frombuffer(bits.encode(), dtype=np.uint8) == ord("1")
    return right


class DamagedError(RunError):
    """A file of a results folder that does not hold what it should."""


class Record(BaseModel):
    """Base of what JSON files hold."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


AnyRecord = TypeVar("AnyRecord", bound=Record)


def read_record(kind: type[AnyRecord], path: Path, advice: str) -> AnyRecord:
    """The JSON file as `kind`. Raises DamagedError, which ends with the advice."""
    return parse_record(kind, read_checked(path, advice), path, advice)


def read_checked(path: Path, advice: str) -> Any:
    """The JSON of the file. Raises DamagedError."""
    try:
        return read_json(path)
    except OSError as error:
        raise DamagedError(f"{path}: cannot be read ({error.strerror or error}); {advice}") from error
    except ValueError as error:
        raise DamagedError(f"{path}: is damaged ({error}); {advice}") from error


def parse_record(kind: type[AnyRecord], value: Any, path: Path, advice: str) -> AnyRecord:
    """The value as `kind`. path: of its file, for messages. Raises DamagedError."""
    try:
        return kind.model_validate(value)
    except (ValidationError, RecursionError) as error:
        raise DamagedError(f"{path}: is damaged ({first_fault(error)}); {advice}") from error


def first_fault(error: Exception) -> str:
    """The first thing that pydantic found wrong, as a part of one sentence."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    fault = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, fault["loc"]))[:100]
    said = "it is not an object" if fault["type"] == "model_type" else fault["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said


def read_words(path: Path, advice: str) -> str:
    """The text of the file. Raises DamagedError."""
    try:
        check_regular(path)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DamagedError(f"{path}: cannot be read ({error.strerror or error}); {advice}") from error
    except ValueError as error:
        raise DamagedError(f"{path}: is damaged ({error}); {advice}") from error


def read_rows(path: Path, columns: tuple[str, ...], advice: str) -> list[dict[str, str]]:
    """The rows of a CSV file that has these columns. Raises DamagedError."""
    try:
        check_regular(path)
        header, *rows = read_csv(path)
        missing = [column for column in columns if column not in header]
        if missing:
            raise ValueError(f"it lacks the column {missing[0]}")
        return [dict(zip(header, row, strict=True)) for row in rows]
    except OSError as error:
        raise DamagedError(f"{path}: cannot be read ({error.strerror or error}); {advice}") from error
    except ValueError as error:
        raise DamagedError(f"{path}: is damaged ({error}); {advice}") from error


class DivisionFacts(Record):
    """How the clips were divided: the method, and what identifies the parts."""

    method: str
    digest: str


class Score(Record):
    """A score and its interval."""

    value: float
    low: float | None = None
    high: float | None = None


class ClassScores(Record):
    """The scores of one class."""

    precision: Share
    recall: Share | None
    f1: Share | None
    support: Count
    f1_interval: Bounds


class Confusion(Record):
    """Counts; rows are the truth."""

    labels: tuple[str, ...]
    counts: tuple[tuple[Count, ...], ...]


class PartScores(Record):
    """One part of scores.json: what `Scores.to_json` gives."""

    clips: Annotated[int, Field(ge=1)]
    groups: Count
    scores: dict[str, Score]
    classes: dict[str, ClassScores]
    confusion: Confusion

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        counts, size = self.confusion.counts, len(self.confusion.labels)
        square = len(counts) == size and all(len(row) == size for row in counts)
        if not square or set(self.classes) != set(self.confusion.labels):
            raise ValueError("the confusion is not a square of the classes")
        right = sum(counts[place][place] for place in range(size))
        if sum(map(sum, counts)) != self.clips or "accuracy" not in self.scores:
            raise ValueError("the confusion does not count the clips")
        if not math.isclose(self.scores["accuracy"].value, right / self.clips, abs_tol=1e-9):
            raise ValueError("the accuracy is not that of the confusion")
        for name, score in self.scores.items():
            if name in SHARES and not 0 <= score.value <= 1:
                raise ValueError(f"{name} = {score.value:g} is not between 0 and 1")
        return self


class ScoresRecord(Record):
    """scores.json, by part."""

    parts: dict[str, PartScores] = Field(min_length=1)


class RowRecord(Record):
    """A row of leaderboard.json: see `leaderboard.Row`."""

    model: str
    type: str
    scores: dict[str, dict[str, float]]
    interval: Bounds
    judged: str
    train_seconds: Seconds
    predict_milliseconds_a_clip: Seconds
    error: str
    calibration: dict[str, float] = Field(default={})
    unsure: str = ""
    published: float | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        accuracy = self.scores.get(self.judged, {}).get("accuracy", -1.0)
        if not self.error and not 0 <= accuracy <= 1:
            raise ValueError(f"{self.model} has no accuracy between 0 and 1")
        for name, value in self.calibration.items():
            if name in CALIBRATION_SHARES and not 0 <= value <= 1:
                raise ValueError(f"{name} = {value:g} of {self.model} is not between 0 and 1")
        return self


class EncoderRecord(Record):
    """A pretrained network in leaderboard.json: see `pretrained.Pretrained`, and its sentence."""

    name: str
    models: tuple[str, ...]
    sentence: str


class LeaderboardRecord(Record):
    """leaderboard.json."""

    split: str
    method: str
    verdict: str
    warnings: tuple[str, ...] = ()
    encoders: tuple[EncoderRecord, ...] = ()
    models: tuple[RowRecord, ...]


class FoldsRecord(Record):
    """folds.json: digests of the folds' runs, how the clips were divided, and the number of predictions."""

    runs: tuple[str, ...]
    division: DivisionFacts | None = None
    clips: Count | None = None


class RunsRecord(Record):
    """A model in layout.json: see `folder.ModelRuns`."""

    evaluated: tuple[str, ...] = Field(min_length=1)
    answers: str
    predict: str
    digests: dict[str, str]

    @model_validator(mode="after")
    def _inside(self) -> Self:
        for path in (*self.evaluated, self.answers, self.predict, *self.digests):
            if path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/"):
                raise ValueError(f"{path!r} is not a path inside the folder")
        if not {*self.evaluated, self.predict} <= set(self.digests):
            raise ValueError("a run has no digest")
        return self


class LayoutRecord(Record):
    """layout.json: see `folder.Manifest`."""

    layout: Version
    kind: Literal["experiment", "sweep"]
    state: Literal["running", "done"]
    ranking: tuple[str, ...]
    models: dict[str, RunsRecord]

    @model_validator(mode="after")
    def _ranked(self) -> Self:
        unknown = [name for name in self.ranking if name not in self.models]
        if unknown:
            raise ValueError(f"ranking: {unknown[0]!r} is not one of its models")
        return self
