"""Music to try commands on, and what became of them: how often tried, lost, wrong, hung and crashed."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from hostile import Ended, contents, measured
from signals import SR


@dataclass
class Row:
    """What a case came to."""

    tried: int = 0
    lost: int = 0
    wrong: int = 0
    hung: int = 0
    crashed: int = 0
    peak: float = 0.0
    remarks: list[str] = field(default_factory=list)

    def command(self, *arguments: object, seconds: float = 1_800) -> Ended:
        """Run a command to its end and count how it ended."""
        ended, peak, hung = measured(*arguments, seconds=seconds)
        self.tried += 1
        self.peak = max(self.peak, peak)
        self.hung += hung
        self.count(ended, hung)
        return ended

    def must(self, *arguments: object, seconds: float = 1_800) -> None:
        """Run a command that nothing disturbs; anything but success is wrong."""
        ended = self.command(*arguments, seconds=seconds)
        self.blame(ended.code == 0, f"{arguments[0]} ended with {ended.code}: {ended.noted[-300:]}")

    def blame(self, right: bool, remark: str) -> None:
        """Count a wrong result and say which, unless it is right."""
        if not right:
            self.wrong += 1
            self.remarks.append(remark)

    def compare(self, wanted: dict[str, str], found: dict[str, str], what: str) -> None:
        """Count a wrong result if two folders hold different files."""
        other = sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))
        self.blame(not other, f"{what}: {len(other)} other files, such as {', '.join(other[:3])}")

    def count(self, ended: Ended, hung: bool = False) -> None:
        """Count a crash: a traceback, or a signal that nobody sent."""
        if ended.traceback or (ended.code < 0 and not hung):
            self.crashed += 1
            self.remarks.append((ended.noted.strip().splitlines() or [f"ended with {ended.code}"])[-1])


def write_clips(folder: Path, count: int, seconds: float = 1.0, labels: int = 4) -> None:
    """Clips of `labels` classes by several artists, each a chord of its class in noise of its own."""
    rows = []
    for number in range(count):
        label, artist = number % labels, number // labels % 5
        draw = np.random.default_rng(number)
        time = np.arange(int(seconds * SR)) / SR
        sound = 0.2 * np.sin(2 * np.pi * (220 * 2 ** (label / 4) + draw.normal(0, 8)) * time)
        sound += draw.normal(0, 0.05 + 0.01 * label, len(time))
        path = folder / f"class{label}" / f"{number:05}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sound.astype(np.float32), SR)
        rows.append((f"class{label}/{number:05}.wav", f"class{label}", f"artist{label}-{artist}"))
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file_name", "label", "artist"), *rows])


def write_config(path: Path, folder: Path, text: str) -> Path:
    """A config file for the folder's clips."""
    path.write_text(f'[data]\nfolder = "{folder}"\n{text}', encoding="utf-8")
    return path


def names(table: Path) -> list[str]:
    """The first column of a CSV file."""
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return [row["filename"] for row in csv.DictReader(file)]


def results(out: Path) -> dict[str, str]:
    """What must be the same after every disturbance: tables, pictures and predictions, not times."""
    kept = ("*.parquet", "features.csv", "failures.csv", "predictions.csv", "predicted.csv", "submission.csv", "*.png")
    times = ("learning_curves.png", "time*.png", "leaderboard*.png", "sweep.parquet")  # hold times
    found = contents(out)
    return {
        name: digest
        for name, digest in found.items()
        if any(Path(name).match(pattern) for pattern in kept) and not any(Path(name).match(one) for one in times)
    }
