"""Frozen networks: reading and hashing their weights, running them in blocks of one size, caching their results.

Conventions
-----------
A frozen network gives the same result for the same input, so it runs once per input and the result is cached. It
stays in evaluation mode without gradients. Examples are the frozen part of transfer learning, and encoders.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tonearm.errors import ModelError
from tonearm.runtime.files import check_space, replacing

Precision = Literal["float32", "float16"]
ADVICE = 'set cache = "float16" (half as much) or "none" (computed anew each epoch), or choose another disk with --out'


class Batches(Protocol):
    """Rows that can be read in batches: float32, shape (rows, ...)."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> torch.Tensor:
        """The batch of these rows, a tensor of row numbers."""
        ...


class FrozenNetwork:
    """A module that is never trained. block: rows computed together, a fixed number, since rounding depends on it."""

    def __init__(self, module: nn.Module, block: int) -> None:
        self.module = module.eval().requires_grad_(False)
        self.block = block

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all weights and statistics."""
        return digest(self.module)

    def computed(self, inputs: Batches, device: str, half: bool = False) -> "Computed":
        """The results, computed on demand. half: rounded to float16, as they would be in the cache."""
        return Computed(inputs, self.module.to(device), half, self.block)

    def compute_all(self, result: NDArray[Any], inputs: Batches, device: str) -> None:
        """Write the result of every row into `result`, shape (rows, ...)."""
        for start, values in self._results(inputs, device):
            result[start : start + len(values)] = values

    def _results(self, inputs: Batches, device: str) -> Iterator[tuple[int, NDArray[Any]]]:
        """The results of all rows in their order, a block at a time with the number of its first row."""
        computed = self.computed(inputs, device)
        for rows in blocks(len(inputs), self.block):
            start = int(rows[0])
            values = computed[rows].cpu().numpy()
            yield start, values[: min(self.block, len(inputs) - start)]
        self.module.cpu()

    def kept(
        self, inputs: Batches, folder: Path, facts: list[Any], shape: tuple[int, ...], precision: Precision, device: str
    ) -> NDArray[Any]:
        """The results of all rows as a memory map, from a file that is created if it is missing.

        facts: what decides the results besides the weights. shape: of one result. Other processes wait for the one that
        computes. Raises TonearmError if the disk cannot hold them.
        """
        import filelock

        name = hashlib.sha256(repr([*facts, self.digest, precision]).encode()).hexdigest()[:20]
        path = folder / f"frozen-{name}.npy"
        with filelock.FileLock(path.with_suffix(".lock")):
            if not path.is_file():
                full_shape = (len(inputs), *shape)
                size = int(np.prod(full_shape)) * np.dtype(precision).itemsize
                check_space(folder, size, f"the frozen part's results for {len(inputs)} pictures", ADVICE)
                # written and not mapped: a process that fills the disk through a map is killed without a word
                with replacing(path, size) as temporary, temporary.open("wb") as file:
                    kind = np.lib.format.dtype_to_descr(np.dtype(precision))
                    header = {"descr": kind, "fortran_order": False, "shape": full_shape}
                    np.lib.format.write_array_header_1_0(file, header)
                    for _, values in self._results(inputs, device):
                        file.write(values.astype(precision).tobytes())
        results: NDArray[Any] = np.load(path, mmap_mode="r")
        return results


class Computed:
    """Results computed on demand, in blocks of one size."""

    def __init__(self, inputs: Batches, module: nn.Module, half: bool, block: int) -> None:
        self.inputs = inputs
        self.module = module
        self.half = half
        self.block = block

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            results = [self.module(self.inputs[rows[part]]) for part in blocks(len(rows), self.block)]
        values = torch.cat(results)[: len(rows)]
        return _channels_last(values.half().float() if self.half else values)


class Kept:
    """Cached results: these rows of an array in memory or on disk."""

    def __init__(self, values: NDArray[Any], rows: NDArray[np.int64], device: str) -> None:
        self.values = values
        self.rows = rows
        self.device = device

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        values = torch.from_numpy(self.values[self.rows[rows.numpy()]]).to(self.device).float()
        return _channels_last(values)


def _channels_last(values: torch.Tensor) -> torch.Tensor:
    """Maps in the network's memory layout; cached and computed results need the same one to be equal bit for bit."""
    return values.contiguous(memory_format=torch.channels_last) if values.ndim == 4 else values


def blocks(count: int, size: int) -> list[torch.Tensor]:
    """Row numbers in blocks of `size` rows, the last one padded with the last row.

    Matrix products and convolutions round differently for different numbers of rows; blocks of one
    size prevent that.

    >>> blocks(5, 3)
    [tensor([0, 1, 2]), tensor([3, 4, 4])]
    """
    return [torch.arange(start, start + size).clamp(max=count - 1) for start in range(0, count, size)]


def digest(module: nn.Module) -> str:
    """SHA-256 of all weights and statistics."""
    sha256 = hashlib.sha256()
    for name, value in module.state_dict().items():
        sha256.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return sha256.hexdigest()


def read_weights(path: str, others: str) -> dict[str, torch.Tensor]:
    """The tensors of a file (.pth, .pt, .safetensors) by name; nothing in it is executed.

    others: other allowed values of the setting, for the message. Raises ModelError if there is no such file, or it
    does not hold tensors.
    """
    file = Path(path)
    if not file.is_file():
        raise ModelError(f"weights = {path!r}: there is no such file ({file.absolute()}); allowed: {others}, or a file")
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(file))
        state: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and pickle may raise anything on a foreign file
        raise ModelError(f"weights = {path!r}: cannot be read as weights ({type(error).__name__}: {error})") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]  # as training programs save it beside their own state
    named = isinstance(state, dict) and all(isinstance(key, str) for key in state)
    if not named or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelError(f"weights = {path!r}: holds no tensors by name, as a network's state_dict() does")
    return dict(state)
