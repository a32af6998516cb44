"""Paired tests of all runs against each other, where all were trained and tested on the same parts of the clips.

Conventions
-----------
Whoever looks for the best run and then tests it has tested all pairs, so all pairs are tested at once: by flipping the
signs of whole groups, artists or recordings (`sign_flips.max_t`), and by McNemar's exact test, which treats clips as
independent and, of repeated folds, uses the first repeat; its p-values are corrected for all pairs too (Holm). A run
is behind if some other is distinguishable from it and more accurate; all others may be the best. "Not
distinguishable" means p >= 0.05 in the test by groups; it does not mean equal. If evaluated clips, folds or training
clips differ, nothing is tested: a difference in accuracy would then say more about the divisions than about the models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import group_or_own
from tonearm.errors import RunError
from tonearm.evaluation.sign_flips import max_t, smallest_p
from tonearm.evaluation.uncertainty import (
    Interval,
    holm,
    mcnemar_exact,
    percentile_interval,
    resampled,
    sums_by_group,
)
from tonearm.wording import p_value

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
    """Two runs, the more accurate first: its accuracy minus the other's, in [0, 1], and p corrected for all pairs.

    interval: of the difference, of this pair alone. p: by groups, NaN if there is one group. mcnemar: by clips.
    """

    better: str
    other: str
    difference: float
    interval: Interval
    p: float
    mcnemar: float

    @property
    def distinguishable(self) -> bool:
        """Whether the test by groups tells the two apart."""
        return bool(self.p < SIGNIFICANCE)

    def sentence(self) -> str:
        """The pair in words."""
        low, high = self.interval
        return (
            f"{self.better} - {self.other}: {100 * self.difference:+.1f} points ({100 * low:+.1f} to "
            f"{100 * high:+.1f}), p {p_value(self.p)} by groups, {p_value(self.mcnemar)} by McNemar"
        )


@dataclass(frozen=True)
class Comparison:
    """All runs, the most accurate first, and every pair of them; no pairs, and the reason, if they cannot be tested.

    groups: artists or recordings of the clips, a clip without a known one being its own. notes: for a person.
    """

    answers: tuple[Answers, ...]
    pairs: tuple[Pair, ...]
    groups: int
    refused: str = ""
    notes: tuple[str, ...] = ()

    @property
    def behind(self) -> tuple[str, ...]:
        """The runs that some other is better than, beyond chance."""
        beaten = {pair.other for pair in self.pairs if pair.distinguishable}
        return tuple(one.run for one in self.answers if one.run in beaten)

    @property
    def may_be_best(self) -> tuple[str, ...]:
        """The runs of which none is distinguishably better."""
        return tuple(one.run for one in self.answers if one.run not in self.behind)

    def pair(self, first: str, second: str) -> Pair:
        """The test of two runs. Raises RunError where they are not two of these, or nothing could be tested."""
        runs = [one.run for one in self.answers]
        for run in (first, second):
            if run not in runs:
                raise RunError(f"{run!r} is not one of the runs that were compared: {', '.join(runs)}")
        if self.refused:
            raise RunError(self.refused)
        found = next((pair for pair in self.pairs if {pair.better, pair.other} == {first, second}), None)
        if found is None:
            raise RunError(f"{first!r} is one run; name another to compare it with")
        return found

    def sentence(self) -> str:
        """Which runs may be the best, and which are behind."""
        if self.refused:
            return self.refused
        if not self.pairs:
            return f"{self.answers[0].run} is the only run: there is nothing to compare it with"
        if smallest_p(self.groups) >= SIGNIFICANCE:
            few = "1 artist or recording" if self.groups == 1 else f"{self.groups} artists or recordings"
            return f"the judged clips are of only {few}, too few to tell any two models apart"
        how = "(all pairs tested at once by groups, p < 0.05)"
        if not self.behind:
            runs = ", ".join(self.may_be_best)
            return f"any of these may be the best: {runs}; none is distinguishable from another {how}"
        behind = f"behind: {', '.join(self.behind)} {how}"
        if len(self.may_be_best) == 1:
            return f"{self.may_be_best[0]} is the best; {behind}"
        return f"these may be the best: {', '.join(self.may_be_best)}; {behind}"

    def verdict(self, chosen: str = "") -> str:
        """The sentence, and a second one where the run that the validation clips chose is not the most accurate here.

        chosen: that run, "" where no validation clips chose.
        """
        accuracy = {one.run: one.accuracy for one in self.answers}
        best = self.answers[0].run
        if not chosen or accuracy[chosen] == accuracy[best]:
            return self.sentence()
        ahead = f"on the test {best} is ahead of it, {accuracy[best]:.3f} against {accuracy[chosen]:.3f}"
        if self.pairs:
            apart = self.pair(best, chosen).distinguishable
            ahead += ", distinguishably so" if apart else ", not distinguishably so"
        return f"{self.sentence()}. The validation clips choose {chosen}; {ahead}"

    def text(self, every: bool = False) -> str:
        """A table as text, and the pairs of the most accurate run, or every pair."""
        width = max(len(answers.run) for answers in self.answers)
        lines = [f"{'':<{width}}  accuracy  clips"]
        lines += [f"{a.run:<{width}}  {a.accuracy:8.3f}  {len(a.names):5}" for a in self.answers]
        shown = [pair for pair in self.pairs if every or pair.better == self.answers[0].run]
        return "\n".join([*lines, *(pair.sentence() for pair in shown), self.sentence()])


def compare(answers: Sequence[Answers], groups: Mapping[str, str]) -> Comparison:
    """Test every run against every other. groups: group by clip name; "" or absent: the clip is its own group."""
    ranked = tuple(sorted(answers, key=lambda run: (-run.accuracy, run.run)))
    best, others = ranked[0], ranked[1:]
    units = group_or_own((groups.get(name, "") for name in best.names), best.names)
    different = len(set(units.tolist()))
    reason = next((text for other in others if (text := _why_not(best, other))), "")
    if reason:
        return Comparison(ranked, (), different, reason)
    right = np.stack([_in_order(one, best.names) for one in ranked], axis=2)  # (clips, predictions, runs)
    return Comparison(ranked, _pairs([one.run for one in ranked], right, units), different)


def _in_order(answers: Answers, names: tuple[str, ...]) -> NDArray[np.bool_]:
    row_of = {name: row for row, name in enumerate(answers.names)}
    return answers.right[[row_of[name] for name in names]]


def _pairs(runs: Sequence[str], right: NDArray[np.bool_], units: NDArray[np.object_]) -> tuple[Pair, ...]:
    """Every pair, the more accurate run first. right: shape (clips, predictions, runs)."""
    shares = right.mean(axis=1)
    sums = sums_by_group(np.column_stack([shares, np.ones(len(shares))]), units)
    drawn = resampled(sums)
    accuracies, accuracy = drawn[:, :-1] / drawn[:, -1:], shares.mean(axis=0)
    p = max_t(sums[:, :-1])
    places = [(one, two) for one in range(len(runs)) for two in range(one + 1, len(runs))]
    exact = holm([mcnemar_exact(right[:, 0, one], right[:, 0, two]) for one, two in places])
    return tuple(
        Pair(
            runs[one],
            runs[two],
            float(accuracy[one] - accuracy[two]),
            percentile_interval(accuracies[:, one] - accuracies[:, two], len(sums)),
            float(p[one, two]),
            mcnemar,
        )
        for (one, two), mcnemar in zip(places, exact, strict=True)
    )


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
