"""Two splits side by side: a line a model from its score on the one to that on the other.

Conventions
-----------
The picture is drawn twice, for wide screens and for phones, and the style shows the one that fits, since a picture
that is scaled to a phone has letters that nobody reads. Scores are of the judged part of each experiment.
"""

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from tonearm.report.charts import shape
from tonearm.report.collect import ExperimentRecord
from tonearm.report.html import sentence, table
from tonearm.theme import look


class Pair(NamedTuple):
    """A model's scores on both splits, and its place in the leaderboard."""

    name: str
    left: float
    right: float
    look: int


class Size(NamedTuple):
    """Of a picture in pixels: width, room beside the lines, height, least distance of names, longest name."""

    width: float
    inset: float
    height: float
    apart: float
    longest: int


WIDE, NARROW = Size(1040.0, 270.0, 430.0, 22.0, 26), Size(360.0, 126.0, 380.0, 18.0, 11)


def slopes(record: ExperimentRecord, against: ExperimentRecord) -> str:
    """The section: what the other split adds in a sentence, the picture, how both were split, and the numbers."""
    other = {model.name: model for model in against.trained}
    pairs = [
        Pair(
            model.name,
            model.score(str(model.row["judged"])),
            other[model.name].score(str(other[model.name].row["judged"])),
            look,
        )
        for look, model in enumerate(record.trained)
        if model.name in other
    ]
    if not pairs:
        return "<h2>Another split</h2><p>The two experiments have no model of the same name.</p>"
    rows = "".join(
        f"<tr><td>{escape(one.name)}</td><td>{one.left:.3f}</td><td>{one.right:.3f}</td>"
        f"<td>{points(one)} points</td></tr>"
        for one in sorted(pairs, key=lambda pair: -pair.left)
    )
    left, right = record.folder.name, against.folder.name
    titles = escape(left), escape(right)
    return (
        f'<section class="splits"><h2>{titles[0]} against {titles[1]}</h2><p class="verdict">'
        f"{escape(in_words(left, right, pairs))}</p>{slope_chart(left, right, pairs)}"
        f'<p class="soft">{titles[1]}: {escape(sentence(against.split))}</p>'
        f"<details><summary>as a table</summary>"
        f"{table(['<model', *titles, 'difference'], rows)}</details></section>"
    )


def points(pair: Pair) -> str:
    """The difference in points of a hundred, with its sign."""
    return f"{100 * (pair.right - pair.left):+.1f}".replace("-", "−")


def in_words(left: str, right: str, pairs: Sequence[Pair]) -> str:
    """How much the other split adds to the models' accuracies, or takes."""
    gains = [100 * (pair.right - pair.left) for pair in pairs]
    least, most = min(gains), max(gains)
    if least > 0:
        many = f"{least:.1f} to {most:.1f}" if len(gains) > 1 else f"{most:.1f}"
        return f"The same models look {many} points of accuracy better on {right} than on {left}."
    if most < 0:
        many = f"{-most:.1f} to {-least:.1f}" if len(gains) > 1 else f"{-most:.1f}"
        return f"The same models look {many} points of accuracy worse on {right} than on {left}."
    return f"From {left} to {right} the models' accuracies change by {least:+.1f} to {most:+.1f} points."


def slope_chart(left_title: str, right_title: str, pairs: Sequence[Pair]) -> str:
    """Accuracy on two splits, with names at both ends and the difference at the right; for both kinds of screens."""
    said = f"{left_title} against {right_title}: " + "; ".join(
        f"{one.name} {one.left:.3f} and {one.right:.3f}" for one in pairs
    )
    drawn = ""
    for name, size in (("wide", WIDE), ("narrow", NARROW)):
        height = max(size.height, 70.0 + size.apart * len(pairs))
        drawn += (
            f'<svg class="slope {name}" viewBox="0 0 {size.width:.0f} {height:.0f}" role="img" '
            f'aria-label="{escape(said)}">{_drawn(left_title, right_title, pairs, size, height)}</svg>'
        )
    return f"<figure><figcaption>accuracy by split, and the difference in points</figcaption>{drawn}</figure>"


def _drawn(left_title: str, right_title: str, pairs: Sequence[Pair], size: Size, height: float) -> str:
    values = [value for one in pairs for value in (one.left, one.right)]
    low, high = min(values), max(values)
    top, bottom = 58.0, height - 14.0

    def level(value: float) -> float:
        return (top + bottom) / 2 if high == low else top + (bottom - top) * (high - value) / (high - low)

    inset, end = size.inset, size.width - size.inset
    wide = size is WIDE
    parts = [
        f'<text class="head" x="{inset:.0f}" y="20" text-anchor="end">{escape(_short(left_title, size))}</text>',
        f'<text class="head" x="{end:.0f}" y="20">{escape(_short(right_title, size))}</text>',
        f'<line class="axis" x1="{inset + 14:.0f}" x2="{inset + 14:.0f}" y1="32" y2="{height:.0f}"/>',
        f'<line class="axis" x1="{end - 14:.0f}" x2="{end - 14:.0f}" y1="32" y2="{height:.0f}"/>',
    ]
    ends = [level(one.left) for one in pairs], [level(one.right) for one in pairs]
    named = [apart(levels, size.apart, highest=46.0) for levels in ends]
    for one, y1, y2, at_left, at_right in zip(pairs, *ends, *named, strict=True):
        parts.append(
            f'<line class="line s{look(one.look)[0]}" x1="{inset + 14:.0f}" x2="{end - 14:.0f}" y1="{y1:.1f}" '
            f'y2="{y2:.1f}"/>{shape(one.look, inset + 14, y1)}{shape(one.look, end - 14, y2)}'
        )
        name = escape(_short(one.name, size))
        parts.append(f'<text x="{inset:.0f}" y="{at_left + 5:.1f}" text-anchor="end">{name} {one.left:.3f}</text>')
        gain = f'<tspan class="gain" dx="{10 if wide else 3}">{points(one)}</tspan>'
        own = f" {name}" if wide else ""
        parts.append(f'<text x="{end:.0f}" y="{at_right + 5:.1f}">{one.right:.3f}{own}{gain}</text>')
    return "".join(parts)


def _short(name: str, size: Size) -> str:
    return name if len(name) <= size.longest else name[: size.longest - 1] + "…"


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
