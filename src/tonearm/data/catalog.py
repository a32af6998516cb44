"""Folder to catalog: which clips there are, with label, artist and split; nothing is decoded here.

Conventions
-----------
Layouts, looked for in this order:

1. `metadata.csv` in the folder: `file_name,label[,artist][,split]`; its order is the catalog's.
2. `train/` and `test/` (and `valid/`), each of them one of these layouts; a flat one has no labels.
3. Class folders: `<label>/<file>`, or deeper; the first folder is the label. What looks like artists or albums is
   noted (`folders`), and a `data.metadata` with labels takes the place of all folders' names.
4. Files alone: no labels, enough for prediction.

Files with other endings than music's are ignored and counted; hidden files (AppleDouble's `._*` among them)
are not even counted. What is named like music stays in the catalog, readable or not: reading it reports why.
A file name that is not UTF-8 (from an old archive) is written in ASCII, its strange bytes by their numbers.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tonearm.data.folders import describe_odd_classes
from tonearm.data.metadata import LEFT_OUT, PARTS, Entry, match, name_some, read_metadata
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.errors import CatalogError
from tonearm.runtime.remote import check_reachable, inside, is_url, names_under, place
from tonearm.settings import DataSettings
from tonearm.wording import count

METADATA = "metadata.csv"
Walked = tuple[dict[str, Path], dict[str, int]]  # files by name, and how many of each other ending
LAYOUTS = (
    "Known layouts: <label>/<file>; metadata.csv with file_name,label beside the files; "
    "train/ and test/ folders of these. Known endings: " + " ".join(sorted(EXTENSIONS))
)


@dataclass(frozen=True, slots=True)
class Clip:
    """One file: where it is, its name relative to the catalog's root (unique), and what is known of it."""

    path: str
    name: str
    label: str = ""
    group: str = ""
    split: str = ""


@dataclass(frozen=True)
class Catalog:
    """The clips of a folder in a stable order.

    ignored: how many files of each other ending were ignored. notes: what a person should know of
    (clips without a metadata row, rows without a clip, clips left out).
    """

    root: str
    clips: tuple[Clip, ...]
    ignored: dict[str, int]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted({clip.label for clip in self.clips} - {""}))


def read_catalog(settings: DataSettings, extensions: frozenset[str] = EXTENSIONS) -> Catalog:
    """The clips of `settings.folder`, joined with `settings.metadata`.

    extensions: lower-case endings that count, by default those of music. Raises CatalogError where there is
    no such folder, nothing in it that counts, or its metadata cannot be used.
    """
    catalog = _leave_out(_gather(settings, extensions)[0])
    note = describe_odd_classes([(clip.label, clip.name) for clip in catalog.clips])
    return replace(catalog, notes=(*catalog.notes, note)) if note else catalog


def _gather(settings: DataSettings, extensions: frozenset[str]) -> tuple[Catalog, list[Path]]:
    """The clips, those that their split leaves out among them, and all files that are named like clips."""
    folder = place(settings.folder)
    check_reachable(folder)
    if not settings.folder:
        raise CatalogError("data.folder is not set: name the folder that holds the clips")
    if not folder.is_dir():
        kind = "there is no such folder"
        if folder.exists():
            kind = "is a file, not a folder of music; `tonearm run` and `tonearm scan` take a feature table as it is"
        raise CatalogError(f"{folder}: {kind}")
    files, ignored = _walk(folder, folder, extensions)
    catalog = _read_part(folder, folder, "", settings, extensions, (files, ignored))
    if settings.metadata:
        catalog = _join(catalog, place(settings.metadata), settings)
    if not catalog.clips:
        others = ", ".join(f"{count} {ending or 'without ending'}" for ending, count in sorted(catalog.ignored.items()))
        said = "".join(f"; {note}" for note in catalog.notes)
        raise CatalogError(f"{folder}: no clips found (other files: {others or 'none'}). {LAYOUTS}{said}")
    return catalog, list(files.values())


def _read_part(
    root: Path, folder: Path, split: str, settings: DataSettings, extensions: frozenset[str], walked: Walked
) -> Catalog:
    """The clips of a folder that may itself be one part (train, test) of `root`. walked: what `_walk` gave of it."""
    found, ignored = walked
    if (folder / METADATA).is_file():
        return _listed(root, folder, split, settings, found, ignored)
    parts = {path.name: path for path in _children(folder) if path.is_dir() and path.name.lower() in PARTS}
    if not split and any(PARTS[name.lower()] == "train" for name in parts):
        catalogs = [
            _read_part(root, path, PARTS[name.lower()], settings, extensions, _walk(root, path, extensions))
            for name, path in parts.items()
        ]
        outside = [name for name in found if PurePosixPath(name).parts[0] not in parts]
        notes = tuple(note for catalog in catalogs for note in catalog.notes)
        if outside:
            notes += (f"{count(len(outside), 'file')} outside train and test ignored: {name_some(outside)}",)
        return Catalog(str(root), tuple(clip for catalog in catalogs for clip in catalog.clips), ignored, notes)
    depth = len(inside(root, folder).parts)
    clips = []
    for name, path in found.items():
        folders = PurePosixPath(name).parts[depth:-1]
        clips.append(Clip(str(path), name, label=folders[0] if folders else "", split=split))
    return Catalog(str(root), tuple(clips), ignored)


