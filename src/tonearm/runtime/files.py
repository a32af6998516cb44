"""Writing files atomically.

Conventions
-----------
A file is written under a temporary name beside its final one, flushed to disk and renamed: a reader,
or a run that starts after a kill, sees the old file or the new one, never a partial one.
"""

import csv
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from tonearm.errors import TonearmError
from tonearm.runtime.remote import is_url, place, put

TEMPORARY_PREFIX = ".tonearm-"
_IRREGULAR = {
    stat.S_IFIFO: "a FIFO (a named pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is renamed to `path`, on error it is removed.

    Missing parent folders are created. The bytes are on disk (fsync) before the rename, so a power failure
    leaves the old file or the new one. In an object store (a URL) a file appears whole.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with replacing(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "a.txt").read_text(), len(list(folder.iterdir()))
    ('whole', 1)
    """
    if is_url(path):
        with tempfile.TemporaryDirectory(prefix="tonearm-") as folder:
            copy = Path(folder) / f"copy{place(path).suffix}"
            yield copy
            put(copy, place(path))
        return
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the final suffix is kept, since some writers choose their format by it
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY_PREFIX, suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _settle(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_folder(folder: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; on success it is renamed to `folder`, on error it is removed.

    An existing folder of that name is moved aside first and removed last, so that the new one is never visible
    in part.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=TEMPORARY_PREFIX))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if folder.exists():
            old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=TEMPORARY_PREFIX))
            folder.rename(old / "old")
            temporary.rename(folder)
            shutil.rmtree(old)
        else:
            temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _settle(path: Path) -> None:
    """Flush the file to disk and give it the permissions that a plain open() would have given."""
    path.chmod(0o666 & ~_umask())
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` atomically as UTF-8, with its own line ends; bytes of file names that are not text are escaped."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` atomically as indented JSON (without NaN, which JSON lacks)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def describe_irregular(path: str | Path) -> str:
    """What the path is if it is no file that ends, such as "a FIFO", which could be read for ever; "" otherwise.

    A pipe that the shell opened for us (`<(…)`, /dev/stdin) may be read.
    """
    if is_url(path) or str(path).startswith(("/dev/fd/", "/proc/self/fd/", "/dev/stdin")):
        return ""
    try:
        kind = stat.S_IFMT(place(path).stat().st_mode)
    except (OSError, ValueError):
        return ""  # opening it says why
    return _IRREGULAR.get(kind, "")


def check_space(folder: str | Path, size: int, what: str, advice: str) -> None:
    """Raise TonearmError if the disk of `folder` cannot hold `size` bytes of `what`, before they are written."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise TonearmError(
            f"{folder}: {what} would take {size / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB free; {advice}"
        )


def clear_leftovers(folder: str | Path) -> int:
    """Remove temporary files and folders that a killed run left directly in `folder`; return how many."""
    if is_url(folder):
        return 0
    leftovers = list(Path(folder).glob(f"{TEMPORARY_PREFIX}*"))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
    return len(leftovers)


class _NewlineRows:
    """Ends rows with a plain newline; `csv` quotes a name with a carriage return only if rows end with one."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def write(self, row: str) -> None:
        self.file.write(row.removesuffix("\r\n") + "\n")


def write_csv(path: str | Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file like `write_text`; floats in the shortest form that reads back as the same number."""
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(_NewlineRows(file), lineterminator="\r\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([repr(float(value)) if isinstance(value, float) else value for value in row])
