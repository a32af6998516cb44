"""What the workers of the server do: answer for a file, follow its genre over time, describe the run.

Conventions
-----------
Each function is a task of `workers.WorkerPool`: its first argument are the models that the worker has loaded. Nothing
of the web is imported here, since workers do without it.
"""

from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from tonearm.answers import FileName, FormatVersion, Prediction
from tonearm.errors import AudioError
from tonearm.experiment.records import Record, Seconds, Share
from tonearm.unsure import check_calibrated, check_word, none_if_unsure
from tonearm.web.models import Models, RunKey

if TYPE_CHECKING:
    from tonearm.timeline import Window

VERSION = 1  # of the lines


class WindowLine(Record):
    """What the run says of a stretch of a recording."""

    version: FormatVersion
    file: FileName
    start: Annotated[Seconds, Field(description="Seconds from the recording's beginning.")]
    end: Seconds
    label: Annotated[str, Field(description='The most probable label; "" where the stretch cannot be used.')]
    probability: Share
    probabilities: dict[str, Share]
    error: Annotated[str, Field(description='Why the stretch cannot be used, such as silence; "" where it can.')]


class SegmentPart(Record):
    """A stretch of one genre; label "": none could be heard."""

    start: Seconds
    end: Seconds
    label: str
    probability: Share


class LastLine(Record):
    """The last line of a recording that was heard: its segments, in order; a stream that breaks has none."""

    version: FormatVersion
    file: FileName
    seconds: Annotated[Seconds, Field(description="Length of what could be read.")]
    segments: tuple[SegmentPart, ...]
    error: Annotated[str, Field(description='Why the recording could not be read to its end; "" where it could.')]


Line = dict[str, Any]


def answer(models: Models, key: RunKey, path: Path, name: str, neighbours: int, none: bool) -> Prediction:
    """What the run says of a file. name: in place of the path. Raises RunError for what the run cannot be asked."""
    model = models.get(key)
    if none:
        check_calibrated(model.threshold is not None)
        check_word(model.labels)
    found = replace(model.predict(path, neighbours=neighbours), name=name)
    return none_if_unsure(found) if none else found


def follow(
    models: Models, key: RunKey, path: Path, name: str, window: float | None, hop: float | None, stickiness: float
) -> Generator[Line]:
    """What the run says of a recording, line by line. window, hop, stickiness: seconds, as of `timeline.windows` and
    `timeline.segments`.

    Raises ConfigError for lengths that are not allowed, AudioError where nothing of the file can be read.
    """
    from tonearm.timeline import segments, windows

    found: list[Window] = []
    error = ""
    try:
        for one in windows(models.get(key), path, window, hop):
            found.append(one)
            yield _window(name, one)
    except AudioError as problem:
        if not found:
            raise
        error = problem.reason
    made = [asdict(segment) for segment in segments(found, stickiness)]
    yield {"version": VERSION, "file": name, "seconds": found[-1].end, "segments": made, "error": error}


def _window(name: str, window: "Window") -> Line:
    spread = dict(zip(window.labels, window.probabilities.tolist(), strict=True)) if not window.reason else {}
    label = max(spread, key=lambda one: spread[one], default="")
    return {
        "version": VERSION,
        "file": name,
        "start": window.start,
        "end": window.end,
        "label": label,
        "probability": spread.get(label, 0.0),
        "probabilities": spread,
        "error": window.reason,
    }


def card(models: Models, key: RunKey) -> dict[str, Any]:
    """What is known of the run."""
    return models.get(key).card
