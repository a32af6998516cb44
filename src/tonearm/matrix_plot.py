"""Confusion matrices as pictures: what is right in one hue, what is wrong in another.

Conventions
-----------
Rows are the truth. A cell is as strong as its share of its row, so that classes of few clips are seen, too. The
diagonal has a hue of its own: a row that is wholly wrong never looks like one that is wholly right.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tonearm.plots import new_figure
from tonearm.theme import INK, LINE, PAPER, RIGHT, WRONG

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MATRIX_CLASSES = 60  # more have no room for a number in each cell
LONGEST_NAME = 40
MOST_NAMES = 120  # on an axis of the size that such a picture has
STRONG = 0.8  # share of a row from which white numbers are read better than dark ones


def confusion_figure(confusion: NDArray[np.int64], labels: Sequence[str], of: str = "") -> "Figure":
    """Each cell shows its count and is coloured by its share of the row.

    confusion: counts, shape (labels, labels). of: the model and the part that the counts are of, in words. With more
    than `MATRIX_CLASSES` labels the picture grows no further: the cells have colours alone, and only some of the
    labels are named.
    """
    large = len(labels) > MATRIX_CLASSES
    figure = new_figure(16.0, 14.5) if large else new_figure(0.5 * len(labels) + 4.2, 0.5 * len(labels) + 1.9)
    area = figure.add_subplot()
    _draw_cells(figure, area, _shares(confusion))
    if large:
        named = range(0, len(labels), -(-len(labels) // MOST_NAMES))
        names = [labels[place][:LONGEST_NAME] for place in named]
        area.set_xticks(named, names, rotation=90, fontsize=6)
        area.set_yticks(named, names, fontsize=6)
    else:
        _write_counts(area, confusion)
        area.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        area.set_yticks(range(len(labels)), labels)
        edges = [place - 0.5 for place in range(len(labels) + 1)]
        area.set_xticks(edges, minor=True)
        area.set_yticks(edges, minor=True)
        area.grid(visible=True, which="minor", color=LINE, linewidth=0.6)
    area.set_xlabel("predicted class")
    area.set_ylabel("true class")
    area.tick_params(which="both", length=0)
    area.spines[:].set_color(LINE)
    area.set_title(matrix_title(confusion, of), fontsize=11)
    return figure


def matrix_title(confusion: NDArray[np.int64], of: str = "") -> str:
    """What a matrix shows, in words.

    >>> matrix_title(np.array([[8, 2], [1, 9]]), "svm, test")
    'svm, test: 17 of 20 right'
    """
    return f"{of}: " * bool(of) + f"{int(np.trace(confusion))} of {int(confusion.sum())} right"


def _shares(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    totals = confusion.sum(axis=1, keepdims=True)
    share: NDArray[np.float64] = np.divide(confusion, totals, out=np.zeros(confusion.shape), where=totals > 0)
    return share


def _draw_cells(figure: "Figure", area: "Axes", share: NDArray[np.float64]) -> None:
    """The diagonal as one picture and all else as another, each with its scale."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import PercentFormatter

    diagonal = np.eye(len(share), dtype=bool)
    for words, hue, hidden in (("right", RIGHT, ~diagonal), ("taken for another class", WRONG, diagonal)):
        scale = LinearSegmentedColormap.from_list(words, [PAPER, hue])
        cells = np.ma.masked_array(share, hidden)
        image = area.imshow(cells, cmap=scale, vmin=0, vmax=1, interpolation="nearest")
        bar = figure.colorbar(image, ax=area, fraction=0.03, pad=0.02, shrink=0.8, format=PercentFormatter(1.0))
        bar.set_label(f"share of the true class, {words}", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        bar.outline.set_visible(False)


def _write_counts(area: "Axes", confusion: NDArray[np.int64]) -> None:
    share: NDArray[Any] = _shares(confusion)
    for row, column in np.ndindex(*confusion.shape):
        if confusion[row, column]:
            colour = PAPER if share[row, column] > STRONG else INK
            weight = "bold" if row == column else "normal"
            words = str(confusion[row, column])
            area.text(column, row, words, ha="center", va="center", color=colour, fontsize=9, fontweight=weight)
