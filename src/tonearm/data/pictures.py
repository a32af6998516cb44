"""Pictures as rows: trees of them, their pixels, and many of them decoded once into one file.

Conventions
-----------
A picture is uint8 RGB, shape (height, width, 3), low frequencies at the bottom and time to the right. A pack
holds the pixels of many pictures of one height and any width, one after the other; as a file it is mapped and
never read whole.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tonearm.data.catalog import Clip, read_catalog
from tonearm.data.dataset import Dataset
from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.data.walk import Walk, names_in
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.dsp.sources import Contents, Samples, Source
from tonearm.errors import PictureError
from tonearm.runtime.files import check_space, replacing, write_json
from tonearm.runtime.progress import Progress, ignore_progress
from tonearm.runtime.regular import describe_irregular
from tonearm.runtime.remote import file_state, is_url, local_copy, place
from tonearm.settings import DataSettings

READY = "ready pictures"
PIXELS, INDEX = "pixels.u8", "index.json"
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601; monotone over magma, viridis, inferno and cividis
LAYOUT = 1  # raised when the meaning of a pack's files changes

Picture = NDArray[np.uint8]
Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class Pack:
    """Pixels of pictures, flat; their height, and the width and the first pixel of each, int64, shape (pictures,).

    places: path to number. digest: of files and sizes. failures: path to reason, of the pictures that could
    not be read.
    """

    pixels: NDArray[np.uint8]
    height: int
    widths: NDArray[np.int64]
    starts: NDArray[np.int64]
    places: dict[str, int]
    digest: str
    failures: dict[str, str]

    def picture(self, number: int) -> Picture:
        """Pixels of a picture, shape (height, width, 3); a view."""
        start, width = int(self.starts[number]), int(self.widths[number])
        return self.pixels[start : start + self.height * width * 3].reshape(self.height, width, 3)


def is_picture_folder(folder: str | Path) -> bool:
    """Whether the folder holds pictures and no music (beside which pictures are covers)."""
    root = place(folder)
    if not str(folder) or not (is_url(root) or os.path.isdir(root)):  # noqa: PTH112  # False where it cannot be seen
        return False  # Path("") would mean the working directory
    found = False
    for name, _ in names_in(root, frozenset(), Walk()):
        ending = PurePosixPath(name).suffix.lower()
        if ending in EXTENSIONS:
            return False
        found = found or ending in PICTURE_EXTENSIONS
    return found


def read_pictures(settings: DataSettings, size: Size) -> tuple[Dataset, list[str]]:
    """The pictures of a tree as a data set of paths, joined with `settings.metadata`; and notes for a person.

    size: width and height in pixels that each is resized to when it is read. Raises CatalogError as
    `read_catalog`.
    """
    catalog = read_catalog(settings, PICTURE_EXTENSIONS)
    representation = {"kind": READY, "width": size[0], "height": size[1]}
    return dataset_of(catalog.clips, [clip.path for clip in catalog.clips], representation), list(catalog.notes)


def dataset_of(clips: Sequence[Clip], paths: Sequence[str], representation: dict[str, Any]) -> Dataset:
    """The data set of clips whose pictures lie at `paths`."""
    fields = [[getattr(clip, field) for clip in clips] for field in ("name", "label", "group", "split")]
    X, names, labels, groups, splits = (np.array(column, dtype=object) for column in (paths, *fields))
    return Dataset(X, names, labels, groups, splits, (), representation)


def read_picture(path: str | Source, size: Size | None = None) -> Picture:
    """Pixels of a file, or of the bytes of one, resized to `size` (width, height) where one is given.

    Raises PictureError where there is no such file or it is not a picture.
    """
    from PIL import Image

    assert not isinstance(path, Samples)
    irregular = "" if isinstance(path, Contents) else describe_irregular(path)
    if irregular:
        raise PictureError(str(path), "undecodable", f"is {irregular} and no picture")
    try:
        with _openable(path) as file, Image.open(file) as image:
            colours = _eight_bits(image).convert("RGB")
            if size is not None and colours.size != size:
                colours = colours.resize(size, Image.Resampling.BILINEAR)
            return np.array(colours)
    except FileNotFoundError as error:
        raise PictureError(str(path), "missing", "there is no such file") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(str(path), "undecodable", f"cannot be read as a picture ({error})") from error


def _openable(path: str | Path | Contents) -> AbstractContextManager[Path | BinaryIO]:
    """What Pillow opens: the bytes, or the file on this machine."""
    return path.open() if isinstance(path, Contents) else local_copy(path)


def _eight_bits(image: Any) -> Any:
    """The image, or where it has 16 bits of grey the same with 8: Pillow would cut off all above 255."""
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8))


def pack_arrays(pictures: Sequence[Picture]) -> Pack:
    """A pack in memory of pictures of one height. Raises ValueError where the heights differ."""
    heights = sorted({len(picture) for picture in pictures})
    if len(heights) != 1:
        raise ValueError(f"pictures must have one height, found {heights}")
    [height] = heights
    widths = np.array([picture.shape[1] for picture in pictures], dtype=np.int64)
    pixels = np.concatenate([picture.ravel() for picture in pictures])
    digest = hashlib.sha256(widths.tobytes() + pixels.tobytes()).hexdigest()
    return Pack(pixels, height, widths, _starts(widths, height), {}, digest, {})


def _starts(widths: NDArray[np.int64], height: int) -> NDArray[np.int64]:
    """The first pixel's place of each picture."""
    return (np.cumsum(widths) - widths) * height * 3


