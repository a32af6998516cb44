"""All runs of an experiment side by side: scores of train, validation and test, times, and what failed.

Conventions
-----------
The order is by validation accuracy, since the test judges and must not choose. With folds the test scores
are those of all folds' test parts together, in which every clip stands once, with 95 % intervals by resampled
groups; train and validation are means over the folds. `leaderboard.json` holds everything, the CSV the
numbers, the Markdown what a person reads.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.config import Config
from tonearm.evaluation.compare import compare
from tonearm.experiment import part_scores
from tonearm.experiment.comparison import read_answers
from tonearm.experiment.confidence import COLUMNS, confidence
from tonearm.experiment.confidence import table as calibration_table
from tonearm.experiment.facts import RunFacts
from tonearm.experiment.folder import ExperimentFolder, ModelRuns
from tonearm.experiment.folds import conclude_folds
from tonearm.experiment.predictions import read_history, read_predictions
from tonearm.experiment.pretrained import Pretrained, pretrained
from tonearm.experiment.runs import judged_part, read_facts
from tonearm.experiment.score_files import read_scores
from tonearm.matrix_plot import confusion_figure
from tonearm.models import reads
from tonearm.plots import curves_figure, remove_figure, save_figure
from tonearm.runtime.files import write_csv, write_json, write_text
from tonearm.settings import TrainSettings
from tonearm.splits.parts import Division
from tonearm.wording import interval, milliseconds, number

PARTS = ("train", "valid", "test")
MODEL_ALONE = (
    "model alone: the time of predicting a clip that is decoded and whose features, picture or network's row is there; "
    "computing these takes longer"
)


@dataclass(frozen=True)
class Row:
    """One model: scores by part and name ("test", "accuracy"), intervals of the judged part, times, or why not.

    judged: the part that stands for the model, "test" where there is one. error: "" where it was trained.
    calibration: of the judged answers, see `confidence`; {} where nothing was calibrated. unsure: why it calls no
    answer sure, "" where it does. published: somebody else's test accuracy.
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
    unsure: str = ""
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
            rows.append(_pooled(name, settings.type, folder.path, runs[name], groups, config.train))
    theirs = {name: figures.accuracy for name, figures in config.report.published.items()}
    rows = [replace(row, published=theirs.get(row.model)) for row in rows]
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
    parts = part_scores.markdown([(row.model, row.scores) for row in rows if not row.error], config.report.published)
    write_text(folder.leaderboard_md, markdown(rows, division, verdict, warnings, encoders) + "\n".join([*parts, ""]))
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
        calibration=_calibration(folder, facts, judged, scores),
        unsure=facts.calibration.shortfall if facts.calibration else "",
    )


def _calibration(folder: Path, facts: RunFacts, judged: str, scores: dict[str, Any]) -> dict[str, float]:
    """What calibration did to the judged answers of a hold-out; {} where it was not calibrated."""
    if facts.calibration is None or judged not in facts.calibration.parts:
        return {}
    effect = dict(facts.calibration.parts[judged])
    effect |= {"sure": facts.calibration.sure} if facts.calibration.sure is not None else {}
    ece = scores[judged]["scores"]["ece"]
    table = read_predictions(folder).of_part(judged)
    return confidence(effect, table.truth, table.probabilities, table.labels, (ece["low"], ece["high"]))


def _pooled(name: str, kind: str, out: Path, runs: ModelRuns, groups: Mapping[str, str], train: TrainSettings) -> Row:
    """The folds together: every clip judged by the model that has not seen it."""
    folds = [out / path for path in runs.evaluated]
    final = None if runs.predict in runs.evaluated else out / runs.predict
    together = conclude_folds(out / runs.answers, folds, final, groups, train)
    rows = [_single(name, kind, fold) for fold in folds]
    tests, scores = together.tests, together.tests.scores
    figure = confusion_figure(scores.confusion, scores.labels, f"{name}, test of all folds")
    save_figure(figure, out / runs.answers / "confusion")
    values = {
        part: {score: float(np.mean([row.score(part, score) for row in rows])) for score in rows[0].scores[part]}
        for part in PARTS
        if part in rows[0].scores
    }
    values["test"] = scores.values
    interval = scores.intervals["accuracy"]
    return Row(
        name,
        kind,
        values,
        (interval.low, interval.high),
        "test",
        sum(row.train_seconds for row in rows),
        float(np.mean([row.predict_milliseconds_a_clip for row in rows])),
        calibration=confidence(
            together.effect, tests.truth, tests.probabilities, scores.labels, scores.intervals["ece"]
        ),
        unsure=together.shortfall,
    )


def _to_json(row: Row) -> dict[str, Any]:
    return {**asdict(row), "interval": [_finite(bound) for bound in row.interval]}


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value


def _table(rows: list[Row]) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of leaderboard.csv."""
    scores = list(dict.fromkeys(name for row in rows for part in row.scores.values() for name in part))
    header = ["model", "type", *(f"{part}_{score}" for part in PARTS for score in scores), "low", "high"]
    header += ["train_seconds", "predict_milliseconds_a_clip", "error", "published", *COLUMNS]
    table = []
    for row in rows:
        values = [row.scores.get(part, {}).get(score) for part in PARTS for score in scores]
        times = [row.train_seconds, row.predict_milliseconds_a_clip, row.error, row.published]
        trust = [row.calibration.get(name) for name in COLUMNS]
        table.append([row.model, row.type, *values, *row.interval, *times, *trust])
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
        "| model | train | valid | test | 95 % interval | test F1 | test log loss | training | model alone, a clip |"
        + (" published |" if beside else ""),
        "|---|---|---|---|---|---|---|---|---|" + ("---|" if beside else ""),
    ]
    failed = []
    for row in rows:
        if row.error:
            failed.append(f"- {row.model} failed: {row.error}")
            continue
        cells = [row.model, *(number(row.score(part)) for part in PARTS), _interval(row)]
        cells += [number(row.score("test", "f1")), number(row.score("test", "log_loss"))]
        cells += [f"{row.train_seconds:.1f} s", milliseconds(row.predict_milliseconds_a_clip)]
        cells += [number(row.published)] if beside else []
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", MODEL_ALONE]
    lines += ["", "published: accuracy on its makers' own test clips (report.published)"] if beside else []
    lines += ["", *(one.sentence() for one in encoders)] if encoders else []
    return "\n".join([*lines, "", verdict, *calibration_table(rows), *([""] if failed else []), *failed]) + "\n"


def _interval(row: Row) -> str:
    return interval(*row.interval) or "–"


def draw_learning_curves(folder: ExperimentFolder, rows: Iterable[Row], runs: Mapping[str, ModelRuns]) -> bool:
    """learning_curves.png and .svg of all models with epochs (of the first fold); whether there are any.

    Where there are none, curves of an earlier command are removed.
    """
    trained = [row.model for row in rows if not row.error]
    histories = {name: read_history(folder.path / runs[name].evaluated[0]) for name in trained}
    drawn = any(histories.values())
    if drawn:
        save_figure(curves_figure(histories), folder.learning_curves)
    else:
        remove_figure(folder.learning_curves)
    return drawn
