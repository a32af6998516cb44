"""Accuracy at each size with its interval, from which judged clips each training was right on.

Conventions
-----------
`right` holds how many clips of each group the trainings were right on, shape (groups, sizes, splits, repeats); `judged`
how many clips of it each split judges, shape (groups, splits). The accuracy at a size is that of all judged clips, each
by the mean over the repeats.

Intervals have two sources, resampled together (a bootstrap of rows and columns, which if anything is too wide: A. Owen,
"The pigeonhole bootstrap", Annals of Applied Statistics 1, 2007): the judged groups, the same draw for every size; and
in each split the repeats, whose deviations are widened by sqrt(R / (R - 1)), since R of them show too little of their
spread. So they are about subsets of the artists that are there. What another collection of as many artists would give
differs by more: `collection_spread` estimates that, and promises for larger collections contain it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonearm.evaluation.uncertainty import REPEATS, resampled

SEED_OF_SUBSETS = 1
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """An axis of one model. amounts: mean number of what grows, shape (sizes,). shares: of the whole, alike.

    right, judged: see the module.
    """

    amounts: Numbers
    shares: Numbers
    right: Numbers
    judged: Numbers

    @property
    def groups(self) -> int:
        """Number of groups that judge."""
        return len(self.judged)

    @property
    def repeats(self) -> int:
        """Number of random orders."""
        return int(self.right.shape[3])

    def accuracies(self) -> Numbers:
        """Shape (sizes,)."""
        values: Numbers = self.right.mean(axis=3).sum(axis=(0, 2)) / self.judged.sum()
        return values

    def draws(self) -> Numbers:
        """Resampled accuracies, shape (draws, sizes)."""
        return resample(self.right, self.judged)

    def spreads(self) -> Numbers:
        """Standard deviation of a split's accuracy over its repeats, the root of the mean over splits; shape (sizes,).

        NaN with one repeat, and at full size, which has one subset.
        """
        if self.repeats < 2:
            return np.full(self.right.shape[1], np.nan)
        by_repeat = self.right.sum(axis=0) / self.judged.sum(axis=0)[:, None]  # (sizes, splits, repeats)
        roots: Numbers = np.sqrt(by_repeat.var(axis=2, ddof=1).mean(axis=1))
        return np.where(self.shares < 1, roots, np.nan)

    def collection_spread(self) -> float:
        """Standard deviation of the accuracy at full size over other collections of as many artists (or clips).

        The accuracy on all groups that might judge varies over the repeats by what it varies on those that do, less
        what that owes to their small number: a component of variance by repeats (`_between_repeats`). Subsets of n out
        of N vary by (1 - n / N) of what collections of n vary by, and that falls as 1 / n where the artists' effects
        add up; so each size but the last gives an estimate for N, and this is their mean, 0 where chance makes that
        negative. NaN where there is no such size, or one repeat.
        """
        part = self.shares < 1
        if not part.any() or self.repeats < 2:
            return float("nan")
        share = self.shares[part]
        variance = np.array([self._between_repeats(size) for size in np.flatnonzero(part).tolist()])
        return float(np.sqrt(max(0.0, float(np.mean(variance * share / (1 - share))))))

    def _between_repeats(self, size: int) -> float:
        """Variance of the accuracy over repeats, without that of single groups over them; the mean over splits.

        The component of the columns in a two-way layout of groups and repeats; below 0 by chance.
        """
        found = []
        for split in range(self.judged.shape[1]):
            judged = self.judged[:, split]
            judged, right = judged[judged > 0], self.right[judged > 0, size, split]
            total, groups = judged.sum(), len(judged)
            if groups < 2:
                continue
            accuracies = right.sum(axis=0) / total
            own = right - judged[:, None] * accuracies  # of each group, beside what all have in common
            chance = own.var(axis=1, ddof=1).sum() * groups / (groups - 1) / total**2
            found.append(float(accuracies.var(ddof=1) - chance))
        return float(np.mean(found)) if found else float("nan")


def resample(right: Numbers, judged: Numbers) -> Numbers:
    """Accuracies by resampled groups and repeats, shape (draws, sizes).

    The draws of groups depend on their number alone, so they are those of other scores on the same clips.

    right: may be a difference of two models' or axes' right clips.
    """
    groups, sizes, splits, repeats = right.shape
    flat = np.concatenate([right.reshape(groups, -1), judged], axis=1)
    drawn = resampled(flat, REPEATS)
    sums = drawn[:, : -judged.shape[1]].reshape(len(drawn), sizes, splits, repeats)
    total = drawn[:, -judged.shape[1] :].sum(axis=1)
    means = sums.mean(axis=3)
    if repeats > 1:
        generator = np.random.default_rng(SEED_OF_SUBSETS)
        chosen = generator.multinomial(repeats, np.full(repeats, 1 / repeats), size=(len(drawn), splits)) / repeats
        deviations = np.einsum("dsfr,dfr->dsf", sums, chosen) - means
        means = means + np.sqrt(repeats / (repeats - 1)) * deviations
    accuracies: Numbers = means.sum(axis=2) / total[:, None]
    return accuracies
