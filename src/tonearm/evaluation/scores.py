"""Truth and probabilities to scores with intervals.

Conventions
-----------
truth: object array of labels, shape (clips,). probabilities: float64, shape (clips, labels), rows sum to 1.
labels: the order of the columns. Labels are ranked by probability, ties by column; the prediction is the
first. Macro averages are over the classes that occur in the truth; a class that is never predicted has
precision 0, one that does not occur has no recall and is left out. Every score is a function of sums over
clips (`sums`), so that `uncertainty.bootstrap` can resample groups.

Intervals are percentiles, except for ece: chance biases it upwards and resampling does so again, so its
percentiles are reflected at the value (basic bootstrap), and may lie below it. In simulations of 200 and 750
clips, five per group, these covered the true error in 84 % to 95 % of cases; plain percentiles in none if the
probabilities were calibrated.

Metrics
-------
accuracy, precision, recall, f1 (macro), log_loss (natural logarithm, probabilities clipped at 1e-15), top2
(the truth is among the first two labels), kappa (Cohen's), ece (expected calibration error, 10 bins of equal
width over the probability of the prediction).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import group_or_own, label_codes
from tonearm.evaluation.sums import Summands, Sums, divide
from tonearm.evaluation.uncertainty import Interval, bootstrap

BINS = 10
Truth = NDArray[np.object_]


class Reliability(NamedTuple):
    """Mean confidence, mean accuracy and number of clips by bin of confidence; NaN for empty bins."""

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    clips: NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """Scores of a model's probabilities on some clips.

    values: score by name, in the order of the module's list. intervals: 95 %, by resampling groups; NaN with
    one group. per_class: precision, recall, f1, their support, and the interval of f1, by label. confusion:
    counts, rows are the truth. clips, groups: their numbers.
    """

    values: dict[str, float]
    intervals: dict[str, Interval]
    per_class: dict[str, dict[str, Any]]
    confusion: NDArray[np.int64]
    labels: tuple[str, ...]
    clips: int
    groups: int

    def shares(self) -> NDArray[np.float64]:
        """The confusion matrix as shares of the true class; 0 in the row of a class that does not occur."""
        return divide(self.confusion.astype(np.float64), self.confusion.sum(axis=1, keepdims=True), 0.0)

    def to_json(self) -> dict[str, Any]:
        """The scores as JSON-ready values; undefined ones are None."""
        return {
            "clips": self.clips,
            "groups": self.groups,
            "scores": {
                name: {"value": value, **_bounds(self.intervals.get(name))} for name, value in self.values.items()
            },
            "classes": {
                label: {**row, "f1_interval": list(_bounds(row["f1_interval"]).values())}
                for label, row in self.per_class.items()
            },
            "confusion": {"labels": list(self.labels), "counts": self.confusion.tolist()},
        }


def _bounds(interval: Interval | None) -> dict[str, float | None]:
    if interval is None or not np.isfinite(interval).all():
        return {"low": None, "high": None}
    return {"low": interval.low, "high": interval.high}


def validate(truth: Truth, probabilities: NDArray[np.float64], labels: tuple[str, ...]) -> None:
    """Raise ValueError if the inputs do not fit together or are not probabilities."""
    if not len(truth):
        raise ValueError("there are no clips to evaluate")
    if probabilities.shape != (len(truth), len(labels)):
        raise ValueError(f"probabilities have shape {probabilities.shape}, not {(len(truth), len(labels))}")
    unknown = sorted(set(truth) - set(labels))
    if unknown:
        raise ValueError(f"truth has labels without a column: {', '.join(unknown)}")
    if not (np.isfinite(probabilities.max()) and 0 <= probabilities.min() < np.inf):  # both are NaN if one is
        raise ValueError("probabilities must be finite and not negative")
    if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-5):
        raise ValueError("each row of probabilities must sum to 1")


def evaluate(
    truth: Truth, probabilities: NDArray[np.float64], labels: tuple[str, ...], groups: Truth | None = None
) -> Scores:
    """All scores, with intervals by resampling `groups` ("" or None: each clip is its own group)."""
    validate(truth, probabilities, labels)
    units = _units(truth, groups)
    summands = _summands(truth, probabilities, labels)
    total = summands.total()
    names = (*_SCORES, *(f"f1 {label}" for label in labels))

    def scores(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = Sums(sums, len(labels))
        return np.column_stack([*(score(parts) for score in _SCORES.values()), parts.f1_by_class()])

    score_of = dict(zip(names, scores(total)[0].tolist(), strict=True))
    cells = summands.cells, summands.cell_count
    intervals = dict(zip(names, bootstrap(scores, summands.values, units, cells=cells), strict=True))
    intervals["ece"] = _reflect(intervals["ece"], score_of["ece"])
    sums = Sums(total, len(labels))
    precision, recall = sums.precision_by_class()[0].tolist(), sums.recall_by_class()[0].tolist()
    per_class = {
        label: {
            "precision": precision[index],
            "recall": _number(recall[index]),
            "f1": _number(score_of[f"f1 {label}"]),
            "support": int(sums.support[0, index]),
            "f1_interval": intervals[f"f1 {label}"],
        }
        for index, label in enumerate(labels)
    }
    return Scores(
        values={name: score_of[name] for name in _SCORES},
        intervals={name: intervals[name] for name in _SCORES},
        per_class=per_class,
        confusion=summands.confusion(),
        labels=labels,
        clips=len(truth),
        groups=len(set(units)),
    )


def _reflect(interval: Interval, value: float) -> Interval:
    """The interval reflected at the value, not below 0; NaN bounds stay NaN."""
    return Interval(*np.maximum(0.0, [2 * value - interval.high, 2 * value - interval.low]).tolist())


def predicted(probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
    """Column of the most probable label of each row, the first of ties."""
    columns: NDArray[np.intp] = np.argmax(probabilities, axis=1)
    return columns


def reliability(
    truth: Truth, probabilities: NDArray[np.float64], labels: tuple[str, ...], bins: int = BINS
) -> Reliability:
    """Accuracy of the predictions against the model's confidence, in bins of equal width."""
    validate(truth, probabilities, labels)
    sums = Sums(_summands(truth, probabilities, labels, bins).total(), len(labels))
    with np.errstate(invalid="ignore"):
        return Reliability(
            (sums.confidence / sums.in_bin)[0], (sums.right / sums.in_bin)[0], sums.in_bin[0].astype(np.int64)
        )


def _units(truth: Truth, groups: Truth | None) -> Truth:
    """Each clip's group, or one of its own if it has none."""
    return group_or_own([""] * len(truth) if groups is None else groups, range(len(truth)))


def _summands(truth: Truth, probabilities: NDArray[np.float64], labels: tuple[str, ...], bins: int = BINS) -> Summands:
    """Each clip's contribution to the sums."""
    return Summands(label_codes(truth, labels), predicted(probabilities), probabilities, bins)


_SCORES: dict[str, Callable[[Sums], NDArray[np.float64]]] = {
    "accuracy": Sums.accuracy,
    "precision": lambda sums: sums.mean_over_classes(sums.precision_by_class()),
    "recall": lambda sums: sums.mean_over_classes(sums.recall_by_class()),
    "f1": lambda sums: sums.mean_over_classes(sums.f1_by_class()),
    "log_loss": lambda sums: sums.surprise / sums.clips,
    "top2": lambda sums: sums.top2 / sums.clips,
    "kappa": Sums.kappa,
    "ece": Sums.ece,
}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