def _walk(root: Path, folder: Path, extensions: frozenset[str]) -> Walked:
    """All files (and folders) named like clips by name relative to root, sorted; and the others by ending."""
    if is_url(folder):
        return _listing(root, folder, extensions)
    found: dict[str, Path] = {}
    ignored: Counter[str] = Counter()
    seen: set[str] = set()

    def visit(directory: Path) -> None:
        real = os.path.realpath(directory)
        if real in seen:  # a link that leads back up
            return
        seen.add(real)
        for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            counts = path.suffix.lower() in extensions
            if entry.is_dir() and not (counts and directory != folder):
                visit(path)
            elif counts:
                found[_printable(path.relative_to(root).as_posix())] = path
            elif entry.name != METADATA:
                ignored[_printable(path.suffix.lower())] += 1

    visit(folder)
    return dict(sorted(found.items())), dict(ignored)


def _listing(root: Path, folder: Path, extensions: frozenset[str]) -> Walked:
    """What `_walk` gives, of a URL."""
    found: dict[str, Path] = {}
    ignored: Counter[str] = Counter()
    for name in names_under(folder):
        path = PurePosixPath(name)
        if any(part.startswith(".") for part in path.parts):
            continue
        if path.suffix.lower() in extensions:
            found[(inside(root, folder) / path).as_posix()] = folder / name
        elif path.name != METADATA:
            ignored[path.suffix.lower()] += 1
    return found, dict(ignored)


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda path: path.name)


def _printable(name: str) -> str:
    """The name in characters that every file of ours can hold."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _listed(
    root: Path, folder: Path, split: str, settings: DataSettings, found: dict[str, Path], ignored: dict[str, int]
) -> Catalog:
    """The clips that the folder's own metadata.csv lists, there or not."""
    source = folder / METADATA
    clips = []
    for entry in read_metadata(source, settings):
        if entry.name.startswith("/") or ".." in PurePosixPath(entry.name).parts:
            raise CatalogError(f"{source}: {entry.name!r} leads out of the folder; names are relative to it")
        name = (inside(root, folder) / entry.name).as_posix()
        clips.append(Clip(str(root / name), name, entry.label, entry.group, entry.split or split))
    unlisted = sorted(set(found) - {clip.name for clip in clips})
    notes = (
        (f"{count(len(unlisted), 'file', 'is', 'are')} not listed in {METADATA}: {name_some(unlisted)}",)
        if unlisted
        else ()
    )
    return Catalog(str(root), tuple(clips), ignored, notes)


def _join(catalog: Catalog, path: Path, settings: DataSettings) -> Catalog:
    """The catalog with what a metadata file elsewhere adds; if it has labels, no folder's name is one."""
    entries = read_metadata(path, settings)
    partners, notes = match([clip.name for clip in catalog.clips], entries, path)
    labelled = any(entry.label for entry in entries)
    described = [_described(clip, entry, labelled) for clip, entry in zip(catalog.clips, partners, strict=True)]
    changed = [(old, new) for old, new in zip(catalog.clips, described, strict=True) if old.label != new.label]
    relabelled = [new.name for old, new in changed if old.label and new.label]
    if relabelled:
        notes.append(
            f"{count(len(relabelled), 'clip', 'has', 'have')} another label in {path.name}: {name_some(relabelled)}"
        )
    unlabelled = [new.name for _, new in changed if not new.label]
    if unlabelled:
        clips = count(len(unlabelled), "clip", "has", "have")
        notes.append(
            f"{clips} no label, since {path.name} has labels and gives none here: {name_some(unlabelled)}; the names "
            "of folders are not taken for labels beside it"
        )
    return replace(catalog, clips=tuple(described), notes=(*catalog.notes, *notes))


def _described(clip: Clip, entry: Entry | None, labelled: bool) -> Clip:
    """The clip with what its row says. labelled: the metadata has labels, so that a folder's name is none."""
    label = "" if labelled else clip.label
    if entry is None:
        return replace(clip, label=label)
    return replace(clip, label=entry.label or label, group=entry.group or clip.group, split=entry.split or clip.split)


def _leave_out(catalog: Catalog) -> Catalog:
    """The catalog without the clips whose split is none of train, valid and test."""
    left_out = [clip.name for clip in catalog.clips if clip.split == LEFT_OUT]
    if not left_out:
        return catalog
    note = f"{count(len(left_out), 'clip', 'is', 'are')} left out by the split: {name_some(left_out)}"
    kept = tuple(clip for clip in catalog.clips if clip.split != LEFT_OUT)
    return replace(catalog, clips=kept, notes=(*catalog.notes, note))


def list_files(paths: list[Path], extensions: frozenset[str] = EXTENSIONS) -> Iterator[Path]:
    """Files as they are named, and all clips of folders: in catalog order, then those that the catalog ignores.

    What a split or a metadata file leaves out of training can still be asked about.
    """
    for path in paths:
        if path.is_dir():
            catalog, files = _gather(DataSettings(folder=str(path)), extensions)
            yield from map(place, dict.fromkeys([*(clip.path for clip in catalog.clips), *map(str, files)]))
        else:
            yield path
