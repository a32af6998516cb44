"""CSV files that say what a clip is: label, artist, split, by file name.

Conventions
-----------
The layout is that of the Hugging Face audiofolder: a column `file_name`, and `label`, an artist and a split
as far as they are known. Clips and rows find each other by the whole relative name, else by the base name,
else by the base name without the endings of sound and picture files: `blues.00000.wav.png` is
`blues.00000.au`. Where a base name has found its partner by its folders already (`rock/1.wav`, and there is
`jazz/1.wav`), it takes folders to tell, and the others stay alone. A split other than train, valid or test
(such as "excluded") leaves the clip out.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tonearm.dsp.decoders import EXTENSIONS
from tonearm.errors import CatalogError
from tonearm.runtime.cells import unescaped
from tonearm.settings import DataSettings
from tonearm.wording import count

NAME_COLUMNS = ("file_name", "filename", "path", "name")
PICTURE_EXTENSIONS = frozenset({".png", ".jpg", ".jpeg"})
PARTS = {"train": "train", "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid", "test": "test"}
LEFT_OUT = "left out"  # the part of clips that a split column names otherwise
NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """What a metadata row says; "" where it says nothing."""

    name: str
    label: str
    group: str
    split: str


def read_metadata(path: Path, settings: DataSettings) -> tuple[Entry, ...]:
    """The rows of a metadata CSV, in its order.

    Raises CatalogError where the file cannot be read, has no column of names, a name twice or none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise CatalogError(f"{path}: there is no such file; data.metadata names a CSV file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = rows.fieldnames = [column.strip() for column in rows.fieldnames or []]
        name_column = find_name_column(columns, path)
        entries = tuple(_entry(row, name_column, settings) for row in rows)
    except csv.Error as error:
        raise CatalogError(f"{path}, line {rows.line_num}: is not CSV ({error})") from error
    seen: set[str] = set()
    for line, entry in enumerate(entries, start=2):
        if not entry.name:
            raise CatalogError(f"{path}, row {line}: column {name_column} is empty")
        if entry.name in seen:
            raise CatalogError(f"{path}, row {line}: {entry.name!r} is named twice; each clip has one row")
        seen.add(entry.name)
    return entries


def find_name_column(columns: Sequence[str], path: Path) -> str:
    """The column that names the clips."""
    for name in NAME_COLUMNS:
        if name in columns:
            return name
    raise CatalogError(
        f"{path}: no column names the clips; expected one of {', '.join(NAME_COLUMNS)}, "
        f"found {', '.join(columns[:8]) or 'nothing'}"
    )


def _entry(row: dict[str, str | None], name_column: str, settings: DataSettings) -> Entry:
    def value(column: str) -> str:
        return unescaped((row.get(column) or "").strip())

    return Entry(
        name=PurePosixPath(value(name_column).replace("\\", "/")).as_posix() if value(name_column) else "",
        label=value("label"),
        group=value(settings.group_column),
        split=part_name(value(settings.split_column)),
    )


def part_name(written: str) -> str:
    """train, valid or test for any of their usual names, "" for nothing, `LEFT_OUT` for any other word."""
    return PARTS.get(written.lower(), LEFT_OUT if written else "")


def match(names: Sequence[str], entries: Sequence[Entry], path: Path) -> tuple[list[Entry | None], list[str]]:
    """The entry of each clip, and notes on clips and rows that found no partner.

    Raises CatalogError where two rows, or two clips, could be each other's partner.
    """
    partners: list[Entry | None] = [None] * len(names)
    free = set(range(len(entries)))
    for key in (str, _base, stem):
        settled = {key(name) for name, partner in zip(names, partners, strict=True) if partner is not None}
        waiting = [index for index, partner in enumerate(partners) if partner is None]
        rows = _by_key((key(entries[row].name), row) for row in sorted(free))
        clips = _by_key((key(names[index]), index) for index in waiting)
        for shared in (rows.keys() & clips.keys()) - settled:
            if len(rows[shared]) > 1 or len(clips[shared]) > 1:
                both = [entries[row].name for row in rows[shared]] + [names[index] for index in clips[shared]]
                raise CatalogError(f"{path}: {shared!r} fits more than one clip or row: {', '.join(both[:6])}")
            partners[clips[shared][0]] = entries[rows[shared][0]]
            free.discard(rows[shared][0])
    alone = [name for name, partner in zip(names, partners, strict=True) if partner is None]
    notes = []
    if alone:
        notes.append(f"{count(len(alone), 'clip', 'has', 'have')} no row in {path.name}: {name_some(alone)}")
    if free:
        names = [entries[row].name for row in sorted(free)]
        notes.append(f"{count(len(free), 'row')} of {path.name} without a clip: {name_some(names)}")
    return partners, notes


def stem(name: str) -> str:
    """Base name without endings of sound and picture files.

    >>> stem("mel/blues/blues.00000.wav.png"), stem("blues.00000.AU")
    ('blues.00000', 'blues.00000')
    """
    path = PurePosixPath(name)
    while path.suffix.lower() in EXTENSIONS | PICTURE_EXTENSIONS:
        path = path.with_suffix("")
    return path.name


def name_some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _base(name: str) -> str:
    return PurePosixPath(name).name


def _by_key(pairs: Iterable[tuple[str, int]] | Iterator[tuple[str, int]]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for key, place in pairs:
        places.setdefault(key, []).append(place)
    return places