def pack_files(paths: Sequence[str], folder: Path, size: Size | None = None, progress: Progress | None = None) -> Pack:
    """The pack of picture files in `folder`, made where it is not there for just these files.

    The folder is the pack's alone: what else was computed from earlier pixels goes with them. A file that cannot be
    read, or is not as high as the first, is one of the pack's failures. Raises TonearmError where the disk cannot
    hold the pixels.
    """
    digest = _pack_digest(paths, size)
    found = _open(folder, digest)
    if found:
        return found
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _write(paths, folder, size, digest, progress or ignore_progress)
    return open_pack(folder)


def open_pack(folder: Path) -> Pack:
    """The pack in `folder`. Raises FileNotFoundError where there is none."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    return _map(folder, index)


def _open(folder: Path, digest: str) -> Pack | None:
    """The pack in the folder if it is the one of this digest."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return _map(folder, index) if index.get("digest") == digest else None


def _map(folder: Path, index: dict[str, Any]) -> Pack:
    widths, height = np.array(index["widths"], dtype=np.int64), index["height"]
    size = int(widths.sum()) * height * 3
    pixels = np.memmap(folder / PIXELS, np.uint8, "r", shape=(size,)) if size else np.zeros(0, np.uint8)
    places = {path: number for number, path in enumerate(index["paths"])}
    return Pack(pixels, height, widths, _starts(widths, height), places, index["digest"], index["failures"])


def _write(paths: Sequence[str], folder: Path, size: Size | None, digest: str, progress: Progress) -> None:
    kept: list[str] = []
    widths: list[int] = []
    failures: dict[str, str] = {}
    height = 0
    with replacing(folder / PIXELS) as temporary, temporary.open("wb") as file:
        for done, path in enumerate(paths, start=1):
            try:
                picture = read_picture(path, size)
                _check_height(path, picture, height)
            except PictureError as error:
                failures[path] = error.reason
            else:
                if not kept:
                    advice = "choose another disk with --out, or smaller pictures in [spectrogram]"
                    check_space(folder, picture.nbytes * len(paths), f"the pixels of {len(paths)} pictures", advice)
                height = len(picture)
                kept.append(path)
                widths.append(picture.shape[1])
                file.write(picture.tobytes())
            progress(done, len(paths), len(failures))
    index = {"digest": digest, "height": height, "paths": kept, "widths": widths, "failures": failures}
    write_json(folder / INDEX, index)


def _check_height(path: str, picture: Picture, height: int) -> None:
    if height and len(picture) != height:
        reason = f"is {len(picture)} pixels high and the others {height}; a model sees pictures of one height"
        raise PictureError(path, "height", reason)


def _pack_digest(paths: Sequence[str], size: Size | None) -> str:
    """A digest of the files' names, sizes and times, and of what is done with their pixels."""
    digest = hashlib.sha256(repr((LAYOUT, size)).encode())
    for path in paths:
        try:
            state = f"{path}\0{file_state(path)}\0"
        except OSError:
            state = f"{path}\0unseen\0"
        digest.update(state.encode(errors="surrogatepass"))
    return digest.hexdigest()
