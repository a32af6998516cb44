"""Everything that can go wrong, tried on whole commands: broken files, kills, full disks, hostile folders, long files.

    python benchmarks/faults.py [--cases NAME,NAME] [--clips 10000] [--mutated 3000] [--kills 5] [--hours 6] [--seed 0]

Prints one line for each case: how often it was tried, how many files were lost (neither a row nor a failure), how many
results were wrong (others than those of an undisturbed run, or blamed on the wrong file), how many commands hung or
crashed (a signal or a traceback), and the peak memory of one process. All is well if the four columns are 0. The
default takes about half an hour; `tests/faults` runs a short part of it.
"""

import argparse
import random
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "faults")]

from campaign import Row, names, results, write_clips, write_config  # noqa: E402
from hostile import can_mount, enlarge, interrupt, leftovers, small_disk, start  # noqa: E402
from mutations import mutate, write_mutated  # noqa: E402

MODELS = """
[features]
preset = "gtzan57"
[split]
folds = 2
leaks = "allow" # the clips of a class are alike on purpose
[models.logistic]
[models.trees]
[models.boosting]
"""
CEILING = 6 << 30  # bytes; what takes more must not take the machine with it
LONG = """
[features]
preset = "full"
[split]
method = "stratified"
leaks = "allow"
[models.logistic]
"""
SWEEP = """
[features]
preset = "gtzan57"
[split]
leaks = "allow"
[models.logistic]
[sweep.grid]
"models.logistic.C" = [0.01, 0.1, 1.0]
"""


@dataclass(frozen=True)
class Sizes:
    """How much of each case is tried."""

    clips: int
    mutated: int
    kills: int
    hours: float
    seed: int


