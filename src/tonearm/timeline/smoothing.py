"""Windows to segments: a short Viterbi, which lets the genre change only where enough windows say so.

Conventions
-----------
The genre is a Markov chain in continuous time that stays `stickiness` seconds on average and then draws a genre, all
alike. What a window says is the logarithm of its probabilities, weighted by the share of it that the next window does
not hear again, so that each second counts once. The most probable sequence is Viterbi's: A. Viterbi, "Error bounds for
convolutional codes", IEEE Trans. Information Theory 13, 1967; L. Rabiner, "A tutorial on hidden Markov models", Proc.
IEEE 77, 1989. A genre changes halfway between the middles of two windows. A window without probabilities, such as
silence, says nothing, and stretches of such windows are segments without a label.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

STICKINESS = 30.0  # seconds
LEAST = 0.02  # the least probability that a window can give: a short one alone, as in a cross-fade, decides nothing


@dataclass(frozen=True, slots=True)
class Window:
    """What a model says of a piece of a recording.

    start, end: seconds. labels: of the model. probabilities: of each label, shape (labels,), or shape (0,) where the
    piece cannot be used. reason: why it cannot, "" where it can.
    """

    start: float
    end: float
    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    reason: str = ""

    @property
    def middle(self) -> float:
        """Seconds."""
        return (self.start + self.end) / 2


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one genre. start, end: seconds. label: "" where no window could be used. probability: mean over its
    windows of the label's probability, 0 without a label.
    """

    start: float
    end: float
    label: str
    probability: float


def segments(windows: Iterable[Window], stickiness: float = STICKINESS) -> list[Segment]:
    """The segments from the first window's start to the last one's end, without gaps, in the order of time.

    windows: of one recording and one model, in the order of time. stickiness: seconds that a genre lasts on average;
    0: each window has its most probable label.

    >>> def window(start, rock):
    ...     return Window(start, start + 10.0, ("jazz", "rock"), np.array([1 - rock, rock]))
    >>> windows = [window(10.0 * number, rock) for number, rock in enumerate([0.9, 0.9, 0.3, 0.9, 0.1, 0.1, 0.1])]
    >>> [(found.start, found.end, found.label) for found in segments(windows, 60.0)]
    [(0.0, 40.0, 'rock'), (40.0, 70.0, 'jazz')]
    >>> len(segments(windows, 0.0))
    4
    """
    listed = list(windows)
    if not listed:
        return []
    path = _most_probable(listed, stickiness)
    keys = [int(label) if not window.reason else -1 for label, window in zip(path, listed, strict=True)]
    found, first = [], 0
    for key, group in groupby(keys):
        last = first + len(list(group)) - 1
        found.append(_segment(listed, first, last, key))
        first = last + 1
    return found


def shares(segments: Iterable[Segment]) -> dict[str, float]:
    """Share of the time that has a label which each label takes, the largest first."""
    seconds: dict[str, float] = {}
    for segment in segments:
        if segment.label:
            seconds[segment.label] = seconds.get(segment.label, 0.0) + segment.end - segment.start
    total = sum(seconds.values())
    return {label: own / total for label, own in sorted(seconds.items(), key=lambda item: (-item[1], item[0]))}


def _segment(windows: Sequence[Window], first: int, last: int, key: int) -> Segment:
    """The segment of the windows from the first to the last. key: number of the label, -1 for none."""
    start = windows[0].start if first == 0 else _between(windows[first - 1], windows[first])
    end = windows[-1].end if last == len(windows) - 1 else _between(windows[last], windows[last + 1])
    if key < 0:
        return Segment(start, end, "", 0.0)
    mean = np.mean([window.probabilities[key] for window in windows[first : last + 1]])
    return Segment(start, end, windows[first].labels[key], float(mean))


def _between(one: Window, other: Window) -> float:
    return (one.middle + other.middle) / 2


def _most_probable(windows: Sequence[Window], stickiness: float) -> NDArray[np.intp]:
    """The number of the label of each window in the most probable sequence, shape (windows,)."""
    labels = len(windows[0].labels)
    back = np.zeros((len(windows), labels), dtype=np.intp)
    score = _evidence(windows, 0)
    for row in range(1, len(windows)):
        elapsed = windows[row].middle - windows[row - 1].middle
        kept = np.exp(-elapsed / stickiness) if stickiness > 0 else 0.0
        change = np.log((1.0 - kept) / labels)
        stay = np.log(kept + (1.0 - kept) / labels)
        best = int(score.argmax())
        moved = score[best] + change
        back[row] = np.where(score + stay >= moved, np.arange(labels), best)
        score = np.maximum(score + stay, moved) + _evidence(windows, row)
    path = np.zeros(len(windows), dtype=np.intp)
    path[-1] = int(score.argmax())
    for row in range(len(windows) - 1, 0, -1):
        path[row - 1] = back[row, path[row]]
    return path


def _evidence(windows: Sequence[Window], row: int) -> NDArray[np.float64]:
    """What a window says of each label, shape (labels,)."""
    window = windows[row]
    if window.reason:
        return np.zeros(len(window.labels))
    own = 1.0
    if row + 1 < len(windows):
        own = min(1.0, (windows[row + 1].start - window.start) / (window.end - window.start))
    return own * np.log(np.maximum(window.probabilities, LEAST))
