"""A timeline's files: tables, JSON, labels for Audacity, a cue sheet and the strip.

Conventions
-----------
`OUT/<name of the file>` and an ending each, in folders as the recordings are:

```
mix.mp3.json          the segments and what decided them; written last, so a whole set has it
mix.mp3.csv           start, end, label, probability: a row a segment
mix.mp3.windows.csv   start, end, one probability a label, reason: a row a window, before any smoothing
mix.mp3.txt           labels for Audacity: File > Import > Labels
mix.mp3.cue           a cue sheet, on wish: each segment is a track
mix.mp3.png, .svg     the strip
```
Seconds have three decimals in texts for other programs.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from tonearm.plots import save_figure
from tonearm.runtime.files import write_csv, write_json, write_text
from tonearm.timeline.drawing import COLUMNS, strip_figure
from tonearm.timeline.envelope import Envelope
from tonearm.timeline.records import Timeline
from tonearm.timeline.smoothing import Segment, Window

ENDINGS = (".json", ".csv", ".windows.csv", ".txt", ".png", ".svg")
CUE = ".cue"
SILENCE = "(no genre)"
MOST_TRACKS = 99  # of a cue sheet
FRAMES = 75  # of a second in cue sheets
_CUE_TYPES = {".mp3": "MP3", ".aif": "AIFF", ".aiff": "AIFF"}
SEGMENT_COLUMNS = ("start", "end", "label", "probability")


def file_of(base: Path, ending: str) -> Path:
    """The file of a recording with an ending. base: its place in the output folder."""
    return base.with_name(base.name + ending)


def write_timeline(base: Path, timeline: Timeline, windows: Sequence[Window], outline: Envelope) -> None:
    """Write all files of a recording but the cue sheet."""
    segments = timeline.found
    labels = windows[0].labels
    header = ("start", "end", *(f"p_{label}" for label in labels), "reason")
    write_csv(file_of(base, ".windows.csv"), header, map(_window_row, windows))
    write_csv(file_of(base, ".csv"), SEGMENT_COLUMNS, map(segment_row, segments))
    write_text(file_of(base, ".txt"), audacity_labels(segments))
    name = PurePath(timeline.file).name
    save_figure(strip_figure(name, timeline.seconds, outline.shape(COLUMNS), segments), base)
    write_json(file_of(base, ".json"), timeline.model_dump())


def _window_row(window: Window) -> list[float | str]:
    values: list[float | str] = [*window.probabilities.tolist()] or [""] * len(window.labels)
    return [window.start, window.end, *values, window.reason]


def segment_row(segment: Segment) -> list[float | str]:
    """A segment as a row of SEGMENT_COLUMNS."""
    return [segment.start, segment.end, segment.label, segment.probability if segment.label else ""]


def audacity_labels(segments: Sequence[Segment]) -> str:
    r"""The segments as a label track.

    >>> audacity_labels([Segment(0.0, 12.5, "rock", 0.9)])
    '0.000\t12.500\trock\n'
    """
    return "".join(f"{one.start:.3f}\t{one.end:.3f}\t{_plain(one.label) or SILENCE}\n" for one in segments)


def cue_sheet(name: str, segments: Sequence[Segment]) -> str:
    """The segments as tracks of a cue sheet, at most MOST_TRACKS, the longest where there are more.

    name: of the recording, beside which the sheet is to lie.
    """
    kept = sorted(_longest(segments), key=lambda one: one.start)
    kind = _CUE_TYPES.get(PurePath(name).suffix.lower(), "WAVE")
    lines = [f'FILE "{_quoted(PurePath(name).name)}" {kind}']
    for number, segment in enumerate(kept, start=1):
        start = segment.start if number > 1 else 0.0  # the first track begins with the file
        lines += [
            f"  TRACK {number:02} AUDIO",
            f'    TITLE "{_quoted(segment.label or SILENCE)}"',
            f"    INDEX 01 {_cue_time(start)}",
        ]
    return "\n".join(lines) + "\n"


def _longest(segments: Sequence[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda one: one.start - one.end)[:MOST_TRACKS]


def _cue_time(seconds: float) -> str:
    """Minutes, seconds and frames.

    >>> _cue_time(754.5)
    '12:34:37'
    """
    frames = int(seconds * FRAMES)
    return f"{frames // FRAMES // 60:02}:{frames // FRAMES % 60:02}:{frames % FRAMES:02}"


def _plain(text: str) -> str:
    """The text on one line, without tabs."""
    return " ".join(text.split())


def _quoted(text: str) -> str:
    """The text for between the quotes of a cue sheet, which has no way to write one inside."""
    return _plain(text).replace('"', "'")


def rows_of_all(timelines: Sequence[Timeline]) -> Iterator[list[float | str]]:
    """A row a segment of all recordings, the name of the recording first."""
    for timeline in timelines:
        for segment in timeline.found:
            yield [timeline.file, *segment_row(segment)]
