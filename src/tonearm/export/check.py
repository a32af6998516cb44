"""Whether an exported model says what its run says, and how long both take.

Conventions
-----------
Labels must be equal, and probabilities within TOLERANCE. Where a run rounds what its network reads, a number on the
border of two steps may get the other one (`borders`); then the run is asked about the numbers that the exported model
read, and the difference to its own answer is told beside that. Times are medians, of one clip on one thread: from
samples, or from what the exported model takes, to probabilities.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.sound import ClipSound
from tonearm.errors import ClipError, ExportError
from tonearm.evaluation.scores import predicted
from tonearm.experiment.runs import Run, probabilities
from tonearm.export.borders import rounded
from tonearm.export.build import OUTPUT, Built
from tonearm.export.clips import files_to_check, rows_to_check
from tonearm.representations.base import Reader, Representation, as_rows
from tonearm.runtime.threads import one_thread
from tonearm.settings import AudioSettings
from tonearm.wording import count, milliseconds

TOLERANCE = 1e-5
MOST_OTHERS = 0.01  # share of numbers that may lie on a border
A_DAY = 86_400.0  # seconds
MOST_TIMED = 50


class _Case(NamedTuple):
    """A clip. given: to the exported model. values: to the run's. expected: probabilities. seconds: that these took.

    heard: the samples that the run read. reader: None for rows that were there.
    """

    name: str
    given: NDArray[Any]
    values: NDArray[Any]
    expected: NDArray[np.float64]
    seconds: float
    heard: NDArray[np.float32] | None = None
    reader: Reader | None = None


class _Compared(NamedTuple):
    """Of one clip, as in `Checked`. seconds, own: of the run, and of the exported model."""

    difference: float
    whole: float
    other: int
    numbers: int
    seconds: float
    own: float


@dataclass(frozen=True)
class Checked:
    """What the comparison found.

    clips: on which all labels are equal. difference: greatest of all probabilities, to the run's for what the exported
    model read; whole: to the run's own. other: numbers that got the other of two steps, of so many that are rounded.
    takes: what is given. tonearm, onnx: seconds of one clip. unusable: clips that the run cannot use.
    """

    clips: int
    difference: float
    whole: float
    other: int
    numbers: int
    takes: str
    tonearm: float
    onnx: float
    unusable: int = 0

    def lines(self) -> list[str]:
        """For a person."""
        said = [
            f"checked on {count(self.clips, 'clip')}: all labels equal, probabilities differ by at most "
            f"{self.difference:.1e} (limit {TOLERANCE:.0e})"
        ]
        if self.other:
            said.append(
                f"{self.other:,} of {self.numbers:,} numbers that the run rounds lie between two steps and got the "
                f"other one; with these the probabilities differ by at most {self.whole:.1e}"
            )
        if self.unusable:
            said.append(f"left out: {count(self.unusable, 'clip')} that the run cannot use either")
        times = [milliseconds(1000 * seconds) for seconds in (self.tonearm, self.onnx)]
        return [*said, f"from {self.takes} to probabilities, median on one thread: tonearm {times[0]}, file {times[1]}"]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; without times, which are those of one machine."""
        found = {"clips": self.clips, "largest_difference": self.difference, "limit": TOLERANCE}
        if self.other:
            found |= {"rounded": self.numbers, "other_step": self.other, "with_these": self.whole}
        return found


