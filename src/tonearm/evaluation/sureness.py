"""The threshold of sure answers: a promise on the share right that holds for artists who were not heard.

Conventions
-----------
Learn then test: Angelopoulos, Bates, Candès, Jordan, Lei, "Learn then test: calibrating predictive algorithms to
achieve risk control", arXiv:2110.01052, 2021. The candidates are thresholds that leave fixed shares of the answers
above them, chosen without looking at which answers are right. They are tested from the highest downwards, each at 5 %
("the share right above it is below the promise"), and the first that is not rejected ends the tests; so the
probability that the last rejected one breaks its promise is at most 5 %, however many candidates there are. The first
that is tested is the highest with so many observations that two wrong answers among them would not end the tests.

The observations are groups (artists or recordings), not clips, since a model that is wrong about an artist is wrong
about most of his clips. The lower bound is that of Clopper and Pearson (Biometrika 26, 1934) with the effective
number of observations of a cluster sample (Kish, "Survey Sampling", 1965; Korn, Graubard, Survey Methodology 24, 1998):
clips / (1 + (size - 1) rho), where size is the mean number of sure clips in the group of a sure clip and rho the
intraclass correlation of being right, the larger one of all answers and of those above the threshold; and never more
than one observation a group. Unlike a bootstrap it does not collapse where all answers are right.
`benchmarks/sure.py` measures how often the promise is kept.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95  # of the one-sided lower bound
CANDIDATES = 40
NEVER = 2.0  # a threshold that no probability reaches
WRONG_AT_START = 2
MOST_TIMES = 20  # of what is there, the most that is said to be needed: beyond, the answers do not say it


@dataclass(frozen=True)
class Threshold:
    """threshold: lowest sure probability, NEVER where no answer is sure. coverage: share of the answers that reach it.

    bound: lower 95 % bound of the share right among these, 0 where no answer is sure. groups: how many artists or
    recordings gave the answers. needed: roughly how many it would take for some answer to be sure, if all were like
    these; None where some are, or where the answers do not say it.
    """

    threshold: float
    coverage: float
    bound: float
    groups: int
    needed: int | None = None


@dataclass(frozen=True)
class _Candidate:
    """Answers above a threshold: their share of all, the share right, and the effective number of observations."""

    threshold: float
    coverage: float
    right: float
    observations: float


def sure_threshold(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], groups: NDArray[np.object_], sure: float
) -> Threshold:
    """The lowest threshold above which the share `sure` of the answers is right, with 95 % confidence.

    confidence: probability of each answer, right: whether it is right, groups: its artist, recording or clip (answers
    of one clip have one group); shape (answers,). sure: in (0, 1).

    >>> def found(artists):
    ...     names = np.array([str(number) for number in range(artists)], dtype=object)
    ...     return sure_threshold(np.linspace(0.99, 0.6, artists), np.full(artists, True), names, 0.9)
    >>> found(200).coverage, found(40).threshold == NEVER, found(40).needed
    (1.0, True, 61)
    """
    _, member = np.unique(groups.astype(str), return_inverse=True)
    candidates = _candidates(confidence, right, member)
    count = int(member.max()) + 1
    least = least_observations(sure, WRONG_AT_START)
    best = Threshold(NEVER, 0.0, 0.0, count)
    for candidate in candidates:
        if candidate.observations < least:
            continue
        bound = lower_bound(candidate.right, candidate.observations)
        if bound < sure:
            break
        best = Threshold(candidate.threshold, candidate.coverage, bound, count)
    if best.threshold < NEVER:
        return best
    return Threshold(NEVER, 0.0, 0.0, count, _needed(candidates, count, sure))


def lower_bound(share: float, observations: float) -> float:
    """Lower one-sided 95 % bound of a share (Clopper, Pearson). observations: how many, not always a whole number.

    >>> round(lower_bound(1.0, 29), 3), round(lower_bound(0.5, 100), 3)
    (0.902, 0.414)
    """
    from scipy.special import betaincinv

    hits = share * observations
    return float(betaincinv(hits, observations - hits + 1, 1 - LEVEL)) if hits > 0 else 0.0


def least_observations(sure: float, wrong: int) -> int:
    """Fewest observations whose lower bound reaches `sure` although so many of them are wrong.

    >>> [least_observations(sure, 1) for sure in (0.8, 0.9, 0.95)]
    [22, 46, 93]
    """
    number = wrong + 1
    step = 1 << max(0, math.ceil(math.log2(1 + 8 * (wrong + 1) / (1 - sure))))
    while step:
        if lower_bound((number + step - 1 - wrong) / (number + step - 1), number + step - 1) < sure:
            number += step
        step //= 2
    return number


def intraclass_correlation(values: NDArray[np.float64], member: NDArray[np.intp]) -> float:
    """Correlation of the values of two clips of one group, in [0, 1], by analysis of variance (Fisher, 1925).

    values: shape (clips,). member: number of each clip's group. 1 where nothing tells: one group, or none of two clips.

    >>> intraclass_correlation(np.array([1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 1, 1]))
    1.0
    """
    sizes, sums = np.bincount(member), np.bincount(member, values)
    there = sizes > 0
    sizes, means = sizes[there], sums[there] / sizes[there]
    count, clips = len(sizes), len(values)
    if count < 2 or clips <= count:
        return 1.0
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (count - 1)
    within = max(0.0, float((values**2).sum() - (sizes * means**2).sum())) / (clips - count)
    size = (clips - (sizes**2).sum() / clips) / (count - 1)
    total = between + (size - 1) * within
    return float(np.clip((between - within) / total, 0.0, 1.0)) if total > 0 else 0.0


def effective_observations(member: NDArray[np.intp], correlation: float) -> float:
    """How many independent observations the clips are worth: at most one a group, and at most one a clip.

    member: number of each clip's group, shape (clips,).

    >>> effective_observations(np.array([0, 0, 1, 1]), 0.5), effective_observations(np.array([0, 0, 0, 1]), 1.0)
    (2.0, 1.6)
    """
    sizes = np.bincount(member)
    sizes = sizes[sizes > 0]
    size = float((sizes**2).sum() / sizes.sum())
    return min(float(len(sizes)), len(member) / (1 + (size - 1) * correlation))


def _candidates(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], member: NDArray[np.intp]
) -> list[_Candidate]:
    """Thresholds with equal shares of the answers between them, the highest first; equals are never divided."""
    order = np.argsort(-confidence, kind="stable")
    ranked, hits, member_of = confidence[order], right[order].astype(np.float64), member[order]
    shared = intraclass_correlation(right - confidence, member)
    places = np.ceil(len(order) * np.arange(1, CANDIDATES + 1) / CANDIDATES).astype(int) - 1
    found = []
    for threshold in np.unique(ranked[places])[::-1]:
        clips = int(np.searchsorted(-ranked, -threshold, side="right"))
        share = float(hits[:clips].mean())
        correlation = shared
        if 0 < share < 1:
            correlation = max(shared, intraclass_correlation(hits[:clips], member_of[:clips]))
        observations = effective_observations(member_of[:clips], correlation)
        found.append(_Candidate(float(threshold), clips / len(order), share, observations))
    return found


def _needed(candidates: list[_Candidate], groups: int, sure: float) -> int | None:
    """How many groups it would take for the likeliest candidate to be tested and to pass; None if none is likely to.

    The share right of few observations is drawn towards one half (Laplace's rule), since the best of many candidates
    is flattered.
    """
    offers = []
    least = least_observations(sure, WRONG_AT_START)
    for candidate in candidates:
        share = (candidate.right * candidate.observations + 1) / (candidate.observations + 2)
        if share <= sure:
            continue
        wanted = least
        most = MOST_TIMES * candidate.observations
        while wanted <= most and lower_bound(share, wanted) < sure:
            wanted = math.ceil(1.02 * wanted)
        if wanted <= most:
            offers.append(math.ceil(groups * wanted / candidate.observations))
    needed = min(offers, default=groups)
    return needed if needed > groups else None  # the tests ended before a candidate that would have passed
