"""Calibrated probabilities: a temperature and the threshold of sure answers, from clips that were not trained on.

Conventions
-----------
Temperature scaling: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017: logarithms
of the probabilities divided by one number, so that no prediction changes. It is used only where it lowers the log loss
by more than fitting one number to noise would. `sureness` finds the threshold.

With folds both come from the out-of-fold answers to all clips, cross-fitted: those of a fold from the answers to the
clips that the fold does not test, those of the model of all clips from all answers (of repeated folds every answer
counts, and the answers to one clip are one group). So no answer is called sure by a threshold that has seen it. Without
folds both come from the validation clips, and only if the evaluated part is another.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import label_codes
from tonearm.evaluation.scores import Truth, predicted, reliability
from tonearm.evaluation.sums import SMALLEST_PROBABILITY, row_blocks
from tonearm.evaluation.sureness import (
    NEVER,
    Threshold,
    effective_observations,
    intraclass_correlation,
    sure_threshold,
)
from tonearm.wording import count

LEAST_CLIPS = 20  # fewer are not enough for a calibration
COLDEST, HOTTEST = 0.05, 20.0
CHANCE = 3.84  # twice the gain in log likelihood that a number without effect exceeds in 5 % of cases (Wilks 1938)


@dataclass(frozen=True)
class Calibration:
    """temperature: 1 changes nothing, above 1 the model was overconfident. threshold: lowest sure probability.

    threshold is above 1 if no answer is sure. sure: the promise, the least share of sure answers that is right.
    coverage: share of the answers it comes from that are sure; bound: lower 95 % bound of the share right among these;
    clips, groups: that these answers are about; needed: roughly how many groups it would take for some answer to be
    sure, None where some are or nobody can say. Groups are artists or recordings, or else clips.
    """

    temperature: float
    threshold: float
    coverage: float
    clips: int
    sure: float
    bound: float = 0.0
    groups: int = 0
    needed: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return asdict(self)


def calibrate(
    truth: Truth,
    probabilities: NDArray[np.float64],
    labels: tuple[str, ...],
    names: Sequence[Any] | NDArray[np.object_],
    groups: Truth,
    sure: float,
    by_temperature: bool = True,
) -> Calibration:
    """The calibration of a model from its probabilities on clips that it was not trained on.

    truth, names: of clips, groups: as `group_or_own` gives them; shape (answers,). probabilities: shape (answers,
    labels). sure: required share of right answers among the sure ones, in (0, 1). by_temperature: False leaves the
    temperature at 1. Of fewer than LEAST_CLIPS clips it is 1, too, and no answer is sure.
    """
    clips, count = len(set(names)), len(set(groups))
    if clips < LEAST_CLIPS:
        return Calibration(1.0, NEVER, 0.0, clips, sure, groups=count)
    codes = label_codes(truth, labels)
    temperature = fit_temperature(probabilities, codes) if by_temperature else 1.0
    if not _is_gain(probabilities, codes, temperature, groups):
        temperature = 1.0
    scaled = scale(probabilities, temperature)
    found: Threshold = sure_threshold(scaled.max(axis=1), predicted(scaled) == codes, groups, sure)
    return Calibration(
        temperature, found.threshold, found.coverage, clips, sure, found.bound, found.groups, found.needed
    )


def cross_fit(
    truth: Truth,
    probabilities: NDArray[np.float64],
    labels: tuple[str, ...],
    names: NDArray[np.object_],
    groups: Truth,
    folds: NDArray[np.intp],
    sure: float,
) -> tuple[list[Calibration], Calibration]:
    """The calibration of each fold from the answers to the clips that it does not test, and that of all answers.

    names, groups: as in `calibrate`. folds: number of the fold that gave each answer, shape (answers,). Temperatures
    that do not lower the log loss of the folds' own answers are 1, all of them.
    """
    _, clip = np.unique(names.astype(str), return_inverse=True)

    def all_of_them(by_temperature: bool) -> tuple[list[Calibration], Calibration]:
        each = []
        for fold in range(int(folds.max()) + 1):
            # a clip of repeated folds is answered by several: none of its answers may decide about another
            some = ~np.isin(clip, clip[folds == fold])
            columns = truth[some], probabilities[some], labels, names[some], groups[some]
            each.append(calibrate(*columns, sure, by_temperature))
        return each, calibrate(truth, probabilities, labels, names, groups, sure, by_temperature)

    found = all_of_them(by_temperature=True)
    codes = label_codes(truth, labels)
    after = 0.0
    for fold, calibration in enumerate(found[0]):
        own = folds == fold
        after += float(log_losses(scale(probabilities[own], calibration.temperature), codes[own]).sum())
    return found if after < float(log_losses(probabilities, codes).sum()) else all_of_them(by_temperature=False)


def shortfall(calibration: Calibration) -> str:
    """Why no answer is sure, and how many more artists it would take, as a part of a sentence; "" where some are.

    >>> shortfall(Calibration(1.0, NEVER, 0.0, 60, 0.9, groups=20, needed=50))
    'the answers to 60 clips (20 artists or recordings) do not prove 90 % right at any threshold; it would take about \
30 more artists or recordings like these'
    """
    if calibration.threshold <= 1:
        return ""
    clips, groups, share = calibration.clips, calibration.groups, f"{100 * calibration.sure:.3g} % right"
    if clips < LEAST_CLIPS:
        return f"{count(clips, 'clip', 'is', 'are')} too few to prove {share} at any threshold"
    known = f" ({groups} artists or recordings)" if groups < clips else ""
    said = f"the answers to {count(clips, 'clip')}{known} do not prove {share} at any threshold"
    if calibration.needed is None or calibration.needed <= groups:
        return f"{said}, and too many of the most probable ones are wrong to say how much more data it would take"
    unit = "artists or recordings" if known else "clips"
    more = calibration.needed - groups
    more = math.ceil(more / (step := 10 ** max(0, len(str(more)) - 2))) * step  # it is no better known
    return f"{said}; it would take about {more:,} more {unit} like these"


def _is_gain(probabilities: NDArray[np.float64], codes: NDArray[np.intp], temperature: float, groups: Truth) -> bool:
    """Whether the temperature lowers the log loss by more than chance (likelihood-ratio test of a cluster sample)."""
    if temperature == 1.0:
        return False
    gain = float((log_losses(probabilities, codes) - log_losses(scale(probabilities, temperature), codes)).sum())
    _, member = np.unique(groups.astype(str), return_inverse=True)
    surprise = (predicted(probabilities) == codes) - probabilities.max(axis=1)
    share = effective_observations(member, intraclass_correlation(surprise, member)) / len(codes)
    return 2 * gain * share > CHANCE


def log_losses(probabilities: NDArray[np.float64], codes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Negative logarithm of the probability of the truth, shape (clips,)."""
    true = np.maximum(probabilities[np.arange(len(codes)), codes], SMALLEST_PROBABILITY)
    losses: NDArray[np.float64] = -np.log(true)
    return losses


