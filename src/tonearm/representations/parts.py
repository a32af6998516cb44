"""Part files: the rows of a shard, looked up by the key of each clip.

Conventions
-----------
A part is an .npz file of keys and values, named after its keys. Parts are numbered in the order of their names, which
is the same for every process. A damaged part counts as absent. Beside the key, which names the file and its state, a
row has the size and a digest of the file's contents (`moved`).
"""

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.runtime.files import replacing
from tonearm.runtime.remote import is_url


class Place(NamedTuple):
    """Where a clip's row is: number of the part in sorted order, row in it; excerpts: of a long file (`dsp.audio`)."""

    part: int
    row: int
    excerpts: bool = False


class ContentKey(NamedTuple):
    """What a file holds, whatever it is called: its size in bytes, and a digest of its bytes and of the task."""

    size: int
    digest: str


def write_part(
    parts: Path,
    keys: list[str],
    rows: list[NDArray[Any]],
    excerpts: Sequence[bool] = (),
    contents: Sequence[ContentKey] = (),
) -> None:
    """Write rows of one shape as a table; series of different lengths concatenated, with their lengths.

    The folder must exist: if it was removed in mid-run, the parts before this one are lost. excerpts: for each row
    whether it describes excerpts; () if none does. contents: of each row's file; () if unknown.
    """
    name = hashlib.sha256("".join(keys).encode()).hexdigest()[:20]
    arrays = {"keys": np.array(keys)}
    if len({row.shape for row in rows}) == 1:
        arrays["values"] = np.stack(rows)
    else:
        arrays |= {"values": np.concatenate(rows), "lengths": np.array([len(row) for row in rows])}
    if any(excerpts):
        arrays["excerpts"] = np.array(excerpts, dtype=bool)
    if contents:
        arrays |= {
            "sizes": np.array([one.size for one in contents]),
            "digests": np.array([one.digest for one in contents]),
        }
    with replacing(parts / f"{name}.npz", parents=is_url(parts)) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_part(path: Path) -> Sequence[NDArray[Any]]:
    """The rows of a part, in the order of its keys."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
        values = part["values"]
        return list(np.split(values, np.cumsum(part["lengths"])[:-1]) if "lengths" in part else values)


def part_files(parts: Path) -> list[Path]:
    """All parts in a folder, in the order of their numbers."""
    return sorted(parts.glob("*.npz"), key=lambda path: path.name)


def find_known(paths: Sequence[Path]) -> dict[str, Place]:
    """The place of every key in the parts. paths: of one look at the folder (`part_files`), which numbers them."""
    known = {}
    for number, path in enumerate(paths):
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
                keys = part["keys"].tolist()
                excerpts = part["excerpts"].tolist() if "excerpts" in part else [False] * len(keys)
                known.update({key: Place(number, row, excerpts[row]) for row, key in enumerate(keys)})
        except (ValueError, KeyError, OSError, zipfile.BadZipFile):
            continue  # damaged: its clips count as not done, and it is removed as unused
    return known


def find_content_keys(paths: Sequence[Path]) -> dict[ContentKey, Place]:
    """The place of the row of each file that the parts know by its contents. paths: as of `find_known`."""
    found = {}
    for number, path in enumerate(paths):
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
                if "digests" not in part:
                    continue
                known = map(ContentKey, part["sizes"].tolist(), part["digests"].tolist())
                excerpts = part["excerpts"].tolist() if "excerpts" in part else [False] * len(part["sizes"])
                found.update({one: Place(number, row, excerpts[row]) for row, one in enumerate(known)})
        except (ValueError, KeyError, OSError, zipfile.BadZipFile):
            continue  # damaged, as above
    return found


def copy_rows(parts: Path, paths: Sequence[Path], moved: Mapping[str, tuple[ContentKey, Place]]) -> None:
    """Write the rows of files that were moved under their new keys, as one part more. moved: by new key."""
    by_part: dict[int, list[str]] = {}
    for key, (_, place) in moved.items():
        by_part.setdefault(place.part, []).append(key)
    rows: dict[str, NDArray[Any]] = {}
    for number, keys in by_part.items():
        table = read_part(paths[number])
        rows |= {key: np.array(table[moved[key][1].row]) for key in keys}
    keys = [key for key in moved if key in rows]
    write_part(
        parts,
        keys,
        [rows[key] for key in keys],
        [moved[key][1].excerpts for key in keys],
        [moved[key][0] for key in keys],
    )


def keep_parts(numbers: set[int], paths: Sequence[Path]) -> None:
    """Remove the parts whose number is not in `numbers`: no clip needs them.

    paths: those that the numbers were given by, since a worker of a lost cluster may still add a part to the folder.
    """
    for number, path in enumerate(paths):
        if number not in numbers:
            path.unlink()
