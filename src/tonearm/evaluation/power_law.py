"""The power law of learning: error = a + b * size ** -c, fitted to measured errors.

Conventions
-----------
a (the error that no amount of data removes) and b are at least 0, a at most 1, and c lies in [0.02, 1]: measured
exponents are well below 1 (Hestness et al.: 0.07 to 0.35), and steeper ones, which noise favours, would promise that
nothing more is to be gained. For a given c the best a and b are those of a weighted linear regression under bounds,
which is solved exactly; c is searched on a grid and then refined, so that no starting values are guessed.

Sources: C. Cortes et al., "Learning curves: asymptotic values and rate of convergence", NIPS 1994; R. Figueroa et al.,
"Predicting sample size required for classification performance", BMC Medical Informatics 12, 2012; J. Hestness et al.,
"Deep learning scaling is predictable, empirically", arXiv:1712.00409, 2017.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EXPONENTS = np.geomspace(0.02, 1.0, 80)
Numbers = NDArray[np.float64]


class PowerLaw(NamedTuple):
    """error = a + b * size ** -c."""

    a: float
    b: float
    c: float

    def at(self, size: float) -> float:
        """The error at a size, at most 1."""
        return min(1.0, float(self.a + self.b * size**-self.c))


def fit_power_law(sizes: Numbers, errors: Numbers, weights: Numbers) -> PowerLaw:
    """The law with the least weighted sum of squares.

    sizes: above 0, shape (sizes,); at least three. errors: in [0, 1], shape (sizes,). weights: above 0, shape (sizes,).

    >>> sizes = np.array([10.0, 20.0, 40.0, 80.0])
    >>> law = fit_power_law(sizes, 0.2 + 1.5 * sizes**-0.5, np.ones(4))
    >>> round(law.a, 6), round(law.b, 6), round(law.c, 6)
    (0.2, 1.5, 0.5)
    """
    from scipy.optimize import least_squares

    [start] = fit_power_laws(sizes, errors[None], weights)
    largest, root = sizes.max(), np.sqrt(weights / weights.max())

    def residuals(law: Numbers) -> Numbers:
        missed: Numbers = root * (law[0] + law[1] * (sizes / largest) ** -law[2] - errors)
        return missed

    lower, upper = (0.0, 0.0, EXPONENTS[0]), (1.0, np.inf, EXPONENTS[-1])
    scaled = np.array([start[0], start[1] * largest ** -start[2], start[2]])
    limits = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 2000}
    found = least_squares(residuals, scaled, bounds=(lower, upper), **limits)
    best = found.x if 2 * found.cost <= np.sum(residuals(scaled) ** 2) else scaled
    a, b, c = best.tolist()
    return PowerLaw(a, b * float(largest) ** c, c)


def fit_power_laws(sizes: Numbers, errors: Numbers, weights: Numbers) -> Numbers:
    """a, b and c of many sets of errors at the same sizes, shape (sets, 3); c is a point of the grid.

    errors: shape (sets, sizes). The others are as for `fit_power_law`.
    """
    largest = sizes.max()
    share = weights / weights.sum()
    best = np.full(len(errors), np.inf)
    laws = np.zeros((len(errors), 3))
    for c in EXPONENTS.tolist():
        powers = (sizes / largest) ** -c
        a, b = _regressed(powers, errors, share)
        loss = ((a[:, None] + b[:, None] * powers - errors) ** 2) @ share
        better = loss < best
        best = np.where(better, loss, best)
        laws[better] = np.column_stack([a, b * largest**c, np.full(len(errors), c)])[better]
    return laws


def _regressed(powers: Numbers, errors: Numbers, share: Numbers) -> tuple[Numbers, Numbers]:
    """The best a in [0, 1] and b >= 0 of errors = a + b * powers, each of shape (sets,). share: weights, of sum 1."""
    mean = float(powers @ share)
    spread = float(((powers - mean) ** 2) @ share)
    level = errors @ share
    b = np.maximum((errors @ (share * (powers - mean))) / spread, 0.0)
    a = level - b * mean
    through = a < 0  # then the best law has a = 0
    b = np.where(through, (errors @ (share * powers)) / float((powers**2) @ share), b)
    return np.where(through, 0.0, a), b
