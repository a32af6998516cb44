"""Results as sections: a title, paragraphs, tables of text; `page` writes them as HTML and as Markdown.

Conventions
-----------
Our figure stands first and the published one in brackets behind it, or in a column of its own. Ours of a sweep are of
the validation clips, since no trial has seen the test; the best trial of each table meets the test once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from tonearm.experiment.experiment import Experiment
from tonearm.experiment.part_scores import TITLES, part_scores
from tonearm.experiment.score_files import read_scores
from tonearm.published import PUBLISHED, PublishedFigures, columns, show_figure
from tonearm.reference.measuring import PROCESSES, PUBLISHED_CLIPS, PUBLISHED_FEATURES, PUBLISHED_PICTURES
from tonearm.reference.plan import Table
from tonearm.scaling import Scaling
from tonearm.sweep import Results
from tonearm.sweep.crossed import Crossed, cross
from tonearm.sweep.grid import describe, short_names, show
from tonearm.sweep.trials import Trial
from tonearm.wording import count, interval, number

NOTHING = "–"
ALL_OF_IT = (
    "Classifying is all of it, from the file on: decoding, features or pictures, and the model, by one process; theirs "
    "is of 100 clips of 30 s on another machine."
)


@dataclass(frozen=True)
class Grid:
    """A table of text. titles: those that begin with < are of text columns. A cell in ** is the best one."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One table of the reference system. ours, theirs: the row of the overview; folder: where more of it lies."""

    name: str
    title: str
    paragraphs: tuple[str, ...]
    grids: tuple[Grid, ...]
    ours: tuple[str, str] = (NOTHING, NOTHING)
    theirs: str = NOTHING
    folder: str = ""


def of_sweep(table: Table, results: Results, notes: Sequence[str]) -> Section:
    """A sweep: two crossed settings as rows and columns, any other cell by cell; and its winner on the test."""
    crossed = cross(results)
    grid = _crossed(crossed) if crossed else _rows(results)
    known = [float(figures[PUBLISHED]) for figures in results.published.values() if PUBLISHED in figures]
    theirs = show_figure(PUBLISHED, max(known)) if known else NOTHING
    beside = "; in brackets the published one" if crossed and known else ""
    said = [f"{table.about} Ours: accuracy on {count(results.judged_clips, 'validation clip')}{beside}."]
    ours = (NOTHING, NOTHING)
    if results.winner is not None:
        best = results.ranked[0]
        test = _test(results.winner)
        ours = (f"{best.score('accuracy'):.3f}", test)
        said.append(f"Best: {describe(best.values)}, on the test clips {test}." if test != NOTHING else "")
    failed = [trial for trial in results.trials if trial.state == "failed"]
    said += [f"{describe(trial.values)}: {trial.reason}." for trial in failed]
    paragraphs = (*filter(None, said), *notes)
    return Section(table.name, table.title, paragraphs, (grid,), ours, theirs, f"{table.name}/sweep.md")


def _test(run: Path) -> str:
    """The test accuracy of a run with its interval."""
    scores = read_scores(run)
    if "test" not in scores:
        return NOTHING
    accuracy = scores["test"]["scores"]["accuracy"]
    return _tested(accuracy["value"], accuracy["low"], accuracy["high"])


def _tested(value: float, low: float | None, high: float | None) -> str:
    """A score of the test with its interval."""
    bounds = interval(low, high) if isfinite(value) else ""
    return number(value) + (f" ({bounds.replace(' to ', '–')})" if bounds else "")


def _crossed(crossed: Crossed) -> Grid:
    rows = [
        (row.value, *(f"**{cell.text}**" if cell.best else cell.text for cell in row.cells)) for row in crossed.rows
    ]
    return Grid((f"<{crossed.row_title} \\ {crossed.column_title}", *crossed.columns), tuple(rows))


def _rows(results: Results) -> Grid:
    """A row a cell, in the order of the config."""
    beside = columns(results.published.values())
    ended = any(trial.epochs is not None for trial in results.trials)
    best = results.ranked[0] if results.ranked else None
    rows = []
    for place, trial in enumerate(results.trials):
        theirs = results.published.get(place, {})
        values = [show(trial.values[path]) for path in results.paths]
        ours = f"{trial.score('accuracy'):.3f}" if trial.state == "done" else trial.state
        cells = [*values, f"**{ours}**" if trial is best else ours, show_figure(PUBLISHED, theirs.get(PUBLISHED))]
        cells += [_epochs(trial)] if ended else []
        cells += [show_figure(title, theirs.get(title)) for title in beside if title != PUBLISHED]
        rows.append(tuple(cells))
    titles = [*short_names(results.paths).values(), "ours", PUBLISHED, *(["epochs"] if ended else [])]
    return Grid((*titles, *(title for title in beside if title != PUBLISHED)), tuple(rows))


