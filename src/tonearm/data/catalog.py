"""Folder to catalog: which clips there are, with label, artist and split; nothing is decoded here.

Conventions
-----------
Layouts, looked for in this order:

1. `metadata.csv` in the folder: `file_name,label[,artist][,split]`; its order is the catalog's.
2. `train/` and `test/` (and `valid/`), each of them one of these layouts; a flat one has no labels.
3. Class folders: `<label>/<file>`, or deeper; the first folder is the label. What looks like artists or albums is
   noted (`folders`), and a `data.metadata` with labels takes the place of all folders' names.
4. Files alone: no labels, enough for prediction.

With data.labels = "tags" none of these is looked for: labels and artists are those of the files' tags, in any folders
(`tagged`).

Files with other endings than music's are ignored and counted. What is named like music stays in the catalog, readable
or not: reading it reports why; only of more than 1,000 files that metadata.csv lists and that are not there, the number
is noted. How a name that is not UTF-8 (from an old archive) is written, `runtime.names` says.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tonearm.data.folders import describe_odd_classes
from tonearm.data.metadata import LEFT_OUT, PARTS, Entry, match, name_some, read_metadata
from tonearm.data.tagged import GenreTable, read_tagged
from tonearm.data.walk import METADATA, Walk, walk
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.errors import CatalogError
from tonearm.runtime.logs import timed
from tonearm.runtime.names import to_native
from tonearm.runtime.regular import describe_irregular
from tonearm.runtime.remote import check_reachable, file_of, is_url, place
from tonearm.settings import DataSettings, GenreSettings
from tonearm.wording import count

MOST_ABSENT = 1_000  # files that metadata.csv lists and that are not there, each a clip with its reason
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


def part_folder(clip: Clip) -> str:
    """The folder train, valid or test that says which part the clip is in; "" where no folder does.

    >>> part_folder(Clip("/m/Train/rock/1.wav", "Train/rock/1.wav", "rock", split="train"))
    'train'
    >>> part_folder(Clip("/m/rock/1.wav", "rock/1.wav", "rock", split="train"))  # a table says so
    ''
    """
    first = PurePosixPath(clip.name).parts[0]
    return clip.split if first.lower() in PARTS and first != clip.label else ""  # a class may be called test


@dataclass(frozen=True)
class Catalog:
    """The clips of a folder in a stable order.

    ignored: how many files of each other ending were ignored. notes: what a person should know of
    (clips without a metadata row, rows without a clip, clips left out). genres: what became of the genres in tags,
    None where labels come from elsewhere.
    """

    root: str
    clips: tuple[Clip, ...]
    ignored: dict[str, int]
    notes: tuple[str, ...] = ()
    genres: GenreTable | None = None

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted({clip.label for clip in self.clips} - {""}))

    @property
    def labelled(self) -> "Catalog":
        """The clips that have a label."""
        return replace(self, clips=tuple(clip for clip in self.clips if clip.label))


@timed("names of the clips")
def read_catalog(
    settings: DataSettings, extensions: frozenset[str] = EXTENSIONS, genres: GenreSettings = GenreSettings()
) -> Catalog:
    """The clips of `settings.folder`, joined with `settings.metadata`, or with their tags.

    extensions: lower-case endings that count, by default those of music. genres: how genres in tags become labels.
    Raises CatalogError where there is no such folder, nothing in it that counts, or its metadata cannot be used,
    TonearmError where tags are asked for and their reader is not installed.
    """
    catalog = _leave_out(_gather(settings, extensions)[0])
    if settings.labels == "tags":
        return _by_tags(catalog, genres)
    note = describe_odd_classes([(clip.label, clip.name) for clip in catalog.clips])
    return replace(catalog, notes=(*catalog.notes, note)) if note else catalog


def _gather(settings: DataSettings, extensions: frozenset[str]) -> tuple[Catalog, Walk]:
    """The clips, those that their split leaves out among them, and all that lies in the folder."""
    folder = place(settings.folder)
    check_reachable(folder)
    if not settings.folder:
        raise CatalogError("data.folder is not set: name the folder that holds the clips")
    if not folder.is_dir():
        kind = "there is no such folder"
        if irregular := describe_irregular(folder):
            kind = f"is {irregular}, which is not read; name a folder of music, or a table that is a file"
        elif folder.exists():
            kind = "is a file, not a folder of music; `tonearm run` and `tonearm scan` take a feature table as it is"
        raise CatalogError(f"{folder}: {kind}")
    walked = walk(folder, extensions)
    by_tags = settings.labels == "tags"
    catalog = _unlabelled(folder, walked) if by_tags else _read_part(folder, "", settings, walked)
    catalog = replace(catalog, ignored=dict(walked.ignored), notes=(*catalog.notes, *walked.notes))
    if settings.metadata:
        catalog = _join(catalog, place(settings.metadata), settings)
    if not catalog.clips:
        others = ", ".join(f"{count} {ending or 'without ending'}" for ending, count in sorted(catalog.ignored.items()))
        said = "".join(f"; {note}" for note in catalog.notes)
        raise CatalogError(f"{folder}: no clips found (other files: {others or 'none'}). {LAYOUTS}{said}")
    return catalog, walked


def _read_part(folder: Path, split: str, settings: DataSettings, walked: Walk) -> Catalog:
    """The clips of a folder that may itself be one part (train, test) of the root."""
    if METADATA in walked.metadata:
        return _listed(folder, split, settings, walked)
    parts = [name for name in walked.classes if name.lower() in PARTS]
    if not split and any(PARTS[name.lower()] == "train" for name in parts):
        catalogs = [
            _under(_read_part(file_of(folder, name), PARTS[name.lower()], settings, walked.inside(name)), name)
            for name in parts
        ]
        outside = [name for name in walked.found if PurePosixPath(name).parts[0] not in parts]
        notes = tuple(note for catalog in catalogs for note in catalog.notes)
        if outside:
            notes += (f"{count(len(outside), 'file')} outside train and test ignored: {name_some(outside)}",)
        return Catalog(str(folder), tuple(clip for catalog in catalogs for clip in catalog.clips), {}, notes)
    clips = []
    for name, path in walked.found.items():
        folders = PurePosixPath(name).parts[:-1]
        clips.append(Clip(str(path), name, label=folders[0] if folders else "", split=split))
    return Catalog(str(folder), tuple(clips), {}, _empty_folders(clips, walked))


def _unlabelled(folder: Path, walked: Walk) -> Catalog:
    """All files, whatever folders they lie in."""
    return Catalog(str(folder), tuple(Clip(str(path), name) for name, path in walked.found.items()), {})


def _by_tags(catalog: Catalog, settings: GenreSettings) -> Catalog:
    """The clips with the labels and artists of their tags."""
    tagged = read_tagged([(clip.name, clip.path) for clip in catalog.clips], settings)
    found = zip(catalog.clips, tagged.labels, tagged.artists, strict=True)
    clips = tuple(replace(clip, label=label, group=artist) for clip, label, artist in found)
    return replace(catalog, clips=clips, notes=(*catalog.notes, *tagged.notes), genres=tagged.table)


def _under(catalog: Catalog, part: str) -> Catalog:
    """The catalog of a part with names that begin with the part's folder."""
    return replace(catalog, clips=tuple(replace(clip, name=f"{part}/{clip.name}") for clip in catalog.clips))


