"""Where the answers of `tonearm predict` go: printed, to a file of lines, to a table; each as it comes."""

import json
import sys
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent

from tonearm.answers import Prediction, Table, check_any
from tonearm.bulk.answering import Answering, unchanged, wanted_of
from tonearm.bulk.kept import Kept, Wanted, keeping
from tonearm.bulk.watching import STILL_SECONDS, arriving
from tonearm.cli.app import note
from tonearm.cli.progress import counting
from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.data.pictures import READY
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.prediction import name_of_file
from tonearm.representations.extract import excerpts_note
from tonearm.runtime.progress import Progress, quietly
from tonearm.runtime.remote import is_url
from tonearm.runtime.stopping import saying
from tonearm.unsure import left_out_note
from tonearm.wording import count

ONLY_PRINTED = "what was answered is printed; with --jsonl FILE the same command would go on where it was"
PART = ".part"  # after the name of a table whose rows are not all there yet
Show = Callable[[Prediction], None]


@dataclass(frozen=True)
class Ways:
    """Where answers go: a file of lines, a table, standard output (as one JSON list, as lines of JSON, or as text)."""

    lines: Path | None = None
    table: Path | None = None
    as_list: bool = False
    as_lines: bool = False

    def shown(self, names: Iterable[str]) -> AbstractContextManager[Show]:
        """Opens standard output for answers. names: of the files."""
        if self.as_list:
            return _as_list()
        if self.as_lines:
            return nullcontext(_print_line)
        if self.lines or self.table:
            return nullcontext(lambda row: None)
        width = max(map(len, names), default=0)
        return nullcontext(lambda row: print(row.text(width), flush=True))

    @property
    def counted(self) -> bool:
        """Whether progress is shown: not where the answers themselves appear on the terminal."""
        printed = self.as_list or self.as_lines or not (self.lines or self.table)
        return not (printed and sys.stdout.isatty())


@contextmanager
def _as_list() -> Iterator[Show]:
    """A JSON list, whole even where the command is stopped."""
    before = "[\n"

    def show(row: Prediction) -> None:
        nonlocal before
        print(before + indent(json.dumps(row.to_json(), indent=2, ensure_ascii=False), "  "), end="", flush=True)
        before = ",\n"

    try:
        yield show
    finally:
        print("\n]" if before == ",\n" else "[]", flush=True)


def _print_line(row: Prediction) -> None:
    print(json.dumps(row.to_json(), ensure_ascii=False), flush=True)


@dataclass
class Tally:
    """What came of the files. total: the files that are new. earlier: names of those that were answered before."""

    answering: Answering
    show: Show
    progress: Progress
    total: int
    earlier: Container[str] = ()
    files: int = 0
    new: int = 0
    failed: int = 0
    left_out: int = 0
    first: Prediction | None = None
    excerpts: list[str] = field(default_factory=list)

    def take(self, row: Prediction) -> None:
        """Count an answer, and show it."""
        self.files += 1
        self.failed += bool(row.error)
        self.first = self.first or row
        if row.excerpts:
            self.excerpts.append(row.name)
        if self.answering.leaves_out(row):
            self.left_out += 1
        else:
            self.show(row)
        if row.name not in self.earlier:  # they take no time, and would make the others look quick
            self.new += 1
            self.progress(self.new, self.total, self.failed)


def answer_all(answering: Answering, ways: Ways) -> Tally:
    """Answer for the files that are asked for, and write the answers as they come."""
    files = list(dict.fromkeys(answering.asked.files))
    table = answering.asked.table
    names = [row.name for row in table.rows] if table else [*map(name_of_file, files)]
    with ExitStack() as opened:
        kept = _kept(answering, ways, wanted_of(files), opened)
        opened.enter_context(saying(ONLY_PRINTED))
        earlier = {name for name in names if name in kept} if kept is not None and table is None else set()
        before = len(kept) if kept is not None else 0
        show = opened.enter_context(ways.shown(names))
        progress = opened.enter_context((counting if ways.counted else quietly)("predict", "files"))
        tally = Tally(answering, show, progress, len(names) - len(earlier), earlier)
        for row in answering.answers(files, kept):
            tally.take(row)
        if ways.table:
            columns = Table(answering.asked.run.labels, answering.none, answering.asked.neighbours)
            rows = answering.answers(files, kept if table is None else None)
            columns.write(ways.table, (row for row in rows if not answering.leaves_out(row)))
    if kept is not None and kept.path != ways.lines:
        kept.path.unlink(missing_ok=True)  # beside a URL it was in a temporary folder
    notes = (*excerpts_note(tally.excerpts), *left_out_note(tally.left_out, tally.files))
    note(*(f"note: {line}" for line in notes))
    again = f", {before} of them answered before" if before else ""
    for path in filter(None, (ways.lines, ways.table)) if not ways.as_list else ():
        print(f"{path}: {count(tally.files - tally.left_out, 'file')}{again}")
    check_any(tally.files, tally.failed, tally.first)
    return tally


def _kept(answering: Answering, ways: Ways, wanted: Wanted, opened: ExitStack) -> Kept | None:
    """The file that keeps answers: the one that was asked for, or one beside a table until that is whole."""
    if ways.lines:
        return opened.enter_context(keeping(ways.lines, answering.digest, wanted))
    if ways.table is None or answering.asked.table is not None:
        return None
    beside = ways.table.with_name(ways.table.name + PART)
    if is_url(ways.table):  # nothing can be appended there
        beside = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="tonearm-"))) / beside.name
    return opened.enter_context(keeping(beside, answering.digest, wanted))


def watch_folder(answering: Answering, folder: Path, ways: Ways) -> None:
    """Answer for the files that are in the folder and that arrive there, until the process is stopped."""
    endings = PICTURE_EXTENSIONS if answering.asked.run.representation["kind"] == READY else EXTENSIONS
    said = f"watching {folder}: a file is taken when it has stood still for {STILL_SECONDS:g} s; Ctrl-C ends it"
    with ExitStack() as opened:
        # what has gone, such as to a folder of what is done, stays answered
        kept = _kept(answering, ways, lambda name, state: unchanged(name, state, gone=True), opened)
        show = opened.enter_context(ways.shown(()))
        note(said)
        for files in arriving(folder, endings, lambda file: kept is not None and name_of_file(file) in kept):
            if kept is not None:
                for file in files:
                    kept.forget(name_of_file(file))
            for row in answering.answers(files, kept):
                if not answering.leaves_out(row):
                    show(row)
