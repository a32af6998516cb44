"""The frozen part of a backbone as a part of the input: computed once a picture, then only read.

Conventions
-----------
What is frozen never changes, so what it makes of a picture never does: the network that learns begins behind it.
The maps (or, with all blocks frozen, the pooled numbers) are kept in memory, or, where the engine has a
`cache_dir`, in one file there for all pictures of its pack, so that all folds share them.
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tonearm.runtime.files import check_space, replacing
from tonearm.training.backbones import Backbone, build_backbone, digest
from tonearm.training.batches import blocks
from tonearm.training.inputs import Prepared
from tonearm.training.layers import Pool, shape_after
from tonearm.training.pictures import PictureInputs, Windows, find_pixels

Cache = Literal["float32", "float16", "none"]
ADVICE = 'set cache = "float16" (half as much) or "none" (computed anew each epoch), or choose another disk with --out'


class TransferInputs(PictureInputs):
    """Windows of pictures as the frozen part of a backbone sees them, shape (channels, height, width) or (numbers,).

    unfreeze: how many blocks are not frozen. cache: how the frozen part's results are kept. maximum: with all frozen,
    mean and maximum of each channel instead of the mean.
    """

    def __init__(self, backbone: str, weights: str, unfreeze: int, cache: Cache, window: int, maximum: bool) -> None:
        super().__init__(window)
        self.backbone = backbone
        self.weights = weights
        self.unfreeze = unfreeze
        self.cache: Cache = cache
        self.maximum = maximum
        self.frozen: nn.Module = nn.Identity()
        self._shape: tuple[int, ...] = ()
        self._loaded: Backbone | None = None

    def _standardise(self, pack: Any, pictures: NDArray[np.int64]) -> None:
        """The backbone brings its own mean and deviation."""

    def fit(self, X: NDArray[Any], cache_dir: Path | None) -> None:
        """Take the size of the window, and load the backbone. Raises ModelError as `build_backbone`."""
        super().fit(X, cache_dir)
        self._loaded = build_backbone(self.backbone, self.weights)
        self._freeze(self._loaded)

    def _freeze(self, backbone: Backbone) -> None:
        frozen = backbone.frozen_part(self.unfreeze)
        self.frozen = frozen if self.unfreeze else nn.Sequential(frozen, Pool(self.maximum)).eval()
        self._shape = shape_after(self.frozen, (3, self.height, self.window), f"backbone = {self.backbone!r}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what the frozen part makes of a window."""
        return self._shape

    def start(self, module: nn.Module) -> None:
        """The blocks that are not frozen begin as the backbone's own."""
        if self._loaded is not None and self.unfreeze:
            module.get_submodule("blocks").load_state_dict(self._loaded.open_part(self.unfreeze).state_dict())
        self._loaded = None  # the module has what it needs

    def prepare(self, X: NDArray[Any], device: str, cache_dir: Path | None, repeated: bool) -> Prepared:
        """What the frozen part makes of the windows of the pictures."""
        windows = self.windows(X, device, cache_dir)
        half = self.cache == "float16"
        if self.cache == "none" or not repeated:
            return Prepared(_Computed(windows, self.frozen.to(device), half, self.block), windows.owners)
        if cache_dir is None or not len(windows.pack.places):
            return Prepared(_Kept(self._compute(windows, device), np.arange(len(windows)), device), windows.owners)
        every = Windows(windows.pack, np.arange(len(windows.pack.widths)), self.window, self.mean, self.spread, device)
        kept = self._keep(every, device, cache_dir)
        first = np.searchsorted(every.pictures, windows.pictures)
        rows = first + np.arange(len(windows)) - np.searchsorted(windows.owners, windows.owners)
        return Prepared(_Kept(kept, rows, device), windows.owners)

    def _compute(self, windows: Windows, device: str) -> NDArray[Any]:
        result = np.empty((len(windows), *self.shape), dtype=self.cache)
        self._fill(result, windows, device)
        return result

    def _fill(self, result: NDArray[Any], windows: Windows, device: str) -> None:
        computed = _Computed(windows, self.frozen.to(device), False, self.block)
        for rows in blocks(len(windows), self.block):
            values = computed[rows].cpu().numpy()
            count = min(self.block, len(windows) - int(rows[0]))
            result[int(rows[0]) : int(rows[0]) + count] = values[:count]
        self.frozen.cpu()

    def _keep(self, windows: Windows, device: str, cache_dir: Path) -> NDArray[Any]:
        """The file of all pictures' results, made where it is not there; other processes wait for it."""
        import filelock

        facts = [windows.pack.fingerprint, digest(self.frozen), self.unfreeze, self.maximum, self.window, self.cache]
        path = cache_dir / f"frozen-{hashlib.sha256(repr(facts).encode()).hexdigest()[:20]}.npy"
        with filelock.FileLock(path.with_suffix(".lock")):
            if not path.is_file():
                shape = (len(windows), *self.shape)
                size = int(np.prod(shape)) * np.dtype(self.cache).itemsize
                check_space(cache_dir, size, f"the frozen part's results for {len(windows)} pictures", ADVICE)
                with replacing(path) as temporary:
                    result = np.lib.format.open_memmap(temporary, "w+", np.dtype(self.cache), shape)
                    self._fill(result, windows, device)
                    result.flush()
                    del result
        found: NDArray[Any] = np.load(path, mmap_mode="r")
        return found

    def fingerprint(self, X: NDArray[Any], cache_dir: Path | None) -> str:
        """SHA-256 of the pixels, of which pictures are meant and of the frozen weights."""
        pack, pictures = find_pixels(X, cache_dir)
        facts = pack.fingerprint.encode() + pictures.tobytes() + digest(self.frozen).encode()
        return hashlib.sha256(facts).hexdigest()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Size of the window, and the frozen weights."""
        frozen = {f"frozen.{name}": value.cpu().numpy() for name, value in self.frozen.state_dict().items()}
        return {**super().arrays(), **frozen}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take what `arrays` gave."""
        super().restore(arrays)
        self._freeze(build_backbone(self.backbone))
        prefix = "frozen."
        state = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
        self.frozen.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})


class _Computed:
    """The frozen part's results, computed when they are asked for, in blocks of one size."""

    def __init__(self, windows: Windows, frozen: nn.Module, half: bool, block: int) -> None:
        self.windows = windows
        self.frozen = frozen
        self.half = half
        self.block = block

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        found = []
        with torch.no_grad():
            for part in blocks(len(rows), self.block):
                found.append(self.frozen(self.windows[rows[part]]))
        values = torch.cat(found)[: len(rows)]
        return _channels_last(values.half().float() if self.half else values)


def _channels_last(values: torch.Tensor) -> torch.Tensor:
    """Maps in the layout that the network has; both roads, kept and computed, must agree in it for equal bits."""
    return values.contiguous(memory_format=torch.channels_last) if values.ndim == 4 else values


class _Kept:
    """Results that were computed before: those rows of an array in memory or on disk."""

    def __init__(self, values: NDArray[Any], rows: NDArray[np.int64], device: str) -> None:
        self.values = values
        self.rows = rows
        self.device = device

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        values = torch.from_numpy(self.values[self.rows[rows.numpy()]]).to(self.device).float()
        return _channels_last(values)
