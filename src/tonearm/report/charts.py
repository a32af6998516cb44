"""Charts as inline SVG: they take the page's colours, need no network and say in words what they show.

Conventions
-----------
Text and axes are drawn in `currentColor`; series take the classes s0 to s6 of `style`, whose colours are of the
Okabe-Ito palette, and a dash of their own, so that no reader needs the colour. Coordinates are pixels, y downwards.
"""

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from tonearm.wording import interval

DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4", "4 2 1 2", "1 2")


class Series(NamedTuple):
    """A named line through points; faint lines stand back. band: (x, low, high) of an interval around the line."""

    name: str
    points: Sequence[tuple[float, float]]
    look: int
    faint: bool = False
    band: Sequence[tuple[float, float, float]] = ()


def interval_bar(value: float, low: float | None, high: float | None) -> str:
    """A score from 0 to 1 as a dot on its 95 % interval."""
    said = f"{value:.3f}" + (f", 95 % interval {interval(low, high)}" if interval(low, high) else "")
    line = ""
    if low is not None and high is not None:
        line = f'<line class="range" x1="{160 * low:.1f}" x2="{160 * high:.1f}" y1="8" y2="8"/>'
    dot = f'<circle class="dot" cx="{160 * value:.1f}" cy="8" r="4"/>'
    scale = '<line class="axis" x1="0" x2="160" y1="8" y2="8"/>'
    return f'<svg class="bar" viewBox="-4 0 168 16" role="img" aria-label="{escape(said)}">{scale}{line}{dot}</svg>'


def line_chart(title: str, across: str, up: str, series: Sequence[Series], top: float | None = None) -> str:
    """Lines over a common axis from 0 at the left; `top` is the end of the vertical axis, by default the data's."""
    width, height, left, bottom = 460.0, 260.0, 46.0, 40.0
    points = [point for one in series for point in one.points]
    right = max((x for x, *_ in (*points, *(edge for one in series for edge in one.band))), default=1.0) or 1.0
    highest = top or max((y for _, y in points), default=1.0) or 1.0

    def place(x: float, y: float) -> str:
        across_ = left + (width - left - 8) * x / right
        return f"{across_:.1f},{(height - bottom) - (height - bottom - 12) * min(y, highest) / highest:.1f}"

    parts = []
    steps = int(right) if right in (1.0, 2.0, 3.0) and across == "epoch" else 4  # no half epochs
    for tick in range(5):
        y = (height - bottom) - (height - bottom - 12) * tick / 4
        parts.append(f'<line class="grid" x1="{left}" x2="{width - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{highest * tick / 4:.2g}</text>')
    for tick in range(steps + 1):
        x = left + (width - left - 8) * tick / steps
        anchor = "end" if tick == steps else "middle"
        parts.append(
            f'<text x="{x:.1f}" y="{height - bottom + 16}" text-anchor="{anchor}">{right * tick / steps:.3g}</text>'
        )
    for one in series:
        edges = [*((x, low) for x, low, _ in one.band), *((x, high) for x, _, high in reversed(one.band))]
        if edges:
            corners = " ".join(place(x, y) for x, y in edges)
            parts.append(f'<polygon class="band s{one.look % 7}" points="{corners}"/>')
    for one in series:
        path = " ".join(place(x, y) for x, y in one.points)
        faint = " faint" if one.faint else ""
        dash = DASHES[one.look % len(DASHES)]
        parts.append(f'<polyline class="line s{one.look % 7}{faint}" stroke-dasharray="{dash}" points="{path}"/>')
    parts.append(f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle">{escape(across)}</text>')
    said = f"{title}: {up} over {across}, " + ", ".join(one.name for one in series if not one.faint)
    drawn = f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'
    return f'<figure class="chart"><figcaption>{escape(title)}</figcaption>{drawn}{legend(series)}</figure>'


def legend(series: Sequence[Series]) -> str:
    """The names of the lines beside a piece of each."""
    items = [
        f'<li><svg viewBox="0 0 34 8" aria-hidden="true"><line class="line s{one.look % 7}" '
        f'stroke-dasharray="{DASHES[one.look % len(DASHES)]}" x1="1" x2="33" y1="4" y2="4"/></svg>'
        f"{escape(one.name)}</li>"
        for one in series
        if not one.faint
    ]
    return f'<ul class="legend">{"".join(items)}</ul>'


def slope_chart(left_title: str, right_title: str, pairs: Sequence[tuple[str, float, float]]) -> str:
    """One line a model from its score at the left to that at the right; names stand apart at both ends."""
    width, height, inset = 520.0, 60.0 + 22.0 * max(len(pairs), 6), 180.0
    values = [value for _, left, right in pairs for value in (left, right)]
    low, high = min(values), max(values)
    spread = (high - low) or 1.0

    def level(value: float) -> float:
        return 44.0 + (height - 64.0) * (high - value) / spread

    parts = [
        f'<text class="head" x="{inset}" y="18" text-anchor="end">{escape(left_title)}</text>',
        f'<text class="head" x="{width - inset}" y="18">{escape(right_title)}</text>',
    ]
    at_left, at_right = (apart([level(values[side]) for _, *values in pairs], 15.0, highest=36.0) for side in (0, 1))
    for look, (name, left, right) in enumerate(pairs):
        y1, y2 = level(left), level(right)
        parts.append(
            f'<line class="line s{look % 7}" stroke-dasharray="{DASHES[look % len(DASHES)]}" x1="{inset + 6}" '
            f'x2="{width - inset - 6}" y1="{y1:.1f}" y2="{y2:.1f}"/>'
        )
        parts.append(
            f'<text x="{inset}" y="{at_left[look] + 4:.1f}" text-anchor="end">{escape(name)} {left:.3f}</text>'
        )
        parts.append(f'<text x="{width - inset}" y="{at_right[look] + 4:.1f}">{right:.3f} {escape(name)}</text>')
    said = f"{left_title} against {right_title}: " + "; ".join(
        f"{name} {left:.3f} and {right:.3f}" for name, left, right in pairs
    )
    size = f'viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'<svg class="slope" {size} role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'


def apart(levels: Sequence[float], least: float, highest: float = 0.0) -> list[float]:
    """The levels moved so that neighbours stand at least so far from each other, in their order, and none above
    `highest`, which is the least number, since levels count downwards.

    >>> apart([10.0, 11.0, 40.0], 15.0)
    [3.0, 18.0, 40.0]
    """
    placed = list(levels)
    order = sorted(range(len(placed)), key=lambda index: placed[index])
    for _ in range(1000):
        moved = placed[order[0]] < highest
        placed[order[0]] = max(placed[order[0]], highest)
        for upper, lower in pairwise(order):
            short = least - (placed[lower] - placed[upper])
            if short > 1e-6:
                placed[upper] -= short / 2
                placed[lower] += short / 2
                moved = True
        if not moved:
            break
    return [round(level, 6) for level in placed]
