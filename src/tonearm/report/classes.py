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

from tonearm.matrix_plot import MATRIX_CLASSES
from tonearm.report.charts import interval_bar
from tonearm.report.collect import ModelResult
from tonearm.report.html import table
from tonearm.report.matrix import matrix
from tonearm.wording import count, interval, number

SHOWN_CONFUSIONS = 50
SHOWN_LABELS = 8
LEAST_UNITS = 5  # artists, recordings or clips of a class; resampling fewer says nothing of others


def confusions(models: Sequence[ModelResult]) -> str:
    """Who is taken for whom, a table a model, the first one open."""
    shown = []
    for place, model in enumerate(models):
        confusion = model.scores["confusion"]
        labels, counts = confusion["labels"], np.array(confusion["counts"])
        drawn = (
            matrix(labels, counts, f"{model.name}, {model.judged}")
            if len(labels) <= MATRIX_CLASSES
            else _commonest(labels, counts)
        )
        opened = " open" if place == 0 else ""
        shown.append(f"<details{opened}><summary>{escape(model.name)}</summary>{drawn}</details>")
    words = (
        "A row is a true class, a column what the model said. The stronger a cell, the more of its row's clips are in "
        "it: blue ones are right, orange ones are wrong."
    )
    return f'<h2>Confusions</h2><p class="soft">{words}</p>' + "".join(shown) if shown else ""


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
    rows, few, same = "", [], []
    for label, row in models[0].scores["classes"].items():
        low, high = row["f1_interval"]
        if models[0].units.get(label, row["support"]) < LEAST_UNITS or row["support"] < LEAST_UNITS:
            low = high = None
            few.append(label)
        elif low is not None and low == high:
            same.append(label)
        bar = interval_bar(row["f1"], low, high) if row["f1"] is not None else ""
        span = interval(low, high) or "–"
        cells = "".join(f"<td>{number(row[name])}</td>" for name in ("precision", "recall", "f1"))
        rows += f"<tr><td>{escape(label)}</td><td>{row['support']}</td>{cells}"
        rows += f'<td class="text">{span}</td><td>{bar}</td></tr>'
    titles = ["<class", "clips", "precision", "recall", "F1", "<F1, 95 % interval", ""]
    title = f"Classes, by {escape(models[0].name)}, {escape(models[0].judged)}"
    return f"<h2>{title}</h2>{table(titles, rows, 'classes')}{_without(few, same)}"


def _without(few: Sequence[str], same: Sequence[str]) -> str:
    """Why classes have no interval: those with few clips or artists, and those whose score is always the same."""
    reasons = {
        f"fewer than {LEAST_UNITS} clips or, where they are known, artists are too few to say how far the score would "
        "be another on other ones": few,
        "every resample gives the same score, so resampling cannot say how far it is from that of other clips": same,
    }
    lines = [f"No interval for {_some(labels)}: {reason}." for reason, labels in reasons.items() if labels]
    return "".join(f'<p class="soft">{escape(line)}</p>' for line in lines)


def _some(labels: Sequence[str]) -> str:
    """The labels, of many the first ones and how many more there are."""
    more = len(labels) - SHOWN_LABELS
    return f"{', '.join(labels[:SHOWN_LABELS])} and {more} more" if more > 1 else ", ".join(labels)
