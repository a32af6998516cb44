"""A confusion matrix as a picture of square cells that shrinks to its screen.

Conventions
-----------
Rows are the truth. A cell is as strong as its share of its row; the diagonal, what is right, has a hue of its own.
Long names are cut, and whole in the words that a mouse or a screen reader finds.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.matrix_plot import STRONG, matrix_title

LONGEST_NAME = 12
GROWN = 1.15  # how large it is drawn at most, so that its letters are about those of the page
MIDDLING = 0.65  # as STRONG, on dark paper
LETTER = 7.4  # pixels of a letter, about


def matrix(labels: Sequence[str], counts: NDArray[Any], of: str) -> str:
    """The figure. counts: shape (labels, labels). of: the model and the part that they are of."""
    side = 42.0 if len(labels) <= 12 else 32.0 if len(labels) <= 20 else 24.0
    names = short(labels)
    room = LETTER * max(len(name) for name in names) + 32.0
    size, right = room + side * len(labels), 0.72 * room  # the slanted names of the last columns lean out
    parts = [
        f'<text x="{room + side * len(labels) / 2:.0f}" y="14" text-anchor="middle">predicted class</text>',
        f'<text transform="translate(12 {room + side * len(labels) / 2:.0f}) rotate(-90)" text-anchor="middle">'
        "true class</text>",
    ]
    for place, name in enumerate(names):
        middle = room + side * (place + 0.5)
        parts.append(f'<text x="{room - 6:.0f}" y="{middle + 4:.1f}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<text transform="translate({middle:.1f} {room - 6:.0f}) rotate(-45)">{escape(name)}</text>')
    totals = np.maximum(counts.sum(axis=1), 1)
    for row, column in np.ndindex(*counts.shape):
        x, y = room + side * column, room + side * row
        words = f"{labels[row]} taken for {labels[column]}: " if row != column else f"{labels[row]} right: "
        words += f"{counts[row, column]} of {counts[row].sum()}"
        parts.append(
            _cell(int(counts[row, column]), counts[row, column] / totals[row], row == column, x, y, side, words)
        )
    title = matrix_title(counts, of)
    said = f"{title}. " + ", ".join(
        f"{label} {own[place]} of {own.sum()}" for place, (label, own) in enumerate(zip(labels, counts, strict=True))
    )
    width = size + right
    drawn = (
        f'<svg class="matrix" width="{GROWN * width:.0f}" viewBox="0 0 {width:.0f} {size + 4:.0f}" role="img" '
        f'aria-label="{escape(said)}">{"".join(parts)}</svg>'
    )
    return f"<figure><figcaption>{escape(title)}</figcaption>{drawn}</figure>"


def short(labels: Sequence[str]) -> list[str]:
    """Names that are short enough, and as different as before if a cut in the middle makes them so.

    >>> short(["hip hop and rap music", "jazz"]), short(["class number 01", "class number 02"])
    (['hip hop and…', 'jazz'], ['class …er 01', 'class …er 02'])
    """
    cut = [label if len(label) <= LONGEST_NAME else f"{label[: LONGEST_NAME - 1]}…" for label in labels]
    if len(set(cut)) == len(cut):
        return cut
    return [label if len(label) <= LONGEST_NAME else f"{label[:6]}…{label[7 - LONGEST_NAME :]}" for label in labels]


def _cell(clips: int, share: float, own: bool, x: float, y: float, side: float, words: str) -> str:
    hue = "right" if own else "wrong"
    drawn = (
        f'<rect class="cell {hue}" x="{x:.1f}" y="{y:.1f}" width="{side:.0f}" height="{side:.0f}" '
        f'fill-opacity="{share:.2f}"><title>{escape(words)}</title></rect>'
    )
    if not clips:
        return drawn
    looks = (("own", own), ("middling", share > MIDDLING), ("strong", share > STRONG))
    look = " ".join(name for name, is_so in looks if is_so)
    small = f' font-size="{0.42 * side:.0f}"' if side < 30 else ""
    place = f'x="{x + side / 2:.1f}" y="{y + side / 2 + 4:.1f}"'
    return f'{drawn}<text class="{look}" {place} text-anchor="middle" pointer-events="none"{small}>{clips}</text>'
