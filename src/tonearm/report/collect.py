"""What an experiment's folder holds, read back for its report.

Conventions
-----------
Nothing is computed that the folder holds already. A model's answers are its predictions of the evaluated part:
the test, with folds all folds' tests together.
"""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import group_or_own
from tonearm.evaluation.coverage import Coverage, coverage_curve
from tonearm.evaluation.label_issues import Suspicion, suspicious_labels
from tonearm.evaluation.reliability_band import reliability_band
from tonearm.evaluation.scores import Reliability, reliability
from tonearm.evaluation.uncertainty import Interval
from tonearm.experiment.facts import RunFacts
from tonearm.experiment.folder import ExperimentFolder, ModelRuns
from tonearm.experiment.predictions import PredictionTable, read_history, read_predictions
from tonearm.experiment.records import (
    DamagedError,
    LeaderboardRecord,
    RowRecord,
    first_fault,
    read_record,
    read_rows,
    read_words,
)
from tonearm.experiment.runs import MODEL, read_facts
from tonearm.experiment.score_files import read_scores
from tonearm.representations.extract import FAILURES_CSV
from tonearm.representations.registry import kind_of
from tonearm.settings import AudioSettings, DataSettings, ReportSettings

AGAIN = "run the command again"


@dataclass(frozen=True)
class Answers:
    """Names and truth of the judged clips, shape (clips,), and probabilities, shape (clips, labels)."""

    names: NDArray[np.object_]
    truth: NDArray[np.object_]
    probabilities: NDArray[np.float64]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class ModelResult:
    """A model: its row of the leaderboard, and where it was trained, scores, reliability, history and size.

    coverage: accuracy of its most confident answers. answers: of the best model alone, since they take memory; its
    mistakes and suspicious labels are shown. band: interval of each bin's accuracy. units: how many artists or
    recordings, or clips where none are known, each class has among the judged clips; {} where that is not known.
    folds: whether the judged clips are those of all folds.
    """

    row: dict[str, Any]
    scores: dict[str, Any]
    reliability: Reliability | None
    answers: Answers | None
    history: list[dict[str, float | None]]
    megabytes: float
    coverage: Coverage | None = None
    band: tuple[Interval, ...] = ()
    units: Mapping[str, int] = field(default_factory=dict)
    folds: bool = False

    @property
    def judged(self) -> str:
        """The part that it is judged by, in words."""
        return f"{self.row['judged']} of all folds" if self.folds else str(self.row["judged"])

    @property
    def name(self) -> str:
        """As in the config."""
        return str(self.row["model"])

    def score(self, part: str, name: str = "accuracy") -> float:
        """A score of a part, NaN where there is none."""
        return float(self.row["scores"].get(part, {}).get(name, float("nan")))


@dataclass(frozen=True)
class Mistake:
    """A clip that a model is sure of and wrong about, or whose label is suspicious."""

    name: str
    truth: str
    said: str
    probability: float


@dataclass(frozen=True)
class ExperimentRecord:
    """An experiment: verdict, split, models best first, clips by class, groups, failures, settings and versions.

    encoders: a sentence on what each pretrained network was trained on.
    """

    folder: Path
    verdict: str
    split: str
    method: str
    warnings: tuple[str, ...]
    encoders: tuple[str, ...]
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


def collect(path: Path) -> ExperimentRecord:
    """Read the experiment in a folder. Raises RunError where it is none, is damaged, or its command has not ended."""
    folder = ExperimentFolder(path)
    runs = folder.opened().models
    board = read_record(LeaderboardRecord, folder.leaderboard_json, AGAIN)
    clips = read_rows(folder.splits_csv, ("filename", "label", "group"), AGAIN)
    config_text, config = _config(folder.config_toml)
    best = next((row.model for row in board.models if not row.error), None)
    group_of = {clip["filename"]: clip["group"] for clip in clips}
    models = tuple(_model(path, runs, row, row.model == best, group_of) for row in board.models)
    first = next((model for model in models if not model.row["error"]), None)
    facts = read_facts(path / runs[first.name].evaluated[0]) if first else None
    _check_parts(folder.splits_csv, clips, facts)
    groups = [clip["group"] for clip in clips if clip["group"]]
    failures = {
        row["filename"]: row["reason"]
        for failures_csv in _failure_files(folder, config)
        for row in read_rows(failures_csv, ("filename", "reason"), AGAIN)
    }
    return ExperimentRecord(
        path,
        board.verdict,
        board.split,
        board.method,
        board.warnings,
        tuple(one.sentence for one in board.encoders),
        models,
        dict(sorted(Counter(clip["label"] for clip in clips).items())),
        len(set(groups)),
        len(groups),
        tuple(failures.items()),
        config_text,
        config,
        facts.versions if facts else {},
    )


