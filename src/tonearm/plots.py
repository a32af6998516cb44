"""Pictures of results: confusion matrices, learning curves, sweeps and speed-ups, as PNG and SVG.

Conventions
-----------
Figures are matplotlib's, made without pyplot, so that nothing is left open and no screen is needed. Files
carry no date: the same results give the same bytes. Colours are those of the cividis map and of the
Okabe-Ito palette, which colour-blind readers tell apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.runtime.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MATRIX_CLASSES = 60  # more have no room for a number in each cell
LONGEST_NAME = 40
MOST_NAMES = 120  # on an axis of the size that such a picture has
MARKERS = ("", "o", "s", "^")  # of the first seven curves, the next seven, ...


class BandLine(NamedTuple):
    """A named line through points (x, y), a band of (x, low, high), and a dotted law through points of its own."""

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]]
    law: Sequence[tuple[float, float]]
    look: int
    dashed: bool = False


def confusion_figure(confusion: NDArray[np.int64], labels: Sequence[str]) -> "Figure":
    """Rows are the truth: each cell shows its count and is coloured by its share of the row.

    confusion: counts, shape (labels, labels). With more than `MATRIX_CLASSES` labels the picture grows no further: the
    cells have colours alone, and only some of the labels are named.
    """
    if len(labels) > MATRIX_CLASSES:
        return _large_confusion(confusion, labels)
    figure = _figure(0.55 * len(labels) + 2.6, 0.5 * len(labels) + 1.6)
    area = figure.add_subplot()
    share = _shares(confusion)
    image = area.imshow(share, cmap="cividis", vmin=0, vmax=1)
    for row, column in np.ndindex(*confusion.shape):
        if confusion[row, column]:
            colour = "black" if share[row, column] > 0.5 else "white"
            area.text(column, row, str(confusion[row, column]), ha="center", va="center", color=colour, fontsize=9)
    area.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    area.set_yticks(range(len(labels)), labels)
    _frame_confusion(figure, area, image, confusion)
    return figure


def _large_confusion(confusion: NDArray[np.int64], labels: Sequence[str]) -> "Figure":
    """The picture of many labels: as large as a page, however many they are."""
    figure = _figure(16.0, 14.5)
    area = figure.add_subplot()
    image = area.imshow(_shares(confusion), cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
    named = range(0, len(labels), -(-len(labels) // MOST_NAMES))
    names = [labels[place][:LONGEST_NAME] for place in named]
    area.set_xticks(named, names, rotation=90, fontsize=6)
    area.set_yticks(named, names, fontsize=6)
    _frame_confusion(figure, area, image, confusion)
    return figure


def _shares(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    totals = confusion.sum(axis=1, keepdims=True)
    share: NDArray[np.float64] = np.divide(confusion, totals, out=np.zeros(confusion.shape), where=totals > 0)
    return share


def _frame_confusion(figure: "Figure", area: "Axes", image: Any, confusion: NDArray[np.int64]) -> None:
    area.set_xlabel("predicted")
    area.set_ylabel("truth")
    right = int(np.trace(confusion))
    area.set_title(f"{right} of {int(confusion.sum())} right")
    figure.colorbar(image, ax=area, label="share of the true class", fraction=0.046, pad=0.04)


def curves_figure(histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> "Figure":
    """Loss and accuracy of every model over its epochs: training dashed, validation solid.

    histories: by model, one mapping an epoch with epoch, train_loss, train_accuracy, valid_loss,
    valid_accuracy (the last two may be None).
    """
    from matplotlib.lines import Line2D

    figure = _figure(11.0, 4.2)
    for place, (quantity, title) in enumerate((("loss", "loss"), ("accuracy", "accuracy")), start=1):
        area = figure.add_subplot(1, 2, place)
        for history, look in zip(histories.values(), _looks(), strict=False):
            _draw_curve(area, history, f"train_{quantity}", {**look, "linestyle": "--"})
            _draw_curve(area, history, f"valid_{quantity}", look)
        area.set_xlabel("epoch")
        area.set_title(title)
        area.grid(visible=True, alpha=0.3)
        if quantity == "accuracy":
            area.set_ylim(0, 1)
            # a model is named whichever of the two curves it has
            names = [Line2D([], [], label=name, **look) for name, look in zip(histories, _looks(), strict=False)]
            title = "validation solid, training dashed"
            area.legend(handles=names, title=title, loc="lower right", fontsize=8, title_fontsize=8)
    return figure


def _looks() -> Iterator[dict[str, str]]:
    """How each model's curves look; no two alike before all colours and markers are used up."""
    return ({"color": colour, "marker": marker} for marker, colour in cycle(product(MARKERS, COLOURS)))


