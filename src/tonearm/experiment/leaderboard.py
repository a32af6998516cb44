"""All runs of an experiment side by side: scores of train, validation and test, times, and what failed.

Conventions
-----------
The order is by validation accuracy, since the test judges and must not choose. With folds the test scores
are those of all folds' test parts together, in which every clip stands once, with 95 % intervals by resampled
groups; train and validation are means over the folds. `leaderboard.json` holds everything, the CSV the
numbers, the Markdown what a person reads.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.config import Config
from tonearm.data.dataset import group_or_own
from tonearm.evaluation.compare import compare
from tonearm.evaluation.scores import Scores, evaluate
from tonearm.experiment.comparison import read_answers
from tonearm.experiment.facts import RunFacts
from tonearm.experiment.folder import ExperimentFolder, ModelRuns
from tonearm.experiment.predictions import (
    FOLDS_JSON,
    PREDICTIONS_CSV,
    PartResult,
    read_history,
    read_predictions,
    write_predictions,
)
from tonearm.experiment.pretrained import Pretrained, pretrained
from tonearm.experiment.runs import judged_part, read_facts, read_scores, write_scores
from tonearm.models import reads
from tonearm.plots import confusion_figure, curves_figure, remove_figure, save_figure
from tonearm.runtime.files import write_csv, write_json, write_text
from tonearm.splits.parts import Division
from tonearm.wording import interval, milliseconds

SHOWN = ("accuracy", "f1", "log_loss")
PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Row:
    """One model: scores by part and name ("test", "accuracy"), intervals of the judged part, times, or why not.

    judged: the part that stands for the model, "test" where there is one. error: "" where it was trained.
    calibration: on the judged part, log loss and calibration error before and after (means over folds), the share of
    sure answers and their accuracy; {} where nothing was calibrated. published: somebody else's test accuracy.
    """

    model: str
    type: str
    scores: dict[str, dict[str, float]]
    interval: tuple[float | None, float | None]
    judged: str
    train_seconds: float
    predict_milliseconds_a_clip: float
    error: str = ""
    calibration: dict[str, float] = field(default_factory=dict)
    published: float | None = None

    def score(self, part: str, name: str = "accuracy") -> float:
        """The score, NaN where there is none."""
        return self.scores.get(part, {}).get(name, float("nan"))


def write_leaderboard(
    folder: ExperimentFolder,
    config: Config,
    division: Division,
    runs: Mapping[str, ModelRuns],
    groups: Mapping[str, str],
    failures: Mapping[Path, str],
    warnings: Sequence[str] = (),
) -> tuple[Row, ...]:
    """Compare the runs, write leaderboard.json, .csv and .md, and return the rows, best first.

    runs: of each model. groups: group of each clip by its name, for the intervals over all folds. failures: reason by
    run folder. warnings: leaks that were allowed.
    """
    rows = []
    for name, settings in config.models.items():
        every = [folder.path / path for path in runs[name].digests]
        failed = next((failures[run] for run in every if run in failures), "")
        evaluated = [folder.path / path for path in runs[name].evaluated]
        if failed:
            rows.append(Row(name, settings.type, {}, (None, None), "", 0.0, 0.0, failed))
        elif len(evaluated) == 1:
            rows.append(_single(name, settings.type, evaluated[0]))
        else:
            rows.append(_pooled(name, settings.type, folder.path / runs[name].answers, evaluated, groups))
    rows = [replace(row, published=config.report.published.get(row.model)) for row in rows]
    rows.sort(key=_order)
    trained = [row for row in rows if not row.error]
    chosen = trained[0].model if trained and trained[0].judged == "test" and "valid" in trained[0].scores else ""
    answers = [read_answers(folder.path / runs[row.model].answers, row.model) for row in trained]
    verdict = compare(answers, groups).verdict(chosen) if trained else "no model could be trained"
    encoders = pretrained({name: reads(settings) for name, settings in config.models.items()})
    write_json(
        folder.leaderboard_json,
        {
            "split": division.sentence,
            "method": division.method,
            "verdict": verdict,
            "warnings": list(warnings),
            "encoders": [{**one._asdict(), "sentence": one.sentence()} for one in encoders],
            "models": [_to_json(row) for row in rows],
        },
    )
    write_csv(folder.leaderboard_csv, *_table(rows))
    write_text(folder.leaderboard_md, markdown(rows, division, verdict, warnings, encoders))
    return tuple(rows)


def _order(row: Row) -> tuple[bool, float, str]:
    chosen_by = row.score("valid") if "valid" in row.scores else row.score(row.judged)
    return (bool(row.error), -chosen_by if np.isfinite(chosen_by) else 0.0, row.model)


def _single(name: str, kind: str, folder: Path) -> Row:
    facts, scores = read_facts(folder), read_scores(folder)
    judged = judged_part(scores)
    accuracy = scores[judged]["scores"]["accuracy"]
    values = {
        part: {score: entry["value"] for score, entry in found["scores"].items()} for part, found in scores.items()
    }
    return Row(
        name,
        kind,
        values,
        (accuracy["low"], accuracy["high"]),
        judged,
        facts.seconds.train,
        1e3 * facts.seconds.predict_a_clip,
        calibration=_calibration([facts], judged),
    )


def _calibration(runs: Sequence[RunFacts], judged: str) -> dict[str, float]:
    """What calibration did on the judged parts of the runs together; {} where one was not calibrated."""
    effects = [facts.calibration.parts.get(judged) if facts.calibration else None for facts in runs]
    known = [one for one in effects if one]
    if len(known) < len(effects):
        return {}
    names = ("log_loss_before", "log_loss_after", "ece_before", "ece_after")
    means = {name: float(np.mean([one[name] for one in known])) for name in names}
    clips, sure, right = (sum(one[name] for one in known) for name in ("clips", "sure_clips", "sure_right"))
    return {**means, "sure_share": sure / clips, **({"sure_accuracy": right / sure} if sure else {})}


def _pooled(name: str, kind: str, folder: Path, folds: list[Path], groups: Mapping[str, str]) -> Row:
    """The folds together: every clip judged by the model that has not seen it."""
    rows = [_single(name, kind, fold) for fold in folds]
    out_of_fold = read_test_parts(folds, groups)
    write_pooled(folder, out_of_fold, folds)
    save_figure(confusion_figure(out_of_fold.scores.confusion, out_of_fold.scores.labels), folder / "confusion")
    values = {
        part: {score: float(np.mean([row.score(part, score) for row in rows])) for score in rows[0].scores[part]}
        for part in PARTS
        if part in rows[0].scores
    }
    values["test"] = out_of_fold.scores.values
    interval = out_of_fold.scores.intervals["accuracy"]
    return Row(
        name,
        kind,
        values,
        (interval.low, interval.high),
        "test",
        sum(row.train_seconds for row in rows),
        float(np.mean([row.predict_milliseconds_a_clip for row in rows])),
        calibration=_calibration([read_facts(fold) for fold in folds], "test"),
    )


def read_test_parts(folds: Iterable[Path], groups: Mapping[str, str]) -> PartResult:
    """The test parts of the folds' predictions, read back from their files; repeats of a clip are one group."""
    tests = [read_predictions(fold).of_part("test") for fold in folds]
    names = np.concatenate([test.names for test in tests])
    truth = np.concatenate([test.truth for test in tests])
    probabilities = np.concatenate([test.probabilities for test in tests])
    of_group = group_or_own((groups[name] for name in names), names)
    scores: Scores = evaluate(truth, probabilities, tests[-1].labels, of_group)
    return PartResult(names, truth, probabilities, scores)