def _empty_folders(clips: Sequence[Clip], walked: Walk) -> tuple[str, ...]:
    """A note on folders beside those of the classes that hold no clip, so that no class is missed."""
    labels = {clip.label for clip in clips}
    empty = [name for name in walked.classes if name not in labels]
    if not empty or labels <= {""}:
        return ()
    return (f"{count(len(empty), 'folder', 'holds', 'hold')} no clip, and no class: {name_some(empty)}",)


def _listed(folder: Path, split: str, settings: DataSettings, walked: Walk) -> Catalog:
    """The clips that the folder's own metadata.csv lists, there or not; of many that are not, their number."""
    source = folder / METADATA
    entries = read_metadata(source, settings, walked.found)
    for entry in entries:
        if entry.name.startswith("/") or ".." in entry.name.split("/"):
            raise CatalogError(f"{source}: {entry.name!r} leads out of the folder; names are relative to it")
    unlisted = sorted(walked.found.keys() - {entry.name for entry in entries})
    absent = _absent(folder, entries, walked)
    if len(absent) > MOST_ABSENT:
        entries = tuple(entry for entry in entries if entry.name not in absent)
        walked.remarks.append(f"{len(absent)} rows of {source} name files that are not there: {name_some([*absent])}")
    clips = [
        Clip(
            str(walked.found.get(entry.name) or file_of(folder, entry.name)),
            entry.name,
            entry.label,
            entry.group,
            entry.split or split,
        )
        for entry in entries
    ]
    notes = (
        (f"{count(len(unlisted), 'file', 'is', 'are')} not listed in {METADATA}: {name_some(unlisted)}",)
        if unlisted
        else ()
    )
    return Catalog(str(folder), tuple(clips), {}, notes)


def _absent(folder: Path, entries: Sequence[Entry], walked: Walk) -> dict[str, None]:
    """Names of listed files that are not there, in order."""
    names = [entry.name for entry in entries if entry.name not in walked.found]
    if not is_url(folder):
        start = os.path.join(folder, "")  # noqa: PTH118  # texts, since a million paths take half a minute
        names = [name for name in names if not os.path.lexists(start + to_native(name))]
    return dict.fromkeys(names)


def _join(catalog: Catalog, path: Path, settings: DataSettings) -> Catalog:
    """The catalog with what a metadata file elsewhere adds; if it has labels, no folder's name is one."""
    names = [clip.name for clip in catalog.clips]
    entries = read_metadata(path, settings, set(names))
    partners, notes = match(names, entries, path)
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


def list_files(path: Path, extensions: frozenset[str] = EXTENSIONS) -> tuple[list[Path], tuple[str, ...]]:
    """The file itself, or all clips of the folder: in catalog order, then those that the catalog ignores; and notes.

    What a split or a metadata file leaves out of training can still be asked about.
    """
    if not (path.is_dir() if is_url(path) else os.path.isdir(path)):  # noqa: PTH112  # False where it cannot be seen
        return [path], ()
    catalog, walked = _gather(DataSettings(folder=str(path)), extensions)
    files = dict.fromkeys([*(clip.path for clip in catalog.clips), *map(str, walked.found.values())])
    return [*map(place, files)], walked.notes
