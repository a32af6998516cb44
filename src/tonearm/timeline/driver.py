"""Recordings to timelines in a folder: which files, which of them are done already, and what is said of them.

Conventions
-----------
A recording is done where its JSON was made by the same run of the same file with the same settings, and all its files
are there: a killed command goes on with the recording that it was at. A recording that breaks off in the middle has a
timeline of what could be read, which says so; one of which nothing can be read is a row of failures.csv.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path, PurePath

from tonearm.data.catalog import list_files
from tonearm.errors import AudioError, Failure, RunError
from tonearm.experiment.trust import Trust
from tonearm.loaded import LoadedModel, load
from tonearm.representations.base import digest_of, work_digest
from tonearm.representations.extract import FAILURES_CSV
from tonearm.runtime.files import write_csv, write_text
from tonearm.runtime.locks import hold
from tonearm.runtime.names import to_native, to_text
from tonearm.runtime.pool import check_visible, on_cluster, run_tasks
from tonearm.runtime.progress import Counting, Progress, quietly
from tonearm.runtime.remote import inside, place
from tonearm.runtime.source import source_digest
from tonearm.timeline.envelope import Envelope
from tonearm.timeline.files import (
    CUE,
    ENDINGS,
    MOST_TRACKS,
    SEGMENT_COLUMNS,
    cue_sheet,
    file_of,
    rows_of_all,
    write_timeline,
)
from tonearm.timeline.listening import Samples, announced_seconds, chosen, windows
from tonearm.timeline.records import Asked, SegmentRecord, Timeline, read_timeline
from tonearm.timeline.smoothing import STICKINESS, segments
from tonearm.wording import clock, count

SEGMENTS_CSV = "segments.csv"
MODULES = tuple(f"tonearm.timeline.{name}" for name in ("listening", "smoothing", "envelope", "drawing", "files"))
MOST_LINES = 40  # of one recording, for a person


@dataclass(frozen=True)
class Timelines:
    """What was done: the timelines in the order asked, how many of them were there before, failures, and notes."""

    out: Path
    rows: tuple[Timeline, ...]
    reused: int
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]

    @property
    def broken(self) -> tuple[Timeline, ...]:
        """Those of recordings that could not be read to their end."""
        return tuple(row for row in self.rows if row.broken)

    def text(self) -> str:
        """The segments of each recording, for a person."""
        target = io.StringIO()
        for row in self.rows:
            target.write(f"{row.file}  {clock(row.seconds)}, {count(len(row.segments), 'segment')}\n")
            for segment in row.segments[:MOST_LINES]:
                said = f"{segment.label} {segment.probability:.2f}" if segment.label else "no genre (silence)"
                target.write(f"  {clock(segment.start):>8}  {clock(segment.end):>8}  {said}\n")
            if len(row.segments) > MOST_LINES:
                target.write(f"  … and {len(row.segments) - MOST_LINES} more\n")
            if row.broken:
                target.write(f"  broken after {clock(row.seconds)}: {row.broken}\n")
        return target.getvalue().rstrip("\n")


@dataclass(frozen=True)
class _Recording:
    """A file, its name in tables and messages, and its place in the output folder."""

    path: Path
    name: str
    base: Path


def write_timelines(
    run: str | Path,
    paths: Sequence[str | Path],
    out: Path,
    window: float | None = None,
    hop: float | None = None,
    stickiness: float = STICKINESS,
    cue: bool = False,
    counting: Counting = quietly,
    workers: int = 1,
    trust: Trust = (),
) -> Timelines:
    """Write the timelines of files, and of all music in folders, to the folder `out`.

    run: as of `tonearm.load`. window, hop: seconds, as of `windows`. stickiness: seconds, as of `segments`. cue:
    whether cue sheets are written too. trust: as of `tonearm.load`. Raises RunError for a run that cannot be used, or
    where two recordings would have one name; ConfigError for lengths that are not allowed; CatalogError where a folder
    holds no music; OutputError.
    """
    model = load(run, trust=trust)
    window, hop = chosen(model, window, hop)
    places = [place(path) for path in paths]
    recordings, notes = _recordings(places, out)
    with hold(out), counting("timeline", "seconds") as progress:
        check_visible([out, *places])
        holder = model if workers == 1 and not on_cluster() else (str(run), tuple(map(str, trust)))
        told = _Told(progress, [announced_seconds(one.path) for one in recordings])
        heard = told.heard if isinstance(holder, LoadedModel) else None
        tasks = ((holder, one, (window, hop, stickiness), heard) for one in recordings)
        done = []
        for result in run_tasks(_make, tasks, workers):
            told.finished(isinstance(result, Failure))
            done.append(result)
        rows = tuple(one[0] for one in done if not isinstance(one, Failure))
        failures = tuple(one for one in done if isinstance(one, Failure))
        if cue:
            notes += _write_cues(out, rows)
        write_csv(out / SEGMENTS_CSV, ("file", *SEGMENT_COLUMNS), rows_of_all(rows))
        write_csv(out / FAILURES_CSV, ("filename", "kind", "reason"), failures)
    reused = sum(one[1] for one in done if not isinstance(one, Failure))
    return Timelines(out, rows, reused, failures, (*model.notes, *notes))


class _Told:
    """Progress in seconds of sound: within a recording where this process decodes it, else recording by recording."""

    def __init__(self, progress: Progress, lengths: Sequence[float]) -> None:
        self._progress = progress
        self._lengths = lengths
        self._done = self._failed = 0
        self._inside = 0.0

    def heard(self, seconds: float) -> None:
        """So many further seconds of the present recording were read."""
        self._inside += seconds
        self._tell()

    def finished(self, failed: bool) -> None:
        """The present recording is done."""
        self._done, self._failed, self._inside = self._done + 1, self._failed + failed, 0.0
        self._tell()

    def _tell(self) -> None:
        before = sum(self._lengths[: self._done])
        present = min(self._inside, self._lengths[self._done]) if self._done < len(self._lengths) else 0.0
        self._progress(round(before + present), round(sum(self._lengths)), self._failed)


def _recordings(paths: Sequence[Path], out: Path) -> tuple[list[_Recording], tuple[str, ...]]:
    """The files, and all music in the folders, with their places in the output folder; and notes on the folders.

    Raises RunError where two would have the same place.
    """
    found: dict[str, _Recording] = {}
    notes: tuple[str, ...] = ()
    for path in paths:
        files, said = list_files(path)
        notes += said
        for file in files:
            place_in = inside(path, file) if file != path else PurePath(file.name)
            name = to_text(place_in.as_posix())
            other = found.setdefault(name, _Recording(file, name, out / place_in))
            if other.path != file:
                raise RunError(
                    f"{file}: its timeline would have the name of that of {other.path}; name the folder that holds "
                    "both in place of the two, or ask for them one after the other with different --out"
                )
    return list(found.values()), notes


@lru_cache(maxsize=1)
def _loaded(run: str, trust: tuple[str, ...]) -> LoadedModel:
    return load(run, trust=trust)


def _make(
    holder: LoadedModel | tuple[str, tuple[str, ...]],
    recording: _Recording,
    lengths: tuple[float, float, float],
    heard: Callable[[float], None] | None,
) -> tuple[Timeline, bool] | Failure:
    """The timeline of a recording, written or found, and whether it was found; or why there is none.

    holder: the model, or the run and the trusted code of which to load it. lengths: seconds of windows, of the step and
    of the stickiness. heard: is told the seconds of each block.
    """
    model = holder if isinstance(holder, LoadedModel) else _loaded(*holder)
    asked = _asked(model, recording.path, lengths)
    known = read_timeline(file_of(recording.base, ".json"))
    if known and known.asked == asked and all(file_of(recording.base, ending).is_file() for ending in ENDINGS):
        return known, True
    outline, found, broken = Envelope(), [], ""

    def listen(samples: Samples, sr: int) -> None:
        outline.add(samples, sr)
        if heard is not None:
            heard(len(samples) / sr)

    try:
        for window in windows(model, recording.path, asked.window, asked.hop, listen):
            found.append(window)
    except AudioError as error:
        if not found:
            return Failure(recording.name, error.kind, error.reason)
        broken = error.reason
    if all(window.reason for window in found):
        return Failure(recording.name, "unusable", found[0].reason)
    made = tuple(SegmentRecord(**asdict(one)) for one in segments(found, asked.stickiness))
    timeline = Timeline(file=recording.name, seconds=outline.seconds, broken=broken, segments=made, asked=asked)
    write_timeline(recording.base, timeline, found, outline)
    return timeline, False


def _asked(model: LoadedModel, path: Path, lengths: tuple[float, float, float]) -> Asked:
    window, hop, stickiness = lengths
    try:
        state = path.stat()
        size, changed = state.st_size, int(getattr(state, "st_mtime_ns", 0))
    except OSError:
        size, changed = 0, 0  # opening it says why
    code = digest_of({"read": work_digest(model.representation), "timeline": source_digest(*MODULES)})
    return Asked(
        run=model.run.version,
        code=code,
        bytes=size,
        changed=changed,
        window=window,
        hop=hop,
        stickiness=stickiness,
    )


def _write_cues(out: Path, timelines: Sequence[Timeline]) -> tuple[str, ...]:
    """Write the cue sheets; a note on each that has room for a part of the segments only."""
    notes = []
    for timeline in timelines:
        write_text(file_of(out / to_native(timeline.file), CUE), cue_sheet(timeline.file, timeline.found))
        if len(timeline.segments) > MOST_TRACKS:
            notes.append(
                f"{timeline.file}: a cue sheet has at most {MOST_TRACKS} tracks, so of {len(timeline.segments)} "
                "segments it has the longest; a higher --stickiness makes fewer"
            )
    return tuple(notes)
