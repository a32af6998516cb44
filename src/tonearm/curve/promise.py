"""What twice as many artists (or clips) would bring: a fitted power law with bounds, or why there is none.

Conventions
-----------
The law is fitted to the errors at all sizes, weighted by their resampled variances. Its bounds come from fitting it
again to every draw of `estimate.resample` (judged groups and subsets), each shifted by one draw of the spread over
collections, which moves all sizes alike. Where the sizes do not determine a law nothing is promised, in words.
"""

from dataclasses import dataclass

import numpy as np

from tonearm.curve.estimate import Measured, Numbers
from tonearm.evaluation.power_law import PowerLaw, fit_power_law, fit_power_laws
from tonearm.evaluation.uncertainty import Interval, percentile_interval

LEAST_SIZES = 4
LEAST_SPAN = 3.0  # of the largest size to the smallest
WIDEST = 0.3  # of the bounds of a promised accuracy; a lower limit would select bounds that are too narrow by chance
SMALLEST_VARIANCE = 1e-8
SEED_OF_COLLECTIONS = 2


@dataclass(frozen=True)
class Promise:
    """The law's accuracy at a larger amount, and how much that is above the law's at full size."""

    law: PowerLaw
    amount: float
    accuracy: float
    interval: Interval
    gain: float
    gain_interval: Interval


def promise(measured: Measured, unit: str, times: float = 2.0) -> Promise | str:
    """The promise for `times` as many, or a part of a sentence on why there is none. unit: "artist" or "clip"."""
    if refusal := _undetermined(measured, unit):
        return refusal
    accuracies, draws, amounts = measured.accuracies(), measured.draws(), measured.amounts
    if refusal := _flat(accuracies, draws, measured, unit):
        return refusal
    weights = 1 / np.maximum(draws.var(axis=0), SMALLEST_VARIANCE)
    law = fit_power_law(amounts, 1 - accuracies, weights)
    amount = times * float(amounts[-1])
    accuracy = 1 - law.at(amount)
    shifts = np.random.default_rng(SEED_OF_COLLECTIONS).normal(0, measured.collection_spread(), (len(draws), 1))
    shifted = np.clip(draws + shifts, 0.0, 1.0)
    laws = fit_power_laws(amounts, 1 - shifted, weights)
    found = 1 - np.minimum(laws[:, 0] + laws[:, 1] * amount ** -laws[:, 2], 1.0)
    interval = percentile_interval(found, measured.groups)
    if interval.high - interval.low > WIDEST:
        return (
            f"the bounds for {amount:.0f} {unit}s would be {interval.low:.2f} to {interval.high:.2f}, wider than "
            f"{WIDEST:g}, which promises nothing"
        )
    now = float(amounts[-1])
    gains = percentile_interval(laws[:, 1] * (now ** -laws[:, 2] - amount ** -laws[:, 2]), measured.groups)
    return Promise(law, amount, accuracy, interval, law.at(now) - law.at(amount), gains)


def _undetermined(measured: Measured, unit: str) -> str:
    """Why no law can be fitted, whatever the accuracies; "" where one can."""
    amounts = measured.amounts
    if measured.repeats < 2:
        return "one order (curve.repeats = 1) does not show how much depends on which of them a subset holds"
    if measured.groups < 2:
        return "all judged clips are of one artist, so nothing can be resampled"
    if len(amounts) < LEAST_SIZES:
        return f"{len(amounts)} sizes are too few to fit a power law to; {LEAST_SIZES} are needed"
    if amounts[-1] < LEAST_SPAN * amounts[0]:
        return (
            f"from {amounts[0]:.0f} to {amounts[-1]:.0f} {unit}s the sizes span less than a factor of {LEAST_SPAN:g}, "
            "too little to see how the accuracy goes on"
        )
    return ""


def _flat(accuracies: Numbers, draws: Numbers, measured: Measured, unit: str) -> str:
    """Why the accuracies are not those of a law that falls, "" where they may be."""
    amounts = measured.amounts
    for less in range(len(amounts) - 1):
        if percentile_interval(draws[:, less + 1] - draws[:, less], measured.groups).high < 0:
            return (
                f"the accuracy falls from {accuracies[less]:.3f} with {amounts[less]:.0f} {unit}s to "
                f"{accuracies[less + 1]:.3f} with {amounts[less + 1]:.0f}, by more than chance, and no power law does"
            )
    if percentile_interval(draws[:, -1] - draws[:, 0], measured.groups).low <= 0:
        return (
            f"the accuracy does not measurably rise from {amounts[0]:.0f} {unit}s ({accuracies[0]:.3f}) to "
            f"{amounts[-1]:.0f} ({accuracies[-1]:.3f})"
        )
    return ""
