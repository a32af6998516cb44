"""Calibrated probabilities: a temperature fitted on validation clips, and the threshold of sure predictions.

Conventions
-----------
Temperature scaling: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017: logarithms
of the probabilities divided by one number, so that neither predictions nor their order change. It is fitted on
validation clips alone, which the model was not trained on, and only if the evaluated part is another. A prediction is
sure if its probability reaches a threshold: the lowest above which validation predictions were right often enough.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import label_codes
from tonearm.evaluation.scores import Truth, predicted, reliability
from tonearm.evaluation.sums import SMALLEST_PROBABILITY, row_blocks

LEAST_CLIPS = 20  # fewer are not enough for a calibration
COLDEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class Calibration:
    """temperature: 1 changes nothing, above 1 the model was overconfident. threshold: lowest sure probability.

    threshold is above 1 if no prediction is sure. coverage: share of the validation clips with a sure prediction.
    clips: number of validation clips.
    """

    temperature: float
    threshold: float
    coverage: float
    clips: int

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return asdict(self)


def calibrate(
    truth: Truth, probabilities: NDArray[np.float64], labels: tuple[str, ...], sure: float
) -> Calibration | None:
    """The calibration of a model from its probabilities on validation clips; None if there are too few clips.

    truth: shape (clips,). probabilities: shape (clips, labels). sure: required accuracy of sure predictions.
    """
    if len(truth) < LEAST_CLIPS:
        return None
    codes = label_codes(truth, labels)
    temperature = fit_temperature(probabilities, codes)
    scaled = scale(probabilities, temperature)
    threshold, coverage = sure_threshold(scaled.max(axis=1), predicted(scaled) == codes, sure)
    return Calibration(temperature, threshold, coverage, len(truth))


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


def sure_threshold(confidence: NDArray[np.float64], right: NDArray[np.bool_], sure: float) -> tuple[float, float]:
    """The lowest threshold above which the share `sure` of predictions is right, and the share of clips that reach it.

    A threshold of 2, which none reaches, means that even the most confident predictions are wrong too often.

    >>> sure_threshold(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, False]), 0.9)
    (0.8, 0.5)
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    last_of_equals = np.append(ranked[:-1] != ranked[1:], True)
    enough = np.flatnonzero(last_of_equals & (share >= sure))
    if not len(enough):
        return 2.0, 0.0
    return float(ranked[enough[-1]]), float((enough[-1] + 1) / len(order))


def effect(
    truth: Truth, before: NDArray[np.float64], after: NDArray[np.float64], labels: tuple[str, ...], threshold: float
) -> dict[str, float]:
    """Effect of calibration on some clips: log loss and calibration error before and after, and sure predictions.

    sure_clips: clips with a sure prediction; sure_right: right ones among them; clips: all.
    """
    codes = label_codes(truth, labels)
    values: dict[str, float] = {"clips": len(codes)}
    for name, probabilities in (("before", before), ("after", after)):
        true = np.maximum(probabilities[np.arange(len(codes)), codes], SMALLEST_PROBABILITY)
        bins = reliability(truth, probabilities, labels)
        gaps = np.abs(bins.confidence - bins.accuracy) * bins.clips
        values |= {f"log_loss_{name}": float(-np.log(true).mean()), f"ece_{name}": float(np.nansum(gaps) / len(codes))}
    is_sure = after.max(axis=1) >= threshold
    values |= {"sure_clips": int(is_sure.sum()), "sure_right": int((predicted(after) == codes)[is_sure].sum())}
    return values
