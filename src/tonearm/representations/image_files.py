"""Images of a representation as files: one PNG per clip, in one folder per label."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.catalog import Catalog, Clip, part_folder
from tonearm.errors import CatalogError
from tonearm.representations.base import Reader, Representation, work_digest
from tonearm.representations.shards import PARTS, Shards
from tonearm.runtime.files import write_bytes, write_text
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.runtime.names import typed
from tonearm.runtime.system import WINDOWS, ignores_case, unfit

PICTURES_MADE = "pictures.json"  # beside the parts: which pictures in the folder tonearm made


@dataclass(frozen=True)
class ImagesTask:
    """Clips to pictures, `folder`/<representation>/<label>/<file name>.png, or under the clip's own name.

    Pictures of a folder with train/ and test/ lie in such folders, too, so that the clips stay in their parts.

    Pictures that an earlier call made and that no longer belong to a clip (removed, broken, with another
    label) are removed: training on the folder would take each picture for a clip. Other files stay.
    """

    representation: Representation
    folder: Path
    device: str = "cpu"
    by_label: bool = True

    @property
    def digest(self) -> str:
        """Digest of the representation and its code."""
        return work_digest(self.representation)

    @property
    def parts(self) -> Path:
        """Folder of the part files."""
        return self.folder / PARTS / self.representation.name

    def open(self) -> Reader:
        """The representation's reader."""
        return self.representation.open(self.device)

    def path(self, clip: Clip) -> Path:
        """Path of a clip's picture: under its label, or under the clip's own name."""
        return self.folder / typed(self._name(clip))

    def keep(self, clip: Clip, values: NDArray[Any]) -> NDArray[Any]:
        """Write the picture; nothing is stored in the part."""
        from tonearm.representations.spectrogram import encode_png

        write_bytes(self.path(clip), encode_png(values))
        return np.zeros(0)

    def is_kept(self, clip: Clip) -> bool:
        """Whether the picture exists."""
        return self.path(clip).is_file()

    def check(self, catalog: Catalog) -> None:
        """Raise CatalogError if a label cannot name a folder, or two pictures would have the same name."""
        if self.by_label:
            _check_labels(catalog)
        _check_distinct(catalog, self)

    def prepare(self, catalog: Catalog) -> None:
        """Record which pictures will be ours, and remove half-written files of a killed call."""
        for folder in sorted({(self.folder / typed(name)).parent for name in self._noted()}):
            clear_leftovers(folder)
        self._note(self._noted() | self._names(catalog.clips))

    def finish(self, shards: Shards) -> None:
        """Remove pictures that no longer belong to a clip."""
        failed = {failure.name for failure in shards.failures}
        current = self._names(clip for clip in shards.catalog.clips if clip.name not in failed)
        for orphan in self._noted() - current:
            (self.folder / typed(orphan)).unlink(missing_ok=True)
        self._note(current)

    def _name(self, clip: Clip) -> str:
        """Path of a clip's picture relative to the folder, the same text in every locale."""
        inner = f"{clip.name}.png"
        if self.by_label and (clip.label or part_folder(clip)):
            inner = PurePosixPath(part_folder(clip), clip.label, f"{PurePosixPath(clip.name).name}.png").as_posix()
        return PurePosixPath(self.representation.name, inner).as_posix()

    def _names(self, clips: Iterable[Clip]) -> set[str]:
        """Paths of the clips' pictures, relative to the folder."""
        return {self._name(clip) for clip in clips}

    def _noted(self) -> set[str]:
        """Paths of pictures that earlier calls made, or were going to make."""
        record = self.parts / PICTURES_MADE
        return set(json.loads(record.read_text(encoding="utf-8"))) if record.is_file() else set()

    def _note(self, pictures: set[str]) -> None:
        write_text(self.parts / PICTURES_MADE, json.dumps(sorted(pictures), indent=0, ensure_ascii=False))


def _check_labels(catalog: Catalog) -> None:
    for label in catalog.classes:
        if label.startswith(".") or set(label) & set("/\\\0"):
            raise CatalogError(
                f"{catalog.root}: the label {label!r} cannot be a folder's name, which each genre has among pictures; "
                "write it without / and \\ and without a dot at its start"
            )
        if WINDOWS and unfit(label):
            raise CatalogError(
                f"{catalog.root}: the label {label!r} cannot be a folder's name on Windows, which each genre has among "
                f"pictures, since it {unfit(label)}; write it differently in the metadata"
            )


def _check_distinct(catalog: Catalog, task: ImagesTask) -> None:
    places = [str(task.path(clip)) for clip in catalog.clips]
    folded = [place.casefold() for place in places]
    if len(set(folded)) < len(set(places)) and ignores_case(task.folder):  # Rock/1.wav and rock/1.wav, on macOS
        places = folded
    taken: dict[str, str] = {}
    for clip, place in zip(catalog.clips, places, strict=True):
        first = taken.setdefault(place, clip.name)
        if first != clip.name:
            picture = task.path(clip).relative_to(task.folder / task.representation.name).as_posix()
            raise CatalogError(
                f"{catalog.root}: {first} and {clip.name} would both become {picture}; rename one of them"
            )
