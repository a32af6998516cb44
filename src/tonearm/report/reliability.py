"""The section on reliability: how often each model is right against how sure it is, with counts and bands."""

from collections.abc import Sequence
from html import escape
from math import sqrt

from tonearm.report.charts import Axis, Point, frame
from tonearm.report.collect import ModelResult
from tonearm.theme import look, ticks

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FLOOR = 320.0, 352.0, 62.0, 14.0, 12.0, 236.0
HISTOGRAM = 52.0  # height of the clips' bars, with their numbers
FEW = 5  # a bin of fewer clips has a hollow dot


def reliability_charts(models: Sequence[ModelResult]) -> str:
    """A chart a model; "" where there is none."""
    charts = [_chart(model, place) for place, model in enumerate(models) if model.reliability is not None]
    if not charts:
        return ""
    return (
        '<h3>Reliability</h3><p class="soft">On the grey diagonal a model is right as often as it says; below it is '
        "too sure of itself. Each dot is the judged clips of one bin of confidence, its area and the bars below say "
        f"how many they are, and a bin of fewer than {FEW} is hollow. Vertical lines are 95 % intervals (Wilson), "
        "where artists or recordings count once, if they are known."
        f'</p><div class="charts small">{"".join(charts)}</div>'
    )


def _place(x: float, y: float) -> Point:
    return LEFT + (WIDTH - LEFT - RIGHT) * x, FLOOR - (FLOOR - TOP) * y


def _chart(model: ModelResult, place: int) -> str:
    found = model.reliability
    assert found is not None
    marks = ticks(0.0, 1.0, 4)
    across, up = Axis("how sure the model is", share=True), Axis("how often it is right", share=True)
    (x1, y1), (x2, y2) = _place(0.0, 0.0), _place(1.0, 1.0)
    parts = [
        frame(across, marks, up, marks, _place, below=HISTOGRAM),
        f'<line class="rule" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>',
    ]
    most, said = max(int(found.clips.max()), 1), []
    for number, clips in enumerate(found.clips.tolist()):
        if not clips:
            continue
        sure, right = float(found.confidence[number]), float(found.accuracy[number])
        low, high = model.band[number]
        parts.append(_bin(place, sure, right, (low, high), clips, most))
        parts.append(_bar(place, number / len(found.clips), (number + 1) / len(found.clips), clips, most))
        said.append(f"{sure:.0%} sure, {right:.0%} right ({clips} clips)")
    words = escape(f"reliability of {model.name}: {'; '.join(said)}")
    drawn = f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{words}">{"".join(parts)}</svg>'
    return (
        f'<figure class="chart"><figcaption>{escape(model.name)}, {escape(model.judged)}</figcaption>{drawn}</figure>'
    )


def _bin(place: int, sure: float, right: float, bounds: tuple[float, float], clips: int, most: int) -> str:
    """A dot on its interval."""
    colour = look(place)[0]
    x, y = _place(sure, right)
    low, high = _place(sure, bounds[0])[1], _place(sure, bounds[1])[1]
    hollow = " hollow" * (clips < FEW)
    return (
        f'<line class="whisker s{colour}" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
        f'<circle class="mark s{colour}{hollow}" cx="{x:.1f}" cy="{y:.1f}" r="{2.5 + 4 * sqrt(clips / most):.1f}"/>'
    )


def _bar(place: int, start: float, end: float, clips: int, most: int) -> str:
    """The number of clips of a bin, as a bar under the chart."""
    x1, x2 = _place(start, 0.0)[0], _place(end, 0.0)[0]
    height, floor = (HISTOGRAM - 22.0) * clips / most, FLOOR + HISTOGRAM
    return (
        f'<rect class="count s{look(place)[0]}" x="{x1 + 1:.1f}" y="{floor - height:.1f}" width="{x2 - x1 - 2:.1f}" '
        f'height="{height:.1f}"/><text class="number" x="{(x1 + x2) / 2:.1f}" y="{floor - height - 3:.1f}" '
        f'text-anchor="middle">{clips}</text>'
    )
