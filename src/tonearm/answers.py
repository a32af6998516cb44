"""What a run says of files: one prediction a file, as a table, as JSON and for a person.

Conventions
-----------
Wherever an answer is JSON, it is the object that `Prediction.to_json` gives and `SCHEMA` describes: in a list
(`predict --json`), one a line (`--jsonl`), and from the server. Its `version` rises when a key goes or means something
else; further keys may come without that, so readers ignore what they do not know.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from tonearm.errors import RunError
from tonearm.experiment.named_neighbours import Neighbour, neighbour_cells, neighbour_header, neighbour_lines
from tonearm.experiment.records import Record, Share
from tonearm.runtime.files import write_csv
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.wording import count

VERSION = 1  # of the JSON
FileName = Annotated[str, Field(description=r"The file, as it was named; bytes of a name that are no text as \xHH.")]
FormatVersion = Annotated[Literal[1], Field(description="Version of this schema.")]
OfRun = Annotated[str, Field(description="Of a file that --jsonl writes: digest of the run and of what it was asked.")]
OfFile = Annotated[str, Field(description="Of a file that --jsonl writes: a text that changes when the file does.")]


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
    run: OfRun = ""
    state: OfFile = ""


class FailureRecord(Record):
    """A file that cannot be used."""

    version: FormatVersion
    file: FileName
    error: Annotated[str, Field(min_length=1, description="Why, in words.")]
    run: OfRun = ""
    state: OfFile = ""


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

    @classmethod
    def of(cls, record: AnswerRecord | FailureRecord) -> "Prediction":
        """The prediction whose JSON it is."""
        if isinstance(record, FailureRecord):
            return cls(record.file, "", 0.0, {}, record.error)
        near = tuple(
            Neighbour(one.name, one.label, one.group, one.distance, nan if one.relative is None else one.relative)
            for one in record.neighbours
        )
        return cls(
            record.file,
            record.label,
            record.probability,
            record.probabilities,
            sure=record.sure,
            best=record.best,
            excerpts=record.excerpts,
            neighbours=near,
        )

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

    def cells(self, table: "Table") -> list[Any]:
        """The row of a table with these columns."""
        return [
            self.name,
            self.label,
            *([self.best or self.label] if table.best else []),
            "" if self.error else self.probability,
            "" if self.sure is None else ("yes" if self.sure else "no"),
            *("" if self.error else self.probabilities[label] for label in table.labels),
            *neighbour_cells(self.neighbours, table.neighbours),
            self.error,
        ]

    def text(self, width: int = 0) -> str:
        """One line for a person: the name in so many characters, the label, how sure, the two next; then neighbours."""
        if self.error:
            return f"{self.name:<{width}}  cannot be used: {self.error}"
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])
        others = ", ".join(f"{label} {value:.2f}" for label, value in ranked[1:3])
        if self.best:
            said = f"{self.label}  ({self.best} {self.probability:.2f}, then {others})"
        else:
            doubt = "  unsure" if self.sure is False else ""
            said = f"{self.label} {self.probability:.2f}  (then {others}){doubt}"
        return f"{self.name:<{width}}  {said}\n{neighbour_lines(self.neighbours)}".rstrip("\n")


@dataclass(frozen=True)
class Table:
    """Columns of a table of predictions.

    best: whether one has the most probable label, where another word may be in its place. neighbours: how many of them.
    """

    labels: tuple[str, ...]
    best: bool = False
    neighbours: int = 0

    def header(self) -> list[str]:
        """File, label, the most probable one, probability, sure, one probability a label, neighbours, error."""
        best = ["best"] if self.best else []
        spread = [f"p_{label}" for label in self.labels]
        return ["filename", "label", *best, "probability", "sure", *spread, *neighbour_header(self.neighbours), "error"]

    def write(self, path: Path, rows: Iterable[Prediction]) -> None:
        """Write the table as CSV, atomically; the rows as they come."""
        clear_leftovers(path.parent, owned=False)
        write_csv(path, self.header(), (row.cells(self) for row in rows))


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
        check_any(len(self.rows) + self.left_out, len(self.failed), self.rows[0] if self.rows else None)

    @property
    def columns(self) -> Table:
        """The columns that these rows need."""
        most = max((len(row.neighbours) for row in self.rows), default=0)
        return Table(self.labels, any(row.best for row in self.rows), most)

    def header(self) -> list[str]:
        """Columns of the table: see `Table.header`."""
        return self.columns.header()

    def table(self) -> list[list[Any]]:
        """Rows of the table."""
        columns = self.columns
        return [row.cells(columns) for row in self.rows]

    def to_csv(self, path: Path) -> None:
        """Write the table, atomically."""
        self.columns.write(path, self.rows)

    def text(self) -> str:
        """One line a file, for a person: the label, how sure, and the two next."""
        width = max((len(row.name) for row in self.rows), default=0)
        return "\n".join(row.text(width) for row in self.rows)


def check_any(files: int, failed: int, first: Prediction | None) -> None:
    """Raise RunError where not one of the files could be classified. first: the first one."""
    if files == failed:
        why = f": {first.name}: {first.error}" if first else ""
        raise RunError(f"none of {count(files, 'file')} could be classified{why}")
