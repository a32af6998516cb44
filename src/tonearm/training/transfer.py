"""The frozen part of a backbone as part of the input: computed once per picture and cached.

Conventions
-----------
The frozen part gives the same features for a picture every time, so the trained network starts after it.
The feature maps (or, with all blocks frozen, the pooled features) are cached in memory, or, if the engine has a
`cache_dir`, in one file there for all pictures of its pack, so that all folds share them.
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tonearm.representations.frozen import FrozenNetwork, Kept, digest
from tonearm.runtime.source import source_digest
from tonearm.training.backbones import Backbone, build_backbone
from tonearm.training.inputs import Prepared
from tonearm.training.layers import Pool, shape_after
from tonearm.training.pictures import PictureInputs, Windows, find_pixels

Cache = Literal["float32", "float16", "none"]


class TransferInputs(PictureInputs):
    """Frozen features of the windows of pictures, shape (channels, height, width) or (numbers,).

    unfreeze: number of blocks that are not frozen. cache: precision of the cached features. maximum: with all frozen,
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
        """Do nothing: the backbone has its own mean and deviation."""

    def fit(self, X: NDArray[Any], cache_dir: Path | None) -> None:
        """Set the size of the window, and load the backbone. Raises ModelError like `build_backbone`."""
        super().fit(X, cache_dir)
        self._loaded = build_backbone(self.backbone, self.weights)
        self._freeze(self._loaded)

    def _freeze(self, backbone: Backbone) -> None:
        frozen = backbone.frozen_part(self.unfreeze)
        self.frozen = frozen if self.unfreeze else nn.Sequential(frozen, Pool(self.maximum)).eval()
        self._shape = shape_after(self.frozen, (3, self.height, self.window), f"backbone = {self.backbone!r}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the frozen features of a window."""
        return self._shape

    def start(self, module: nn.Module) -> None:
        """Give the unfrozen blocks the backbone's weights."""
        if self._loaded is not None and self.unfreeze:
            module.get_submodule("blocks").load_state_dict(self._loaded.open_part(self.unfreeze).state_dict())
        self._loaded = None  # the module has what it needs

    def prepare(self, X: NDArray[Any], device: str, cache_dir: Path | None, repeated: bool) -> Prepared:
        """Frozen features of the windows of the pictures."""
        windows = self.windows(X, device, cache_dir)
        network = FrozenNetwork(self.frozen, self.block)
        if self.cache == "none" or not repeated:
            half = self.cache == "float16"
            return Prepared(network.computed(windows, device, half), windows.owners)
        if cache_dir is None or not len(windows.pack.places):
            results = np.empty((len(windows), *self.shape), dtype=self.cache)
            network.compute_all(results, windows, device)
            return Prepared(Kept(results, np.arange(len(windows)), device), windows.owners)
        every = Windows(windows.pack, np.arange(len(windows.pack.widths)), self.window, self.mean, self.spread, device)
        facts = [windows.pack.digest, self.unfreeze, self.maximum, self.window, source_digest(__name__)]
        kept = network.kept(every, cache_dir, facts, self.shape, self.cache, device)
        first = np.searchsorted(every.pictures, windows.pictures)
        rows = first + np.arange(len(windows)) - np.searchsorted(windows.owners, windows.owners)
        return Prepared(Kept(kept, rows, device), windows.owners)

    def digest(self, X: NDArray[Any], cache_dir: Path | None) -> str:
        """SHA-256 of the pixels, the choice of pictures and the frozen weights."""
        pack, pictures = find_pixels(X, cache_dir)
        facts = pack.digest.encode() + pictures.tobytes() + digest(self.frozen).encode()
        return hashlib.sha256(facts).hexdigest()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Size of the window, and the frozen weights."""
        frozen = {f"frozen.{name}": value.cpu().numpy() for name, value in self.frozen.state_dict().items()}
        return {**super().arrays(), **frozen}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Restore what `arrays` returned."""
        super().restore(arrays)
        self._freeze(build_backbone(self.backbone))
        prefix = "frozen."
        state = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
        self.frozen.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