def _draw_curve(area: "Axes", history: Sequence[Mapping[str, Any]], key: str, look: Mapping[str, Any]) -> None:
    points = [(epoch["epoch"], epoch[key]) for epoch in history if epoch.get(key) is not None]
    if points:
        area.plot(*zip(*points, strict=True), linewidth=1.6, markevery=5, **look)


def heatmap_figure(
    scores: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    titles: tuple[str, str, str],
    best: tuple[int, int],
) -> "Figure":
    """A score by two settings; cells without a score stay empty.

    scores: shape (rows, columns), NaN where there is none. titles: of the rows, the columns and the score. best: row
    and column of the cell that is framed.
    """
    from matplotlib.patches import Rectangle

    figure = _figure(0.95 * len(columns) + 2.4, 0.5 * len(rows) + 1.6)
    area = figure.add_subplot()
    image = area.imshow(np.ma.masked_invalid(scores), cmap="cividis", aspect="auto")
    low, high = image.get_clim()
    for row, column in np.ndindex(*scores.shape):
        if np.isfinite(scores[row, column]):
            colour = "black" if scores[row, column] > (low + high) / 2 else "white"
            area.text(column, row, f"{scores[row, column]:.3f}", ha="center", va="center", color=colour, fontsize=9)
    area.add_patch(Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=2.5))
    area.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    area.set_yticks(range(len(rows)), rows)
    area.set_ylabel(titles[0])
    area.set_xlabel(titles[1])
    figure.colorbar(image, ax=area, label=titles[2], fraction=0.046, pad=0.04)
    return figure


def parallel_figure(settings: Mapping[str, Sequence[Any]], scores: Sequence[float], title: str) -> "Figure":
    """Parallel coordinates: a line a trial through its value of each setting to its score, coloured by the score.

    settings: by name, a value for each trial; numbers stand by their size (over a factor of 30 by its logarithm),
    all else in the order in which it comes. scores: of each trial, in [0, 1].
    """
    import matplotlib

    figure = _figure(1.9 * (len(settings) + 1) + 1.0, 4.4)
    area = figure.add_subplot()
    axes = [_coordinates(values) for values in settings.values()]
    axes.append(_coordinates(list(scores)))
    low, high = min(scores), max(scores)
    for trial in np.argsort(scores, kind="stable").tolist():
        share = (scores[trial] - low) / (high - low) if high > low else 1.0
        heights = [places[trial] for places, _ in axes]
        colour = matplotlib.colormaps["cividis"](share)
        area.plot(range(len(axes)), heights, color=colour, linewidth=1.0 + 1.5 * share, alpha=0.85)
    for place, (_, marks) in enumerate(axes):
        area.axvline(place, color="black", linewidth=0.8)
        for height, mark in marks:
            area.text(
                place + 0.03, height, mark, va="center", fontsize=8, bbox={"color": "white", "alpha": 0.7, "pad": 1}
            )
    area.set_xticks(range(len(axes)), [*settings, title])
    area.set_xlim(-0.1, len(axes) - 0.6)
    area.set_yticks([])
    area.spines[:].set_visible(False)
    return figure


def _coordinates(values: Sequence[Any]) -> tuple[list[float], list[tuple[float, str]]]:
    """Height in [0, 1] of each value, and the marks of the axis: height and text."""
    words = any(isinstance(value, bool) or not isinstance(value, int | float) for value in values)
    if words or len(set(values)) == 1:
        found = list(dict.fromkeys(map(str, values)))
        heights = {word: (place + 0.5) / len(found) for place, word in enumerate(found)}
        return [heights[str(value)] for value in values], [(height, word) for word, height in heights.items()]
    numbers = np.asarray(values, dtype=np.float64)
    logarithmic = bool(numbers.min() > 0 and numbers.max() / numbers.min() > 30)
    scaled = np.log(numbers) if logarithmic else numbers
    low, high = scaled.min(), scaled.max()
    known = np.unique(scaled)
    shown = known if len(known) <= 6 else np.linspace(low, high, 5)
    marks = [((at - low) / (high - low), f"{np.exp(at) if logarithmic else at:.3g}") for at in shown.tolist()]
    return ((scaled - low) / (high - low)).tolist(), marks


