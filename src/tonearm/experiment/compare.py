"""Runs on the same clips, tested against the best of them; on other clips nothing is tested.

Conventions
-----------
What is compared are the answers on the judged part: the test, all folds' test parts together, or the last part
there is. The best is the run with the highest accuracy there. Each other run is tested against it twice, both on
the same clips: by resampling groups (artists or recordings; `uncertainty.paired_difference`) and by McNemar's
exact test, which takes clips as independent and, of repeated folds, the first repeat. The p-values of each test are
corrected for their number (Holm). "Not distinguishable" means that the test by groups leaves p >= 0.05: it does not
mean equal.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RunError
from tonearm.evaluation.uncertainty import Difference, holm, mcnemar_exact, paired_difference
from tonearm.experiment.runs import PREDICTIONS_CSV, judged_part

SPLITS_CSV = "splits.csv"
LEADERBOARD_JSON = "leaderboard.json"
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Answers:
    """What a run says on its judged part: names in order, and whether each answer is right.

    right: shape (clips, answers); a clip has one answer, or one of each repeat of the folds.
    """

    run: str
    names: tuple[str, ...]
    right: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.right.mean())


@dataclass(frozen=True)
class Pair:
    """A run against the best: best less other, with the p-values of both tests corrected for their number."""

    best: str
    other: str
    difference: Difference
    p: float
    mcnemar: float

    @property
    def distinguishable(self) -> bool:
        """Whether the test by groups tells the two apart."""
        return bool(self.p < SIGNIFICANCE)


@dataclass(frozen=True)
class Comparison:
    """All runs, best first, and the pairs; no pairs and the reason where the clips differ."""

    answers: tuple[Answers, ...]
    pairs: tuple[Pair, ...]
    refused: str = ""

    def sentence(self) -> str:
        """In one sentence, who is the best and who cannot be told from it."""
        best = self.answers[0].run
        if self.refused:
            return self.refused
        if not self.pairs:
            return f"{best} stands alone: there is nothing to compare it with"
        alike = [pair.other for pair in self.pairs if not pair.distinguishable]
        behind = [pair.other for pair in self.pairs if pair.distinguishable]
        parts = [f"not distinguishable from the best, {best}: {', '.join(alike)}" if alike else ""]
        parts.append(f"behind {best}: {', '.join(behind)}" if behind else "")
        return "; ".join(part for part in parts if part) + " (paired test by groups, p < 0.05, Holm)"

    def text(self) -> str:
        """A table for a person."""
        width = max(len(answers.run) for answers in self.answers)
        lines = [f"{'':<{width}}  accuracy  clips"]
        lines += [f"{a.run:<{width}}  {a.accuracy:8.3f}  {len(a.names):5}" for a in self.answers]
        for pair in self.pairs:
            low, high = pair.difference.interval
            lines.append(
                f"{pair.best} - {pair.other}: {100 * pair.difference.difference:+.1f} points "
                f"({100 * low:+.1f} to {100 * high:+.1f}), p = {pair.p:.3f} by groups, {pair.mcnemar:.3f} by McNemar"
            )
        return "\n".join([*lines, self.sentence()])


def compare(answers: Sequence[Answers], groups: Mapping[str, str]) -> Comparison:
    """Test every run against the best. groups: of each clip by name; "" or absent: the clip is its own."""
    ranked = tuple(sorted(answers, key=lambda one: (-one.accuracy, one.run)))
    best, others = ranked[0], ranked[1:]
    for other in others:
        if set(other.names) != set(best.names):
            shared = len(set(other.names) & set(best.names))
            return Comparison(
                ranked,
                (),
                f"{best.run} was judged on {len(best.names)} clips and {other.run} on {len(other.names)}, {shared} of "
                "them the same: no paired test is possible, and the accuracies say nothing of each other",
            )
    units = np.array([groups.get(name, "") or f"\0{name}" for name in best.names], dtype=object)
    differences, exact = [], []
    for other in others:
        place = {name: row for row, name in enumerate(other.names)}
        rows = [place[name] for name in best.names]
        if other.right.shape[1] != best.right.shape[1]:
            return Comparison(
                ranked,
                (),
                f"{best.run} gave {best.right.shape[1]} answers a clip and {other.run} {other.right.shape[1]}: only "
                "experiments with as many repeats of the folds are tested in pairs",
            )
        right = other.right[rows]
        differences.append(paired_difference(best.right.mean(axis=1), right.mean(axis=1), units))
        exact.append(mcnemar_exact(best.right[:, 0], right[:, 0]))
    corrected = holm([difference.p for difference in differences]), holm(exact)
    pairs = [
        Pair(best.run, other.run, difference, p, mcnemar)
        for other, difference, p, mcnemar in zip(others, differences, *corrected, strict=True)
    ]
    return Comparison(ranked, tuple(pairs))


def compare_folders(folders: Sequence[str | Path]) -> Comparison:
    """Compare run folders, model folders with folds, and all models of experiment folders.

    Raises RunError where a folder is none of these.
    """
    expanded = [model for folder in folders for model in _models(Path(folder))]
    groups: dict[str, str] = {}
    for folder in expanded:
        groups |= read_groups(folder)
    names = _short_names(expanded)
    return compare([read_answers(folder, name) for folder, name in zip(expanded, names, strict=True)], groups)


def read_answers(folder: Path, run: str) -> Answers:
    """The answers of the folder's judged part. Raises RunError where there are none."""
    path = folder / PREDICTIONS_CSV
    if not path.is_file():
        raise RunError(f"{folder}: holds no {PREDICTIONS_CSV}, so it is neither a run nor an experiment")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    part = judged_part(row["part"] for row in rows)
    judged = [row for row in rows if row["part"] == part]
    right: dict[str, list[bool]] = {}
    for row in judged:
        right.setdefault(row["filename"], []).append(row["truth"] == row["prediction"])
    return Answers(run, tuple(right), np.array(list(right.values())))


def read_groups(folder: Path) -> dict[str, str]:
    """Group of each clip by its name, from the experiment that the folder lies in; {} where there is none."""
    for place in (folder.parent, folder.parent.parent):
        if (place / SPLITS_CSV).is_file():
            with (place / SPLITS_CSV).open(encoding="utf-8", newline="") as file:
                return {row["filename"]: row["group"] for row in csv.DictReader(file)}
    return {}


def _models(folder: Path) -> list[Path]:
    """The folder itself, or those of an experiment's models."""
    if not (folder / LEADERBOARD_JSON).is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{PREDICTIONS_CSV}"))


def _short_names(folders: list[Path]) -> list[str]:
    """The last part of each path, with its parent's where that alone is not unique."""
    last = [folder.name for folder in folders]
    return [
        name if last.count(name) == 1 else f"{folder.parent.name}/{name}"
        for name, folder in zip(last, folders, strict=True)
    ]
