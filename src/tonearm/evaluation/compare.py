"""Paired tests of runs against the best of them, where all were trained and tested on the same parts of the clips.

Conventions
-----------
The best is the run with the highest accuracy on its evaluated part. Each other run is tested against it twice, both
times clip by clip: by resampling groups (artists or recordings; `uncertainty.paired_difference`) and by McNemar's
exact test, which treats clips as independent and, of repeated folds, uses the first repeat. The p-values of each test
are corrected for multiple testing (Holm). "Not distinguishable" means p >= 0.05 in the test by groups; it does
not mean equal. If evaluated clips, folds or training clips differ, nothing is tested: a difference in accuracy
would then say more about the divisions than about the models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import group_or_own
from tonearm.evaluation.uncertainty import Difference, holm, mcnemar_exact, paired_difference

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Answers:
    """A run's predictions of its evaluated part: names in order, and whether each prediction is right.

    right: shape (clips, predictions); a clip has one, or one for each repeat of the folds. division: identifies which
    clips were trained on and tested, equal for runs of the same division; None if that is not known. method: how the
    clips were divided, for messages.
    """

    run: str
    names: tuple[str, ...]
    right: NDArray[np.bool_]
    division: str | None = ""
    method: str = ""

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return float(self.right.mean())


@dataclass(frozen=True)
class Pair:
    """A run against the best: best minus other, with the corrected p-values of both tests."""

    best: str
    other: str
    difference: Difference
    p: float
    mcnemar: float

    @property
    def distinguishable(self) -> bool:
        """Whether the test by groups distinguishes the two."""
        return bool(self.p < SIGNIFICANCE)


@dataclass(frozen=True)
class Comparison:
    """All runs, best first, and the tested pairs; no pairs, and the reason, if the runs cannot be tested."""

    answers: tuple[Answers, ...]
    pairs: tuple[Pair, ...]
    refused: str = ""

    def sentence(self) -> str:
        """One sentence: which run is best and which are not distinguishable from it."""
        best = self.answers[0].run
        if self.refused:
            return self.refused
        if not self.pairs:
            return f"{best} is the only run: there is nothing to compare it with"
        alike = [pair.other for pair in self.pairs if not pair.distinguishable]
        behind = [pair.other for pair in self.pairs if pair.distinguishable]
        parts = [f"not distinguishable from the best, {best}: {', '.join(alike)}" if alike else ""]
        parts.append(f"behind {best}: {', '.join(behind)}" if behind else "")
        return "; ".join(part for part in parts if part) + " (paired test by groups, p < 0.05, Holm)"

    def text(self) -> str:
        """A table as text."""
        width = max(len(answers.run) for answers in self.answers)
        lines = [f"{'':<{width}}  accuracy  clips"]
        lines += [f"{a.run:<{width}}  {a.accuracy:8.3f}  {len(a.names):5}" for a in self.answers]
        for pair in self.pairs:
            low, high = pair.difference.interval
            lines.append(
                f"{pair.best} - {pair.other}: {100 * pair.difference.difference:+.1f} points "
                f"({100 * low:+.1f} to {100 * high:+.1f}), p = {pair.p:.3f} by groups, {pair.mcnemar:.3f} by McNemar"
            )
        return "\n".join([*lines, self.sentence()])


def compare(answers: Sequence[Answers], groups: Mapping[str, str]) -> Comparison:
    """Test every run against the best. groups: group by clip name; "" or absent: the clip is its own group."""
    ranked = tuple(sorted(answers, key=lambda run: (-run.accuracy, run.run)))
    best, others = ranked[0], ranked[1:]
    reason = next((text for other in others if (text := _why_not(best, other))), "")
    if reason:
        return Comparison(ranked, (), reason)
    units = group_or_own((groups.get(name, "") for name in best.names), best.names)
    differences, exact = [], []
    for other in others:
        row_of = {name: row for row, name in enumerate(other.names)}
        right = other.right[[row_of[name] for name in best.names]]
        differences.append(paired_difference(best.right.mean(axis=1), right.mean(axis=1), units))
        exact.append(mcnemar_exact(best.right[:, 0], right[:, 0]))
    corrected = holm([difference.p for difference in differences]), holm(exact)
    pairs = [
        Pair(best.run, other.run, difference, p, mcnemar)
        for other, difference, p, mcnemar in zip(others, differences, *corrected, strict=True)
    ]
    return Comparison(ranked, tuple(pairs))


def _why_not(best: Answers, other: Answers) -> str:
    """Why the two runs cannot be tested against each other; "" if they can."""
    if set(other.names) != set(best.names):
        shared = len(set(other.names) & set(best.names))
        return (
            f"{best.run} was evaluated on {len(best.names)} clips and {other.run} on {len(other.names)}, {shared} of "
            "them the same: no paired test is possible, and the accuracies cannot be compared"
        )
    counts = best.right.shape[1], other.right.shape[1]
    if counts[0] != counts[1]:
        return (
            f"{best.run} has {counts[0]} prediction{'s' * (counts[0] > 1)} for each clip and {other.run} has "
            f"{counts[1]}: only experiments with the same number of repeated folds are tested in pairs"
        )
    unknown = [run.run for run in (best, other) if run.division is None]
    if unknown:
        return (
            f"which clips {unknown[0]} was trained on is not known, since an older tonearm made it: nothing is tested; "
            "train it again to compare it"
        )
    if best.division != other.division:
        methods = " and ".join(f"{run.run} by {run.method or 'an unknown method'}" for run in (best, other))
        return (
            f"the runs were not trained and tested on the same parts of the clips (divided for {methods}): nothing is "
            "tested, since other splits, folds or training clips change an accuracy by themselves"
        )
    return ""