def scaling_figure(curves: Mapping[str, Sequence[tuple[int, float]]]) -> "Figure":
    """Speed-up over the number of processes, one curve a task, and the line that would be perfect.

    curves: by task, (processes, speed-up), from the fewest processes on.
    """
    figure = _figure(5.6, 4.2)
    area = figure.add_subplot()
    for (task, points), look in zip(curves.items(), _looks(), strict=False):
        area.plot(*zip(*points, strict=True), label=task, linewidth=1.6, **{**look, "marker": "o"})
    counts = [count for count, _ in next(iter(curves.values()))]
    area.plot(counts, [count / counts[0] for count in counts], "--", color="grey", label="perfect")
    area.set_xticks(counts)
    area.set_xlabel("processes")
    area.set_ylabel(f"speed-up over {counts[0]}")
    area.grid(visible=True, alpha=0.3)
    area.legend()
    return figure


def importance_figure(
    panels: Sequence[tuple[str, Sequence[tuple[str, float, float | None, float | None]]]],
) -> "Figure":
    """A panel a model: how much accuracy drops without each family or part, with its 95 % interval.

    panels: titles and (name, drop, low, high), from the top down.
    """
    heights = [0.26 * len(bars) + 0.5 for _, bars in panels]
    figure = _figure(8.0, sum(heights) + 0.8)
    areas = figure.subplots(len(panels), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    for area, (title, bars) in zip(areas, panels, strict=True):
        for place, (_, drop, low, high) in enumerate(bars):
            area.barh(place, drop, color=COLOURS[0], alpha=0.75)
            if low is not None and high is not None:
                area.plot([low, high], [place, place], color="black", linewidth=1.2)
        area.set_yticks(range(len(bars)), [name[:LONGEST_NAME] for name, *_ in bars], fontsize=8)
        area.invert_yaxis()
        area.axvline(0.0, color="grey", linewidth=0.8)
        area.set_title(title, fontsize=8, loc="left")
    areas[-1].set_xlabel("drop of the accuracy, with its 95 % interval")
    return figure


def band_figure(panels: Sequence[tuple[str, Sequence[BandLine]]], up: str) -> "Figure":
    """Lines of shares with bands of their intervals, a panel for each horizontal axis. up: what the shares are."""
    figure = _figure(6.2 * max(1, len(panels)), 4.4)
    for place, (across, lines) in enumerate(panels, start=1):
        area = figure.add_subplot(1, max(1, len(panels)), place)
        for line in lines:
            colour = COLOURS[line.look % len(COLOURS)]
            style = "--" if line.dashed else "-"
            area.plot(*zip(*line.points, strict=True), style, color=colour, marker="o", markersize=4, label=line.name)
            if line.band:
                area.fill_between(*zip(*line.band, strict=True), color=colour, alpha=0.12, linewidth=0)
            if line.law:
                area.plot(*zip(*line.law, strict=True), ":", color=colour, linewidth=1.4)
        area.set_xlim(left=0)
        area.set_ylim(0, 1)
        area.set_xlabel(across)
        area.set_ylabel(up)
        area.grid(visible=True, alpha=0.3)
        area.legend(loc="lower right", fontsize=8)
    return figure


def save_figure(figure: "Figure", path: Path) -> None:
    """Write `path`.png and `path`.svg, atomically and without dates."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "tonearm", "svg.fonttype": "none"}):
        for ending, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
            with replacing(path.with_name(path.name + ending)) as temporary:
                figure.savefig(temporary, metadata=metadata, dpi=120)


def remove_figure(path: Path) -> None:
    """Remove what `save_figure` wrote to the same path, if anything is there."""
    for ending in (".png", ".svg"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
