"""The whole set on disk: audio files, metadata.csv for everyone, truth.csv for tests and demos.

Conventions
-----------
`jam.json` holds what was asked for, so that the same call may repeat or finish a set, and another call
never mixes with it. The tables come last: where metadata.csv stands, all files are there.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import TonearmError
from tonearm.jam.faults import Cut, clean_cuts, plant
from tonearm.jam.genres import GENRES
from tonearm.runtime.files import replacing, write_json, write_text
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.runtime.locks import OF_LOCKS, hold
from tonearm.runtime.pool import run_tasks
from tonearm.runtime.progress import Progress

Format = Literal["wav", "flac", "ogg", "au"]
FORMATS: tuple[str, ...] = get_args(Format)
SETTINGS_FILE = "jam.json"
VERSION = 1  # raised when the same seed gives other music
MOST_CLIPS = 10_000  # a genre: numbers have five digits
KEPT = 0.4  # of a truncated file's bytes
METADATA_COLUMNS = ("file_name", "label", "artist", "tempo", "key")
TRUTH_COLUMNS = ("file_name", "fault", "label", "true_label", "partner")

Row = tuple[str, str, str, float, str]


@dataclass(frozen=True)
class JamSummary:
    """What was rendered. faults: how many files have a fault of each kind. size: bytes of all audio files."""

    folder: str
    clips: int
    genres: int
    artists: int
    seconds: float
    size: int
    faults: dict[str, int]

    def text(self) -> str:
        """Two lines for people; which files have the faults stands in truth.csv only."""
        planted = ", ".join(f"{count} {kind}" for kind, count in self.faults.items()) or "none"
        return (
            f"{self.folder}: {self.clips} clips of {self.seconds:g} s, {self.genres} genres, {self.artists} artists, "
            f"{self.size / 1e6:.0f} MB\nplanted faults: {planted} (truth.csv tells where)"
        )


@dataclass(frozen=True)
class Job:
    """One file to render: everything that a worker process must know."""

    folder: str
    cut: Cut
    seed: int
    seconds: float
    format: str


def render_jam(
    out: str | Path,
    *,
    clips_per_genre: int = 30,
    seconds: float = 10.0,
    seed: int = 0,
    format: Format = "wav",
    clean: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> JamSummary:
    """Render the built-in music into the folder `out`: audio files, metadata.csv and truth.csv.

    seconds: length of a clip, 1 to 600. clean: plant no faults. workers: processes. progress: called with
    (files done, files in all, files failed). Raises TonearmError for settings out of range, without the extra
    `demo`, and where `out` holds anything but the same set, or another command works there.
    """
    from tonearm.jam.synth import require_synthesiser

    _check(clips_per_genre, seconds, seed, format)
    require_synthesiser()
    cuts = clean_cuts(clips_per_genre)
    if not clean:
        cuts = plant(cuts, clips_per_genre, seed, format)
    out = Path(out)
    asked = {"clips_per_genre": clips_per_genre, "seconds": seconds, "seed": seed, "format": format, "clean": clean}
    _check_folder(out, asked)
    jobs = [Job(str(out), cut, seed, seconds, format) for cut in cuts]
    rows: list[Row] = []
    with hold(out):
        for genre in GENRES:
            clear_leftovers(out / genre)
        write_json(out / SETTINGS_FILE, {"version": VERSION, **asked})
        for row in run_tasks(render_file, ((job,) for job in jobs), workers, ordered=False):
            rows.append(row)
            if progress is not None:
                progress(len(rows), len(jobs), 0)
        rows.sort()
        _write_tables(out, rows, cuts, format)
    artists = len({artist for _name, _label, artist, _tempo, _key in rows})
    return _summary(out, artists, cuts, seconds, format)


def _check(clips_per_genre: int, seconds: float, seed: int, format: str) -> None:
    """Raise TonearmError for what cannot be rendered."""
    if not 1 <= clips_per_genre <= MOST_CLIPS:
        raise TonearmError(f"clips per genre = {clips_per_genre}: must be between 1 and {MOST_CLIPS}")
    if not 1.0 <= seconds <= 600.0:
        raise TonearmError(f"seconds = {seconds:g}: clips must be between 1 and 600 seconds long")
    if seed < 0:
        raise TonearmError(f"seed = {seed}: must be 0 or more")
    if format not in FORMATS:
        raise TonearmError(f"format = {format!r}: must be one of {', '.join(FORMATS)}")


def _check_folder(out: Path, asked: dict[str, Any]) -> None:
    """Raise TonearmError where the folder holds anything but this set."""
    settings = out / SETTINGS_FILE
    if settings.is_file():
        found = settings.read_text(encoding="utf-8")
        if found != json.dumps({"version": VERSION, **asked}, indent=2) + "\n":
            raise TonearmError(
                f"{out} holds the built-in music with other settings ({SETTINGS_FILE}); name another folder"
            )
    elif out.exists() and (not out.is_dir() or any(path.name not in OF_LOCKS for path in out.iterdir())):
        raise TonearmError(f"{out} is not an empty folder; name another or remove it")


def render_file(job: Job) -> Row:
    """Render one file; return its row of metadata.csv."""
    from tonearm.jam.record import record
    from tonearm.jam.sound import SR

    cut = job.cut
    recording = record(job.seed, cut.genre, cut.number, cut.recorded * job.seconds)
    first = round(cut.start * job.seconds * SR)
    samples = recording.samples[first : first + round(job.seconds * SR)] * 10 ** (cut.level / 20)
    if cut.fault == "silent":
        samples = np.zeros_like(samples)
    name = cut.name(job.format)
    with replacing(Path(job.folder) / name) as temporary:
        _write_audio(temporary, samples, job.format)
        if cut.fault in ("truncated", "empty"):
            data = temporary.read_bytes()
            temporary.write_bytes(data[: int(len(data) * KEPT)] if cut.fault == "truncated" else b"")
    return name, cut.label, recording.artist, recording.tempo, recording.key


def _write_audio(path: Path, samples: NDArray[np.float64], format: str) -> None:
    """16 bits, or Vorbis for ogg; a second at a time, since libsndfile's Vorbis overflows the stack on long blocks."""
    import soundfile

    from tonearm.jam.sound import SR

    subtype = "VORBIS" if format == "ogg" else "PCM_16"
    name = path if os.name == "nt" else os.fsencode(path)  # which may hold bytes that are no text
    with soundfile.SoundFile(name, "w", SR, 1, subtype, format=format.upper()) as file:
        for start in range(0, len(samples), SR):
            file.write(samples[start : start + SR])


def _write_tables(out: Path, rows: Iterable[Sequence[object]], cuts: Sequence[Cut], format: str) -> None:
    truth = ((cut.name(format), cut.fault, cut.label, cut.genre, cut.partner) for cut in cuts if cut.fault)
    _write_csv(out / "truth.csv", TRUTH_COLUMNS, truth)
    _write_csv(out / "metadata.csv", METADATA_COLUMNS, rows)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, buffer.getvalue())


def _summary(out: Path, artists: int, cuts: Sequence[Cut], seconds: float, format: str) -> JamSummary:
    faults: dict[str, int] = {}
    for cut in cuts:
        if cut.fault:
            faults[cut.fault] = faults.get(cut.fault, 0) + 1
    return JamSummary(
        folder=str(out),
        clips=len(cuts),
        genres=len(GENRES),
        artists=artists,
        seconds=seconds,
        size=sum((out / cut.name(format)).stat().st_size for cut in cuts),
        faults=faults,
    )
