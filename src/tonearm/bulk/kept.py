"""A file of answers, one a line as JSON, that grows as they come and that the same command continues.

Conventions
-----------
Each line is an answer (`answers.SCHEMA`) with two more keys: `run`, a digest of the run and of what it was asked, and
`state`, which tells whether the file has changed. Lines are appended, each in one piece. The next command that opens
the file removes what was cut short by a kill, is of another run, or of a file that has changed, could not be used or
is not asked for; a line that is lost by a kill meanwhile is made again. One command at a time writes to it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from tonearm.answers import ANSWER, FailureRecord, Prediction
from tonearm.errors import OutputError
from tonearm.runtime.faults import REFUSED, output_error
from tonearm.runtime.regular import check_regular
from tonearm.runtime.remote import is_url
from tonearm.runtime.stopping import filling
from tonearm.runtime.system import lock_if_free

BEGINS = b'{"version": '  # each line of ours
Wanted = Callable[[str, str], bool]  # whether a line of this name and state is still true


class Kept:
    """The answers in a file of lines, by the names of their files. run: digest of the run that answers."""

    def __init__(self, path: Path, file: BinaryIO, run: str, wanted: Wanted) -> None:
        self.path = path
        self.run = run
        self._file = file
        self._places: dict[str, int] = {}
        self._end = 0
        self._mend(wanted)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def read(self, name: str) -> Prediction:
        """The answer for the file of this name."""
        self._file.seek(self._places[name])
        return Prediction.of(ANSWER.validate_json(self._file.readline()))

    def forget(self, name: str) -> None:
        """Take the file of this name for changed: it is answered again, and the next command removes the old line."""
        self._places.pop(name, None)

    def add(self, row: Prediction, state: str) -> None:
        """Append an answer. state: of its file before it was read. Raises OutputError where the disk is full."""
        value = {**row.to_json(), "run": self.run, "state": state}
        # what cannot be UTF-8 is written as \uXXXX, which JSON reads as the same
        line = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            self._append(row.name, line)
            self._file.flush()
        except OSError as error:
            if error.errno not in REFUSED:
                raise
            raise output_error(self.path, error, len(line)) from error

    def _append(self, name: str, line: bytes) -> None:
        self._file.seek(self._end)
        self._file.write(line)
        self._places[name] = self._end
        self._end += len(line)

    def _mend(self, wanted: Wanted) -> None:
        """Move the lines that stay to the beginning, and cut off the rest. Raises OutputError."""
        start = 0
        while True:
            self._file.seek(start)
            line = self._file.readline()
            if start == 0 and not line.startswith(BEGINS[: len(line)]):
                raise OutputError(f"{self.path}: does not hold answers of tonearm; name another file")
            if not line:
                break
            name = self._name(line, wanted)
            if name and start == self._end:
                self._places[name] = start
                self._end += len(line)
            elif name:
                self._append(name, line)
            start += len(line)
        self._file.truncate(self._end)

    def _name(self, line: bytes, wanted: Wanted) -> str:
        """The name of the file that a line answers for, "" where the line is damaged, there already or not true.

        A file that could not be used is tried again: a disk may be there now, or a decoder.
        """
        try:
            record = ANSWER.validate_json(line)
        except ValidationError:
            return ""
        if isinstance(record, FailureRecord):
            return ""
        true = record.run == self.run and record.state and record.file not in self._places and line.endswith(b"\n")
        return record.file if true and wanted(record.file, record.state) else ""


@contextmanager
def keeping(path: Path, run: str, wanted: Wanted) -> Iterator[Kept]:
    """The file, made ready to go on: it holds the answers of this run that are wanted, and nothing else.

    Raises OutputError where the file is not one of ours, another command writes to it, or it is in an object store.
    """
    if is_url(path):
        raise OutputError(f"{path}: answers are appended to this file, which object stores cannot do; name a local one")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        check_regular(path)
    path.touch()
    with path.open("r+b") as file:
        if not lock_if_free(file.fileno()):
            raise OutputError(f"{path}: another tonearm is writing there; wait for it or name another file")
        with filling(path):
            yield Kept(path, file, run, wanted)
