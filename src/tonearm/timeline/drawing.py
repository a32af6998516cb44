"""A strip: the waveform of a recording in the colours of its segments, with their labels and the time.

Conventions
-----------
A label has one colour, from the seventh on with a hatch over its bar and a paler waveform; labels come in the order of
the time that they take. A segment that is wide enough carries its label, and the legend has them all. Time is written
as m:ss, from an hour on as h:mm:ss. The same results give the same bytes.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tonearm.plots import new_figure
from tonearm.theme import COLOURS, INK, LINE, PAPER, SOFT
from tonearm.timeline.smoothing import Segment, shares
from tonearm.wording import clock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 11.0, 2.6  # inches
COLUMNS = 1200
HATCHES = ("", "////", "....", "xxxx")
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800)  # seconds between ticks
MOST_TICKS = 12
PALER = 0.55  # of the waveform of a label with a hatch
MOST_NAMED = 10  # labels in the legend
CHARACTER = 0.085  # inches that a character of a label takes


def strip_figure(name: str, seconds: float, peaks: NDArray[np.float32], segments: Sequence[Segment]) -> "Figure":
    """The strip of a recording. name: its title. seconds: its length. peaks: of its waveform, shape (columns,)."""
    figure = new_figure(WIDTH, HEIGHT)
    area = figure.add_subplot()
    looks = _looks(segments)
    level = peaks / max(float(peaks.max(initial=0.0)), 1e-9)
    edges = np.linspace(0.0, seconds, len(peaks) + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    for segment in segments:
        _draw_segment(area, segment, looks[segment.label], middles, level, seconds)
    area.set_title(name, fontsize=11, loc="left", color=INK)
    _time_axis(area, seconds)
    area.set_ylim(-1.08, 1.5)
    area.set_yticks([])
    area.spines[["top", "right", "left"]].set_visible(False)
    area.spines["bottom"].set_color(LINE)
    _legend(figure, looks, segments)
    return figure


def _looks(segments: Sequence[Segment]) -> dict[str, dict[str, Any]]:
    """Colour and hatch of each label, in the order of the time that they take; grey for what has none."""
    looks: dict[str, dict[str, Any]] = {}
    for place, label in enumerate(shares(segments)):
        turn, colour = divmod(place, len(COLOURS) - 1)  # the last colour is a grey, as silence is
        looks[label] = {"facecolor": COLOURS[colour], "edgecolor": PAPER, "hatch": HATCHES[turn % len(HATCHES)]}
    looks[""] = {"facecolor": SOFT, "edgecolor": PAPER, "hatch": ""}
    return looks


def _draw_segment(
    area: "Axes",
    segment: Segment,
    look: Mapping[str, Any],
    middles: NDArray[np.float64],
    level: NDArray[np.float32],
    seconds: float,
) -> None:
    """The part of the waveform, and over it a bar with the label where it has room."""
    inside = (middles >= segment.start) & (middles < segment.end)
    plain = {"facecolor": look["facecolor"], "alpha": PALER if look["hatch"] else 1.0}  # hatches would hide its shape
    area.fill_between(middles[inside], -level[inside], level[inside], linewidth=0.0, **plain)
    area.bar(segment.start, 0.26, segment.end - segment.start, 1.16, align="edge", linewidth=0.6, **look)
    wide = WIDTH * 0.96 * (segment.end - segment.start) / seconds
    if segment.label and wide > CHARACTER * (len(segment.label) + 1):
        middle = (segment.start + segment.end) / 2
        box = {"facecolor": look["facecolor"], "linewidth": 0.0, "pad": 1.0} if look["hatch"] else None
        area.text(middle, 1.28, segment.label, ha="center", va="center", color=PAPER, fontsize=9, bbox=box)


def _time_axis(area: "Axes", seconds: float) -> None:
    step = next((step for step in STEPS if seconds / step <= MOST_TICKS), 86_400)
    marks = np.arange(0.0, seconds + 1e-6, step)
    area.set_xticks(marks, [clock(mark) for mark in marks.tolist()], fontsize=9, color=INK)
    area.set_xlim(0.0, seconds)
    area.tick_params(color=LINE)


def _legend(figure: "Figure", looks: Mapping[str, Mapping[str, Any]], segments: Sequence[Segment]) -> None:
    """The labels with their shares of the time; of many the first ones."""
    from matplotlib.patches import Patch

    found = shares(segments)
    entries = [Patch(label=f"{label} {share:.0%}", **looks[label]) for label, share in found.items()]
    silent = sum(segment.end - segment.start for segment in segments if not segment.label)
    entries = entries[:MOST_NAMED]
    if silent:
        entries.append(Patch(label="no genre", **looks[""]))
    figure.legend(
        handles=entries, loc="outside lower left", ncols=len(entries), fontsize=9, frameon=False, handlelength=1.2
    )
