"""A plan carried out, and taken back: file by file, each of them whole at any moment.

Conventions
-----------
For each file: a changed copy is made beside it and read back; the journal then says on the disk what is about to
happen; then the copy takes the file's place (`exchange`). Whoever is killed in between leaves the file as it was or as
it was to be, and the journal tells which. What cannot be done to one file is listed, and the rest goes on; a full disk
ends the command. The library is locked (`runtime.locks`), so that two commands never write to it at once.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from tonearm.errors import PlanError, TagError
from tonearm.library.delta import difference, rebuild
from tonearm.library.exchange import Exchange, exchanging
from tonearm.library.fields import Field, field_of
from tonearm.library.identity import check_unchanged
from tonearm.library.journal import (
    Entry,
    Journal,
    Restore,
    Write,
    create_or_open,
    digest_of,
    digest_or_none,
    journal_of,
    open_journal,
    read_journal,
)
from tonearm.library.plan_file import PlanRow, read_plan
from tonearm.runtime.faults import NO_ROOM, output_error, refusal
from tonearm.runtime.locks import hold
from tonearm.runtime.names import to_native
from tonearm.runtime.progress import Progress, ignore_progress

Item = TypeVar("Item")


@dataclass
class Outcome:
    """What became of the files.

    done: that were written, or are again what they were. by_field: of which the tag alone was put back, since other
    programs had changed them meanwhile. already: done before. left: reason by file of what was left alone.
    """

    journal: Path
    done: int = 0
    by_field: list[str] = field(default_factory=list)
    already: int = 0
    left: dict[str, str] = field(default_factory=dict)


def apply_plan(
    path: Path,
    library: Path | None = None,
    keep_times: bool = False,
    part_links: bool = False,
    progress: Progress = ignore_progress,
) -> Outcome:
    """Write the tags of a plan, and a journal beside it.

    library: where it is now, if elsewhere than when it was planned. keep_times: files keep the time of their last
    change. part_links: write also to files with several names (`exchange`). progress: called with the numbers of files
    done, of all, and of those left alone. Raises PlanError where the plan, its journal or the library cannot be used,
    and OutputError where the disk is full; starting it again goes on.
    """
    plan = read_plan(path)
    target = field_of(plan.header.field)
    rows = plan.planned
    folder = _library(library, plan.header.library, [row.file for row in rows])
    outcome = Outcome(journal_of(path))
    with (
        hold(folder),
        create_or_open(outcome.journal, plan.header.id, plan.header.library, plan.header.field) as journal,
    ):
        journal.settle(folder)

        def write(row: PlanRow) -> None:
            entry = journal.entries.get(row.file)
            if entry is not None and entry.state == "written":
                outcome.already += 1
                return
            _write(row, row.values(plan.header.multi), folder, target, journal, keep_times, part_links)
            outcome.done += 1

        _each(rows, lambda row: row.file, write, folder, outcome, progress)
    return outcome


def undo(
    path: Path, library: Path | None = None, part_links: bool = False, progress: Progress = ignore_progress
) -> Outcome:
    """Make files again what they were before a plan was applied, by its journal. path: of it, or of the plan.

    A file that nobody else changed gets every byte back, and its time; of others, only the field goes back, and only
    if it still holds what was written. The arguments and errors are those of `apply_plan`.
    """
    journal_path = journal_of(path)
    header, entries, _ = read_journal(journal_path)
    target = field_of(header.field)
    folder = _library(library, header.library, list(entries))
    outcome = Outcome(journal_path)
    with hold(folder), open_journal(journal_path) as journal:
        journal.settle(folder)
        open_entries = [entry for entry in journal.entries.values() if entry.state == "written"]
        outcome.already = len(journal.entries) - len(open_entries)

        def restore(entry: Entry) -> None:
            if not _restore(entry, folder, target, journal, part_links):
                outcome.by_field.append(entry.write.file)
            outcome.done += 1

        _each(open_entries, lambda entry: entry.write.file, restore, folder, outcome, progress)
    return outcome


def _library(given: Path | None, known: str, files: Sequence[str]) -> Path:
    """The library's folder. Raises PlanError where there is none, or not one of the files is in it."""
    folder = given or Path(to_native(known))
    if not folder.is_dir():
        raise PlanError(f"{folder}: the plan's library is not there; connect it, or say by --library where it is now")
    if files and not any((folder / to_native(name)).exists() for name in files):
        raise PlanError(
            f"{folder}: not one of the {len(files)} files of the plan is in it, so it is the plan of another library; "
            "say by --library where that is (nothing was written)"
        )
    return folder