def _epochs(trial: Trial) -> str:
    return NOTHING if trial.epochs is None else f"{trial.epochs:g}"


def of_models(
    table: Table,
    experiment: Experiment,
    published: Mapping[str, PublishedFigures],
    times: Mapping[str, tuple[float, int]],
    notes: Sequence[str],
) -> Section:
    """The comparison of models: scores of every part, seconds of training and of classifying the test."""
    trained = [row for row in experiment.rows if not row.error]
    rows, meaning = part_scores([(row.model, row.scores) for row in trained], published)
    scores = Grid((f"<{TITLES[0]}", f"<{TITLES[1]}", *TITLES[2:]), tuple(tuple(row) for row in rows))
    lines = []
    for row in trained:
        theirs = published.get(row.model)
        seconds, _ = times.get(row.model, (None, 0))
        lines.append(
            (
                row.model,
                _both(f"{row.train_seconds:.1f}", theirs.seconds if theirs else None),
                _both(NOTHING if seconds is None else f"{seconds:.1f}", theirs.test_seconds if theirs else None),
                _both(number(row.score("test")), theirs.accuracy if theirs else None),
            )
        )
    clips = max((number for _, number in times.values()), default=0)
    classify = f"classifying {count(clips, 'test clip')}, s" if clips else "classifying the test, s"
    clocked = Grid(("<model", "training, s", classify, "test accuracy"), tuple(lines))
    said = [
        f"{table.about} {meaning}.",
        *([ALL_OF_IT] if times else []),
        *(f"{row.model} failed: {row.error}." for row in experiment.rows if row.error),
    ]
    best = trained[0] if trained else None  # the first on the validation clips
    ours = (number(best.score("valid")), _tested(best.score("test"), *best.interval)) if best else (NOTHING, NOTHING)
    known = [figures.accuracy for figures in published.values() if figures.accuracy is not None]
    theirs_best = show_figure(PUBLISHED, max(known)) if known else NOTHING
    paragraphs, path = (*said, *notes), f"{table.name}/leaderboard.md"
    return Section(table.name, table.title, paragraphs, (scores, clocked), ours, theirs_best, path)


def _both(ours: str, theirs: float | str | None) -> str:
    return ours if theirs is None else f"{ours} ({theirs if isinstance(theirs, str) else format(theirs, 'g')})"


def of_scaling(table: Table, scaling: Scaling, notes: Sequence[str]) -> Section:
    """Seconds of extraction by number of processes, ours and theirs."""
    published = {"features": PUBLISHED_FEATURES, "pictures": PUBLISHED_PICTURES}
    numbers = sorted({*PROCESSES, *(one.workers for one in scaling.measurements)})
    lines = []
    for task, seconds in published.items():
        theirs = dict(zip(PROCESSES, seconds, strict=True))
        ours = {one.workers: one for one in scaling.measurements if one.task == task}
        for processes in numbers:
            one = ours.get(processes)
            cells = ["not measured", NOTHING, NOTHING, NOTHING]
            if one:
                speed = f"{scaling.speed_up(one):.2f}"
                cells = [f"{one.seconds:.1f}", f"{one.clips / one.seconds:.1f}", speed, f"{one.start_up:.1f}"]
            known = theirs.get(processes)
            beside = [NOTHING] * 3
            if known:
                beside = [f"{known:.3f}", f"{PUBLISHED_CLIPS / known:.1f}", f"{theirs[1] / known:.2f}"]
            lines.append((task, str(processes), *cells, *beside))
    titles = ("<task", "processes", "ours, s", "clips/s", "speed-up", "start-up, s", "theirs, s", "clips/s", "speed-up")
    clips = max(one.clips for one in scaling.measurements)
    said = (
        f"{table.about} Ours: {count(clips, 'clip')} on {scaling.machine}; start-up (starting the processes and their "
        "first clips) is measured apart. Numbers of processes above the cores are not measured.",
        f"Theirs: {PUBLISHED_CLIPS:,} clips of 30 s on 16 cores with 32 threads; their features are others than ours.",
    )
    return Section(
        table.name, table.title, (*said, *notes), (Grid(titles, tuple(lines)),), folder=f"{table.name}/scaling.md"
    )
