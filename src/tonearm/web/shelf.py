"""The files that the page may read and play: uploads, music below the allowed folders, clips that a run knows.

Conventions
-----------
A client names a file by a key that it was given; keys of files of this machine are digests of their paths. A path that
a person types counts only where it leads, links resolved, into a folder of `--music`, and to a file that is named like
music. A training clip counts by its exact name in the experiment, where its folder has a file of it.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from tonearm.data.catalog import list_files
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.errors import CatalogError, TonearmError
from tonearm.experiment.reopened import reopen
from tonearm.runtime.names import to_native, to_text, typed
from tonearm.runtime.remote import file_of, is_url, place
from tonearm.web.errors import RequestError
from tonearm.web.uploads import Upload, Uploads

MOST_FILES = 5_000  # that a folder may put on the page at once
REFUSED = "is not below a folder that was allowed with --music when the page was started"


@dataclass(frozen=True)
class Item:
    """A file. key: in addresses. name: for people. kind: upload, music or clip. clip: name in the experiment."""

    key: str
    name: str
    path: Path
    kind: str
    experiment: Path | None = None

    def to_json(self) -> dict[str, str]:
        """What the page shows of it."""
        return {"key": self.key, "name": self.name, "kind": self.kind}


class Shelf:
    """All files by their keys. roots: folders of --music. Raises CatalogError where one is no folder."""

    def __init__(self, roots: Sequence[str | Path] = ()) -> None:
        self.roots = tuple(dict.fromkeys(_root(root) for root in roots))
        self._items: dict[str, Item] = {}

    def of_upload(self, upload: Upload) -> Item:
        """The item of an upload; it goes with the upload."""
        return Item(upload.key, upload.name, upload.path, "upload")

    def find(self, text: str) -> list[Item]:
        """The file that a person's path names, or all music below the folder. Raises RequestError.

        text: absolute, or relative to one of the folders of --music.
        """
        path = self._allowed(text)
        try:
            files = list_files(path)[0] if path.is_dir() else [path]
        except CatalogError as error:
            raise RequestError(422, str(error)) from error
        found = [item for file in files if (item := self._music(file)) is not None]
        if not found:
            raise RequestError(422, f"{text}: holds no music; known endings: {' '.join(sorted(EXTENSIONS))}")
        if len(found) > MOST_FILES:
            raise RequestError(
                413, f"{text}: holds {len(found)} files and the page shows {MOST_FILES}; name a folder in it"
            )
        return found

    def clip(self, experiment: Path, name: str) -> Item | None:
        """A clip of an experiment, None where its file is not there any more, or is none to hear."""
        key = _key("clip", experiment, name)
        if key not in self._items:
            path = clip_path(experiment, name)
            if path is None:
                return None
            self._items[key] = Item(key, name, path, "clip", experiment)
        return self._items[key]

    def get(self, key: str, uploads: Uploads) -> Item:
        """The item of a key. Raises RequestError where there is none, or its file has gone."""
        item = self._items.get(key) or self.of_upload(uploads.get(key))
        if not item.path.is_file() or (item.kind != "upload" and item.path.resolve() != item.path):
            raise RequestError(404, f"{item.name}: is not there any more")
        return item

    def root_of(self, item: Item) -> Path | None:
        """The folder of --music that holds an item, None where none does."""
        return next((root for root in self.roots if item.path.is_relative_to(root)), None)

    def _allowed(self, text: str) -> Path:
        """The path that a text names, links resolved. Raises RequestError."""
        if is_url(text) or "\0" in text or not text.strip():
            raise RequestError(403, f"{text!r}: {REFUSED}")
        given = Path(typed(text)).expanduser()
        for root in self.roots:
            try:
                path = (root / given).resolve()
            except (OSError, RuntimeError):  # links that lead in a circle
                continue
            if self._inside(path) and path.exists():
                return path
        raise RequestError(403, f"{text}: {REFUSED}, or is not there")

    def _inside(self, path: Path) -> bool:
        return any(path == root or path.is_relative_to(root) for root in self.roots)

    def _music(self, file: Path) -> Item | None:
        """The item of a file that is named like music and lies inside, links resolved; else None."""
        path = file.resolve()
        if not (heard(path) and self._inside(path)):
            return None
        key = _key("music", path)
        root = next(root for root in self.roots if path.is_relative_to(root))
        name = to_text(path.relative_to(root).as_posix()) if path != root else path.name
        self._items[key] = Item(key, name, path, "music")
        return self._items[key]


def heard(path: Path) -> bool:
    """Whether it is a file that is named like music."""
    return path.suffix.lower() in EXTENSIONS and path.is_file()


def clip_path(experiment: Path, name: str) -> Path | None:
    """The file of a clip of an experiment, None where there is none to hear."""
    try:
        changed = (experiment / "splits.csv").stat().st_mtime_ns
    except OSError:  # the experiment has gone
        return None
    names, folder = _known(experiment, changed)
    if name not in names or folder is None or ".." in PurePosixPath(name).parts or name.startswith("/"):
        return None
    path = file_of(folder, to_native(name)).resolve()
    return path if heard(path) else None


@lru_cache(maxsize=8)
def _known(experiment: Path, _changed: int) -> tuple[frozenset[str], Path | None]:
    """The names of an experiment's clips, and the folder that holds them, None where it is none of this machine."""
    try:
        opened = reopen(experiment)
        folder = place(opened.config.data.folder)
        names: Iterable[str] = opened.clips.names.tolist()
    except (TonearmError, tomllib.TOMLDecodeError):
        return frozenset(), None
    return frozenset(names), folder.resolve() if not is_url(folder) and folder.is_dir() else None


def _root(root: str | Path) -> Path:
    path = place(root)
    if is_url(path) or not path.is_dir():
        raise CatalogError(f"--music {root}: is not a folder of this machine")
    return path.resolve()


def _key(*parts: str | Path) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:24]
