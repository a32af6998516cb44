"""What a timeline is as a file, JSON, which a later command reads back to see whether it still holds."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from tonearm.errors import RunError
from tonearm.experiment.records import Record, Seconds, Share, read_record
from tonearm.timeline.smoothing import Segment

AGAIN = "run the command again"


class Asked(Record):
    """What decides a timeline.

    run, code: what tells the run, and the code that listens and draws, from others. bytes, changed: size of the
    file, and time of its change in ns. window, hop, stickiness: seconds.
    """

    run: str
    code: str
    bytes: int
    changed: int
    window: Seconds
    hop: Seconds
    stickiness: Seconds


class SegmentRecord(Record):
    """A segment; the label is empty where the recording is silent."""

    start: Seconds
    end: Seconds
    label: str
    probability: Share


class Timeline(Record):
    """A recording's segments. seconds: length of what was read. broken: why that is not all of it, "" where it is."""

    version: Literal[1] = 1
    file: str
    seconds: Seconds
    broken: str = ""
    segments: tuple[SegmentRecord, ...] = Field(min_length=1)
    asked: Asked

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ends = [segment.end for segment in self.segments]
        if any(segment.start != end for segment, end in zip(self.segments[1:], ends, strict=False)):
            raise ValueError("its segments do not follow each other")
        return self

    @property
    def found(self) -> list[Segment]:
        """The segments as values."""
        return [Segment(one.start, one.end, one.label, one.probability) for one in self.segments]


def read_timeline(path: Path) -> Timeline | None:
    """The timeline in a file, None where there is none that can be used."""
    if not path.is_file():
        return None
    try:
        return read_record(Timeline, path, AGAIN)
    except RunError:  # damaged, or of another version: it is made again
        return None
