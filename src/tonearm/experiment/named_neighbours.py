"""Neighbours as values and in words; how they are found, `neighbours` knows."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

RECORDING = "recording of "  # how a group begins that only ties copies of one recording


class Neighbour(NamedTuple):
    """A training clip near another clip.

    group: artist or recording, "" where it is not known. distance: Euclidean. relative: the distance over the median
    distance of training clips to their nearest other one, NaN where that is 0.
    """

    name: str
    label: str
    group: str
    distance: float
    relative: float

    def words(self) -> str:
        """Name, label, artist and relative distance."""
        known = ", ".join(word for word in (self.label, self.group) if word)
        far = "" if np.isnan(self.relative) else f", {self.relative:.2f}"
        return f"{self.name} ({known}{far})"

    def to_json(self) -> dict[str, Any]:
        """The neighbour as JSON-ready values; a relative distance that is not known is None."""
        relative = None if np.isnan(self.relative) else self.relative
        return {**self._asdict(), "relative": relative}


def in_words(neighbours: Sequence[Neighbour], own: str = "") -> str:
    """Whether neighbours are of one artist or recording, "" where too few artists are known. own: the clip's group.

    >>> near = [Neighbour(name, "rock", group, 1.0, 1.0) for name, group in (("1", "Ann"), ("2", "Ann"), ("3", "Bob"))]
    >>> in_words(near[:2])
    'both are by the same artist (Ann)'
    >>> in_words(near)
    'two of them are by the same artist (Ann)'
    >>> in_words(near[1:], own="Bob")
    'they are by different artists, one of them the artist of the clip itself'
    """
    counts = Counter(one.group for one in neighbours if one.group)
    if len(neighbours) < 2 or not counts:
        return ""
    group, times = counts.most_common(1)[0]
    mine = counts[own] if own else 0
    if times == 1:
        rest = "one of them the artist of the clip itself" if mine else ""
        if sum(counts.values()) == len(neighbours):
            return f"they are by different artists{', ' if rest else ''}{rest}"
        return "one of them is by the artist of the clip itself" if mine else ""
    number = {2: "two", 3: "three"}.get(times, str(times))
    every = "both" if times == 2 else f"all {number}"
    number = every if times == len(neighbours) else f"{number} of them"
    if group.startswith(RECORDING):
        return f"{number} are copies of the same recording ({group.removeprefix(RECORDING)})"
    return f"{number} are by the same artist ({group}{', the artist of the clip itself' if group == own else ''})"


def neighbour_header(count: int) -> list[str]:
    """Columns of a table in which each row has so many neighbours."""
    names = ("", "_label", "_group", "_distance", "_relative")
    return [f"neighbour{rank}{name}" for rank in range(1, count + 1) for name in names]


def neighbour_cells(neighbours: Sequence[Neighbour], count: int) -> list[Any]:
    """The cells of these columns, empty where there are fewer neighbours."""
    cells = [
        cell
        for one in neighbours
        for cell in (one.name, one.label, one.group, one.distance, "" if np.isnan(one.relative) else one.relative)
    ]
    return cells + [""] * (len(neighbour_header(count)) - len(cells))


def neighbour_lines(neighbours: Sequence[Neighbour]) -> str:
    """Lines for a person below a prediction: the neighbours, and whether one artist made them."""
    if not neighbours:
        return ""
    said = in_words(neighbours)
    return f"  near: {', '.join(one.words() for one in neighbours)}\n" + (f"  {said}\n" if said else "")


def of_one_artist(neighbours: Sequence[Neighbour]) -> bool:
    """Whether all are of one known artist or recording."""
    return len({one.group for one in neighbours}) == 1 and bool(neighbours[0].group)
