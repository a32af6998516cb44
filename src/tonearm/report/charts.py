"""Charts as inline SVG: they take the page's colours, need no network and say in words what they show.

Conventions
-----------
Text and axes are drawn in `currentColor`; a model has the colour and the shape of its place in the leaderboard
(`theme.look`), as the classes s0 to s6 of `style`. A dashed line is of the training clips, a solid one of clips that
were not trained on; a thin grey line is a mark to read the others by. Coordinates are pixels, y downwards.
"""

from collections.abc import Callable, Sequence
from html import escape
from typing import Literal, NamedTuple

from tonearm.theme import look, tick_label, ticks
from tonearm.wording import interval

Kind = Literal["line", "training", "law", "rule"]
Point = tuple[float, float]
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 460.0, 280.0, 62.0, 46.0, 12.0, 14.0
MARKED = 8  # points of a line that have a shape
_OUTLINES = (  # of each shape around 0, 0; in the order of theme.SHAPES
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-3.5-3.5h7v7h-7z",
    "M0-4.5L4.2 3.2H-4.2z",
    "M0-4.8L4.2 0L0 4.8L-4.2 0z",
    "M0 4.5L4.2-3.2H-4.2z",
    "M-1.4-4.4h2.8v3h3v2.8h-3v3h-2.8v-3h-3v-2.8h3z",
    "M-4-2.4L-2.4-4L0-1.6L2.4-4L4-2.4L1.6 0L4 2.4L2.4 4L0 1.6L-2.4 4L-4 2.4L-1.6 0z",
)


class Axis(NamedTuple):
    """Name with unit; share: whether it goes from 0 to 100 %; whole: whether there are only whole numbers."""

    name: str
    share: bool = False
    whole: bool = False


class Series(NamedTuple):
    """A named line through points. look: place in the leaderboard. band: (x, low, high) of an interval around it.

    kind: "training" is dashed, "law" thin, "rule" a thin grey mark without a model. hollow: whether its shapes are.
    """

    name: str
    points: Sequence[Point]
    look: int = 0
    kind: Kind = "line"
    band: Sequence[tuple[float, float, float]] = ()
    hollow: bool = False


def shape(place: int, x: float, y: float, hollow: bool = False) -> str:
    """The shape of the model at a place in the leaderboard, around a point."""
    colour, outline = look(place)
    return (
        f'<path class="mark s{colour}{" hollow" * hollow}" transform="translate({x:.1f} {y:.1f})" '
        f'd="{_OUTLINES[outline]}"/>'
    )


def swatch(place: int) -> str:
    """The colour and the shape of a model, to stand before its name."""
    return f'<svg class="swatch" viewBox="-6 -6 12 12" aria-hidden="true">{shape(place, 0, 0)}</svg>'


def interval_bar(value: float, low: float | None, high: float | None, place: int = 0) -> str:
    """A score from 0 to 1 as a dot on its 95 % interval, in the colour of the model at this place."""
    span, colour = interval(low, high), look(place)[0]
    said = f"{value:.3f}" + (f", 95 % interval {span}" if span else "")
    line = ""
    if span and low is not None and high is not None:
        line = f'<line class="range s{colour}" x1="{160 * low:.1f}" x2="{160 * high:.1f}" y1="8" y2="8"/>'
    dot = f'<circle class="mark s{colour}" cx="{160 * value:.1f}" cy="8" r="4"/>'
    scale = '<line class="axis" x1="0" x2="160" y1="8" y2="8"/>'
    return f'<svg class="bar" viewBox="-4 0 168 16" role="img" aria-label="{escape(said)}">{scale}{line}{dot}</svg>'


