"""From the rows of a data set to the network's input, fitted on training rows only.

Conventions
-----------
An `Inputs` belongs to one classifier. After `fit` it knows the shape of one row; `prepare` gives a `Source`,
which is indexed by row numbers: for tables a tensor in memory, for larger data something that reads from disk
(`training.pictures`). It is saved and loaded by `arrays` and `restore`.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

LEAST_SPREAD = 1e-12  # a column that varies less than this, relative to its mean, is constant


class Source(Protocol):
    """Rows that are ready to be read in batches."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> "torch.Tensor":
        """The float32 batch of these rows (a tensor of row numbers), shape (rows, *shape)."""
        ...


class Prepared(NamedTuple):
    """A source, and the row of X that each of its rows belongs to: a long clip gives several."""

    source: Source
    owners: NDArray[np.int64]


class Inputs(Protocol):
    """What the engine needs to know about its input.

    cache_dir: a folder with cached results that trainings on the same rows share, or None.
    """

    block: int
    """Rows predicted together: a number for which a row's position in its block does not change its bits."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row; known after `fit` or `restore`."""
        ...

    def fit(self, X: NDArray[Any], cache_dir: Path | None) -> None:
        """Fit to training rows."""
        ...

    def prepare(self, X: NDArray[Any], device: str, cache_dir: Path | None, repeated: bool) -> Prepared:
        """Rows ready for batches on this device; raises ValueError if they are not of the fitted kind.

        repeated: whether they will be read many times, so that caching results pays off.
        """
        ...

    def start(self, module: "torch.nn.Module") -> None:
        """Give a new network its initial weights, if the input brings some."""
        ...

    def digest(self, X: NDArray[Any], cache_dir: Path | None) -> str:
        """A hash of the rows."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that `fit` learned."""
        ...

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Restore what `arrays` returned. Raises KeyError if something is missing, ValueError if it does not fit."""
        ...


def check_spread(mean: NDArray[Any], spread: NDArray[Any]) -> None:
    """Raise ValueError if these are not a mean and a standard deviation above 0 for each of some columns."""
    if mean.ndim != 1 or not len(mean) or mean.shape != spread.shape:
        raise ValueError(f"means of shape {mean.shape} and deviations of shape {spread.shape}")
    if not (np.isfinite(mean).all() and np.isfinite(spread).all() and (spread > 0).all()):
        raise ValueError("means or deviations that no columns have")


class TableInputs:
    """Columns standardised to mean 0 and standard deviation 1 over the training rows."""

    block = 1  # the position in a block matters too: matrix products treat the rows at their edge differently

    def __init__(self) -> None:
        self.mean: NDArray[np.float64] = np.empty(0)
        self.scale: NDArray[np.float64] = np.empty(0)

    @property
    def shape(self) -> tuple[int, ...]:
        """(columns,)."""
        return (len(self.mean),)

    def fit(self, X: NDArray[Any], cache_dir: Path | None) -> None:
        """Take mean and standard deviation of each column; a constant column is only centred."""
        rows = self._checked(X)
        self.mean = rows.mean(axis=0)
        spread = rows.std(axis=0)
        constant = spread <= LEAST_SPREAD * np.maximum(np.abs(self.mean), 1.0)
        self.scale = np.where(constant, 1.0, spread)

    def prepare(self, X: NDArray[Any], device: str, cache_dir: Path | None, repeated: bool) -> Prepared:
        """The standardised rows as one tensor on the device."""
        import torch

        rows = self._checked(X)
        if rows.shape[1] != len(self.mean):
            raise ValueError(f"X has {rows.shape[1]} features, but this model was fitted with {len(self.mean)}")
        values = torch.from_numpy(((rows - self.mean) / self.scale).astype(np.float32)).to(device)
        return Prepared(values, np.arange(len(rows)))

    def start(self, module: "torch.nn.Module") -> None:
        """The network starts from random weights."""

    def digest(self, X: NDArray[Any], cache_dir: Path | None) -> str:
        """SHA-256 of the values."""
        return hashlib.sha256(np.ascontiguousarray(X, dtype=np.float64).tobytes()).hexdigest()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`mean` and `scale`."""
        return {"mean": self.mean, "scale": self.scale}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take `mean` and `scale`."""
        check_spread(arrays["mean"], arrays["scale"])
        self.mean, self.scale = arrays["mean"], arrays["scale"]

    def _checked(self, X: NDArray[Any]) -> NDArray[np.float64]:
        from sklearn.utils import check_array

        rows: NDArray[np.float64] = check_array(X, dtype=np.float64)
        return rows