def _each(
    items: Sequence[Item],
    name_of: Callable[[Item], str],
    work: Callable[[Item], None],
    folder: Path,
    outcome: Outcome,
    progress: Progress,
) -> None:
    """Do the work on each item, and note what is left alone. Raises OutputError where the disk takes no more."""
    for number, item in enumerate(items, 1):
        name = name_of(item)
        try:
            work(item)
        except TagError as error:
            outcome.left[name] = str(error)
        except OSError as error:
            cause = refusal(error, NO_ROOM | {errno.EROFS})
            if cause is not None:
                raise output_error(folder / to_native(name), cause) from error
            outcome.left[name] = f"the system refuses it ({error.strerror or error})"
        progress(number, len(items), len(outcome.left))


def _write(
    row: PlanRow,
    values: tuple[str, ...],
    folder: Path,
    target: Field,
    journal: Journal,
    keep_times: bool,
    part_links: bool,
) -> None:
    """Write one file. Raises TagError where it is to be left alone."""
    from tonearm.library.writer import check_written, read_fields, write_field

    path = row.path(folder)
    check_unchanged(path, row.identity)
    with exchanging(path, part_links) as exchange:
        old = read_fields(exchange.path, [target])[0]
        write_field(exchange.path, exchange.copy, target, values)
        check_written(exchange.path, exchange.copy, target, values)
        exchange.settle(row.mtime_ns if keep_times else None)
        written = exchange.copy.stat()
        journal.announce(
            Write(
                file=row.file,
                old=old,
                new=read_fields(exchange.copy, [target])[0],
                before=digest_of(exchange.path),
                after=digest_of(exchange.copy),
                mtime_ns=row.mtime_ns,
                written_ns=written.st_mtime_ns,
                size=written.st_size,
                recipe=difference(exchange.path, exchange.copy),
            )
        )
        _take_place(exchange, journal, row.file, "restored")
    journal.end(row.file, "wrote")


def _restore(entry: Entry, folder: Path, target: Field, journal: Journal, part_links: bool) -> bool:
    """Take one file back; whether every byte is what it was. Raises TagError where it is to be left alone."""
    done = entry.write
    path = folder / to_native(done.file)
    found = digest_or_none(path)
    if found is None:
        raise TagError("is not there any more, or cannot be read")
    whole = True
    if found != done.before:
        with exchanging(path, part_links) as exchange:
            whole = found == done.after
            (_rebuild if whole else _put_back)(done, exchange, target)
            journal.announce(Restore(file=done.file, target=digest_of(exchange.copy)))
            _take_place(exchange, journal, done.file, "wrote")
    journal.end(done.file, "restored")
    return whole


def _take_place(exchange: Exchange, journal: Journal, file: str, before: Literal["wrote", "restored"]) -> None:
    """Exchange the file; where that is refused, write down that it still is what it was before."""
    try:
        exchange.take_place()
    except (TagError, OSError):
        journal.end(file, before)
        raise


def _rebuild(done: Write, exchange: Exchange, _: Field) -> None:
    """Make the copy the file before, byte for byte. Raises TagError where the journal does not give that."""
    rebuild(done.recipe, exchange.path, exchange.copy)
    if digest_of(exchange.copy) != done.before:
        raise TagError("the journal's recipe does not give the file that it was made of")
    exchange.settle(done.mtime_ns)


def _put_back(done: Write, exchange: Exchange, target: Field) -> None:
    """Make the copy the file as it is now, with the field's old texts. Raises TagError where it holds others."""
    from tonearm.library.writer import check_written, read_fields, write_field

    held = read_fields(exchange.path, [target])[0]
    if held == done.old:
        raise TagError(f"was changed since, and its {target.name} is what it was before")
    if held != done.new:
        raise TagError(f"was changed since, and its {target.name} is {list(held)} now, not {list(done.new)}")
    write_field(exchange.path, exchange.copy, target, done.old)
    check_written(exchange.path, exchange.copy, target, done.old)
    exchange.settle(None)
