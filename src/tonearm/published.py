"""What others published of a model, or of a cell of a grid: read from the config, and shown beside our own figures.

Conventions
-----------
Scores are shares from 0 to 1: those of the test stand at the top, those of the training and the validation clips under
`train` and `valid`. A plain number is a test accuracy. The figures are other people's on their own clips: nothing is
computed from them, and they are shown with the digits that they were published with.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PUBLISHED = "published"
SCORES = ("accuracy", "precision", "recall", "f1")
PARTS = ("train", "valid")
Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Amount = Annotated[float, Field(ge=0, strict=True)]
Figures = Mapping[str, float | str]


class PublishedScores(BaseModel):
    """Published scores of one part; precision, recall and F1 are means over the classes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accuracy: Share | None = Field(None, description="accuracy")
    precision: Share | None = Field(None, description="macro precision")
    recall: Share | None = Field(None, description="macro recall")
    f1: Share | None = Field(None, description="macro F1")


class PublishedFigures(PublishedScores):
    """All that was published of one model: scores of the test, and those of `train` and `valid`; epochs and seconds.

    seconds: of the training. test_seconds: of classifying all test clips, as a number or in words.
    """

    train: PublishedScores = Field(PublishedScores(), description="scores of the training clips")
    valid: PublishedScores = Field(PublishedScores(), description="scores of the validation clips")
    epochs: Amount | None = Field(None, description="epochs of training")
    seconds: Amount | None = Field(None, description="seconds of training")
    test_seconds: Amount | str | None = Field(None, description="seconds to classify all test clips, or words")

    @model_validator(mode="before")
    @classmethod
    def _plain_accuracy(cls, value: Any) -> Any:
        return {"accuracy": value} if isinstance(value, int | float) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _some_figure(self) -> Self:
        if not self.figures():
            known = ", ".join((*SCORES, *PARTS, "epochs", "seconds", "test_seconds"))
            raise ValueError(f"no figure is given; known: {known}")
        return self

    def figures(self) -> dict[str, float | str]:
        """Title of a table's column → figure, of those that are known.

        >>> PublishedFigures.model_validate({"accuracy": 0.61, "epochs": 26, "train": {"f1": 0.9}}).figures()
        {'published': 0.61, 'published train f1': 0.9, 'published epochs': 26.0}
        """
        parts = {"": self, "train ": self.train, "valid ": self.valid}
        found = {f"{part}{score}": getattr(one, score) for part, one in parts.items() for score in SCORES}
        found |= {name: getattr(self, name.replace(" ", "_")) for name in ("epochs", "seconds", "test seconds")}
        titles = {name: f"{PUBLISHED} {name}" for name in found} | {"accuracy": PUBLISHED}
        return {titles[name]: value for name, value in found.items() if value is not None}


class Published(PublishedFigures):
    """`{ cell = { "path" = value }, accuracy = … }`: what was published of the cells of a grid."""

    cell: Annotated[dict[str, Any], Field(min_length=1)] = Field(description="the cells' values, as in sweep.skip")


def columns(entries: Iterable[Figures]) -> list[str]:
    """Titles of the columns that some of the entries fill; the accuracy comes first."""
    titles = list(dict.fromkeys(title for entry in entries for title in entry))
    return sorted(titles, key=lambda title: title != PUBLISHED)


def show_figure(title: str, value: float | str | None) -> str:
    """A figure as it was published: scores with two digits at least; a dash where there is none.

    >>> [show_figure("published", value) for value in (0.7, 0.9395, None)], show_figure("published epochs", 26.0)
    (['0.70', '0.9395', '–'], '26')
    """
    if value is None or isinstance(value, str):
        return value or "–"
    if title.endswith(("epochs", "seconds")):
        return f"{value:g}"
    return f"{value:.2f}" if round(value, 2) == value else f"{value:.4g}"