def many_clips(work: Path, sizes: Sizes) -> Row:
    """Each clip is a row or a failure, once; rows are those of the clip alone."""
    row = Row()
    write_clips(work / "in", sizes.clips)
    broken = random.Random(sizes.seed).sample(range(sizes.clips), max(1, sizes.clips // 400))
    for number in broken:
        path = work / "in" / f"class{number % 4}" / f"{number:05}.wav"
        path.write_bytes(mutate(path.read_bytes(), number)[: 40 + number % 4])
    chosen = ("--preset", "gtzan57", "--workers", 2, "--strict")
    ended = row.command("extract", work / "in", "--out", work / "out", *chosen)
    rows, failures = names(work / "out" / "features.csv"), names(work / "out" / "failures.csv")
    row.tried = sizes.clips
    row.lost = len({path.name for path in (work / "in").rglob("*.wav")} - {Path(name).name for name in rows + failures})
    row.wrong = len(rows) + len(failures) - len({*rows, *failures}) + len({*failures} ^ {*failed(work / "in", broken)})
    row.wrong += ended.code != 3
    return row


def failed(folder: Path, numbers: list[int]) -> list[str]:
    return [f"class{number % 4}/{number:05}.wav" for number in numbers]


def mutated_files(work: Path, sizes: Sizes) -> Row:
    """`extract`, `scan`, `spectrograms` and `predict` account for every damaged file and blame no bug of ours."""
    row = Row()
    files = [path.relative_to(work / "in").as_posix() for path in write_mutated(work / "in", sizes.mutated, sizes.seed)]
    for command in ("extract", "spectrograms"):
        row.command(command, work / "in", "--out", work / command)
    found = names(work / "extract" / "features.csv") + names(work / "extract" / "failures.csv")
    row.lost += len({*files} ^ {*found}) + len(found) - len({*found})
    drawn = [
        path.relative_to(work / "spectrograms" / "log").as_posix()[:-4] for path in pngs(work / "spectrograms" / "log")
    ]
    row.lost += len({*files} ^ {*drawn, *names(work / "spectrograms" / "failures.csv")})
    report = row.command("scan", work / "in", "--strict")
    row.blame(report.code == 3, f"scan ended with {report.code}")
    for table in (work / "extract", work / "spectrograms"):
        row.wrong += (table / "failures.csv").read_text(encoding="utf-8").count("please report it")
    write_clips(work / "good", 40)
    row.must("run", write_config(work / "run.toml", work / "good", MODELS), "--out", work / "run")
    row.command("predict", work / "run", work / "in", "--out", work / "predicted.csv")
    row.lost += len(files) - len({Path(name).name for name in names(work / "predicted.csv")})
    row.tried = sizes.mutated
    return row


def pngs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.png"))


def commands(work: Path, out: Path) -> dict[str, list[object]]:
    """Each command that writes, into `out`: on the clips of `work`/in, and with the experiment `work`/model."""
    folder, run = work / "in", work / "model"
    models = write_config(work / "run.toml", folder, MODELS)
    grid = write_config(work / "sweep.toml", folder, SWEEP)
    return {
        "extract": ["extract", folder, "--out", out, "--workers", 2],
        "spectrograms": ["spectrograms", folder, "--out", out, "--workers", 2],
        "run": ["run", models, "--out", out, "--workers", 2],
        "sweep": ["sweep", grid, "--out", out, "--workers", 2],
        "predict": ["predict", run, folder, "--out", out / "predicted.csv"],
        "submit": ["submit", run, folder, "--out", out / "submission.csv"],
        "report": ["report", run, "--out", out],
    }


def kills(work: Path, sizes: Sizes) -> Row:
    """A command that was killed at random moments and started again ends with the bytes of an undisturbed one."""
    row = Row()
    draw = random.Random(sizes.seed)
    write_clips(work / "in", 60, 4.0)
    row.must("run", write_config(work / "run.toml", work / "in", MODELS), "--out", work / "model")
    for name in commands(work, work):
        wanted = commands(work, work / f"{name}-wanted")[name]
        disturbed = commands(work, work / f"{name}-killed")[name]
        row.must(*wanted)
        for _ in range(sizes.kills):
            ended = interrupt(start(*disturbed), draw.uniform(0.5, 8.0), 9)
            row.tried += 1
            row.hung += bool(ended.left)
        row.must(*disturbed)
        row.compare(results(work / f"{name}-wanted"), results(work / f"{name}-killed"), f"{name} after kills")
        left = leftovers(work / f"{name}-killed")
        row.blame(not left, f"{name} left {', '.join(left[:3])}")
    return row


def full_disks(work: Path, sizes: Sizes) -> Row:
    """On a disk of 3 MB and less, each command says in one sentence what is missing, and goes on when there is room."""
    row = Row()
    write_clips(work / "in", 60, 2.0)
    row.must("run", write_config(work / "run.toml", work / "in", MODELS), "--out", work / "model")
    for name in commands(work, work):
        wanted = commands(work, work / f"{name}-wanted")[name]
        row.must(*wanted)
        for kilobytes in (3_000, 300, 40):
            with small_disk(work / f"{name}-{kilobytes}", kilobytes) as disk:
                command = commands(work, disk)[name]
                ended = row.command(*command)
                if ended.code == 0:
                    continue
                said = ended.code == 1 and "tonearm:" in ended.noted and not names(disk / "failures.csv")
                row.blame(said, f"{name} on {kilobytes} kB ended with {ended.code}: {ended.noted[-300:]}")
                enlarge(disk, 200_000)
                row.must(*command)
                row.compare(results(work / f"{name}-wanted"), results(disk), f"{name} after {kilobytes} kB")
    return row


def hostile_runs(work: Path, sizes: Sizes) -> Row:
    """Damaged files of a run folder and of an experiment: the same answers, or one sentence."""
    row = Row()
    write_clips(work / "in", 40)
    row.must("run", write_config(work / "run.toml", work / "in", MODELS), "--out", work / "run")
    row.must("predict", work / "run", work / "in", "--out", work / "right.csv")
    files = [path for path in sorted((work / "run").rglob("*")) if path.is_file() and path.suffix != ".png"]
    draw = random.Random(sizes.seed)
    for number in range(sizes.mutated // 30):
        victim = draw.choice(files)
        shutil.copytree(work / "run", work / "hostile")
        place = work / "hostile" / victim.relative_to(work / "run")
        place.write_bytes(mutate(victim.read_bytes(), sizes.seed + number))
        (work / "hostile.csv").unlink(missing_ok=True)
        ended = row.command("predict", work / "hostile", work / "in", "--out", work / "hostile.csv", seconds=60)
        same = ended.code != 0 or (work / "hostile.csv").read_bytes() == (work / "right.csv").read_bytes()
        row.blame(same, f"other answers after damage to {victim.relative_to(work / 'run')} (seed {number})")
        row.command("report", work / "hostile", "--out", work / "report", seconds=120)
        shutil.rmtree(work / "hostile")
    return row


def long_files(work: Path, sizes: Sizes) -> Row:
    """Hours of sound in one file, by every reader, below 1 GB in each process."""
    row = Row()
    write_clips(work / "in", 20)
    with soundfile.SoundFile(work / "in" / "class0" / "long.flac", "w", 44_100, 2, "PCM_16") as file:
        for minute in range(int(60 * sizes.hours)):
            sound = np.random.default_rng(minute).integers(-300, 300, 44_100 * 60).astype(np.int16)
            file.write(sound[:, None].repeat(2, axis=1))
    (work / "in" / "metadata.csv").unlink()
    row.must("extract", work / "in", "--preset", "full", "--out", work / "features", seconds=3_600)
    row.must("spectrograms", work / "in", "--out", work / "pictures", seconds=3_600)
    row.command("scan", work / "in", seconds=3_600)
    config = write_config(work / "run.toml", work / "in", LONG)
    row.must("run", config, "--out", work / "run", seconds=3_600)
    row.must("predict", work / "run", work / "in", seconds=3_600)
    row.lost += "class0/long.flac" not in names(work / "features" / "features.csv")
    row.wrong += row.peak > 1_000
    return row


CASES: dict[str, Callable[[Path, Sizes], Row]] = {
    "clips": many_clips,
    "mutated": mutated_files,
    "kills": kills,
    "disks": full_disks,
    "runs": hostile_runs,
    "long": long_files,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--mutated", type=int, default=3_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = vars(parser.parse_args())
    resource.setrlimit(resource.RLIMIT_DATA, (CEILING, CEILING))  # of each process that is started, too
    chosen = arguments.pop("cases").split(",")
    print(f"{'case':<10}{'tried':>8}{'lost':>8}{'wrong':>8}{'hung':>8}{'crashed':>8}{'peak MB':>10}", flush=True)
    for name in chosen:
        if name == "disks" and not can_mount():
            print(f"{name:<10}left out: mounting a small disk needs Linux and root")
            continue
        with tempfile.TemporaryDirectory(prefix="tonearm-faults-") as work:
            row = CASES[name](Path(work), Sizes(**arguments))
        counts = f"{row.tried:>8}{row.lost:>8}{row.wrong:>8}{row.hung:>8}{row.crashed:>8}{row.peak:>10.0f}"
        print(f"{name:<10}{counts}", *dict.fromkeys(row.remarks), sep="\n  ", flush=True)


if __name__ == "__main__":
    main()
