"""Tens of thousands of tagged files: how long it takes to list them and to read their tags, and how much memory; and a
whole track against an excerpt of it.

    python benchmarks/library.py [--files 3000 30000] [--minutes 10]

Makes a library of one encoded second as mp3, flac, ogg, opus, m4a, wav and aiff in turn, each with tags of its own and
every fourth with a cover of 60 kB, in folders of artists and albums. A process of its own reads the catalog twice; the
second time, from a warm disk, counts. The second table decodes a track of `--minutes` whole, and one excerpt of 30 s of
it, and reads its tags: no reader of tags goes through all of a file.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import library_files
from tonearm.data.catalog import read_catalog
from tonearm.data.tags import read_tags
from tonearm.dsp.audio import read, resample
from tonearm.settings import DataSettings, GenreSettings

GENRES = ("Blues", "Hip-Hop/Rap", "hip hop", "Rock; Pop", "Drum & Bass", "Techno", "Jazz", "Classical", "Metal", "")
COVER_BYTES = 60_000
SR = 48_000  # Hz, which all formats have


def make_library(folder: Path, files: int) -> None:
    """The files, ten an album, five albums an artist."""
    encoded = {}
    for ending in library_files.FORMATS:
        path = folder / f"one.{ending}"
        library_files.encode(path, library_files.music("blues", 0, 1.0)[0])
        encoded[ending] = path.read_bytes()
        path.unlink()
    library_files.COVER += bytes(COVER_BYTES)
    for number in range(files):
        ending = library_files.FORMATS[number % len(library_files.FORMATS)]
        artist, album = f"Artist {number // 50:05}", f"Album {number // 10:05}"
        path = folder / artist / album / f"{number:06}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded[ending])
        fields = {"title": f"Title {number}", "artist": artist, "albumartist": artist, "album": album}
        genre = GENRES[number // 50 % len(GENRES)]
        library_files.tag(path, fields | ({"genre": genre} if genre else {}), 3 + number % 2, cover=number % 4 == 0)


def held_at_most() -> float:
    """Megabytes that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def held() -> float:
    """Megabytes that this process holds (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(folder: Path) -> None:
    """Print a row of the table; to be run in a process of its own."""
    settings = DataSettings(folder=str(folder), labels="tags")
    read_tags(next(folder.rglob("*.mp3")))  # loads the reader
    before = held()
    cold = timed(lambda: read_catalog(settings))
    warm = timed(lambda: read_catalog(settings))
    catalog = read_catalog(settings, genres=GenreSettings(min_clips=1, min_artists=1))
    print(
        f"| {len(catalog):,} | {cold:.1f} s | {warm:.1f} s | {1000 * warm / len(catalog):.2f} ms | "
        f"{held_at_most() - before:.0f} MB | {len(catalog.classes)} |",
        flush=True,
    )


def measure_excerpts(folder: Path, minutes: float) -> None:
    """Print a row for each format."""
    piece = resample(library_files.music("blues", 0, 30.0)[0], library_files.SR, SR)
    sound = np.tile(piece, round(2 * minutes))
    print(
        f"\n| {minutes:g} minutes | size | all | an excerpt of 30 s | times quicker | tags |\n|---|---|---|---|---|---|"
    )
    for ending in library_files.FORMATS:
        path = folder / f"long.{ending}"
        library_files.encode(path, sound, SR)
        library_files.tag(path, {"genre": "Blues"})
        read(path, excerpts=1)  # loads the decoder
        all_of_it = min(timed(lambda: read(path)) for _ in range(3))  # noqa: B023
        excerpt = min(timed(lambda: read(path, excerpts=1)) for _ in range(3))  # noqa: B023
        tags = min(timed(lambda: read_tags(path)) for _ in range(3))  # noqa: B023
        print(
            f"| {ending} | {path.stat().st_size / 1e6:.0f} MB | {1000 * all_of_it:.0f} ms | {1000 * excerpt:.0f} ms | "
            f"{all_of_it / excerpt:.0f} | {1000 * tags:.2f} ms |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[3_000, 30_000])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    print(
        "| files | first reading | from a warm disk | a file | memory | classes |\n|---|---|---|---|---|---|",
        flush=True,
    )
    for files in arguments.files:
        with tempfile.TemporaryDirectory() as folder:
            make_library(Path(folder), files)
            subprocess.run([sys.executable, __file__, "--measure", folder], check=True)
    with tempfile.TemporaryDirectory() as folder:
        measure_excerpts(Path(folder), arguments.minutes)


if __name__ == "__main__":
    main()
