"""Statistics over the frames of a series.

Conventions
-----------
Each takes `Moments` of series, shape (series, frames), and returns float64 of shape (series,). Sums run in
float64. Variance, skewness and kurtosis have no bias correction (divisor n), as by default in numpy and
scipy.stats; kurtosis is the excess over the normal distribution's 3.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tonearm.settings import Statistic


class Moments:
    """Central moments of series, each computed on first use.

    series: real values, shape (series, frames), at least one frame.
    """

    def __init__(self, series: NDArray[np.floating]) -> None:
        self.given = series  # ranks do not need float64, and half the memory is half the time

    @cached_property
    def _series(self) -> NDArray[np.float64]:
        return np.array(self.given, dtype=np.float64)

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Means, shape (series,)."""
        return self._series.mean(axis=1)  # type: ignore[no-any-return]

    @cached_property
    def _deviation(self) -> NDArray[np.float64]:
        mean, series = self.mean[:, None], self._series
        del self._series  # it becomes the deviation
        return np.subtract(series, mean, out=series)

    @cached_property
    def _square(self) -> NDArray[np.float64]:
        return self._deviation**2

    @cached_property
    def variance(self) -> NDArray[np.float64]:
        """Mean squared deviations, shape (series,)."""
        return self._square.mean(axis=1)  # type: ignore[no-any-return]

    @cached_property
    def _varies(self) -> NDArray[np.bool_]:
        # scipy.stats's test for series that are constant up to rounding
        return self.variance > (1e-15 * self.mean) ** 2

    def standardised(self, order: int) -> NDArray[np.float64]:
        """Mean of ((x - mean) / std) ** order for order 3 or 4, 0 for a constant; shape (series,)."""
        factor = self._deviation if order == 3 else self._square
        central = np.mean(factor * self._square, axis=1)
        scale = np.where(self._varies, self.variance, 1.0) ** (order / 2)
        return np.where(self._varies, central / scale, 0.0)


def _median(moments: Moments) -> NDArray[np.float64]:
    """The middle value of each series, or the mean of the middle two: ``numpy.median`` with one partition, not two."""
    middle, odd = divmod(moments.given.shape[1], 2)
    ordered = np.partition(moments.given, middle, axis=1)
    upper = ordered[:, middle].astype(np.float64)
    return upper if odd else (ordered[:, :middle].max(axis=1) + upper) / 2.0


def _kurtosis(moments: Moments) -> NDArray[np.float64]:
    # 0 for a constant, as for skewness, where scipy gives NaN
    fourth = moments.standardised(4)
    return np.where(fourth > 0, fourth - 3.0, 0.0)


STATISTICS: dict[Statistic, Callable[[Moments], NDArray[np.float64]]] = {
    "mean": lambda moments: moments.mean,
    "var": lambda moments: moments.variance,
    "std": lambda moments: np.sqrt(moments.variance),
    "min": lambda moments: moments.given.min(axis=1).astype(np.float64),
    "max": lambda moments: moments.given.max(axis=1).astype(np.float64),
    "median": _median,
    "skew": lambda moments: moments.standardised(3),
    "kurtosis": _kurtosis,
}
