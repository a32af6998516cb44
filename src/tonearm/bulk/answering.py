"""The answers to many files, in the order of the files: those that are kept, and new ones as they come."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tonearm.answers import Prediction
from tonearm.bulk.kept import Kept
from tonearm.prediction import Asked, name_of_file
from tonearm.representations.base import digest_of, work_digest
from tonearm.runtime.names import to_native
from tonearm.runtime.remote import file_state, is_url, place
from tonearm.unsure import check_calibrated, check_word, none_if_unsure

DIGITS = 16  # of the digest that a line carries


@dataclass(frozen=True)
class Answering:
    """How files are answered. none: whether another word stands for labels that are not sure. sure_only: whether only
    the others are wanted. workers: processes.

    Raises RunError where it takes a calibration that the run does not have.
    """

    asked: Asked
    none: bool = False
    sure_only: bool = False
    workers: int = 1

    def __post_init__(self) -> None:
        if self.none or self.sure_only:
            check_calibrated(self.asked.run.threshold is not None)
        if self.none:
            check_word(self.asked.run.labels)

    @property
    def digest(self) -> str:
        """Of the run, of the code that reads files for it, and of what it is asked."""
        run, read = self.asked.run, self.asked.representation
        facts = {
            "run": run.version,
            "created": "" if run.facts.digest else run.facts.created,  # runs of early versions have no digest
            "read": work_digest(read) if read else "",
            "none": self.none,
            "neighbours": self.asked.neighbours,
        }
        return digest_of(facts)[:DIGITS]

    def leaves_out(self, row: Prediction) -> bool:
        """Whether the answer is not wanted, since it is not sure."""
        return self.sure_only and row.sure is False

    def answers(self, files: Iterable[Path], kept: Kept | None = None) -> Iterator[Prediction]:
        """One answer for each file, in order; the new ones are kept as well. files: each one once."""
        if self.asked.table is not None:
            for row in map(self._worded, self.asked.table.rows):
                if kept is not None:
                    kept.add(row, "")
                yield row
            return
        files = list(files)
        states: dict[str, str] = {}
        new = self.asked.answers(_missing(files, kept, states), self.workers)
        for file in files:
            name = name_of_file(file)
            if kept is not None and name in kept:
                yield kept.read(name)
                continue
            row = self._worded(next(new))
            if kept is not None:
                kept.add(row, states.pop(name))
            yield row

    def _worded(self, row: Prediction) -> Prediction:
        return none_if_unsure(row) if self.none else row


def _missing(files: Iterable[Path], kept: Kept | None, states: dict[str, str]) -> Iterator[Path]:
    """The files without an answer; their states, before they are read, are put down."""
    for file in files:
        name = name_of_file(file)
        if kept is None:
            yield file
        elif name not in kept:
            states[name] = state_of(file)
            yield file


def state_of(file: Path) -> str:
    """A text that changes when the file does, "" where it cannot be looked at."""
    try:
        return file_state(file)
    except OSError:
        return ""


def unchanged(name: str, state: str, gone: bool = False) -> bool:
    """Whether the file of this name, in an answer, has this state. gone: the result for a file that is not there."""
    now = state_of(place(name) if is_url(name) else Path(to_native(name)))
    return now == state if now else gone


def wanted_of(files: Iterable[Path]) -> Callable[[str, str], bool]:
    """Whether a kept answer is for one of these files, as it is now."""
    names = {name_of_file(file) for file in files}
    return lambda name, state: name in names and unchanged(name, state)
