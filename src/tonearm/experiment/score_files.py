"""The scores of a run folder: scores.json, and the same as tables."""

from pathlib import Path
from typing import Any

from tonearm.evaluation.scores import Scores
from tonearm.experiment.records import ADVICE, ScoresRecord, parse_record, read_checked
from tonearm.runtime.files import write_csv, write_json


def write_scores(folder: Path, scores: dict[str, Scores]) -> None:
    """scores.json, scores.csv and classes.csv of the parts."""
    write_json(folder / "scores.json", {part: part_scores.to_json() for part, part_scores in scores.items()})
    write_csv(
        folder / "scores.csv",
        ("part", "score", "value", "low", "high"),
        [
            [part, name, value, *part_scores.intervals.get(name, (None, None))]
            for part, part_scores in scores.items()
            for name, value in part_scores.values.items()
        ],
    )
    write_csv(
        folder / "classes.csv",
        ("part", "class", "precision", "recall", "f1", "support", "f1_low", "f1_high"),
        [
            [part, label, row["precision"], row["recall"], row["f1"], row["support"], *row["f1_interval"]]
            for part, part_scores in scores.items()
            for label, row in part_scores.per_class.items()
        ],
    )


def read_scores(folder: Path) -> dict[str, Any]:
    """scores.json: by part, what `Scores.to_json` gave. Raises DamagedError where it cannot be read."""
    path = folder / "scores.json"
    scores: dict[str, Any] = read_checked(path, ADVICE)
    parse_record(ScoresRecord, {"parts": scores}, path, ADVICE)
    return scores
