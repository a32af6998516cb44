"""What a sweep found: ranked table, the table by rows and columns, pictures, and how the scores came about, in words.

Conventions
-----------
`sweep.csv` and `sweep.parquet` have a row a trial, best first, then those that were skipped, pruned or failed, in the
order of their choice. Scores are of the validation clips. The intervals are those of one trial (95 %, by
resampled groups); the best of many trials is flattered by the choice, which is why the winner is judged by the test.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.config import Config
from tonearm.evaluation.scores import Scores
from tonearm.experiment.runs import read_facts, read_scores
from tonearm.plots import heatmap_figure, parallel_figure, save_figure
from tonearm.runtime.files import replacing, write_csv, write_json, write_text
from tonearm.splits.divide import Division
from tonearm.sweep.grid import axes, describe, published_scores, short_names, show
from tonearm.sweep.trials import Trial

SWEEP_CSV, SWEEP_JSON = "sweep.csv", "sweep.json"
PUBLISHED = "published"
PUBLISHED_MEANING = (
    "Published: accuracy on its makers' own test clips (`sweep.published`); only the same clips, split alike, compare."
)
SCORES = ("accuracy", "precision", "recall", "f1", "log_loss")
SHOWN_OF_WINNER = ("accuracy", "f1", "log_loss")


@dataclass(frozen=True)
class Nested:
    """Scores of the folds' winners, each on its own test clips, and the values that each fold chose."""

    scores: Scores
    chosen: tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True)
class Results:
    """All trials in the order of their choice. judged_clips: that score a trial. winner: run folder, None without.

    nested: what judges the choosing, where the sweep has outer folds.
    """

    config: Config
    model: str
    division: Division
    trials: tuple[Trial, ...]
    judged_clips: int
    winner: Path | None = None
    nested: Nested | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The swept settings."""
        return tuple(self.config.sweep.grid or self.config.sweep.search)

    @property
    def ranked(self) -> list[Trial]:
        """The trials that were scored, best first: by validation accuracy, then by log loss."""
        done = [trial for trial in self.trials if trial.state == "done"]
        return sorted(done, key=lambda trial: (-trial.score("accuracy"), trial.score("log_loss")))

    @property
    def published(self) -> dict[int, float]:
        """Published accuracy by the place of its trial."""
        settings = self.config.sweep
        return published_scores(settings, [trial.values for trial in self.trials]) if settings.published else {}

    @property
    def failed(self) -> int:
        """Trials that could not be trained."""
        return sum(trial.state == "failed" for trial in self.trials)


def write_results(out: Path, results: Results) -> None:
    """sweep.csv, .parquet, .json, .md and the picture."""
    header, rows = table(results)
    write_csv(out / SWEEP_CSV, header, rows)
    _write_parquet(out / "sweep.parquet", header, rows)
    times = _note_winner(out, results)
    write_text(out / "sweep.md", markdown(results, times))
    _draw(out, results)


def _note_winner(out: Path, results: Results) -> int:
    """Write sweep.json, and say how many winners of this folder the test has judged so far."""
    path = out / SWEEP_JSON
    judged: list[str] = json.loads(path.read_text(encoding="utf-8"))["judged_on_the_test"] if path.is_file() else []
    facts: dict[str, Any] = {"model": results.model, "split": results.division.sentence, "winner": None}
    if results.winner is not None:
        fingerprint = read_facts(results.winner)["fingerprint"]
        judged = [*judged, *([fingerprint] if fingerprint not in judged else [])]
    facts["how"], facts["verdict"] = _how(results), _winner(results, len(judged))
    facts["settings"] = list(short_names(results.paths).values())
    if results.winner is not None:
        facts["winner"] = {"settings": results.ranked[0].values, "scores": read_scores(results.winner)}
    if results.nested:
        facts["nested"] = {"scores": results.nested.scores.to_json(), "chosen": dict(results.nested.chosen)}
    write_json(path, {**facts, "judged_on_the_test": judged})
    return len(judged)


def table(results: Results) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of sweep.csv; lists of a setting are written as JSON."""
    names = short_names(results.paths)
    header = ["rank", "trial", *names.values(), "state", *(f"valid_{score}" for score in SCORES), "low", "high"]
    header += [f"train_{score}" for score in SCORES[:-1]] + ["trained_epochs", "best_epoch", "train_seconds", "reason"]
    published = results.published
    header += [PUBLISHED] if published else []
    rows = []
    for rank, trial in enumerate(_ordered(results), start=1):
        done = trial.state == "done"
        values = [_cell(trial.values[path]) for path in results.paths]
        scores = [trial.score(score) if done else None for score in SCORES]
        learned = [trial.score(score, "train") if done else None for score in SCORES[:-1]]
        number = next(place for place, one in enumerate(results.trials, start=1) if one is trial)
        ends = [trial.epochs, trial.best_epoch, trial.seconds, trial.reason]
        row = [rank if done else None, number, *values, trial.state, *scores, *trial.interval, *learned, *ends]
        rows.append([*row, *([published.get(number - 1)] if published else [])])
    return header, rows


