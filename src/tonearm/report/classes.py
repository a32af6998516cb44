"""The sections of a page that go class by class: who is taken for whom, and the scores of each class.

Conventions
-----------
Up to `MATRIX_CLASSES` classes a confusion matrix is shown whole. More would be a table of a million cells, which no
browser shows and nobody reads: then it is the commonest confusions, one a row.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.plots import MATRIX_CLASSES
from tonearm.report.charts import interval_bar
from tonearm.report.collect import ModelResult
from tonearm.report.html import number, table
from tonearm.wording import count, interval

SHOWN_CONFUSIONS = 50


def confusions(models: Sequence[ModelResult]) -> str:
    """Who is taken for whom, a table a model, the first one open."""
    shown = []
    for place, model in enumerate(models):
        confusion = model.scores["confusion"]
        labels, counts = confusion["labels"], np.array(confusion["counts"])
        drawn = _matrix(labels, counts) if len(labels) <= MATRIX_CLASSES else _commonest(labels, counts)
        opened = " open" if place == 0 else ""
        shown.append(f"<details{opened}><summary>{escape(model.name)}</summary>{drawn}</details>")
    return "<h2>Confusions</h2>" + "".join(shown) if shown else ""


def _matrix(labels: Sequence[str], counts: NDArray[Any]) -> str:
    rows = ""
    for label, row, total in zip(labels, counts, np.maximum(counts.sum(axis=1), 1), strict=True):
        cells = "".join(f'<td class="heat{75 * clips / total:.0f}">{clips or ""}</td>' for clips in row)
        rows += f'<tr><th class="text" scope="row">{escape(label)}</th>{cells}</tr>'
    return table(["<truth \\ said", *map(escape, labels)], rows, "matrix")


def _commonest(labels: Sequence[str], counts: NDArray[Any]) -> str:
    """The cells beside the diagonal that hold the most clips, and how many clips they leave out."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:SHOWN_CONFUSIONS]
    rows = ""
    for truth, said in zip(*np.unravel_index(order, wrong.shape), strict=True):
        clips = int(wrong[truth, said])
        if clips:
            share = clips / counts[truth].sum()
            rows += f'<tr><td>{escape(labels[truth])}</td><td class="text">{escape(labels[said])}</td>'
            rows += f"<td>{clips}</td><td>{share:.0%}</td></tr>"
    words = (
        f"With {count(len(labels), 'class')} the whole matrix is too large for a page; scores.json and predictions.csv "
        f"hold it. These are the commonest of its {count(int(wrong.sum()), 'mistake')}."
    )
    return f'<p class="soft">{words}</p>{table(["<truth", "<said", "clips", "share of the class"], rows)}'


def classes(models: Sequence[ModelResult]) -> str:
    """Scores of each class by the first model."""
    if not models:
        return ""
    rows = ""
    for label, row in models[0].scores["classes"].items():
        low, high = row["f1_interval"]
        bar = interval_bar(row["f1"], low, high) if row["f1"] is not None else ""
        span = interval(low, high) or "–"
        cells = "".join(f"<td>{number(row[name])}</td>" for name in ("precision", "recall", "f1"))
        rows += f"<tr><td>{escape(label)}</td><td>{row['support']}</td>{cells}"
        rows += f'<td class="text">{span}</td><td>{bar}</td></tr>'
    titles = ["<class", "clips", "precision", "recall", "F1", "<95 % interval", ""]
    return f"<h2>Classes, by {escape(models[0].name)}</h2>{table(titles, rows)}"
