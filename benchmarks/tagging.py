"""Tags written to thousands of files and taken back, by commands that are killed at random moments.

    python benchmarks/tagging.py [--files 10000] [--kills 40] [--songs 100] [--seed 0]

Makes a library of files of seven formats, plans a genre for each, applies and undoes the plan undisturbed (and says how
fast), then starts `tonearm tag apply` and `tonearm tag undo` in random order and kills each with SIGKILL at a random
moment. After every kill each file must be, byte for byte, what it was or what it is to be, and the journal must say
which; a last undisturbed `undo` must give back every byte. All is well if the last columns are 0. `--songs` is the
number of mp3 files of 8 MB for the second measurement of speed: as long as songs, most of their time is the copying.
"""

import argparse
import hashlib
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "faults")]

import tagged_files  # noqa: E402
from hostile import interrupt, measured, start  # noqa: E402
from tonearm.library.journal import read_journal  # noqa: E402
from tonearm.library.plan import Policy, make_plan  # noqa: E402
from tonearm.runtime.names import to_native  # noqa: E402

SECONDS = 15.0  # mean time to a kill; the moments are those of a Poisson process
SONG_BYTES = 8_000_000


@dataclass
class Tally:
    """What went wrong, of all files after all kills: each of these must be 0."""

    damaged: int = 0
    disagreeing: int = 0
    open_entries: int = 0
    copies_left: int = 0
    crashed: int = 0


def make_library(folder: Path, files: int) -> None:
    """Files of all formats, two versions of ID3, with a genre and without, forty in a folder."""
    for number in range(files):
        kind = tagged_files.FORMATS[number % len(tagged_files.FORMATS)]
        genre = ("", "Old")[number // 7 % 2]
        path = folder / f"Artist {number // 400:03}" / f"Album {number // 40:04}" / f"{number:05}.{kind}"
        tagged_files.write(path, genre, 3 + number // 14 % 2, tagged=number % 10 > 0)


def make_songs(folder: Path, songs: int) -> None:
    """As many mp3 files of the length of songs; what follows the first frames is noise."""
    noise = random.Random(0).randbytes(SONG_BYTES).replace(b"\xff", b"\xfe")
    for number in range(songs):
        path = tagged_files.write(folder / f"{number:05}.mp3", "Old")
        path.write_bytes(path.read_bytes() + noise)


def write_plan(library: Path, path: Path) -> None:
    """A plan that changes every file."""
    found = sorted(file for file in library.rglob("*.*") if file.is_file())
    make_plan(library, [tagged_files.answer(file, "Rock") for file in found], Policy(only="all")).write(path)


def digests(library: Path) -> dict[str, str]:
    """SHA-256 of every file of music."""
    return {
        path.relative_to(library).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in library.rglob("*.*")
        if path.is_file() and not path.name.startswith(".")
    }


def timed(command: str, path: Path) -> tuple[float, float]:
    """Seconds of the undisturbed command, and the peak of its memory in MB."""
    begun = time.perf_counter()
    ended, peak, hung = measured("tag", command, path, seconds=4 * 3600)
    if ended.code or hung:
        raise SystemExit(f"{command} ended with {ended.code}: {ended.noted[-2000:]}")
    return time.perf_counter() - begun, peak


def speed(title: str, library: Path, plan: Path) -> dict[str, str]:
    """Apply and undo the plan, say how fast, and what the files were in between."""
    before = digests(library)
    size = sum(path.stat().st_size for path in library.rglob("*.*") if path.is_file())
    applied, peak = timed("apply", plan)
    after = digests(library)
    undone, _ = timed("undo", plan)
    back = digests(library)
    unwritten = sum(after[name] == digest for name, digest in before.items())
    lost = sum(back[name] != digest for name, digest in before.items())
    journal = plan.with_suffix(".journal").stat().st_size
    files = len(before)
    print(
        f"{title}: {files} files, {size / 1e6:.0f} MB; apply {applied:.1f} s ({files / applied:.0f} files/s), "
        f"undo {undone:.1f} s ({files / undone:.0f} files/s), journal {journal / files:.0f} bytes a file, "
        f"memory {peak:.0f} MB; not written {unwritten}, not restored {lost}",
        flush=True,
    )
    return after


def campaign(library: Path, plan: Path, after: dict[str, str], kills: int, draw: random.Random) -> Tally:
    """Kill the commands, and look at every file after each kill."""
    tally = Tally()
    before = digests(library)
    done = 0
    while done < kills:
        command = draw.choice(("apply", "undo"))
        ended = interrupt(start("tag", command, plan), draw.expovariate(1 / SECONDS), 9)
        tally.crashed += ended.traceback
        if ended.code != -9:
            continue  # it was done before
        done += 1
        check(library, plan, before, after, tally)
    for command in ("apply", "undo"):
        timed(command, plan)
    found = digests(library)
    tally.damaged += sum(found.get(name) != digest for name, digest in before.items())
    tally.copies_left += sum(1 for _ in library.rglob(".tonearm-*"))
    return tally


def check(library: Path, plan: Path, before: dict[str, str], after: dict[str, str], tally: Tally) -> None:
    """Each file is the one or the other, and the journal says which; of at most one it does not know yet."""
    entries = read_journal(plan.with_suffix(".journal"))[1]
    found = digests(library)
    tally.damaged += len(before.keys() ^ found.keys())
    unfinished = 0
    for name, digest in found.items():
        state = entries[name].state if name in entries else "restored"
        unfinished += state in ("writing", "restoring")
        if digest not in (before[name], after[name]):
            tally.damaged += 1
        elif (state == "written" and digest == before[name]) or (state == "restored" and digest != before[name]):
            tally.disagreeing += 1
    tally.open_entries += max(0, unfinished - 1)
    tally.disagreeing += any(not (library / to_native(name)).is_file() for name in entries)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("files", 10_000), ("kills", 40), ("songs", 100), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="tonearm-tagging-"))
    try:
        make_songs(work / "Songs", asked.songs)
        write_plan(work / "Songs", work / "songs.jsonl")
        speed("songs", work / "Songs", work / "songs.jsonl")
        shutil.rmtree(work / "Songs")
        make_library(work / "Music", asked.files)
        write_plan(work / "Music", work / "plan.jsonl")
        after = speed("seven formats", work / "Music", work / "plan.jsonl")
        begun = time.perf_counter()
        tally = campaign(work / "Music", work / "plan.jsonl", after, asked.kills, random.Random(asked.seed))
        print(
            f"{asked.kills} kills in {time.perf_counter() - begun:.0f} s, {asked.files} files looked at after each: "
            f"damaged {tally.damaged}, journal and file disagree {tally.disagreeing}, more than one file under way "
            f"{tally.open_entries}, copies left {tally.copies_left}, tracebacks {tally.crashed}"
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
