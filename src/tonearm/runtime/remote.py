"""Files at URLs (`s3://`, `gs://`, anything fsspec reaches) besides local files.

Conventions
-----------
A place is a `pathlib.Path`, or for a URL universal_pathlib's `UPath`, which has the same methods. Readers of file
formats get a local copy (`local_copy`); files are uploaded whole or not at all, as object stores
do it. A `file:///…` URI is a local path, in ASCII with its other bytes as %XX. Credentials and endpoints
come from the store's environment variables and files, as fsspec reads them.
"""

import atexit
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from tonearm.errors import TonearmError
from tonearm.runtime.faults import NO_ROOM, output_error, refusal
from tonearm.runtime.names import to_native, typed

FILES, FETCHED = "files", "fetched.jsonl"  # in a staging folder
_SCHEME = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+://", re.IGNORECASE)
_FILE = re.compile(r"file://(?:localhost)?(?=/)", re.IGNORECASE)


def is_url(path: Any) -> bool:
    """Whether the path is a URL, or the place of one; a file:/// URI is a local path.

    >>> is_url("s3://music/genres"), is_url("genres"), is_url("file:///music/genres")
    (True, False, False)
    """
    return bool(_SCHEME.match(str(path)))


def place(path: str | Path) -> Path:
    """The place of a path or URL. Raises TonearmError if the package for its kind of URL is missing."""
    if not is_url(path):
        return _local(path)
    try:
        from upath import UPath
    except ModuleNotFoundError as error:
        raise TonearmError(f'{path}: URLs need universal_pathlib: pip install "tonearm[remote]"') from error
    try:
        remote = UPath(path)
        remote.fs  # noqa: B018  # imports the store's package
    except (ImportError, ValueError) as error:
        raise TonearmError(f"{path}: {error}") from error
    return cast("Path", remote)


def anchored(path: Path) -> Path:
    """The path as it is found from wherever the process goes to; one inside a store stays as it is."""
    return path if is_url(path) else path.absolute()


def _local(path: str | Path) -> Path:
    """The local path of a path or a file:/// URI."""
    scheme = _FILE.match(path) if isinstance(path, str) else None
    if scheme is None:
        return Path(typed(str(path)))
    if os.name == "nt":
        from urllib.request import url2pathname

        return Path(url2pathname(str(path)[scheme.end() :]))
    return Path(os.fsdecode(unquote_to_bytes(str(path)[scheme.end() :])))


def path_text(path: str) -> str:
    r"""The path or URL as valid Unicode, so that UTF-8 files can hold it; `place` reads it back.

    Only a path with bytes that are not text becomes a file:/// URI, which is absolute; the URI of any other path
    becomes that path.

    >>> path_text("music/café"), path_text("file:///music/caf%C3%A9"), path_text(os.fsdecode(b"/music/caf\xe9"))
    ('music/café', '/music/café', 'file:///music/caf%E9')
    """
    if is_url(path):
        return path
    local = _local(path)
    native = str(local) if _FILE.match(path) else typed(path)
    try:
        text = os.fsencode(native).decode()
    except UnicodeError:
        text = ""
    return text if text == path or typed(text) == native else local.absolute().as_uri()


def check_reachable(folder: Path) -> None:
    """Raise TonearmError if the store of a URL does not answer or refuses access."""
    if not is_url(folder):
        return
    try:
        folder.exists()
    except Exception as error:  # each store has its own errors
        raise TonearmError(f"{folder}: cannot be reached ({type(error).__name__}: {error})") from error


def names_under(folder: Path) -> list[str]:
    """Names of all files below the folder of a URL, relative to it, sorted."""
    base = _inner(folder)
    return sorted(name[len(base) :].lstrip("/") for name in _store(folder).find(base))


def inside(root: Path, folder: Path) -> PurePosixPath:
    """The folder's path relative to the root, which contains it."""
    if is_url(root):
        return PurePosixPath(_inner(folder)[len(_inner(root)) :].strip("/"))
    return PurePosixPath(folder.absolute().relative_to(root.absolute()).as_posix())


def file_of(folder: Path, name: str) -> Path:
    """The file below the folder whose relative name has this text (`names`)."""
    return folder / (name if is_url(folder) else to_native(name))


