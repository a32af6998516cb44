"""A curve in words: what twice as many artists promise, whether artists or clips help more, and tables."""

from collections.abc import Iterator, Sequence
from textwrap import fill

from tonearm.curve.records import AxisRecord, ContrastRecord, CurveRecord, ModelRecord
from tonearm.wording import count, interval

WIDTH = 80
TITLES = {"artist": "Growing numbers of artists", "clip": "All artists, growing numbers of clips"}
MEANING = (
    "Accuracy on the same {judged} of {groups} at every size, the mean over {orders} of nested subsets. Intervals: "
    "95 %, by resampling these groups and the subsets. Spread: standard deviation over the subsets of a split"
)


def markdown(record: CurveRecord) -> str:
    """Everything for a person; tables of at most 80 columns."""
    parts = ["# Learning curves", _wrapped(f"{record.division}."), _wrapped(f"{meaning(record)}.")]
    parts += [_wrapped(f"Note: {note}.") for note in record.notes]
    for model in record.models:
        parts.append(f"## {model.model}")
        parts += [_table(axis) for axis in model.axes if axis.sizes]
        parts += [_wrapped(f"- {line}", "  ") for line in sentences(model)]
    return "\n\n".join(parts) + "\n"


def meaning(record: CurveRecord) -> str:
    """What the numbers are, in a sentence or two."""
    orders = count(record.repeats, "random order")
    return MEANING.format(
        judged=count(record.judged_clips, "clip"), groups=count(record.judged_groups, "group"), orders=orders
    )


def title(axis: AxisRecord) -> str:
    """What grows."""
    return "Growing numbers of clips" if _clips_alone(axis) else TITLES[axis.by]


def _clips_alone(axis: AxisRecord) -> bool:
    """Whether no artists are known."""
    return axis.by == "clip" and not any(size.artists for size in axis.sizes)


def sentences(model: ModelRecord) -> Iterator[str]:
    """What the curve of a model says, or why it does not."""
    for axis in model.axes:
        if axis.sizes:
            yield f"{_promised(axis)}."
    if model.contrast is not None:
        yield f"{_contrasted(model.contrast)}."
    for reason in model.failures:
        yield f"failed, and its size is left out: {reason}."


def _promised(axis: AxisRecord) -> str:
    noun = "artists" if axis.by == "artist" else "clips" if _clips_alone(axis) else "clips of the same artists"
    found = axis.promise
    if found is None:
        return f"what twice as many {noun} would bring cannot be told: {axis.refusal}"
    low, high = found.interval
    gained = [f"{100 * value:.1f}" for value in (found.gain, *found.gain_interval)]
    return (
        f"with twice as many {noun} in training ({found.amount:.0f}): about {found.accuracy:.2f} ({low:.2f} to "
        f"{high:.2f}), a gain of {gained[0]} points ({gained[1]} to {gained[2]})"
    )


def _contrasted(found: ContrastRecord) -> str:
    low, high = found.interval
    points = f"{100 * abs(found.difference):.1f} points"
    if low is None or high is None:
        return "whether more artists or more clips of the same ones help more cannot be told: one group judges"
    at = f"with equally many clips (mean of {count(found.sizes, 'size')})"
    if low > 0:
        return (
            f"more artists help more than more clips of the same ones: {at}, all artists give {points} more than a "
            f"part of them ({100 * low:.1f} to {100 * high:.1f})"
        )
    if high < 0:
        return (
            f"more clips of the same artists help more than more artists: {at}, a part of the artists gives {points} "
            f"more than all of them ({-100 * high:.1f} to {-100 * low:.1f})"
        )
    return (
        f"whether more artists or more clips of the same ones help more, these clips do not tell: {at}, all artists "
        f"give {100 * found.difference:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
    )


def cells(axis: AxisRecord) -> Iterator[list[str]]:
    """The rows of an axis's table: artists, clips, accuracy, interval, spread."""
    for size in axis.sizes:
        artists = f"{size.artists:.0f}" if size.artists else "–"
        spread = "–" if size.spread is None else f"{size.spread:.3f}"
        yield [artists, f"{size.clips:.0f}", f"{size.accuracy:.3f}", interval(*size.interval) or "–", spread]


COLUMNS = ("artists", "clips", "accuracy", "95 % interval", "spread")


def _table(axis: AxisRecord) -> str:
    rows = list(cells(axis))
    widths = [max(len(row[place]) for row in [list(COLUMNS), *rows]) for place in range(len(COLUMNS))]
    rule = [f"{'-' * (width - 1)}:" for width in widths]
    lines = [_line(row, widths) for row in (COLUMNS, rule, *rows)]
    return f"{title(axis)}:\n\n" + "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |"


def _wrapped(text: str, indent: str = "") -> str:
    return fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
