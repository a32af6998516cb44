"""What was done to the files of a library, written down before it is done, so that it can go on or be taken back.

Conventions
-----------
One JSON object a line, appended and brought to the disk (fsync) before a file is touched: `write` holds the field's old
and new texts, SHA-256 of the file before and after, and the recipe (`delta`) that makes the one from the other; `wrote`
follows when the copy took the file's place. `restore` and `restored` do the same for the way back. A kill leaves a
`write` or a `restore` without its end: SHA-256 of the file then says which of the two it is. A last line that a kill
cut short is cut off; anything else that is wrong in a journal stops the command.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError

from tonearm.errors import PlanError
from tonearm.experiment.records import Record, first_fault
from tonearm.runtime.faults import output_error, refusal
from tonearm.runtime.files import parse_json, write_bytes
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.runtime.names import to_native
from tonearm.runtime.regular import check_regular
from tonearm.runtime.system import flush

ENDING = ".journal"
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class JournalHeader(Record):
    """The first line. plan: the id of the plan that is carried out. field: that it writes."""

    tonearm_journal: Literal[1] = 1
    plan: str
    library: str
    field: str


class Write(Record):
    """A file is about to be written. before, after: SHA-256. recipe: what makes the file before of that after.

    mtime_ns, written_ns: when it was last changed, before and after. size: bytes after.
    """

    do: Literal["write"] = "write"
    file: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    before: Digest
    after: Digest
    mtime_ns: int
    written_ns: int
    size: int
    recipe: str


class Restore(Record):
    """A file is about to be made what it was. target: SHA-256 that it will have."""

    do: Literal["restore"] = "restore"
    file: str
    target: Digest


class Ended(Record):
    """What was announced is done."""

    do: Literal["wrote", "restored"]
    file: str


Line = Write | Restore | Ended
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="do")])


@dataclass(frozen=True)
class Entry:
    """A file's last writing and how far it is. target: SHA-256 of the way back, where that began."""

    write: Write
    state: Literal["writing", "written", "restoring", "restored"]
    target: str = ""


def journal_of(path: Path) -> Path:
    """The journal beside a plan; a journal is its own."""
    return path if path.suffix == ENDING else path.with_suffix(ENDING)


def check_spent(plan: Path) -> Path:
    """The journal beside a plan of this name, there or not, by which nothing can be taken back any more.

    Raises PlanError where something can, or it cannot be read.
    """
    path = journal_of(plan)
    if path.exists() and any(entry.state != "restored" for entry in read_journal(path)[1].values()):
        raise PlanError(
            f"{plan}: has a journal beside it, {path.name}, by which an earlier plan can be taken back; choose another "
            "name for the new plan"
        )
    return path


class Journal:
    """An open journal. header: its first line. entries: by file, in the order they were written."""

    def __init__(self, path: Path, header: JournalHeader, entries: dict[str, Entry], whole: int) -> None:
        self.path = path
        self.header = header
        self.entries = entries
        self._file = path.open("r+b")
        self._file.truncate(whole)  # without the line that a kill cut short
        self._file.seek(whole)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def announce(self, line: Write | Restore) -> None:
        """Write down what is about to be done; it is on the disk when this returns. Raises OutputError."""
        self._append(line, sync=True)

    def end(self, file: str, what: Literal["wrote", "restored"]) -> None:
        """Write down that it is done; where this is lost, SHA-256 of the file tells."""
        self._append(Ended(do=what, file=file), sync=False)

    def _append(self, line: Line, sync: bool) -> None:
        try:
            self._file.write(line.model_dump_json().encode() + b"\n")
            self._file.flush()
            if sync:
                flush(self._file.fileno())
        except OSError as error:
            cause = refusal(error)
            if cause is None:
                raise
            raise output_error(self.path, cause) from error
        _take_in(self.entries, line)

    def settle(self, library: Path) -> None:
        """Find out what a kill left open, by SHA-256 of the files."""
        for name, entry in list(self.entries.items()):
            if entry.state not in ("writing", "restoring"):
                continue
            found = digest_or_none(library / to_native(name))
            if found == entry.write.before or (entry.state == "restoring" and found == entry.target):
                self.end(name, "restored")
            else:  # as it was written, or changed by another program since, which the undoing says
                self.end(name, "wrote")


def create_or_open(path: Path, plan: str, library: str, field: str) -> Journal:
    """The journal of a plan, begun where there is none. Raises PlanError where it is that of another plan."""
    if not path.exists():
        header = JournalHeader(plan=plan, library=library, field=field)
        clear_leftovers(path.parent, owned=False)
        write_bytes(path, header.model_dump_json().encode() + b"\n")
        return Journal(path, header, {}, path.stat().st_size)
    journal = open_journal(path)
    if journal.header.plan != plan:
        with journal:
            raise PlanError(
                f"{path}: is the journal of another plan, which it can still take back (`tonearm tag undo {path}`); "
                "give the new plan another name"
            )
    return journal


def open_journal(path: Path) -> Journal:
    """The journal, to go on with. Raises PlanError as `read_journal`."""
    return Journal(path, *read_journal(path))


def read_journal(path: Path) -> tuple[JournalHeader, dict[str, Entry], int]:
    """Header and entries of a journal, and the number of bytes of its whole lines.

    Raises PlanError where it cannot be read or is damaged.
    """
    try:
        check_regular(path)
        data = path.read_bytes()
    except OSError as error:
        raise PlanError(
            f"{path}: cannot be read ({error.strerror or error}); apply writes it beside the plan"
        ) from error
    whole = data.rfind(b"\n") + 1
    header: JournalHeader | None = None
    entries: dict[str, Entry] = {}
    for number, line in enumerate(data[:whole].splitlines(), 1):
        try:
            found: Any = parse_json(line.decode())
            if header is None:
                header = JournalHeader.model_validate(found)
            else:
                _take_in(entries, _LINE.validate_python(found))
        except (ValidationError, ValueError, KeyError) as error:
            what = first_fault(error) if isinstance(error, ValidationError) else str(error)
            raise PlanError(f"{path}, line {number}: is damaged, or not of a journal ({what})") from error
    if header is None:
        raise PlanError(f"{path}: is not a journal of `tonearm tag apply`")
    return header, entries, whole


def _take_in(entries: dict[str, Entry], line: Line) -> None:
    """Bring the entries up to the line. Raises KeyError where it is about a file that was never written."""
    if isinstance(line, Write):
        entries.pop(line.file, None)  # so that it is the last
        entries[line.file] = Entry(line, "writing")
    elif isinstance(line, Restore):
        entries[line.file] = Entry(entries[line.file].write, "restoring", line.target)
    else:
        state: Literal["written", "restored"] = "written" if line.do == "wrote" else "restored"
        entries[line.file] = Entry(entries[line.file].write, state)


def digest_of(path: Path) -> str:
    """SHA-256 of a file. Raises OSError where it cannot be read, or is no file."""
    check_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_or_none(path: Path) -> str | None:
    """SHA-256 of a file, None where it cannot be read."""
    try:
        return digest_of(path)
    except OSError:
        return None
