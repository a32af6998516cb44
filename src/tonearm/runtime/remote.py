"""Files by URL (`s3://`, `gs://`, whatever fsspec reaches) beside the files of this machine.

Conventions
-----------
A place is a `pathlib.Path`, or for a URL universal_pathlib's `UPath`, which has the same methods. What reads files
of a format gets a copy on this machine (`local_copy`); what is written goes up whole or not at all, as object stores
do it. Credentials and endpoints are the store's own matter: its environment variables and files, as fsspec reads them.
"""

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, cast

from tonearm.errors import TonearmError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(path: Any) -> bool:
    """Whether the path is a URL, or a place that one names.

    >>> is_url("s3://music/genres"), is_url("genres")
    (True, False)
    """
    return bool(_SCHEME.match(str(path)))


def place(path: str | Path) -> Path:
    """The place of a path or URL. Raises TonearmError where the package for its kind of URL is missing."""
    if not is_url(path):
        return Path(path)
    try:
        from upath import UPath
    except ModuleNotFoundError as error:
        raise TonearmError(f'{path}: URLs need universal_pathlib: pip install "tonearm[remote]"') from error
    try:
        found = UPath(path)
        found.fs  # noqa: B018  # loads the store's package
    except (ImportError, ValueError) as error:
        raise TonearmError(f"{path}: {error}") from error
    return cast("Path", found)


def check_reachable(folder: Path) -> None:
    """Raise TonearmError where the store of a URL does not answer, or not to us."""
    if not is_url(folder):
        return
    try:
        folder.exists()
    except Exception as error:  # each store has errors of its own
        raise TonearmError(f"{folder}: cannot be reached ({type(error).__name__}: {error})") from error


def names_under(folder: Path) -> list[str]:
    """Names, relative to the folder of a URL, of all files below it, sorted."""
    base = _inner(folder)
    return sorted(found[len(base) :].lstrip("/") for found in _store(folder).find(base))


def inside(root: Path, folder: Path) -> PurePosixPath:
    """The folder as seen from the root, of which it is a part."""
    if is_url(root):
        return PurePosixPath(_inner(folder)[len(_inner(root)) :].strip("/"))
    return PurePosixPath(folder.relative_to(root).as_posix())


@contextmanager
def local_copy(path: str | Path) -> Iterator[Path]:
    """The file itself, or for a URL a copy with its ending that lives as long as the block. Raises OSError."""
    if not is_url(path):
        yield Path(path)
        return
    remote = place(path)
    with tempfile.TemporaryDirectory(prefix="tonearm-") as folder:
        copy = Path(folder) / f"copy{remote.suffix}"
        _get(remote, copy)
        yield copy


def put(source: Path, path: Path) -> None:
    """Copy a file of this machine to a URL's place, whole or not at all."""
    _store(path).put_file(str(source), _inner(path))


def file_state(path: str | Path) -> str:
    """What changes when the file does. Raises OSError where it cannot be seen."""
    if is_url(path):
        remote = place(path)
        return str(_store(remote).checksum(_inner(remote)))
    status = Path(path).stat()
    # the time of modification alone can be set back, by a copy that keeps times or by two files that swap names
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"


def fetched(folder: Path) -> Path:
    """The folder, or for a URL a copy of it that lives as long as this process."""
    if not is_url(folder):
        return folder
    copy = Path(tempfile.mkdtemp(prefix="tonearm-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    _fetch(folder, copy)
    return copy


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A folder of this machine to work in, which for a URL is brought up to date before and copied back after.

    Where the block fails or is killed, the folder stays in the user's cache, and the next block goes on in it.
    """
    if not is_url(folder):
        yield folder
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tonearm" / "staged"
    stage = cache / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    if not stage.is_dir():
        fresh = stage.with_name(f"{stage.name}-{os.getpid()}")
        fresh.mkdir(parents=True)
        _fetch(folder, fresh)
        fresh.rename(stage)
    yield stage
    files = {path.relative_to(stage).as_posix(): path for path in stage.rglob("*") if path.is_file()}
    for name, path in files.items():
        if not path.name.startswith("."):  # locks
            put(path, folder / name)
    for name in set(names_under(folder)) - set(files):
        (folder / name).unlink()
    shutil.rmtree(stage)


def _fetch(folder: Path, target: Path) -> None:
    check_reachable(folder)
    for name in names_under(folder):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        _get(folder / name, target / name)


def _get(path: Path, target: Path) -> None:
    try:
        _store(path).get_file(_inner(path), str(target))
    except OSError:
        raise
    except Exception as error:  # each store has errors of its own, such as for missing credentials
        raise OSError(f"{type(error).__name__}: {error}") from error


def _store(path: Path) -> Any:
    return path.fs  # type: ignore[attr-defined]  # a UPath


def _inner(path: Path) -> str:
    """The name that the store itself has for the place."""
    return str(path.path).rstrip("/")  # type: ignore[attr-defined]  # a UPath
