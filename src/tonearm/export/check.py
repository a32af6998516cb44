"""Whether an exported model says what its run says, and how long both take.

Conventions
-----------
Labels must be equal, and probabilities within TOLERANCE. Of a run that reads pictures, a value on the border of two of
the 256 steps of brightness may get the other one, as on a machine with another library for linear algebra; so the
file's own picture is compared first, and the probabilities are those that the run gives to that picture. The difference
to the run's own picture is told too. Times are medians, of one clip on one thread: from samples, or from what the file
takes, to probabilities.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.sound import ClipSound
from tonearm.errors import ClipError, ExportError
from tonearm.evaluation.scores import predicted
from tonearm.experiment.runs import Run, probabilities
from tonearm.export.build import OUTPUT, PICTURE, Built
from tonearm.export.clips import files_to_check, rows_to_check
from tonearm.representations.base import Reader, Representation, as_rows
from tonearm.representations.pictures import Pictures
from tonearm.representations.spectrogram import colours
from tonearm.runtime.threads import one_thread
from tonearm.settings import AudioSettings
from tonearm.wording import count, milliseconds

TOLERANCE = 1e-5
MOST_PIXELS = 1e-4  # share of pixels that may lie on a border
A_DAY = 86_400.0  # seconds
MOST_TIMED = 50


class _Case(NamedTuple):
    """A clip. given: to the file. values: to the run's model. expected: probabilities. seconds: of the run."""

    name: str
    given: NDArray[Any]
    values: NDArray[Any]
    expected: NDArray[np.float64]
    seconds: float


@dataclass(frozen=True)
class Checked:
    """clips: on which all labels are equal. difference: greatest of all probabilities, of the same picture where the
    run reads pictures; with_pixels: of its own one. pixels: how many got another step, of so many. milliseconds of one
    clip, by tonearm and by the file, from what the file takes (`takes`). unusable: clips that the run cannot use.
    """

    clips: int
    difference: float
    takes: str
    tonearm: float
    onnx: float
    with_pixels: float = 0.0
    other_pixels: int = 0
    pixels: int = 0
    unusable: int = 0

    def lines(self) -> list[str]:
        """For a person."""
        said = [
            f"checked on {count(self.clips, 'clip')}: all labels equal, probabilities differ by at most "
            f"{self.difference:.1e} (limit {TOLERANCE:.0e})"
        ]
        if self.other_pixels:
            said.append(
                f"{self.other_pixels} of {self.pixels:,} pixels lie between two steps of brightness and got the other "
                f"one; with these the probabilities differ by at most {self.with_pixels:.1e}"
            )
        if self.unusable:
            said.append(f"left out: {count(self.unusable, 'clip')} that the run cannot use either")
        times = [milliseconds(1000 * seconds) for seconds in (self.tonearm, self.onnx)]
        return [*said, f"from {self.takes} to probabilities, median on one thread: tonearm {times[0]}, file {times[1]}"]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; without times, which are those of one machine."""
        found = {"clips": self.clips, "largest_difference": self.difference, "limit": TOLERANCE}
        if self.pixels:
            found |= {"pixels": self.pixels, "other_pixels": self.other_pixels, "with_these": self.with_pixels}
        return found


def check(run: Run, representation: Representation, built: Built, given: Sequence[Path] = ()) -> Checked:
    """Compare the file with the run. given: files, folders of them or a table; () for clips of the run.

    Raises ExportError where an answer differs, a given file cannot be used, or there is no clip to compare.
    """
    session = open_session(built.model)
    unusable: list[str] = []
    cases = _cases(run, representation, built, given, unusable)
    compared = [_compared(run, representation, built, session, case) for case in cases]
    if not compared and unusable:
        raise ExportError(f"--check: {unusable[0]}")
    if not compared:
        raise ExportError(
            f"{run.folder}: its clips are not where its config says any more, so the exported model cannot be compared "
            "with it; name some with --check FILE_OR_FOLDER"
        )
    difference, with_pixels, other, pixels, seconds, own = (np.array(column) for column in zip(*compared, strict=True))
    timed = slice(0, MOST_TIMED)
    found = Checked(
        len(compared),
        float(difference.max()),
        "a row" if built.takes == "columns" else built.takes,
        float(np.median(seconds[timed])),
        float(np.median(own[timed])),
        float(with_pixels.max()),
        int(other.sum()),
        int(pixels.sum()),
        len(unusable),
    )
    if found.difference > TOLERANCE or found.other_pixels > max(1, MOST_PIXELS * found.pixels):
        raise ExportError(
            f"{run.folder}: the exported model differs from it, so it is not kept: {'; '.join(found.lines()[:2])}"
        )
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
            expected, seconds = _answer(run, row)
            yield _Case(name, row[np.newaxis], row, expected, seconds)
        return
    reader = representation.open()
    for path in files_to_check(run, given):
        try:
            yield _of_file(run, reader, built, path)
        except ClipError as error:
            unusable.append(str(error))


def _of_file(run: Run, reader: Reader, built: Built, path: Path) -> _Case:
    with ClipSound(path) as sound, one_thread():
        audio = getattr(reader, "representation", None)
        if built.takes == "samples":
            sound.samples(audio.audio)  # type: ignore[union-attr]  # decoded before the clock starts
        start = time.perf_counter()
        [values] = reader.read([sound])
        reading = time.perf_counter() - start
        expected, seconds = _answer(run, values)
        if built.takes != "samples":
            given = values[np.newaxis] if built.takes == "columns" else values
            return _Case(str(path), given, values, expected, seconds)
        whole = sound.samples(AudioSettings(sr=built.rate, longest=A_DAY))
    return _Case(str(path), whole, values, expected, reading + seconds)


def _answer(run: Run, values: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """The run's probabilities of a row or picture, and the seconds that they took."""
    start = time.perf_counter()
    with one_thread():
        [found] = probabilities(run.classifier, as_rows([values]), run.labels, run.temperature)
    return found, time.perf_counter() - start


