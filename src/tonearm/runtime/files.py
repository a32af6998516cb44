"""Writing files atomically.

Conventions
-----------
A file is written under a temporary name beside its final one, flushed to disk and renamed: a reader,
or a run that starts after a kill, sees the old file or the new one, never a partial one. A full disk, whatever writes,
is an OutputError. Temporary files are locked while they are written, so that those of killed processes can be told
from those of others.
"""

import csv
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, TextIO

from tonearm.errors import OutputError, TonearmError
from tonearm.runtime.cells import escaped, unescaped
from tonearm.runtime.faults import ask_disk, output_error, refusal
from tonearm.runtime.leftovers import claim, claim_folder, release
from tonearm.runtime.regular import check_regular
from tonearm.runtime.remote import is_url, place, put
from tonearm.runtime.system import flush, rename
from tonearm.wording import size as in_words

MOST_JSON_BYTES = 2**28


@contextmanager
def replacing(path: str | Path, size: int = 0, parents: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is renamed to `path`, on error it is removed.

    Missing parent folders are created. The bytes are on disk (fsync) before the rename, so a power failure
    leaves the old file or the new one. In an object store (a URL) a file appears whole. size: bytes of the file, if
    they are known. parents: whether missing folders are created. Raises OutputError if the disk takes no more, or a
    folder is missing that is not to be created.

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
            with _explained(copy, copy, size):
                yield copy
            put(copy, place(path))
        return
    path = Path(path)
    with _explained(path, None, size):
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.parent.is_dir():
            raise OutputError(
                f"{path.parent}: was removed while files were written to it; start the same command again"
            )
        # the final suffix is kept, since some writers choose their format by it
        temporary, claimed = claim(path.parent, path.suffix)
    try:
        with _explained(path, temporary, size):
            yield temporary
            _settle(temporary)
            release(claimed)  # before the rename, since Windows renames no open file
            claimed = -1
            _rename(temporary, path)
    except BaseException:
        release(claimed)
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _explained(path: Path, temporary: Path | None, size: int) -> Iterator[None]:
    """Raise OutputError for whatever a writer raises when the disk takes no more; remove what it has written."""
    try:
        yield
    except TonearmError:
        raise
    except Exception as error:
        cause = refusal(error) or (ask_disk(temporary) if temporary is not None else None)
        if cause is None:
            raise
        if temporary is not None:
            temporary.unlink(missing_ok=True)  # so that what it took counts as free
        raise output_error(path, cause, size) from error


def _rename(temporary: Path, path: Path) -> None:
    """Rename the file, also if a network file system did so, lost its own answer, and then misses the first name."""
    state = temporary.stat()
    try:
        rename(temporary, path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESTALE) or not _is_there(path, state):
            raise


def _is_there(path: Path, state: os.stat_result) -> bool:
    """Whether the file of this state has the name `path`."""
    try:
        found = path.stat()
    except OSError:
        return False
    return (found.st_ino, found.st_size) == (state.st_ino, state.st_size)


@contextmanager
def replacing_folder(folder: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; on success it is renamed to `folder`, on error it is removed.

    An existing folder of that name is moved aside first and removed last, so that the new one is never visible
    in part.
    """
    folder = Path(folder)
    with _explained(folder, None, 0):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = claim_folder(folder.parent)
    try:
        with _explained(folder, None, 0):
            yield temporary
            _exchange(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _exchange(temporary: Path, folder: Path) -> None:
    """Rename the folder; one that has the name already comes back if that fails."""
    if not folder.exists():
        rename(temporary, folder)
        return
    aside = claim_folder(folder.parent)
    try:
        rename(folder, aside / "old")
        rename(temporary, folder)
    except BaseException:
        if (aside / "old").exists():
            rename(aside / "old", folder)
        aside.rmdir()
        raise
    # on a network file system a file that somebody reads stays under another name; it goes with the next start
    shutil.rmtree(aside, ignore_errors=True)


def _settle(path: Path) -> None:
    """Flush the file to disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        flush(handle)
    finally:
        os.close(handle)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` atomically as UTF-8, with its own line ends; bytes of file names that are not text are escaped."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` atomically."""
    with replacing(path, len(data)) as temporary:
        temporary.write_bytes(data)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` atomically as indented JSON (without NaN, which JSON lacks)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def remove_empty(folder: Path) -> None:
    """Remove the folder if there is no file in it, and the folders in it of which that is so."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for inner in list(folder.iterdir()):
        remove_empty(inner)
    if not any(folder.iterdir()):
        folder.rmdir()


def read_json(path: Path) -> Any:
    """The JSON in a file.

    Raises OSError as `check_regular` or where the file cannot be read, ValueError where it is not JSON, not UTF-8,
    nested too deep, longer than 256 MB, or holds NaN or infinity, which are not JSON.
    """
    check_regular(path)
    if path.stat().st_size > MOST_JSON_BYTES:
        raise ValueError(f"it has more than {MOST_JSON_BYTES:,} bytes")
    return parse_json(path.read_text(encoding="utf-8"))


def parse_json(text: str) -> Any:
    """The JSON in a text. Raises ValueError as `read_json`."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which is not JSON")


def check_space(folder: str | Path, size: int, what: str, advice: str) -> None:
    """Raise OutputError if the disk of `folder` cannot hold `size` bytes of `what`, before they are written."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OutputError(
            f"{folder}: {what} would take {in_words(size)} and the disk has {in_words(free)} free; {advice}"
        )


class _NewlineRows:
    """Ends rows with a plain newline; `csv` quotes a name with a carriage return only if rows end with one."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def write(self, row: str) -> None:
        self.file.write(row.removesuffix("\r\n") + "\n")


def write_csv(path: str | Path, columns: Iterable[str], rows: Iterable[Iterable[Any]], for_people: bool = True) -> None:
    """Write a CSV file like `write_text`; floats in the shortest form that reads back as the same number.

    rows: may be a generator, which is written as it goes. for_people: texts that a spreadsheet would take for formulas
    are escaped (`cells`), and `read_csv` gives them back; False for files that a machine of others reads.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(_NewlineRows(file), lineterminator="\r\n")
        for row in chain([columns], rows):
            writer.writerow([_cell(value, for_people) for value in row])


def _cell(value: Any, for_people: bool) -> Any:
    if isinstance(value, float):
        return repr(float(value))
    return escaped(value) if for_people and isinstance(value, str) else value


def read_csv(path: str | Path) -> Iterator[list[str]]:
    """Header and rows of a file that `write_csv` wrote for people, one after the other, as they were given to it.

    Raises OSError, and ValueError where it is no CSV file of UTF-8 text.
    """
    with place(path).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        try:
            for row in rows:
                yield [unescaped(cell) for cell in row]
        except csv.Error as error:
            raise ValueError(f"line {rows.line_num}: {error}") from error


def read_csv_rows(path: str | Path) -> Iterator[dict[str, str]]:
    """The rows below the header as mappings by column; what a short row lacks is "". Raises as `read_csv`."""
    rows = read_csv(path)
    header = next(rows, [])
    for row in filter(None, rows):
        yield dict(zip_longest(header, row[: len(header)], fillvalue=""))


def file_sha256(path: Path) -> str:
    """SHA-256 of a local file's contents, in hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