def line_chart(title: str, across: Axis, up: Axis, series: Sequence[Series]) -> str:
    """Lines over two axes that begin at 0 and end on a round number."""
    xs = [x for one in series for x, *_ in (*one.points, *one.band)]
    ys = [y for one in series for _, y in one.points]
    over, beside = _marks(across, xs), _marks(up, ys)

    def place(x: float, y: float) -> Point:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * x / over[-1],
            HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * y / beside[-1],
        )

    parts = [frame(across, over, up, beside, place)]
    parts += [_band(one, place) for one in series if one.band]
    parts += [_line(one, place) for one in series]
    said = f"{title}: {up.name} over {across.name}, " + ", ".join(
        one.name for one in series if one.kind in ("line", "training")
    )
    drawn = f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'
    return f'<figure class="chart"><figcaption>{escape(title)}</figcaption>{drawn}{legend(series)}</figure>'


def _marks(axis: Axis, values: Sequence[float]) -> list[float]:
    return ticks(0.0, 1.0, 4) if axis.share else ticks(0.0, max(values, default=1.0), whole=axis.whole)


def frame(
    across: Axis,
    over: Sequence[float],
    up: Axis,
    beside: Sequence[float],
    place: Callable[[float, float], Point],
    below: float = 0.0,
) -> str:
    """Grid, ticks and names of both axes.

    over, beside: the ticks. place: pixels of a point. below: pixels between the lowest line and the ticks under it.
    """
    left, floor = place(over[0], beside[0])
    right, top = place(over[-1], beside[-1])
    bottom = floor + below
    parts = []
    for tick in beside:
        y = place(over[0], tick)[1]
        parts.append(f'<line class="grid" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        words = tick_label(tick, up.share)
        parts.append(f'<text class="tick" x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{words}</text>')
    for tick in over:
        x, words = place(tick, beside[0])[0], tick_label(tick, across.share)
        anchor = "end" if tick == over[-1] and len(words) > 3 else "middle"
        edge = x + 12 if anchor == "end" else x
        parts.append(f'<text class="tick" x="{edge:.1f}" y="{bottom + 17:.1f}" text-anchor="{anchor}">{words}</text>')
    middle, half = (left + right) / 2, (top + floor) / 2
    parts.append(f'<text x="{middle:.1f}" y="{bottom + 38:.1f}" text-anchor="middle">{escape(across.name)}</text>')
    parts.append(
        f'<text transform="translate(14 {half:.1f}) rotate(-90)" text-anchor="middle">{escape(up.name)}</text>'
    )
    return "".join(parts)


def _band(one: Series, place: Callable[[float, float], Point]) -> str:
    edges = [*((x, low) for x, low, _ in one.band), *((x, high) for x, _, high in reversed(one.band))]
    return f'<polygon class="band s{look(one.look)[0]}" points="{_path(edges, place)}"/>'


def _line(one: Series, place: Callable[[float, float], Point]) -> str:
    drawn = f'<polyline class="{_classes(one)}" points="{_path(one.points, place)}"/>'
    if one.kind != "line":
        return drawn
    apart = max(1, len(one.points) // MARKED)
    marked = one.points[(one.look * apart // MARKED) % apart :: apart]  # not all lines at the same places
    return drawn + "".join(shape(one.look, *place(*point), one.hollow) for point in marked)


def _path(points: Sequence[Point], place: Callable[[float, float], Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))


def _classes(one: Series) -> str:
    return "rule" if one.kind == "rule" else f"line s{look(one.look)[0]} {one.kind}"


def legend(series: Sequence[Series]) -> str:
    """The names of the lines beside a piece of each; a model that has a solid line is named by it."""
    named: dict[str, Series] = {}
    for one in series:
        if one.kind != "law" and (one.name not in named or one.kind == "line"):
            named[one.name] = one
    if len(named) < 2:
        return ""  # the title says it
    items = ""
    for one in named.values():
        mark = shape(one.look, 17, 5, one.hollow) if one.kind != "rule" else ""
        line = f'<line class="{_classes(one)}" x1="1" x2="33" y1="5" y2="5"/>'
        items += f'<li><svg viewBox="0 0 34 10" aria-hidden="true">{line}{mark}</svg>{escape(one.name)}</li>'
    return f'<ul class="legend">{items}</ul>'