def _compared(
    run: Run, representation: Representation, built: Built, session: Any, case: _Case
) -> tuple[float, float, int, int, float, float]:
    """Differences, pixels with another step, all pixels, and seconds of the run and of the file."""
    names = [output.name for output in session.get_outputs()]
    start = time.perf_counter()
    found = dict(zip(names, session.run(names, {built.takes: case.given}), strict=True))
    seconds = time.perf_counter() - start
    said = found[OUTPUT].reshape(-1)
    if not np.isfinite(said).all() or predicted(said[np.newaxis]) != predicted(case.expected[np.newaxis]):
        raise ExportError(
            f"{run.folder}: the exported model gives {case.name} another label than the run, so it is not kept"
        )
    whole = float(np.abs(said - case.expected).max())
    if PICTURE not in found:
        return whole, whole, 0, 0, case.seconds, seconds
    assert isinstance(representation, Pictures)
    table, steps = colours(representation.settings), found[PICTURE]
    if steps.shape != case.values.shape[:2]:
        raise ExportError(
            f"{run.folder}: the exported model draws {case.name} {steps.shape}, not {case.values.shape[:2]}"
        )
    other, far = _differing(table, steps, case.values)
    if far:
        raise ExportError(f"{run.folder}: the exported model draws {count(far, 'pixel')} of {case.name} wrongly")
    if not other:
        return whole, whole, 0, steps.size, case.seconds, seconds
    same, _ = _answer(run, table[steps])
    return float(np.abs(said - same).max()), whole, other, steps.size, case.seconds, seconds


def _differing(table: NDArray[np.uint8], steps: NDArray[np.uint8], expected: NDArray[np.uint8]) -> tuple[int, int]:
    """How many pixels have another step of brightness than in a picture, and how many one that is not next to its own.

    table: colour of each step.
    """
    wide = steps.astype(np.int64)
    near = [
        (table[np.clip(wide + step, 0, len(table) - 1)] != expected).reshape(*steps.shape, -1).any(axis=2)
        for step in (0, 1, -1)
    ]
    return int(near[0].sum()), int(np.logical_and.reduce(near).sum())