def fit_temperature(probabilities: NDArray[np.float64], codes: NDArray[np.intp]) -> float:
    """The temperature in [0.05, 20] with the lowest log loss.

    probabilities: shape (clips, labels). codes: columns of the truth, shape (clips,).
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        true = np.empty(len(codes))
        for rows in row_blocks(probabilities):
            block = _scaled(probabilities[rows], float(np.exp(log_temperature)))
            true[rows] = block[np.arange(len(block)), codes[rows]]
        return float(-np.log(np.maximum(true, SMALLEST_PROBABILITY)).mean())

    bounds = np.log(COLDEST), np.log(HOTTEST)
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(best.x)) if best.fun < loss(0.0) else 1.0


def scale(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """The probabilities, shape (clips, labels), scaled by a temperature; 0 stays 0.

    >>> scale(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    if temperature == 1.0:
        return probabilities
    scaled = np.empty(probabilities.shape)
    for rows in row_blocks(probabilities):
        scaled[rows] = _scaled(probabilities[rows], temperature)
    return scaled


def _scaled(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """As `scale`, of some rows."""
    if temperature == 1.0:
        return probabilities
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities) / temperature
    powers: NDArray[np.float64] = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return scaled


def effect(
    truth: Truth,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    labels: tuple[str, ...],
    is_sure: NDArray[np.bool_],
) -> dict[str, float]:
    """Effect of calibration on some clips: log loss and calibration error before and after, and sure predictions.

    is_sure: whether each prediction is sure, shape (clips,). sure_clips: how many are; sure_right: right ones among
    them; clips: all.
    """
    codes = label_codes(truth, labels)
    values: dict[str, float] = {"clips": len(codes)}
    for name, probabilities in (("before", before), ("after", after)):
        bins = reliability(truth, probabilities, labels)
        gaps = np.abs(bins.confidence - bins.accuracy) * bins.clips
        values[f"log_loss_{name}"] = float(log_losses(probabilities, codes).mean())
        values[f"ece_{name}"] = float(np.nansum(gaps) / len(codes))
    values |= {"sure_clips": int(is_sure.sum()), "sure_right": int((predicted(after) == codes)[is_sure].sum())}
    return values
