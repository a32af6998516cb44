"""What an experiment's folder holds, read back for its report.

Conventions
-----------
Nothing is computed that the folder holds already. A model's answers are those on its judged part: the test, with
folds all folds' tests together.
"""

import csv
import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RunError
from tonearm.evaluation.label_issues import Suspicion, suspicious_labels
from tonearm.evaluation.scores import Reliability, reliability
from tonearm.experiment.compare import LEADERBOARD_JSON, SPLITS_CSV
from tonearm.experiment.runs import (
    CONFIG_TOML,
    FINAL,
    HISTORY_CSV,
    MODEL,
    PREDICTIONS_CSV,
    RUN_JSON,
    read_facts,
    read_scores,
)

FAILURES = ("features/failures.csv", "pictures/failures.csv")


@dataclass(frozen=True)
class Answers:
    """Names and truth of the judged clips, shape (clips,), and probabilities, shape (clips, labels)."""

    names: NDArray[np.object_]
    truth: NDArray[np.object_]
    probabilities: NDArray[np.float64]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class ModelResult:
    """A model: its row of the leaderboard, and where it was trained, scores, answers, history and size."""

    row: dict[str, Any]
    scores: dict[str, Any]
    answers: Answers | None
    history: list[dict[str, float | None]]
    megabytes: float

    @property
    def name(self) -> str:
        """As in the config."""
        return str(self.row["model"])

    def score(self, part: str, name: str = "accuracy") -> float:
        """A score of a part, NaN where there is none."""
        return float(self.row["scores"].get(part, {}).get(name, float("nan")))

    def reliability(self) -> Reliability:
        """Confidence against accuracy on the judged part."""
        assert self.answers is not None
        return reliability(self.answers.truth, self.answers.probabilities, self.answers.labels)


@dataclass(frozen=True)
class Mistake:
    """A clip that a model is sure of and wrong about, or whose label is suspicious."""

    name: str
    truth: str
    said: str
    probability: float


@dataclass(frozen=True)
class Material:
    """An experiment: verdict, split, models best first, clips by class, groups, failures, settings and versions."""

    folder: Path
    verdict: str
    split: str
    method: str
    warnings: tuple[str, ...]
    models: tuple[ModelResult, ...]
    classes: dict[str, int]
    groups: int
    grouped_clips: int
    failures: tuple[tuple[str, str], ...]
    config_text: str
    config: dict[str, Any]
    versions: dict[str, str]

    @property
    def trained(self) -> tuple[ModelResult, ...]:
        """The models that were trained."""
        return tuple(model for model in self.models if not model.row["error"])

    @property
    def optimistic(self) -> bool:
        """Whether artists are known and may cross the parts."""
        return self.method in ("random", "stratified") and self.groups > 0


def collect(folder: Path) -> Material:
    """Read the experiment in `folder`. Raises RunError where there is none or it is damaged."""
    path = folder / LEADERBOARD_JSON
    if not path.is_file():
        raise RunError(f"{folder}: is no experiment, since it has no {LEADERBOARD_JSON}; `tonearm run` makes one")
    try:
        board = json.loads(path.read_text(encoding="utf-8"))
        config_text = (folder / CONFIG_TOML).read_text(encoding="utf-8")
        clips = _read_csv(folder / SPLITS_CSV)
        models = tuple(_model(folder / row["model"], row) for row in board["models"])
        said = board["verdict"], board["split"], board["method"], tuple(board["warnings"])
    except (OSError, ValueError, KeyError) as error:
        raise RunError(
            f"{folder}: the experiment is damaged or from an older tonearm ({type(error).__name__}: {error}); "
            "run it again"
        ) from error
    groups = [clip["group"] for clip in clips if clip["group"]]
    failures = {
        row["filename"]: row["reason"]
        for name in FAILURES
        if (folder / name).is_file()
        for row in _read_csv(folder / name)
    }
    first = next((model for model in models if not model.row["error"]), None)
    return Material(
        folder,
        *said,
        models,
        dict(sorted(Counter(clip["label"] for clip in clips).items())),
        len(set(groups)),
        len(groups),
        tuple(failures.items()),
        config_text,
        tomllib.loads(config_text),
        {} if first is None else read_facts(_runs(folder / first.name)[0])["versions"],
    )


def worst_mistakes(model: ModelResult, most: int) -> list[Mistake]:
    """The clips that the model gives the highest probability of a wrong label, the worst first."""
    answers = model.answers
    assert answers is not None
    said = answers.probabilities.argmax(axis=1)
    sure = answers.probabilities.max(axis=1)
    wrong = [row for row in np.argsort(-sure, kind="stable") if answers.labels[said[row]] != answers.truth[row]]
    return [
        Mistake(str(answers.names[row]), str(answers.truth[row]), answers.labels[said[row]], float(sure[row]))
        for row in wrong[:most]
    ]


def suspicious_clips(model: ModelResult, most: int) -> list[Mistake]:
    """The clips whose label is likely wrong, by this model's answers on clips that it has not seen."""
    answers = model.answers
    assert answers is not None
    found: list[Suspicion] = suspicious_labels(answers.truth, answers.probabilities, answers.labels)
    column = {label: number for number, label in enumerate(answers.labels)}
    return [
        Mistake(
            str(answers.names[one.row]),
            one.label,
            one.likely,
            float(answers.probabilities[one.row, column[one.likely]]),
        )
        for one in found[:most]
    ]


def _model(folder: Path, row: dict[str, Any]) -> ModelResult:
    if row["error"]:
        return ModelResult(row, {}, None, [], 0.0)
    run = _runs(folder)[0]
    kept = folder / FINAL if (folder / FINAL / MODEL).is_dir() else run
    size = sum(path.stat().st_size for path in (kept / MODEL).iterdir())
    return ModelResult(
        row, read_scores(folder)[row["judged"]], _answers(folder, row["judged"]), _history(run), size / 1e6
    )


def _runs(folder: Path) -> list[Path]:
    """The model's run folder, or those of its folds."""
    folds = sorted(path.parent for path in folder.glob(f"fold*/{RUN_JSON}"))
    return folds or [folder]


def _answers(folder: Path, part: str) -> Answers:
    rows = [row for row in _read_csv(folder / PREDICTIONS_CSV) if row["part"] == part]
    labels = tuple(column.removeprefix("p_") for column in rows[0] if column.startswith("p_"))
    of_clip: dict[str, list[list[float]]] = {}
    truth = {row["filename"]: row["truth"] for row in rows}
    for row in rows:
        of_clip.setdefault(row["filename"], []).append([float(row[f"p_{label}"]) for label in labels])
    # a clip of repeated folds has several answers: their mean
    probabilities = np.array([np.mean(answers, axis=0) for answers in of_clip.values()])
    return Answers(
        np.array(list(truth), dtype=object), np.array(list(truth.values()), dtype=object), probabilities, labels
    )


def _history(run: Path) -> list[dict[str, float | None]]:
    path = run / HISTORY_CSV
    if not path.is_file():
        return []
    return [{key: float(value) if value else None for key, value in row.items()} for row in _read_csv(path)]


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