def _failure_files(folder: ExperimentFolder, config: dict[str, Any]) -> list[Path]:
    """failures.csv of each representation that the config's models read, where there is one."""
    reading = [settings.get("reads", "features") for settings in config["models"].values()]
    names = [name for one in reading for name in ([one] if isinstance(one, str) else one)]
    paths = [folder.representation(name) / FAILURES_CSV for name in names if kind_of(name)]
    return [path for path in dict.fromkeys(paths) if path.is_file()]


def _check_parts(path: Path, clips: list[dict[str, str]], facts: RunFacts | None) -> None:
    """Raise DamagedError where the rows of splits.csv are not the parts of a run."""
    if facts is None or facts.split is None:
        return
    found = Counter(clip.get(facts.split.name, "") for clip in clips)
    if any(found[part] != number for part, number in facts.split.clips.items()):
        raise DamagedError(f"{path}: is damaged (its parts are not those of the runs); {AGAIN}")


def _config(path: Path) -> tuple[str, dict[str, Any]]:
    """config.toml of the folder: its text, and what it says. Raises DamagedError."""
    text = read_words(path, AGAIN)
    try:
        config = tomllib.loads(text)
        DataSettings.model_validate(config["data"])
        AudioSettings.model_validate(config["audio"])
        ReportSettings.model_validate(config.get("report", {}))
        if not all(_is_reading(settings) for settings in config["models"].values()):
            raise ValueError("models do not say what they read")
        return text, config
    except (ValueError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{path}: is damaged ({type(error).__name__}: {first_fault(error)}); {AGAIN}") from error


def _is_reading(settings: dict[str, Any]) -> bool:
    """Whether a model's settings name representations, or leave them to the default."""
    names = settings.get("reads", "features")
    return isinstance(names, str) or (isinstance(names, list) and all(isinstance(name, str) for name in names))


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


def _model(
    folder: Path, runs: Mapping[str, ModelRuns], record: RowRecord, best: bool, group_of: Mapping[str, str]
) -> ModelResult:
    row = record.model_dump()
    if record.error:
        return ModelResult(row, {}, None, None, [], 0.0)
    if record.model not in runs:
        raise DamagedError(f"{folder}: its leaderboard has {record.model!r}, which its layout.json lacks; {AGAIN}")
    own = runs[record.model]
    place, part = folder / own.answers, record.judged
    scores = read_scores(place)
    if part not in scores or scores[part]["scores"]["accuracy"]["value"] != record.scores[part]["accuracy"]:
        raise DamagedError(f"{folder}: its leaderboard and the scores in {place} are not the same; {AGAIN}")
    table = read_predictions(place).of_part(part)
    answers = mean_answers(table)
    bins = reliability(answers.truth, answers.probabilities, answers.labels)
    size = sum(path.stat().st_size for path in (folder / own.predict / MODEL).glob("*"))
    history = read_history(folder / own.evaluated[0])
    units = group_or_own((group_of.get(name, "") for name in answers.names), answers.names)
    return ModelResult(
        row,
        scores[part],
        bins,
        answers if best else None,
        history,
        size / 1e6,
        _coverage(table, group_of),
        reliability_band(bins.accuracy, answers.probabilities.max(axis=1), units),
        {label: len(set(units[answers.truth == label])) for label in answers.labels},
        len(own.evaluated) > 1,
    )


def _coverage(table: PredictionTable, group_of: Mapping[str, str]) -> Coverage:
    """The accuracy of the most confident answers; of repeated folds every answer counts, and a clip is one group."""
    units = group_or_own((group_of.get(name, "") for name in table.names), table.names)
    return coverage_curve(table.probabilities.max(axis=1), table.predictions == table.truth, units)


def mean_answers(table: PredictionTable) -> Answers:
    """The rows as answers, one a clip."""
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(table.names):
        rows_of.setdefault(name, []).append(row)
    if len(rows_of) == len(table.names):
        return Answers(table.names, table.truth, table.probabilities, table.labels)
    first = [rows[0] for rows in rows_of.values()]
    # a clip of repeated folds has several predictions: their mean
    probabilities = np.array([np.mean(table.probabilities[rows], axis=0) for rows in rows_of.values()])
    return Answers(table.names[first], table.truth[first], probabilities, table.labels)
