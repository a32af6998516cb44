"""From the rows of a data set to what a network reads, fitted on training rows only.

Conventions
-----------
An `Inputs` belongs to one classifier. After `fit` it knows the shape of one row; `prepare` gives a `Source`,
which is asked for batches by row numbers: a tensor in memory for tables, and whatever reads from disk for
larger things (`training.pictures`). `arrays` and `restore` are how it is saved and loaded.
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
    """What an engine needs to know about its input.

    cache_dir: a folder that holds what was computed before for many trainings on the same rows, or None.
    """

    block: int
    """Rows predicted together; such that a row's place in its block does not change its bits."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row; known after `fit` or `restore`."""
        ...

    def fit(self, X: NDArray[Any], cache_dir: Path | None) -> None:
        """Learn what is needed from training rows."""
        ...

    def prepare(self, X: NDArray[Any], device: str, cache_dir: Path | None, repeated: bool) -> Prepared:
        """Rows ready for batches on this device; raises ValueError where they are not of the fitted kind.

        repeated: whether they will be read many times, so that it pays to keep what is computed of them.
        """
        ...

    def start(self, module: "torch.nn.Module") -> None:
        """Give a new network the weights that it starts from, where the input brings some."""
        ...

    def fingerprint(self, X: NDArray[Any], cache_dir: Path | None) -> str:
        """A hash of the rows."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that `fit` learned."""
        ...

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take what `arrays` gave; raises KeyError where something is missing."""
        ...


class TableInputs:
    """Columns standardised to mean 0 and standard deviation 1 over the training rows."""

    block = 1  # the place in a block matters too: matrix products treat the rows at their edge differently

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

    def fingerprint(self, X: NDArray[Any], cache_dir: Path | None) -> str:
        """SHA-256 of the values."""
        return hashlib.sha256(np.ascontiguousarray(X, dtype=np.float64).tobytes()).hexdigest()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`mean` and `scale`."""
        return {"mean": self.mean, "scale": self.scale}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take `mean` and `scale`."""
        self.mean, self.scale = arrays["mean"], arrays["scale"]

    def _checked(self, X: NDArray[Any]) -> NDArray[np.float64]:
        from sklearn.utils import check_array

        rows: NDArray[np.float64] = check_array(X, dtype=np.float64)
        return rows
