"""A plan as a file: one JSON object a line, which a person may read and edit.

Conventions
-----------
The first line says what the plan is of; each further line is a file of the library: what its tag holds, what would be
written, and why or why not. Lines may be deleted, and `new` may be changed: to a text, to several, or to null, which
leaves the file alone. Everything else identifies the file. A line that is wrong is named by its number, and then
nothing is written at all.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, ValidationError, field_validator

from tonearm.errors import PlanError
from tonearm.experiment.records import Record, Share, first_fault
from tonearm.library.fields import By, Multi, Only, field_of
from tonearm.library.identity import Identity
from tonearm.runtime.files import parse_json, replacing
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.runtime.names import to_native
from tonearm.runtime.regular import check_regular
from tonearm.wording import did_you_mean, shorten

FORMAT: Literal[1] = 1
MOST_CHARACTERS = 1_000  # of a text that is written


class PlanHeader(Record):
    """The first line. run, run_digest: which model answered, "" where the answers came from elsewhere.

    id: digest of the lines as they were planned; the journal repeats it.
    """

    model_config = ConfigDict(extra="forbid")

    tonearm_plan: Literal[1] = FORMAT
    library: str
    run: str
    run_digest: str
    field: str
    only: Only
    min_probability: Share
    unsure: bool
    by: By
    add: bool
    multi: Multi
    id: str


class PlanRow(Record):
    """A file. file: its name relative to the library. old: what its tag holds. new: null leaves it alone."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(min_length=1)]
    old: tuple[str, ...]
    new: str | tuple[str, ...] | None
    probability: Share | None
    sure: bool | None
    reason: str
    size: Annotated[int, Field(ge=0)]
    mtime_ns: int
    digest: str

    @field_validator("file")
    @classmethod
    def _inside(cls, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise ValueError("it leads out of the library; names are relative to it")
        return name

    @field_validator("new", mode="before")
    @classmethod
    def _texts(cls, new: object) -> object:
        texts = new if isinstance(new, list | tuple) else [] if new is None else [new]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("it must be a text, a list of texts, or null")
        return new

    @field_validator("new")
    @classmethod
    def _writable(cls, new: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for text in (new,) if isinstance(new, str) else new or ():
            if not text.strip():
                raise ValueError("an empty text is not written; null leaves the file alone")
            if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in text):
                raise ValueError(f"{shorten(text, 40)!r} holds a character that no tag can have")
            if len(text) > MOST_CHARACTERS:
                raise ValueError(f"it has {len(text)} characters; at most {MOST_CHARACTERS} are allowed")
        if new == ():
            raise ValueError("an empty list is not written; null leaves the file alone")
        return new

    @property
    def identity(self) -> Identity:
        """What the file was when it was planned."""
        return Identity(self.size, self.mtime_ns, self.digest)

    def values(self, multi: Multi) -> tuple[str, ...]:
        """The texts to write, () for none; several as one where they are to be joined."""
        if self.new is None:
            return ()
        texts = (self.new,) if isinstance(self.new, str) else self.new
        return ("; ".join(texts),) if multi == ";" else texts

    def path(self, library: Path) -> Path:
        """Where the file is."""
        return library / to_native(self.file)


@dataclass(frozen=True)
class Plan:
    """What would be written to a library, row by row, in the order of its files."""

    header: PlanHeader
    rows: tuple[PlanRow, ...]

    @property
    def planned(self) -> tuple[PlanRow, ...]:
        """The rows whose files would be written to."""
        return tuple(row for row in self.rows if row.new is not None)

    def lines(self) -> Iterator[str]:
        """The file's lines, without their ends."""
        for record in (self.header, *self.rows):
            yield json.dumps(record.model_dump(), ensure_ascii=False)

    def write(self, path: Path) -> None:
        """Write the plan, atomically."""
        clear_leftovers(path.parent, owned=False)
        # a surrogate, which UTF-8 does not have, is written as the escape that JSON has for it
        with replacing(path) as new, new.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            for line in self.lines():
                file.write(f"{line}\n")


def plan_of(facts: dict[str, Any], rows: tuple[PlanRow, ...]) -> Plan:
    """A new plan of these rows. facts: what the header says, but for its id."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for row in rows:
        digest.update(row.model_dump_json().encode())
    return Plan(PlanHeader(**facts, id=digest.hexdigest()[:32]), rows)


def read_plan(path: Path) -> Plan:
    """The plan in a file. Raises PlanError, which names the first line that is wrong."""
    try:
        check_regular(path)
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # editors of Windows put a mark at the beginning
    except OSError as error:
        raise PlanError(
            f"{path}: cannot be read ({error.strerror or error}); `tonearm tag plan` writes plans"
        ) from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path}: is not a plan, since it is not UTF-8 text; save it as UTF-8") from error
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered or "tonearm_plan" not in numbered[0][1]:
        raise PlanError(
            f"{path}: is not a plan: its first line does not say what it is of; keep that line as `tonearm tag plan` "
            "wrote it"
        )
    header = _parse(PlanHeader, path, *numbered[0])
    field_of(header.field)
    seen: dict[str, int] = {}
    rows = []
    for number, line in numbered[1:]:
        row = _parse(PlanRow, path, number, line)
        if row.file in seen:
            raise PlanError(
                f"{path}, line {number}: {row.file!r} is planned in line {seen[row.file]} already; delete one of them "
                "(nothing was written)"
            )
        seen[row.file] = number
        rows.append(row)
    return Plan(header, tuple(rows))


AnyLine = TypeVar("AnyLine", PlanHeader, PlanRow)


def _parse(kind: type[AnyLine], path: Path, number: int, line: str) -> AnyLine:
    """The line as a record. Raises PlanError."""
    where = f"{path}, line {number}"
    try:
        found = parse_json(line)
    except ValueError as error:
        raise PlanError(
            f"{where}: is not JSON ({error}); put it right or delete the line (nothing was written)"
        ) from error
    if isinstance(found, dict):
        if kind is PlanHeader and found.get("tonearm_plan") != FORMAT:
            raise PlanError(
                f"{where}: the plan has the format {shorten(repr(found.get('tonearm_plan')), 20)}, and this tonearm "
                f"knows {FORMAT}; write it anew with `tonearm tag plan`"
            )
        unknown = next((key for key in found if key not in kind.model_fields), None)
        if unknown is not None:
            raise PlanError(
                f"{where}: {shorten(unknown, 40)!r} is not a part of a plan; "
                f"{did_you_mean(unknown, kind.model_fields)}put it right or delete the line (nothing was written)"
            )
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        raise PlanError(
            f"{where}: {first_fault(error)}; put it right or delete the line (nothing was written)"
        ) from error
