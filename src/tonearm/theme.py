"""The look that pages and pictures share: a colour and a shape for each model, and axes that end on round numbers.

Conventions
-----------
A model has the colour and the shape of its place in the leaderboard, from 0, wherever it is drawn: on the page, in
the PNG and in the SVG. The shape is there so that no reader needs the colour. A dash means the training clips and
nothing else. In a confusion matrix what is right has another hue than what is wrong.

Colours are those of the Okabe-Ito palette (M. Okabe, K. Ito, "Color universal design", 2008), which colour-blind
readers tell apart; on white its yellow, orange and sky blue are too pale for a line and are darker here, and on dark
paper all are lighter.
"""

import math
from collections.abc import Sequence

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#c46a9b", "#b57f00", "#3f99d0", "#3b424a")
DARK_COLOURS = ("#56b4e9", "#ff8c42", "#2cc79b", "#e29cc4", "#e6b400", "#a5d3f2", "#98a2ad")  # the same, on dark paper
SHAPES = ("o", "s", "^", "D", "v", "P", "X")  # as matplotlib names them
RIGHT, WRONG = "#0072b2", "#d55e00"  # of a confusion matrix
INK, SOFT, LINE, PAPER = "#1b1f24", "#5b6570", "#d5dae0", "#ffffff"
ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


def look(place: int) -> tuple[int, int]:
    """Numbers of the colour and of the shape for a place in the leaderboard; no two of the first 49 are alike.

    >>> look(0), look(6), look(7), look(8)
    ((0, 0), (6, 6), (0, 1), (1, 2))
    """
    turn, colour = divmod(place, len(COLOURS))
    return colour, (colour + turn) % len(SHAPES)


def places(models: Sequence[str], ranking: Sequence[str]) -> list[int]:
    """The place of each model in the leaderboard; one that is not in it comes after all that are.

    >>> places(["mlp", "new", "svm"], ranking=["svm", "trees", "mlp"])
    [2, 3, 0]
    """
    order = [*ranking, *(model for model in dict.fromkeys(models) if model not in ranking)]
    return [order.index(model) for model in models]


def ticks(low: float, high: float, most: int = 5, whole: bool = False) -> list[float]:
    """Ticks at round steps (1, 2, 2.5 or 5 times a power of ten), the first not above `low`, the last not below `high`.

    low, high: of the data, finite. most: steps that there may be. whole: whether there are only whole numbers, such as
    epochs. Where the data are one number, the axis takes it and 1 more.

    >>> ticks(0.0, 2.27), ticks(0.0, 30, whole=True), ticks(0.57, 0.93)
    ([0.0, 0.5, 1.0, 1.5, 2.0, 2.5], [0.0, 10.0, 20.0, 30.0], [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    """
    if not high > low:
        high = low + 1.0
    power = math.floor(math.log10((high - low) / most))
    for exponent in range(power, power + 4):
        for factor in ROUND:
            step = factor * 10.0**exponent
            if whole and step != round(step):
                continue
            first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
            if last - first <= most:
                digits = max(0, 2 - exponent)
                return [round(number * step, digits) for number in range(first, last + 1)]
    raise ValueError(f"no axis from {low} to {high}")


def tick_label(value: float, share: bool = False) -> str:
    """A tick in words. share: whether 1 stands for all.

    >>> tick_label(0.25, share=True), tick_label(2.5), tick_label(10.0), tick_label(20000)
    ('25 %', '2.5', '10', '20,000')
    """
    return f"{100 * value:g} %" if share else f"{value:,.10g}"
