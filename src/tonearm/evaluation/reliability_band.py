"""How far the accuracy of the clips in a bin of confidence can be trusted.

Conventions
-----------
The interval is Wilson's score interval, of as many observations as there are groups in the bin: clips of one artist
may all be right or wrong together. It is no narrower than it should be, and it is wide where there are few, also where
all of them are right, which resampling would call certain. The bins are those of `scores.reliability`.

Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
"""

import numpy as np
from numpy.typing import NDArray

from tonearm.evaluation.scores import BINS
from tonearm.evaluation.sums import bin_of
from tonearm.evaluation.uncertainty import LEVEL, Interval


def wilson(share: float, number: int) -> Interval:
    """95 % interval of a probability of which `share` was seen in so many observations; (0, 1) of none.

    >>> low, high = wilson(1.0, 2)
    >>> round(low, 3), round(high, 3)
    (0.342, 1.0)
    """
    import scipy.stats

    if number < 1:
        return Interval(0.0, 1.0)
    z = float(scipy.stats.norm.isf((1.0 - LEVEL) / 2))
    middle = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z / (1 + z**2 / number) * float(np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2)))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def reliability_band(
    accuracy: NDArray[np.float64], confidence: NDArray[np.float64], groups: NDArray[np.object_], bins: int = BINS
) -> tuple[Interval, ...]:
    """Interval of the accuracy of each bin; NaN for an empty one.

    accuracy: of each bin, shape (bins,). confidence: of each clip, groups: as `group_or_own` gives them; (clips,).
    """
    place = bin_of(confidence, bins)
    found = []
    for number, share in enumerate(accuracy.tolist()):
        inside = set(groups[place == number])
        found.append(wilson(share, len(inside)) if inside else Interval(float("nan"), float("nan")))
    return tuple(found)
