"""The results of a sweep as files: sweep.csv, .parquet, .json and .md, and the picture of all trials."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.experiment.records import Record, read_record
from tonearm.experiment.runs import read_facts
from tonearm.experiment.score_files import read_scores
from tonearm.plots import heatmap_figure, parallel_figure, remove_figure, save_figure
from tonearm.published import PUBLISHED, show_figure
from tonearm.runtime.files import replacing, write_csv, write_json, write_text
from tonearm.sweep.crossed import cross
from tonearm.sweep.folder import SweepFolder
from tonearm.sweep.grid import short_names, show
from tonearm.sweep.results import Results, crossed_axes, table
from tonearm.sweep.wording import how_text, markdown, winner_text


def write_results(folder: SweepFolder, results: Results) -> None:
    """sweep.csv, .parquet, .json, .md and the picture."""
    header, rows = table(results)
    write_csv(folder.sweep_csv, header, rows)
    _write_parquet(folder.sweep_parquet, header, rows)
    times = _note_winner(folder, results)
    write_text(folder.sweep_md, markdown(results, times))
    _draw(folder, results)


class JudgedRecord(Record):
    """What a sweep goes on with from an earlier one's sweep.json: digests of the winners that the test has judged."""

    judged_on_the_test: tuple[str, ...]


def judged_winners(path: Path) -> tuple[str, ...]:
    """The winners of this folder that the test has judged so far. Raises DamagedError where the file does not say."""
    if not path.exists():
        return ()
    advice = "it counts the winners that the test has judged: restore it, or remove it to begin the count again"
    return read_record(JudgedRecord, path, advice).judged_on_the_test


def _note_winner(folder: SweepFolder, results: Results) -> int:
    """Write sweep.json, and say how many winners of this folder the test has judged so far."""
    path = folder.sweep_json
    judged = list(judged_winners(path))
    facts: dict[str, Any] = {"model": results.model, "split": results.division.sentence, "winner": None}
    if results.winner is not None:
        digest = read_facts(results.winner).digest
        judged = [*judged, *([digest] if digest not in judged else [])]
    facts["how"], facts["verdict"] = how_text(results), winner_text(results, len(judged))
    facts["settings"] = list(short_names(results.paths).values())
    if results.winner is not None:
        facts["winner"] = {"settings": results.ranked[0].values, "scores": read_scores(results.winner)}
    if crossed := cross(results):
        facts["crossed"] = crossed.model_dump()
    if results.nested:
        facts["nested"] = {"scores": results.nested.scores.to_json(), "chosen": dict(results.nested.chosen)}
    write_json(path, {**facts, "judged_on_the_test": judged})
    return len(judged)


def _write_parquet(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {}
    for name, column in zip(header, zip(*rows, strict=True), strict=True):
        kinds = {type(value) for value in column if value is not None}
        # a setting may be now a number, now a word: then all are words
        mixed = len(kinds) > 1 and not kinds <= {int, float}
        columns[name] = [None if v is None else str(v) if mixed else float(v) if len(kinds) > 1 else v for v in column]
    # an open file, since pyarrow takes no path with bytes that are not text
    with replacing(path) as temporary, temporary.open("wb") as file:
        pyarrow.parquet.write_table(pyarrow.table(columns), file)


def _draw(folder: SweepFolder, results: Results) -> None:
    """heatmap.png/.svg for two crossed axes, parallel.png/.svg for any others; those of an earlier sweep go."""
    two = crossed_axes(results)
    for path in (folder.heatmap, folder.parallel):
        remove_figure(path)
    if not results.ranked:
        return
    if two is not None:
        (row_title, rows), (column_title, columns) = two
        cells: NDArray[np.float64] = np.array([trial.score("accuracy") for trial in results.trials])
        titles = (row_title, column_title, "validation accuracy")
        winner = next(place for place, trial in enumerate(results.trials) if trial is results.ranked[0])
        best = divmod(winner, len(columns))
        shape = len(rows), len(columns)
        skipped = np.array([trial.state == "skipped" for trial in results.trials]).reshape(shape)
        theirs = {
            divmod(place, len(columns)): show_figure(PUBLISHED, figures.get(PUBLISHED))
            for place, figures in results.published.items()
        }
        figure = heatmap_figure(cells.reshape(shape), rows, columns, titles, best, skipped, theirs)
        save_figure(figure, folder.heatmap)
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
    save_figure(parallel_figure(values, scores, "validation accuracy"), folder.parallel)