def write_pooled(folder: Path, tests: PartResult, folds: Sequence[Path]) -> None:
    """Predictions and scores of all folds' test parts together, and folds.json: of which runs, divided how."""
    write_predictions(folder / PREDICTIONS_CSV, tests.scores.labels, {"test": tests})
    write_scores(folder, {"test": tests.scores})
    facts = [read_facts(fold) for fold in folds]
    known = [run.division for run in facts if run.division]
    digests = "|".join(division.digest for division in known)
    division = {"method": known[0].method, "digest": hashlib.sha256(digests.encode()).hexdigest()}
    runs = [run.digest for run in facts]
    write_json(folder / FOLDS_JSON, {"runs": runs, "division": division, "clips": len(tests.names)})


def _to_json(row: Row) -> dict[str, Any]:
    return {**asdict(row), "interval": [_finite(bound) for bound in row.interval]}


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value


def _table(rows: list[Row]) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of leaderboard.csv."""
    scores = list(dict.fromkeys(name for row in rows for part in row.scores.values() for name in part))
    header = ["model", "type", *(f"{part}_{score}" for part in PARTS for score in scores), "low", "high"]
    header += ["train_seconds", "predict_milliseconds_a_clip", "error", "published"]
    table = []
    for row in rows:
        values = [row.scores.get(part, {}).get(score) for part in PARTS for score in scores]
        times = [row.train_seconds, row.predict_milliseconds_a_clip, row.error, row.published]
        table.append([row.model, row.type, *values, *row.interval, *times])
    return header, table


def markdown(
    rows: Sequence[Row],
    division: Division,
    verdict: str,
    warnings: Sequence[str] = (),
    encoders: Sequence[Pretrained] = (),
) -> str:
    """The leaderboard for a person: how the split was made, a table, what pretrained networks know from elsewhere, and
    who cannot be told from the best.
    """
    beside = any(row.published is not None for row in rows)
    lines = [
        division.sentence,
        *warnings,
        "",
        "| model | train | valid | test | 95 % interval | test F1 | test log loss | training | a clip |"
        + (" published |" if beside else ""),
        "|---|---|---|---|---|---|---|---|---|" + ("---|" if beside else ""),
    ]
    failed = []
    for row in rows:
        if row.error:
            failed.append(f"- {row.model} failed: {row.error}")
            continue
        cells = [row.model, *(_shown(row.score(part)) for part in PARTS), _interval(row)]
        cells += [_shown(row.score("test", "f1")), _shown(row.score("test", "log_loss"))]
        cells += [f"{row.train_seconds:.1f} s", milliseconds(row.predict_milliseconds_a_clip)]
        cells += [_shown(float("nan") if row.published is None else row.published)] if beside else []
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "published: accuracy on its makers' own test clips (report.published)"] if beside else []
    lines += ["", *(one.sentence() for one in encoders)] if encoders else []
    return "\n".join([*lines, "", verdict, *_calibrated(rows), *([""] if failed else []), *failed]) + "\n"


def _calibrated(rows: Sequence[Row]) -> list[str]:
    """What calibration did, as a table; nothing where nothing was calibrated."""
    known = [row for row in rows if row.calibration]
    if not known:
        return []
    titles = ["probabilities", "log loss before, after", "calibration error before, after", "sure answers"]
    lines = ["", f"| {' | '.join(titles)} | accuracy when sure |", "|---|---|---|---|---|"]
    for row in known:
        one = row.calibration
        pairs = [f"{one[f'{name}_before']:.3f}, {one[f'{name}_after']:.3f}" for name in ("log_loss", "ece")]
        right = f"{one['sure_accuracy']:.0%}" if "sure_accuracy" in one else "–"
        lines.append(f"| {row.model} | {' | '.join(pairs)} | {one['sure_share']:.0%} | {right} |")
    return lines


def _shown(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"


def _interval(row: Row) -> str:
    return interval(*row.interval) or "–"


def draw_learning_curves(folder: ExperimentFolder, rows: Iterable[Row], runs: Mapping[str, ModelRuns]) -> bool:
    """learning_curves.png and .svg of all models with epochs (of the first fold); whether there are any.

    Where there are none, curves of an earlier command are removed.
    """
    trained = [row.model for row in rows if not row.error]
    histories = {name: read_history(folder.path / runs[name].evaluated[0]) for name in trained}
    histories = {name: history for name, history in histories.items() if history}
    if histories:
        save_figure(curves_figure(histories), folder.learning_curves)
    else:
        remove_figure(folder.learning_curves)
    return bool(histories)
