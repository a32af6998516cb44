"""How far a plan is: what is planned, written, taken back, and what other programs have changed since."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tonearm.library.journal import Entry, journal_of, read_journal
from tonearm.library.plan_file import read_plan
from tonearm.runtime.names import to_native
from tonearm.wording import count

SETTLED = {"waiting", "written", "restored"}


@dataclass(frozen=True)
class Status:
    """planned: files that the plan writes to. written: of which it has. restored: that are what they were again.

    interrupted: at which a kill came; the next command finds out. waiting: none of these. changed: names of files that
    are not as the plan, or after it the journal, left them.
    """

    library: str
    field: str
    planned: int
    written: int
    restored: int
    interrupted: int
    waiting: int
    changed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The status as JSON-ready values."""
        return {
            "library": self.library,
            "field": self.field,
            "planned": self.planned,
            "written": self.written,
            "restored": self.restored,
            "interrupted": self.interrupted,
            "waiting": self.waiting,
            "changed": list(self.changed),
        }

    def text(self) -> str:
        """The status for a person."""
        lines = [
            f"{self.library}: the {self.field} of {count(self.planned, 'file')} is planned",
            f"  written      {self.written}",
            f"  taken back   {self.restored}",
            f"  interrupted  {self.interrupted}",
            f"  waiting      {self.waiting}",
            f"  changed since by other programs, or gone: {len(self.changed)}",
            *(f"    {name}" for name in self.changed),
        ]
        return "\n".join(lines)


def status_of(path: Path, library: Path | None = None) -> Status:
    """The status of a plan, by its journal if there is one; nothing is written, and no file is read whole.

    library: where it is now, if elsewhere than when it was planned. Raises PlanError where either cannot be read.
    """
    plan = read_plan(path)
    journal = journal_of(path)
    entries = read_journal(journal)[1] if journal.exists() else {}
    folder = library or Path(to_native(plan.header.library))
    rows = plan.planned
    known = {row.file: (row.size, row.mtime_ns) for row in rows}
    known |= {name: _left(entry) for name, entry in entries.items() if entry.state == "written"}
    names = dict.fromkeys([*(row.file for row in rows), *entries])
    state = {name: entries[name].state if name in entries else "waiting" for name in names}
    now = {name: _now(folder / to_native(name)) for name in known}
    # a file at which a kill came is the old one or the new one
    changed = [name for name in known if now[name] is None or (state[name] in SETTLED and now[name] != known[name])]
    states = Counter(state.values())
    return Status(
        library=str(folder),
        field=plan.header.field,
        planned=len(names),
        written=states["written"],
        restored=states["restored"],
        interrupted=states["writing"] + states["restoring"],
        waiting=states["waiting"],
        changed=tuple(changed),
    )


def _left(entry: Entry) -> tuple[int, int]:
    """Size and time of a file after it was written."""
    return entry.write.size, entry.write.written_ns


def _now(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns
