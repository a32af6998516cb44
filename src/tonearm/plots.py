"""Pictures of results: learning curves, sweeps and speed-ups, as PNG and SVG.

Conventions
-----------
Figures are matplotlib's, made without pyplot, so that nothing is left open and no screen is needed. Files
carry no date: the same results give the same bytes. Colours are those of `theme` and of the cividis map, which
colour-blind readers tell apart; all axes have names and round ends.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.runtime.files import replacing
from tonearm.theme import COLOURS, LINE, SHAPES, SOFT, look, tick_label, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_NAME = 40


class BandLine(NamedTuple):
    """A named line through points (x, y), a band of (x, low, high), and a thin law through points of its own.

    look: the model's place in the leaderboard. hollow: whether its points are, for a second line of the same model.
    """

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]]
    law: Sequence[tuple[float, float]]
    look: int
    hollow: bool = False


def curves_figure(histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> "Figure":
    """Loss and accuracy of every model over its epochs: training dashed and faint, validation solid.

    histories: by model, best first, one mapping an epoch with epoch, train_loss, train_accuracy, valid_loss,
    valid_accuracy (the last two may be None); empty for a model without epochs, which keeps its colour.
    """
    from matplotlib.lines import Line2D

    figure = new_figure(11.0, 4.4)
    known = {name: (place, history) for place, (name, history) in enumerate(histories.items()) if history}
    last = max((epoch["epoch"] for _, history in known.values() for epoch in history), default=1)
    for place, (quantity, up) in enumerate((("loss", "loss (nats)"), ("accuracy", "accuracy")), start=1):
        area = figure.add_subplot(1, 2, place)
        for which, history in known.values():
            _draw_curve(
                area, history, f"train_{quantity}", {**_look(which), "linestyle": "--", "alpha": 0.6, "marker": ""}
            )
            _draw_curve(area, history, f"valid_{quantity}", _look(which))
        _frame(area, f"{quantity} while learning", "epoch", up)
        _round_axis(area, "x", 0, last, whole=True)
        share = quantity == "accuracy"
        _round_axis(area, "y", 0, 1.0 if share else _highest(area), share=share)
        if share:
            # a model is named whichever of the two curves it has
            names = [Line2D([], [], label=name, **_look(which)) for name, (which, _) in known.items()]
            title = "validation solid, training dashed"
            area.legend(handles=names, title=title, loc="lower right", fontsize=8, title_fontsize=8)
    return figure


def _look(place: int) -> dict[str, Any]:
    """Colour and marker of the model at a place in the leaderboard."""
    colour, shape = look(place)
    return {"color": COLOURS[colour], "marker": SHAPES[shape], "markersize": 4.5}


def _frame(area: "Axes", title: str, across: str, up: str) -> None:
    """Title and names of the axes, over a quiet grid."""
    area.set_title(title, fontsize=11)
    area.set_xlabel(across)
    area.set_ylabel(up)
    area.grid(visible=True, color=LINE, linewidth=0.7)
    area.set_axisbelow(True)
    area.spines[["top", "right"]].set_visible(False)
    area.spines[["left", "bottom"]].set_color(LINE)
    area.tick_params(color=LINE)


def _round_axis(
    area: "Axes", which: str, low: float, high: float, share: bool = False, whole: bool = False, most: int = 5
) -> None:
    """Ticks at round steps from end to end, with room that keeps a line along the last of them whole."""
    marks = ticks(low, high, most, whole)
    room = 0.02 * (marks[-1] - marks[0])
    names = [tick_label(mark, share) for mark in marks]
    if which == "x":
        area.set_xticks(marks, names)
        area.set_xlim(marks[0] - (room if marks[0] else 0.0), marks[-1] + room)
    else:
        area.set_yticks(marks, names)
        area.set_ylim(marks[0] - (room if marks[0] else 0.0), marks[-1] + room)


def _highest(area: "Axes") -> float:
    """The highest finite point of an area's lines, 1 where there is none."""
    found = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in area.lines] or [np.zeros(0)])
    found = found[np.isfinite(found)]
    return float(found.max()) if len(found) and found.max() > 0 else 1.0


def _draw_curve(area: "Axes", history: Sequence[Mapping[str, Any]], key: str, own: Mapping[str, Any]) -> None:
    points = [(epoch["epoch"], epoch[key]) for epoch in history if epoch.get(key) is not None]
    if points:
        area.plot(*zip(*points, strict=True), linewidth=1.6, markevery=max(1, len(points) // 8), **own)


def heatmap_figure(
    scores: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    titles: tuple[str, str, str],
    best: tuple[int, int],
    skipped: NDArray[np.bool_],
    theirs: Mapping[tuple[int, int], str],
) -> "Figure":
    """A score by two settings; cells without a score stay empty, skipped ones are hatched.

    scores: shape (rows, columns), NaN where there is none. titles: of the rows, the columns and the score. best: row
    and column of the cell that is framed. theirs: published scores by row and column, in brackets below ours.
    """
    from matplotlib.patches import Rectangle

    figure = new_figure(0.95 * len(columns) + 2.4, (0.62 if theirs else 0.5) * len(rows) + 1.6)
    area = figure.add_subplot()
    image = area.imshow(np.ma.masked_invalid(scores), cmap="cividis", aspect="auto")
    low, high = image.get_clim()
    for row, column in np.ndindex(*scores.shape):
        if np.isfinite(scores[row, column]):
            colour = "black" if scores[row, column] > (low + high) / 2 else "white"
            shown = f"{scores[row, column]:.3f}" + (f"\n({theirs[row, column]})" if (row, column) in theirs else "")
            area.text(column, row, shown, ha="center", va="center", color=colour, fontsize=9)
        elif skipped[row, column]:
            look: dict[str, Any] = {"facecolor": "none", "edgecolor": "0.6", "hatch": "////", "linewidth": 0}
            area.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **look))
            area.text(column, row, "skipped", ha="center", va="center", fontsize=8, bbox={"color": "white", "pad": 1.5})
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

    figure = new_figure(1.9 * (len(settings) + 1) + 1.0, 4.4)
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
    area.set_title(f"a line a trial, through its settings to its {title}", fontsize=11)
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

    curves: by task, (processes, speed-up), from the fewest processes on. The axes are those of the measurements: the
    perfect line leaves the picture where it goes beyond them.
    """
    figure = new_figure(6.2, 4.4)
    area = figure.add_subplot()
    for place, (task, points) in enumerate(curves.items()):
        area.plot(*zip(*points, strict=True), label=task, linewidth=1.6, **_look(place))
    counts = [count for count, _ in next(iter(curves.values()))]
    measured = max(speed for points in curves.values() for _, speed in points)
    perfect = [count / counts[0] for count in counts]
    area.plot(counts, perfect, color=SOFT, linewidth=0.9, label="perfect")
    _frame(area, "speed-up by processes", "processes", f"speed-up over {counts[0]} (times)")
    area.set_xticks(counts)
    _round_axis(area, "y", 0, measured)
    area.legend(fontsize=8)
    return figure


def importance_figure(
    panels: Sequence[tuple[str, Sequence[tuple[str, float, float | None, float | None]]]], looks: Sequence[int] = ()
) -> "Figure":
    """A panel a model: how much accuracy drops without each family or part, with its 95 % interval.

    panels: titles and (name, drop, low, high), from the top down. looks: places of the panels' models in the
    leaderboard, by default those of the panels.
    """
    heights = [0.26 * len(bars) + 0.5 for _, bars in panels]
    figure = new_figure(8.0, sum(heights) + 0.8)
    areas = figure.subplots(len(panels), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    for area, (title, bars), place in zip(areas, panels, looks or range(len(panels)), strict=True):
        for row, (_, drop, low, high) in enumerate(bars):
            area.barh(row, drop, color=_look(place)["color"], alpha=0.75)
            if low is not None and high is not None:
                area.plot([low, high], [row, row], color="black", linewidth=1.2)
        area.set_yticks(range(len(bars)), [name[:LONGEST_NAME] for name, *_ in bars], fontsize=8)
        area.invert_yaxis()
        area.axvline(0.0, color=SOFT, linewidth=0.8)
        area.spines[:].set_color(LINE)
        area.set_title(title, fontsize=8, loc="left")
    ends = [0.0, *(end for _, bars in panels for _, *bar in bars for end in bar if end is not None)]
    _round_axis(areas[-1], "x", min(ends), max(ends), most=6)
    areas[-1].set_xlabel("drop of the accuracy (share of clips), with its 95 % interval")
    return figure


def band_figure(panels: Sequence[tuple[str, Sequence[BandLine]]], up: str) -> "Figure":
    """Lines of shares with bands of their intervals, a panel for each horizontal axis. up: what the shares are."""
    figure = new_figure(6.2 * max(1, len(panels)), 4.4)
    for place, (across, lines) in enumerate(panels, start=1):
        area = figure.add_subplot(1, max(1, len(panels)), place)
        for line in lines:
            own = _look(line.look)
            own["markerfacecolor"] = "white" if line.hollow else own["color"]
            area.plot(*zip(*line.points, strict=True), label=line.name, linewidth=1.6, **own)
            if line.band:
                area.fill_between(*zip(*line.band, strict=True), color=own["color"], alpha=0.12, linewidth=0)
            if line.law:
                area.plot(*zip(*line.law, strict=True), color=own["color"], linewidth=0.8, alpha=0.7)
        _frame(area, f"{up} by {across}", across, up)
        _round_axis(area, "x", 0, max((x for line in lines for x, *_ in (*line.points, *line.band)), default=1))
        _round_axis(area, "y", 0, 1, share=True)
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


def new_figure(width: float, height: float) -> "Figure":
    """A figure without pyplot, of so many inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