@contextmanager
def local_copy(path: str | Path) -> Iterator[Path]:
    """The file itself, or for a URL a copy with its file extension, removed after the block. Raises OSError."""
    if not is_url(path):
        yield place(path)
        return
    remote = place(path)
    with tempfile.TemporaryDirectory(prefix="tonearm-") as folder:
        copy = Path(folder) / f"copy{remote.suffix}"
        _get(remote, copy)
        yield copy


def put(source: Path, path: Path) -> None:
    """Copy a local file to the place of a URL, whole or not at all."""
    _store(path).put_file(str(source), _inner(path))


def file_state(path: str | Path) -> str:
    """A text that changes when the file does. Raises OSError if it cannot be read."""
    if is_url(path):
        remote = place(path)
        return str(_store(remote).checksum(_inner(remote)))
    status = place(path).stat()
    # the modification time alone can go back, by a copy that keeps times or by two files that swap names
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"


def fetched(folder: Path) -> Path:
    """The folder, or for a URL a local copy of it, removed when this process ends."""
    if not is_url(folder):
        return folder
    copy = Path(tempfile.mkdtemp(prefix="tonearm-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    _fetch(folder, copy)
    return copy


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A local folder to work in, which for a URL is fetched before and copied back after the block.

    Only files that the block wrote are replaced at the URL, and only files that it removed are removed: what others
    write there in the meantime stays. If the block fails or is killed, the folder stays in the user's cache, and the
    next block continues in it.
    """
    if not is_url(folder):
        yield folder
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tonearm" / "staged"
    stage = cache / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    if not (stage / FETCHED).is_file():
        shutil.rmtree(stage, ignore_errors=True)
        fresh = stage.with_name(f"{stage.name}-{os.getpid()}")
        (fresh / FILES).mkdir(parents=True)
        names = _fetch(folder, fresh / FILES)
        _remember(fresh, {name: file_state(fresh / FILES / name) for name in names})
        fresh.rename(stage)
    yield stage / FILES
    _copy_back(folder, stage)
    shutil.rmtree(stage)


def _copy_back(folder: Path, stage: Path) -> None:
    """Apply the changes in the stage's files to the folder of the URL."""
    known: dict[str, str] = {}
    for line in (stage / FETCHED).read_text(encoding="utf-8").splitlines():
        known.update(json.loads(line))
    files = stage / FILES
    states = {path.relative_to(files).as_posix(): file_state(path) for path in files.rglob("*") if path.is_file()}
    ours = [name for name, state in states.items() if known.get(name) != state]
    ours = [name for name in ours if not PurePosixPath(name).name.startswith(".")]  # locks
    # recorded before they are uploaded: if this is killed, the next block can still change or remove them
    _remember(stage, dict.fromkeys(ours, ""))
    for name in ours:
        put(files / name, folder / name)
        _remember(stage, {name: states[name]})
    for name in sorted(known.keys() - states.keys()):
        (folder / name).unlink(missing_ok=True)


def _remember(stage: Path, states: dict[str, str]) -> None:
    """Record which of the stage's files the URL holds, by their local states: one line each time, the last counts."""
    with (stage / FETCHED).open("a", encoding="utf-8") as file:
        file.write(json.dumps(states) + "\n")


def _fetch(folder: Path, target: Path) -> list[str]:
    """Copy all files below the URL's folder; return their names."""
    check_reachable(folder)
    names = names_under(folder)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        _get(folder / name, target / name)
    return names


def _get(path: Path, target: Path) -> None:
    try:
        _store(path).get_file(_inner(path), str(target))
    except OSError as error:
        cause = refusal(error, NO_ROOM)
        if cause is not None:  # of this machine's disk for temporary files, and no fault of the file
            raise output_error(target, cause) from error
        raise
    except Exception as error:  # each store has its own errors, such as for missing credentials
        raise OSError(f"{type(error).__name__}: {error}") from error


def _store(path: Path) -> Any:
    return path.fs  # type: ignore[attr-defined]  # a UPath


def _inner(path: Path) -> str:
    """The store's own name for the place."""
    return str(path.path).rstrip("/")  # type: ignore[attr-defined]  # a UPath
