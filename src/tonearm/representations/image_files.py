"""Images of a representation as files: one PNG a clip, in one folder a label."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.catalog import Catalog, Clip
from tonearm.errors import CatalogError
from tonearm.representations.base import Reader, Representation, digest_of
from tonearm.representations.shards import PARTS, Shards
from tonearm.runtime.files import clear_leftovers, write_bytes, write_text

PICTURES_MADE = "pictures.json"  # beside the parts: which pictures in the folder are ours


@dataclass(frozen=True)
class ImagesTask:
    """Clips to pictures, `folder`/<representation>/<label>/<file name>.png, or under the clip's own name.

    Pictures that an earlier call made there and that belong to no clip any more (removed, broken, with another
    label) are removed: whoever trains on the folder takes each picture for a clip. Other files stay.
    """

    representation: Representation
    folder: Path
    device: str = "cpu"
    by_label: bool = True

    @property
    def digest(self) -> str:
        """Of the representation."""
        return digest_of(self.representation.facts())

    @property
    def parts(self) -> Path:
        """Folder of the part files."""
        return self.folder / PARTS / self.representation.name

    def open(self) -> Reader:
        """The representation's reader."""
        return self.representation.open(self.device)

    def path(self, clip: Clip) -> Path:
        """Where a clip's picture lies: under its label, or as its own name says."""
        inner = f"{clip.label}/{Path(clip.name).name}.png" if clip.label and self.by_label else f"{clip.name}.png"
        return self.folder / self.representation.name / inner

    def keep(self, clip: Clip, values: NDArray[Any]) -> NDArray[Any]:
        """Write the picture; the part holds nothing of it."""
        from tonearm.representations.spectrogram import encode_png

        write_bytes(self.path(clip), encode_png(values))
        return np.zeros(0)

    def is_kept(self, clip: Clip) -> bool:
        """Whether the picture is there."""
        return self.path(clip).is_file()

    def check(self, catalog: Catalog) -> None:
        """Raise CatalogError where a label cannot name a folder, or two pictures would have one name."""
        if self.by_label:
            _check_labels(catalog)
        _check_distinct(catalog, self)

    def prepare(self, catalog: Catalog) -> None:
        """Note which pictures are to be ours, and remove what a killed call left half written among them."""
        for folder in sorted({(self.folder / name).parent for name in self._noted()}):
            clear_leftovers(folder)
        self._note(self._noted() | self._names(catalog.clips))

    def finish(self, shards: Shards) -> None:
        """Remove pictures that belong to no clip any more."""
        failed = {failure.name for failure in shards.failures}
        current = self._names(clip for clip in shards.catalog.clips if clip.name not in failed)
        for orphan in self._noted() - current:
            (self.folder / orphan).unlink(missing_ok=True)
        self._note(current)

    def _names(self, clips: Iterable[Clip]) -> set[str]:
        """Paths of the clips' pictures, relative to the folder."""
        inside = replace(self, folder=Path())
        return {inside.path(clip).as_posix() for clip in clips}

    def _noted(self) -> set[str]:
        """Paths of pictures that earlier calls made, or meant to make."""
        noted = self.parts / PICTURES_MADE
        return set(json.loads(noted.read_text(encoding="utf-8"))) if noted.is_file() else set()

    def _note(self, pictures: set[str]) -> None:
        write_text(self.parts / PICTURES_MADE, json.dumps(sorted(pictures), indent=0, ensure_ascii=False))


def _check_labels(catalog: Catalog) -> None:
    for label in catalog.classes:
        if label.startswith(".") or set(label) & set("/\\\0"):
            raise CatalogError(
                f"{catalog.root}: the label {label!r} cannot be a folder's name, which each genre has among pictures; "
                "write it without / and \\ and without a dot at its start"
            )


def _check_distinct(catalog: Catalog, task: ImagesTask) -> None:
    taken: dict[Path, str] = {}
    for clip in catalog.clips:
        first = taken.setdefault(task.path(clip), clip.name)
        if first != clip.name:
            raise CatalogError(
                f"{catalog.root}: {first} and {clip.name} would both become {clip.label}/{Path(clip.name).name}.png; "
                "rename one of them"
            )
