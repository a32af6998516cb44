"""The leaderboard of a page: a table that fits its screen, and folds by priority where there is little room.

Conventions
-----------
Every column has a priority: "a" is always there, "b" goes on a phone, "c" on all but wide screens. What is folded away
can be opened under each row. On paper all columns are there.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from tonearm.report.charts import interval_bar, swatch
from tonearm.report.collect import ModelResult
from tonearm.report.html import sentence
from tonearm.wording import interval, milliseconds, number

Priority = str  # "a", "b" or "c"


class Cell(NamedTuple):
    """Title of a column, its priority, and what it says of a model."""

    title: str
    priority: Priority
    text: str


def leaderboard(models: Sequence[ModelResult], encoders: Sequence[str]) -> str:
    """The section: the table, what pretrained networks know from elsewhere, and what could not be trained."""
    trained = [model for model in models if not model.row["error"]]
    beside = any(model.row["published"] is not None for model in models)
    rows = "".join(_row(model, place, beside) for place, model in enumerate(trained))
    failed = "".join(
        f"<li><strong>{escape(model.name)}</strong> could not be trained: {escape(str(model.row['error']))}</li>"
        for model in models
        if model.row["error"]
    )
    same = [model.name for model in trained if _spread(model) == 0]
    return (
        '<h2 id="leaderboard">Leaderboard</h2><p class="soft">Best on the validation clips first (without them, on the '
        "test). The interval resamples whole artists or recordings where they are known. Intervals that overlap do not "
        "prove equality, and the verdict above rests on paired tests. Colour and shape of a model are the same in all "
        "charts."
        + (" Published is an accuracy on its makers' own test clips (report.published)." if beside else "")
        + f"</p>{_table(trained, beside, rows)}"
        + (f'<p class="soft">{escape(_no_interval(same))}</p>' if same else "")
        + "".join(f"<p>{escape(sentence(line))}</p>" for line in encoders)
        + (f"<ul>{failed}</ul>" if failed else "")
    )


def _spread(model: ModelResult) -> float | None:
    """Width of the interval, None where there is none."""
    low, high = model.row["interval"]
    return None if low is None or high is None else float(high - low)


def _no_interval(names: Sequence[str]) -> str:
    return (
        f"No interval for {', '.join(names)}: every resample gives the same score, so how far it is from that of other "
        "clips cannot be known from these."
    )


def _table(trained: Sequence[ModelResult], beside: bool, rows: str) -> str:
    if not trained:
        return ""
    titles = "".join(
        f'<th class="{cell.priority}{" interval" * ("<svg" in cell.text)}">{cell.title}</th>'
        for cell in _cells(trained[0], 0, beside)
    )
    return (
        f'<table class="board"><thead><tr><th class="text">model</th>{titles}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(model: ModelResult, place: int, beside: bool) -> str:
    """The row of a model, and a second one with what narrow screens fold away."""
    cells = _cells(model, place, beside)
    shown = "".join(f'<td class="{cell.priority}">{cell.text}</td>' for cell in cells)
    name = escape(model.name)
    folded = [cell for cell in cells if cell.priority != "a"]
    items = "".join(f"<dt>{cell.title}</dt><dd>{cell.text}</dd><i></i>" for cell in folded)
    return (
        f'<tr><th class="text" scope="row">{swatch(place)}{name}</th>{shown}</tr>'
        f'<tr class="rest"><td colspan="{len(cells) + 1}"><details><summary>all numbers of {name}</summary>'
        f"<dl>{items}</dl></details></td></tr>"
    )


def _cells(model: ModelResult, place: int, beside: bool) -> list[Cell]:
    judged = str(model.row["judged"])
    low, high = model.row["interval"]
    priorities = {"train": "c", "valid": "b", "test": "b"} | {judged: "a"}
    cells = [Cell(part, priorities[part], number(model.score(part))) for part in ("train", "valid", "test")]
    bar = interval_bar(model.score(judged), low, high, place)
    words = f'<span class="range-words">{interval(low, high) or "–"}</span>'
    cells.append(Cell(f"{judged}, 95&nbsp;% interval", "a", f"{bar}{words}"))
    size = f"{model.megabytes:.1f} MB" if model.megabytes >= 0.1 else f"{1000 * model.megabytes:.0f} kB"
    scores = (("F1", "f1", "b"), ("log loss", "log_loss", "b"), ("top 2", "top2", "c"), ("kappa", "kappa", "c"))
    for title, name, priority in (*scores, ("calibration error", "ece", "b")):
        cells.append(Cell(title, priority, number(model.score(judged, name))))
    cells.append(Cell("training", "c", f"{model.row['train_seconds']:.1f} s"))
    cells.append(Cell("model alone, a clip", "b", milliseconds(model.row["predict_milliseconds_a_clip"])))
    cells.append(Cell("size", "c", size))
    if beside:
        cells.append(Cell("published", "c", number(model.row["published"])))
    return cells
