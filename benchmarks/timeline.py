"""Time and memory of a timeline by the length of the recording.

    python benchmarks/timeline.py [--hours 0.1 1 10] [--hop 5] [--format mp3] [--families rms zero_crossing_rate …]

A run is trained on the built-in music, three minutes of it in three genres. Then a recording of each length is made of
songs of these genres, by turns, and `tonearm timeline` is run on it as a process of its own, with windows of 10 s.
Columns: size of the file; wall time; how many times faster than the music plays; the most memory that the process had
(its peak resident set); the segments that were found, and the songs there are.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from tonearm.api import train
from tonearm.jam.record import record

GENRES = ("classical", "metal", "hiphop")
SR = 22_050
SONG = 120.0  # seconds
WITH_PEAK = (
    "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
)


def main() -> None:
    """Train the run, and measure each length."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", nargs="+", type=float, default=[0.1, 1.0, 10.0])
    parser.add_argument("--hop", type=float, default=5.0)
    parser.add_argument("--format", default="mp3", choices=["mp3", "flac", "ogg"])
    parser.add_argument("--families", nargs="+", default=["rms", "zero_crossing_rate", "spectral_centroid"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = learn(Path(folder), given.families)
        songs = [record(0, genre, number, SONG).samples for number, genre in itertools.product((20, 21), GENRES)]
        print(f"logistic regression on {', '.join(given.families)}; {given.format}, a window each {given.hop:g} s")
        print("hours    size  seconds  times as fast  peak memory  segments  songs")
        for hours in given.hours:
            path = Path(folder) / f"{hours:g}h.{given.format}"
            count = write(path, songs, hours)
            seconds, peak, segments = measure(path, run, Path(folder) / "out", given.hop)
            print(
                f"{hours:>5g}  {path.stat().st_size / 1e6:>4.0f} MB  {seconds:>7.1f}  {hours * 3600 / seconds:>13.0f}  "
                f"{peak / 1e6:>8.0f} MB  {segments:>8}  {count:>5}",
                flush=True,
            )


def learn(folder: Path, families: list[str]) -> Path:
    """A run that knows the genres."""
    for genre, number in itertools.product(GENRES, range(6)):
        (folder / "music" / genre).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "music" / genre / f"{number}.wav", record(0, genre, number, 10.0).samples, SR)
    train(
        folder / "music",
        folder / "run",
        models={"logistic": {}},
        features={"families": families},
        split={"valid": 0.0, "test": 0.2},
        train={"calibrate": False},
    )
    return folder / "run"


def write(path: Path, songs: list[np.ndarray], hours: float) -> int:
    """A recording of so many hours of songs by turns; how many there are."""
    count = round(hours * 3600 / SONG)
    with soundfile.SoundFile(path, "w", SR, 1) as file:
        for song in itertools.islice(itertools.cycle(songs), count):
            file.write(song)
    return count


def measure(path: Path, run: Path, out: Path, hop: float) -> tuple[float, int, int]:
    """Seconds, bytes of memory and segments of the command."""
    command = [sys.executable, "-m", "tonearm", "timeline", str(path), "--run", str(run), "--out", str(out)]
    command += ["--window", "10", "--hop", str(hop)]
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WITH_PEAK, *command], check=True, capture_output=True, text=True, env={**os.environ}
    )
    seconds = time.monotonic() - start
    kilobytes = int(done.stdout.split()[-1])
    segments = len((out / f"{path.name}.csv").read_text(encoding="utf-8").splitlines()) - 1
    return seconds, kilobytes * 1024, segments


if __name__ == "__main__":
    main()