def check(run: Run, representation: Representation, built: Built, given: Sequence[Path] = ()) -> Checked:
    """Compare the exported model with the run. given: files, folders of them or a table; () for clips of the run.

    Raises ExportError where an answer differs, or there is no clip to compare.
    """
    session = open_session(built.model)
    unusable: list[str] = []
    cases = _cases(run, representation, built, given, unusable)
    try:
        compared = [_compared(run, built, session, case) for case in cases]
    except _OtherError as error:
        raise ExportError(f"{run.folder}: the exported model is not kept: {error}") from error
    if not compared and unusable:
        raise ExportError(f"--check: {unusable[0]}")
    if not compared:
        raise ExportError(
            f"{run.folder}: its clips are not where its config says any more, so the exported model cannot be compared "
            "with it; name some with --check FILE_OR_FOLDER"
        )
    timed = compared[:MOST_TIMED]
    found = Checked(
        len(compared),
        max(one.difference for one in compared),
        max(one.whole for one in compared),
        sum(one.other for one in compared),
        sum(one.numbers for one in compared),
        "a row" if built.takes == "columns" else built.takes,
        float(np.median([one.seconds for one in timed])),
        float(np.median([one.own for one in timed])),
        len(unusable),
    )
    if found.difference > TOLERANCE or found.other > MOST_OTHERS * found.numbers:
        raise ExportError(f"{run.folder}: the exported model differs and is not kept: {'; '.join(found.lines()[:-1])}")
    return found


def open_session(model: bytes) -> Any:
    """The model in onnxruntime, on one thread. Raises ExportError where that is missing."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ExportError('onnxruntime is not installed; pip install "tonearm[export]"') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _cases(
    run: Run, representation: Representation, built: Built, given: Sequence[Path], unusable: list[str]
) -> Iterator[_Case]:
    """The clips; those that cannot be used go to `unusable`, with the reason."""
    rows = rows_to_check(run, built.columns, given) if built.takes == "columns" else None
    if rows is not None:
        for name, row in zip(*rows, strict=True):
            expected, seconds = _timed(run, row)
            yield _Case(name, row[np.newaxis], row, expected, seconds)
        return
    files = files_to_check(run, given)
    reader = representation.open() if files else None
    for path in files:
        assert reader is not None
        try:
            yield _of_file(run, representation, reader, built, path)
        except ClipError as error:
            unusable.append(str(error))


def _of_file(run: Run, representation: Representation, reader: Reader, built: Built, path: Path) -> _Case:
    with ClipSound(path) as sound, one_thread():
        heard = None
        if built.takes == "samples":
            audio: AudioSettings = representation.audio  # type: ignore[attr-defined]  # all that read samples have it
            heard = sound.samples(audio)  # decoded before the clock starts
        start = time.perf_counter()
        [values] = reader.read([sound])
        reading = time.perf_counter() - start
        expected, seconds = _timed(run, values)
        if heard is None:
            given = values[np.newaxis] if built.takes == "columns" else values
            return _Case(str(path), given, values, expected, seconds)
        whole = sound.samples(AudioSettings(sr=built.rate, longest=A_DAY))
    return _Case(str(path), whole, values, expected, reading + seconds, heard, reader)


def _answer(run: Run, values: NDArray[Any]) -> NDArray[np.float64]:
    """The run's probabilities of a row or picture."""
    with one_thread():
        found: NDArray[np.float64] = probabilities(run.classifier, as_rows([values]), run.labels, run.temperature)[0]
    return found


def _timed(run: Run, values: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """As `_answer`, and the seconds that it took."""
    start = time.perf_counter()
    return _answer(run, values), time.perf_counter() - start


class _OtherError(Exception):
    """An answer that is another one than the run's; the message says of which clip."""


def _compared(run: Run, built: Built, session: Any, case: _Case) -> _Compared:
    """Raises _OtherError."""
    names = [output.name for output in session.get_outputs()]
    start = time.perf_counter()
    found = dict(zip(names, session.run(names, {built.takes: case.given}), strict=True))
    seconds = time.perf_counter() - start
    said = found[OUTPUT].reshape(-1)
    if not np.isfinite(said).all() or predicted(said[np.newaxis]) != predicted(case.expected[np.newaxis]):
        raise _OtherError(f"it gives {case.name} another label than the run")
    whole = float(np.abs(said - case.expected).max())
    try:
        own = rounded(found, case.reader, case.values, case.heard, partial(_answer, run))
    except ExportError as error:
        raise _OtherError(f"{case.name}: {error}") from error
    if own is None:
        return _Compared(whole, whole, 0, 0, case.seconds, seconds)
    difference = whole if own.expected is None else float(np.abs(said - own.expected).max())
    return _Compared(difference, whole, own.other, own.numbers, case.seconds, seconds)
