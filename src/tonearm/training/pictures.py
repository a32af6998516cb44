"""Windows of pictures as the input of a network, read from a pack batch by batch.

Conventions
-----------
A row of X is the path of a picture or its pixels, shape (height, width, 3). A network sees windows of one
width; a wider picture gives several, overlapping by half, and its probabilities are their mean; a narrower
one is repeated. Windows are cut after the clips were divided, so they cause no leakage.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tonearm.data.pictures import LUMINANCE, Pack, open_pack, pack_arrays, read_picture
from tonearm.training.inputs import Prepared, check_spread

MOST_PIXELS = 2**25  # of a window; such a picture takes 400 MB


class Windows:
    """The windows of some pictures of a pack: a source of float32 batches, shape (rows, channels, height, window).

    Values are standardised by `mean` and `spread` of each channel, for pixels from 0 to 1.
    """

    def __init__(
        self,
        pack: Pack,
        pictures: NDArray[np.int64],
        window: int,
        mean: NDArray[np.float64],
        spread: NDArray[np.float64],
        device: str,
    ) -> None:
        self.pack = pack
        self.window = window
        self.device = device
        self.scale = torch.tensor(1.0 / (255.0 * spread), dtype=torch.float32, device=device)
        self.shift = torch.tensor(-mean / spread, dtype=torch.float32, device=device)
        self.luminance = torch.tensor(LUMINANCE, device=device)
        self.owners, self.offsets = window_offsets(pack.widths[pictures], window)
        self.pictures = pictures[self.owners]

    def __len__(self) -> int:
        return len(self.owners)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(np.stack([self._pixels(int(row)) for row in rows])))
        values = pixels.to(self.device).float()
        if len(self.scale) == 1:
            values = (values @ self.luminance)[..., None]
        lines = values.view(*values.shape[:2], -1)  # a whole line at once: 10× faster than pixel by pixel
        lines.mul_(self.scale.repeat(self.window)).add_(self.shift.repeat(self.window))
        # channels last: a third faster on CPUs, and suited to tensor cores
        return values.permute(0, 3, 1, 2)

    def _pixels(self, row: int) -> NDArray[np.uint8]:
        """Pixels of a window, shape (height, window, 3)."""
        picture = self.pack.picture(int(self.pictures[row]))
        if picture.shape[1] >= self.window:
            offset = int(self.offsets[row])
            return picture[:, offset : offset + self.window]
        return picture[:, np.arange(self.window) % picture.shape[1]]


def window_offsets(widths: NDArray[np.int64], window: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The picture and the first column of each window, evenly spaced and overlapping by at least half.

    >>> window_offsets(np.array([100, 250]), 100)
    (array([0, 1, 1, 1, 1]), array([  0,   0,  50, 100, 150]))
    """
    owners, offsets = [], []
    for number, width in enumerate(widths.tolist()):
        spare = max(width - window, 0)
        count = 1 + -(-spare // max(window // 2, 1))
        owners += [number] * count
        offsets += np.rint(np.linspace(0, spare, count)).astype(int).tolist()
    return np.array(owners, dtype=np.int64), np.array(offsets, dtype=np.int64)


class PictureInputs:
    """Windows of pictures, standardised by the mean and standard deviation of the training pixels.

    window: width in pixels, 0 for the most common width of the training pictures. grey: one luminance channel
    instead of colours.
    """

    block = 16

    def __init__(self, window: int = 0, grey: bool = False) -> None:
        self.window = window
        self.grey = grey
        self.height = 0
        self.mean: NDArray[np.float64] = np.zeros(1 if grey else 3)
        self.spread: NDArray[np.float64] = np.ones(1 if grey else 3)

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, window)."""
        return (len(self.mean), self.height, self.window)

    def fit(self, X: NDArray[Any], cache_dir: Path | None) -> None:
        """Set height and width of the window, and the mean and standard deviation of each channel."""
        pack, pictures = find_pixels(X, cache_dir)
        self.height = pack.height
        if not self.window:
            widths, counts = np.unique(pack.widths[pictures], return_counts=True)
            self.window = int(widths[::-1][np.argmax(counts[::-1])])
        self._standardise(pack, pictures)

    def _standardise(self, pack: Pack, pictures: NDArray[np.int64]) -> None:
        total, squares, count = np.zeros(len(self.mean)), np.zeros(len(self.mean)), 0
        for picture in pictures:
            values = pack.picture(int(picture)).reshape(-1, 3) / 255.0
            if self.grey:
                values = values @ np.array(LUMINANCE)[:, None]
            total += values.sum(axis=0)
            squares += (values * values).sum(axis=0)
            count += len(values)
        self.mean = total / count
        variance = np.maximum(squares / count - self.mean**2, 0.0)
        self.spread = np.where(variance > 1e-12, np.sqrt(variance), 1.0)

    def prepare(self, X: NDArray[Any], device: str, cache_dir: Path | None, repeated: bool) -> Prepared:
        """The windows of the pictures; raises ValueError if their height is not that of the training pictures."""
        windows = self.windows(X, device, cache_dir)
        return Prepared(windows, windows.owners)

    def windows(self, X: NDArray[Any], device: str, cache_dir: Path | None) -> Windows:
        """The windows of the pictures, standardised."""
        pack, pictures = find_pixels(X, cache_dir)
        if pack.height != self.height:
            raise ValueError(f"pictures are {pack.height} pixels high, but this model learned {self.height}")
        return Windows(pack, pictures, self.window, self.mean, self.spread, device)

    def start(self, module: torch.nn.Module) -> None:
        """The network starts from random weights."""

    def digest(self, X: NDArray[Any], cache_dir: Path | None) -> str:
        """SHA-256 of the pack's hash and the choice of pictures."""
        pack, pictures = find_pixels(X, cache_dir)
        return hashlib.sha256(pack.digest.encode() + pictures.tobytes()).hexdigest()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`mean`, `spread` and `size` (height, window)."""
        return {"mean": self.mean, "spread": self.spread, "size": np.array([self.height, self.window])}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take `mean`, `spread` and `size`."""
        check_spread(arrays["mean"], arrays["spread"])
        height, window = (int(value) for value in arrays["size"])
        if len(arrays["mean"]) != len(self.mean) or min(height, window) < 1 or height * window > MOST_PIXELS:
            raise ValueError(f"{len(arrays['mean'])} channels of {height} x {window} pixels")
        self.mean, self.spread = arrays["mean"], arrays["spread"]
        self.height, self.window = height, window


def find_pixels(X: NDArray[Any], cache_dir: Path | None) -> tuple[Pack, NDArray[np.int64]]:
    """A pack that holds the pictures of X, and their indices in it.

    It is the one in `cache_dir` if that holds them all; otherwise the pictures are read into memory.
    """
    items = list(X)
    if cache_dir is not None and all(isinstance(item, str) for item in items):
        pack = open_pack(cache_dir)
        if all(item in pack.places for item in items):
            return pack, np.array([pack.places[item] for item in items], dtype=np.int64)
    if not items:
        raise ValueError("no pictures are given")
    pictures = [read_picture(item) if isinstance(item, str | Path) else np.asarray(item) for item in items]
    return pack_arrays(pictures), np.arange(len(items))
