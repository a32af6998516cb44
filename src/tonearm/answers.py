"""What a run says of files: one prediction a file, as a table, as JSON and for a person.

Conventions
-----------
Wherever an answer is JSON, it is the object that `Prediction.to_json` gives and `SCHEMA` describes: in a list
(`predict --json`), one a line (`--jsonl`), and from the server. Its `version` rises when a key goes or means something
else; further keys may come without that, so readers ignore what they do not know.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from tonearm.errors import RunError
from tonearm.experiment.neighbours import Neighbour, neighbour_cells, neighbour_header, neighbour_lines
from tonearm.experiment.records import Record, Share
from tonearm.runtime.files import write_csv
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.wording import count

VERSION = 1  # of the JSON
FileName = Annotated[str, Field(description=r"The file, as it was named; bytes of a name that are no text as \xHH.")]
FormatVersion = Annotated[Literal[1], Field(description="Version of this schema.")]


class NeighbourRecord(Record):
    """A training clip that is near the file, as the model sees both."""

    name: Annotated[str, Field(description="The clip, relative to the folder that was trained on.")]
    label: Annotated[str, Field(description="Its label.")]
    group: Annotated[str, Field(description='Its artist or recording; "" where that is not known.')]
    distance: Annotated[float, Field(ge=0, description="Euclidean, in the space that the run compares clips in.")]
    relative: Annotated[
        float | None,
        Field(description="The distance over the median distance of training clips to their nearest; null: unknown."),
    ]


class AnswerRecord(Record):
    """What a run says of one file."""

    version: FormatVersion
    file: FileName
    label: Annotated[str, Field(description='The most probable label; with --none "none" where it is not sure.')]
    best: Annotated[str, Field(description="The most probable label, where another word is in its place.")] = ""
    probability: Annotated[Share, Field(description="Of the most probable label.")]
    sure: Annotated[bool | None, Field(description="Whether the label is sure; null: the run was not calibrated.")]
    probabilities: Annotated[dict[str, Share], Field(description="Of each label of the run; their sum is 1.")]
    excerpts: Annotated[bool, Field(description="Whether the file is long and excerpts of it were read.")] = False
    neighbours: Annotated[
        tuple[NeighbourRecord, ...], Field(description="The nearest training clips, the nearest first, where asked.")
    ] = ()


class FailureRecord(Record):
    """A file that cannot be used."""

    version: FormatVersion
    file: FileName
    error: Annotated[str, Field(min_length=1, description="Why, in words.")]


ANSWER: TypeAdapter[AnswerRecord | FailureRecord] = TypeAdapter(AnswerRecord | FailureRecord)
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"urn:tonearm:answer:{VERSION}",
    "title": "What tonearm says of one file",
    **ANSWER.json_schema(),
}
"""The JSON Schema (2020-12) of an answer as JSON, or of a file that cannot be used."""


@dataclass(frozen=True)
class Prediction:
    """What the run says of one file; label "" and no probabilities where it cannot be used, and then why.

    sure: whether the probability reaches the threshold of the run's calibration; None where it has none. best: the most
    probable label where `unsure` put a word into its place; "" elsewhere. excerpts: whether the file is long and
    excerpts of it were read. neighbours: the nearest training clips, where they are asked.
    """

    name: str
    label: str
    probability: float
    probabilities: dict[str, float]
    error: str = ""
    sure: bool | None = None
    best: str = ""
    excerpts: bool = False
    neighbours: tuple[Neighbour, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The prediction as JSON-ready values, which `SCHEMA` describes."""
        if self.error:
            return {"version": VERSION, "file": self.name, "error": self.error}
        near = {"neighbours": [one.to_json() for one in self.neighbours]} if self.neighbours else {}
        return {
            "version": VERSION,
            "file": self.name,
            "label": self.label,
            **({"best": self.best} if self.best else {}),
            "probability": self.probability,
            "sure": self.sure,
            "probabilities": self.probabilities,
            "excerpts": self.excerpts,
            **near,
        }


@dataclass(frozen=True)
class Predictions:
    """One prediction a file, in the order asked, and notes for a person. left_out: unsure ones that were asked too."""

    labels: tuple[str, ...]
    rows: tuple[Prediction, ...]
    notes: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def failed(self) -> tuple[Prediction, ...]:
        """The files that could not be used."""
        return tuple(row for row in self.rows if row.error)

    def check_any(self) -> None:
        """Raise RunError where not one file could be classified."""
        if len(self.failed) == len(self.rows) + self.left_out:
            first = f": {self.rows[0].name} {self.rows[0].error}" if self.rows else ""
            raise RunError(f"none of {count(len(self.rows), 'file')} could be classified{first}")

    @property
    def _beside(self) -> list[str]:
        """Column of the most probable label, where another word may be in its place."""
        return ["best"] if any(row.best for row in self.rows) else []

    def header(self) -> list[str]:
        """Columns of the table: file, label, with `--none` the most probable one, probability, sure, one probability
        a label, the neighbours that were asked for, error.
        """
        spread = [f"p_{label}" for label in self.labels]
        asked = neighbour_header(self._asked)
        return ["filename", "label", *self._beside, "probability", "sure", *spread, *asked, "error"]

    @property
    def _asked(self) -> int:
        """How many neighbours a file has at most."""
        return max((len(row.neighbours) for row in self.rows), default=0)

    def table(self) -> list[list[Any]]:
        """Rows of the table."""
        asked = self._asked
        return [
            [
                row.name,
                row.label,
                *(row.best or row.label for _ in self._beside),
                "" if row.error else row.probability,
                "" if row.sure is None else ("yes" if row.sure else "no"),
                *("" if row.error else row.probabilities[label] for label in self.labels),
                *neighbour_cells(row.neighbours, asked),
                row.error,
            ]
            for row in self.rows
        ]

    def to_csv(self, path: Path) -> None:
        """Write the table, atomically."""
        clear_leftovers(path.parent, owned=False)
        write_csv(path, self.header(), self.table())

    def text(self) -> str:
        """One line a file, for a person: the label, how sure, and the two next."""
        target = io.StringIO()
        width = max((len(row.name) for row in self.rows), default=0)
        for row in self.rows:
            if row.error:
                target.write(f"{row.name:<{width}}  cannot be used: {row.error}\n")
                continue
            ranked = sorted(row.probabilities.items(), key=lambda item: -item[1])
            others = ", ".join(f"{label} {value:.2f}" for label, value in ranked[1:3])
            if row.best:
                target.write(f"{row.name:<{width}}  {row.label}  ({row.best} {row.probability:.2f}, then {others})\n")
            else:
                doubt = "  unsure" if row.sure is False else ""
                target.write(f"{row.name:<{width}}  {row.label} {row.probability:.2f}  (then {others}){doubt}\n")
            target.write(neighbour_lines(row.neighbours))
        return target.getvalue().rstrip("\n")