def _ordered(results: Results) -> list[Trial]:
    return [*results.ranked, *(trial for trial in results.trials if trial.state != "done")]


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value


def _write_parquet(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {}
    for name, column in zip(header, zip(*rows, strict=True), strict=True):
        kinds = {type(value) for value in column if value is not None}
        # a setting may be now a number, now a word: then all are words
        mixed = len(kinds) > 1 and not kinds <= {int, float}
        columns[name] = [None if v is None else str(v) if mixed else float(v) if len(kinds) > 1 else v for v in column]
    with replacing(path) as temporary, temporary.open("wb") as file:
        pyarrow.parquet.write_table(pyarrow.table(columns), file)


def markdown(results: Results, judged: int) -> str:
    """Everything for a person: how it was made, the winner, the ranked table, the table by rows and columns."""
    parts = [f"# Sweep of {results.model}", _how(results), _winner(results, judged), _cross(results), _ranking(results)]
    left = [trial for trial in results.trials if trial.reason]
    reasons = "\n".join(f"- {describe(trial.values)}: {trial.state}, {trial.reason}" for trial in left)
    return "\n\n".join(part for part in (*parts, reasons, _others(results)) if part) + "\n"


def _how(results: Results) -> str:
    counts = {state: sum(trial.state == state for trial in results.trials) for state in ("failed", "pruned", "skipped")}
    left = "".join(f", {count} {state}" for state, count in counts.items() if count)
    folds = results.config.sweep.folds
    judge = (
        f"{folds} folds of {'all' if results.nested else 'the'} {results.judged_clips} clips"
        + ("" if results.nested else " outside the test")
        if folds
        else (f"the {results.judged_clips} validation clips")
    )
    return (
        f"{results.division.sentence}.\n\n{len(results.trials)} trials, {len(results.ranked)} scored{left}. Scores are "
        f"of {judge}; "
        + (
            "they chose the winner, so they flatter it."
            if results.nested
            else "the test clips were put aside before, and no trial has seen them."
        )
    )


def _winner(results: Results, judged: int) -> str:
    """The winner and its test score, in words."""
    if results.winner is None:
        return "No trial could be trained, so there is no winner."
    best, found = results.ranked[0], read_scores(results.winner)
    said = f"**Winner: {describe(best.values)}**, validation accuracy {best.score('accuracy'):.3f}{_bounds(best)}."
    if results.nested:
        return f"{said}\n\n{_judged_by_folds(results.nested)}"
    if "test" not in found:
        return f"{said} There is no test part (split.test = 0), so nothing judges it without having chosen it."
    scores = found["test"]["scores"]
    accuracy = scores["accuracy"]
    interval = "" if accuracy["low"] is None else f" ({accuracy['low']:.3f} to {accuracy['high']:.3f})"
    rest = ", ".join(f"{name.replace('_', ' ')} {scores[name]['value']:.3f}" for name in SHOWN_OF_WINNER[1:])
    times = "once, by this winner" if judged == 1 else f"{judged} times, by {judged} winners in turn"
    return (
        f"{said} Trained on the {found['train']['clips']} training clips and scored on the {found['test']['clips']} "
        f"test clips: **test accuracy {accuracy['value']:.3f}**{interval}, {rest}. The test was used {times}."
    )


def _judged_by_folds(nested: Nested) -> str:
    """What the choosing is worth, in words."""
    low, high = nested.scores.intervals["accuracy"]
    interval = f" ({low:.3f} to {high:.3f})" if low == low else ""
    lines = [
        f"Judged by nested folds: **test accuracy {nested.scores.values['accuracy']:.3f}**{interval}. On each of the "
        f"{len(nested.chosen)} folds the settings were chosen anew, without its test clips:",
        "",
        *(f"- {fold}: {describe(values)}" for fold, values in nested.chosen),
    ]
    return "\n".join(lines)


def _bounds(trial: Trial) -> str:
    low, high = trial.interval
    return "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"


def _ranking(results: Results) -> str:
    names = short_names(results.paths)
    ended = any(trial.epochs is not None for trial in results.trials)
    published = {id(results.trials[place]): f"{score:.2f}" for place, score in results.published.items()}
    beside = [PUBLISHED] if published else []
    titles = ["rank", *names.values(), "valid", "95 % interval", "valid F1", "log loss", "train", "training"]
    lines = [
        _line([*titles, *(["trained epochs", "best epoch"] if ended else []), *beside]),
        _line(["---"] * (len(titles) + 2 * ended + len(beside))),
    ]
    for rank, trial in enumerate(_ordered(results), start=1):
        values = [show(trial.values[path]) for path in results.paths]
        theirs = [published.get(id(trial), "–")] * len(beside)
        if trial.state != "done":
            lines.append(_line(["–", *values, trial.state, *["–"] * (5 + 2 * ended), *theirs]))
            continue
        scores = [trial.score("accuracy"), trial.score("f1"), trial.score("log_loss"), trial.score("accuracy", "train")]
        shown = [f"{score:.3f}" for score in scores]
        cells = [shown[0], _bounds(trial).strip(" ()") or "–", *shown[1:], f"{trial.seconds:.1f} s"]
        ends = ["–" if end is None else f"{end:g}" for end in (trial.epochs, trial.best_epoch)]
        lines.append(_line([str(rank), *values, *cells, *(ends if ended else []), *theirs]))
    if published:
        lines += ["", PUBLISHED_MEANING]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _crossed(results: Results) -> tuple[tuple[str, list[str]], tuple[str, list[str]]] | None:
    """Title and values of the two axes that are crossed, as a person reads them, where it is two."""
    grid, found = results.config.sweep.grid, axes(results.config.sweep)
    if len(found) != 2:
        return None
    names = short_names(results.paths)
    rows, columns = (
        (
            " / ".join(names[path] for path in axis),
            [" / ".join(map(show, values)) for values in zip(*(grid[path] for path in axis), strict=True)],
        )
        for axis in found
    )
    return rows, columns


def _cross(results: Results) -> str:
    """Two crossed axes as rows and columns, in the order of the config; "" for any other sweep."""
    two = _crossed(results)
    if two is None:
        return ""
    (row_title, rows), (column_title, columns) = two
    best = results.ranked[0] if results.ranked else None
    lines = [_line([f"{row_title} \\ {column_title}", *columns]), _line(["---"] * (len(columns) + 1))]
    for place, value in enumerate(rows):
        row = results.trials[place * len(columns) : (place + 1) * len(columns)]
        cells = [f"{trial.score('accuracy'):.3f}" if trial.state == "done" else trial.state for trial in row]
        marked = [f"**{cell}**" if trial is best else cell for cell, trial in zip(cells, row, strict=True)]
        lines.append(_line([value, *marked]))
    return "Validation accuracy:\n\n" + "\n".join(lines)


def _others(results: Results) -> str:
    """The settings of the model that all trials share."""
    swept = {path.rpartition(".")[2] for path in results.paths if path.startswith("models.")}
    settings = results.config.models[results.model].model_dump(mode="json")
    return "Shared by all trials: " + ", ".join(
        f"{name} = {show(value)}" for name, value in settings.items() if name not in {*swept, "type"}
    )


def _draw(out: Path, results: Results) -> None:
    """heatmap.png/.svg for two crossed axes, parallel.png/.svg for any others."""
    two = _crossed(results)
    if not results.ranked:
        return
    if two is not None:
        (row_title, rows), (column_title, columns) = two
        cells: NDArray[np.float64] = np.array([trial.score("accuracy") for trial in results.trials])
        titles = (row_title, column_title, "validation accuracy")
        winner = next(place for place, trial in enumerate(results.trials) if trial is results.ranked[0])
        best = divmod(winner, len(columns))
        figure = heatmap_figure(cells.reshape(len(rows), len(columns)), rows, columns, titles, best)
        save_figure(figure, out / "heatmap")
        return
    names = short_names(results.paths)
    values = {
        names[path]: [
            show(trial.values[path]) if isinstance(trial.values[path], list | bool) else trial.values[path]
            for trial in results.ranked
        ]
        for path in results.paths
    }
    scores = [trial.score("accuracy") for trial in results.ranked]
    save_figure(parallel_figure(values, scores, "validation accuracy"), out / "parallel")
