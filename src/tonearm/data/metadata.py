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
import os
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from tonearm.dsp.decoders import EXTENSIONS
from tonearm.errors import CatalogError
from tonearm.runtime.cells import unescaped
from tonearm.runtime.regular import describe_irregular
from tonearm.runtime.remote import local_copy
from tonearm.settings import DataSettings
from tonearm.wording import count, shorten

if TYPE_CHECKING:
    from _csv import Reader

NAME_COLUMNS = ("file_name", "filename", "path", "name")
PICTURE_EXTENSIONS = frozenset({".png", ".jpg", ".jpeg"})
PARTS = {"train": "train", "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid", "test": "test"}
LEFT_OUT = "left out"  # the part of clips that a split column names otherwise
NAMED_AT_MOST = 5
MOST_CHARACTERS = 2**26  # of a line
_UNTIDY = re.compile(r"\\|//|(^|/)\.?(/|$)")
_ENDINGS = EXTENSIONS | PICTURE_EXTENSIONS


class Entry(NamedTuple):
    """What a metadata row says; "" where it says nothing."""

    name: str
    label: str
    group: str
    split: str


def read_metadata(path: Path, settings: DataSettings, known: Container[str] = ()) -> tuple[Entry, ...]:
    r"""The rows of a metadata CSV, in its order.

    known: names that are taken as they are written; in others a backslash separates folders, as on Windows. Raises
    CatalogError where the file cannot be read, has no column of names, a column or a name twice, a row without a name
    or with more fields than the header.
    """
    irregular = describe_irregular(path)
    if irregular:
        raise CatalogError(f"{path}: is {irregular}; metadata are read from a CSV file")
    try:
        with local_copy(path) as copy, copy.open(encoding="utf-8-sig", newline="") as file:
            return tuple(_read_entries(csv.reader(_lines(file, path), strict=True), path, settings, known))
    except FileNotFoundError as error:
        raise CatalogError(f"{path}: there is no such file; data.metadata names a CSV file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: cannot be read as UTF-8 text ({error})") from error


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """The file's lines. Raises CatalogError where they are no text, or longer than any table's."""
    for number, line in enumerate(iter(lambda: file.readline(MOST_CHARACTERS), ""), start=1):
        if "\0" in line:
            raise CatalogError(f"{path}, line {number}: holds zero bytes, as UTF-16 text does; save the file as UTF-8")
        if len(line) == MOST_CHARACTERS:
            raise CatalogError(f"{path}, line {number}: is longer than {MOST_CHARACTERS:,} characters, so it is no row")
        yield line


def _read_entries(rows: "Reader", path: Path, settings: DataSettings, known: Container[str]) -> Iterator[Entry]:
    """The entries of the rows; raises CatalogError like `read_metadata`."""
    seen: set[str] = set()
    shared: dict[str, str] = {}  # one string for all rows with that label, artist or split
    try:
        header = [column.strip() for column in next(rows, [])]
        wanted = (find_name_column(header, path), "label", settings.group_column, settings.split_column)
        check_once(wanted, header, path)
        places = [header.index(column) if column in header else len(header) for column in wanted]
        for number, row in enumerate(filter(None, rows), start=2):
            if len(row) > len(header) and any(map(str.strip, row[len(header) :])):
                raise CatalogError(
                    f"{path}, row {number}: has {len(row)} fields, and the header {len(header)}; "
                    "put a field that holds a comma in double quotes"
                )
            row += [""] * (len(header) + 1 - len(row))
            row[len(header)] = ""
            name, label, group, split = (unescaped(row[place].strip()) for place in places)
            name = name if name in known else _posix(name)
            if not name:
                raise CatalogError(f"{path}, row {number}: column {wanted[0]} is empty")
            if name in seen:
                raise CatalogError(f"{path}, row {number}: {shorten(name)!r} is named twice; each clip has one row")
            seen.add(name)
            label, group = shared.setdefault(label, label), shared.setdefault(group, group)
            yield Entry(name, label, group, part_name(split))
    except csv.Error as error:
        raise CatalogError(f"{path}, line {rows.line_num}: is not CSV ({error})") from error


def _posix(name: str) -> str:
    r"""The relative name with / between folders, and without what means nothing.

    >>> _posix(r".\rock\1.wav"), _posix("/rock//1.wav")
    ('rock/1.wav', '/rock/1.wav')
    """
    if not _UNTIDY.search(name):
        return name
    folders = name.replace("\\", "/").split("/")
    return ("/" if name[:1] in ("/", "\\") else "") + "/".join(part for part in folders if part not in ("", "."))


def check_once(wanted: Iterable[str], columns: Sequence[str], path: Path) -> None:
    """Raise CatalogError where one of the wanted columns occurs twice."""
    counts = Counter(columns)
    for column in wanted:
        if counts[column] > 1:
            raise CatalogError(
                f"{path}: {counts[column]} columns are called {shorten(column)!r}; keep one, or rename the others"
            )


def find_name_column(columns: Sequence[str], path: Path) -> str:
    """The column that names the clips."""
    for name in NAME_COLUMNS:
        if name in columns:
            return name
    raise CatalogError(
        f"{path}: no column names the clips; expected one of {', '.join(NAME_COLUMNS)}, "
        f"found {', '.join(map(shorten, columns[:8])) or 'nothing'}"
    )


def part_name(written: str) -> str:
    """train, valid or test for any of their usual names, "" for nothing, `LEFT_OUT` for any other word."""
    return PARTS.get(written.lower(), LEFT_OUT if written else "")


def match(names: Sequence[str], entries: Sequence[Entry], path: Path) -> tuple[list[Entry | None], list[str]]:
    """The entry of each clip, and notes on clips and rows that found no partner.

    Raises CatalogError where two rows, or two clips, could be each other's partner.
    """
    partners: list[Entry | None] = [None] * len(names)
    stems = set(map(stem, names))  # most rows of a large table have no clip, whatever they are compared by
    free = {row for row, entry in enumerate(entries) if stem(entry.name) in stems}
    strangers = len(entries) - len(free)
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
    if free or strangers:
        taken = set(filter(None, partners))
        names = [entry.name for entry in entries if entry not in taken]
        notes.append(f"{count(len(names), 'row')} of {path.name} without a clip: {name_some(names)}")
    return partners, notes


def stem(name: str) -> str:
    """Base name without endings of sound and picture files.

    >>> stem("mel/blues/blues.00000.wav.png"), stem("blues.00000.AU")
    ('blues.00000', 'blues.00000')
    """
    base = _base(name)
    root, ending = os.path.splitext(base)  # noqa: PTH122  # a million names of a table in a second or two
    while ending.lower() in _ENDINGS:
        base = root
        root, ending = os.path.splitext(base)  # noqa: PTH122
    return base


def name_some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMED_AT_MOST
    return ", ".join(map(shorten, names[:NAMED_AT_MOST])) + (f" and {more} more" if more > 0 else "")


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _by_key(pairs: Iterable[tuple[str, int]] | Iterator[tuple[str, int]]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for key, place in pairs:
        places.setdefault(key, []).append(place)
    return places
