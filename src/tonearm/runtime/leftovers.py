"""Temporary files of killed processes: how they are told from those of living ones, and removed.

Conventions
-----------
A process locks its temporary file (flock) until it is renamed; the operating system drops the lock when the process
ends, however it ends. Where nothing can be locked (Windows, some network file systems), only the owner of a folder
(`locks.hold`) clears it, who knows that nobody else writes there.
"""

import contextlib
import os
import shutil
from pathlib import Path

from tonearm.runtime.remote import is_url

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TEMPORARY_PREFIX = ".tonearm-"


def claim(folder: Path, suffix: str = "") -> tuple[Path, int]:
    """A new temporary file in the folder, and the handle that holds it, -1 where files cannot be locked.

    It has the permissions of a file that a plain open() creates. (A process learns its umask only by changing it for a
    moment, for all its threads; the operating system knows it.)
    """
    while True:
        path = _unused(folder, suffix)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue
        if fcntl is None or not _lock(handle):
            os.close(handle)
            return path, -1
        if os.fstat(handle).st_nlink:
            return path, handle
        os.close(handle)  # another process removed it between its creation and its lock


def claim_folder(folder: Path) -> Path:
    """A new temporary folder in the folder, with the permissions of a plain mkdir."""
    while True:
        path = _unused(folder, "")
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            return path


def _unused(folder: Path, suffix: str) -> Path:
    return folder / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}{suffix}"


def release(handle: int) -> None:
    """Let go of a claimed file."""
    if handle >= 0:
        os.close(handle)


def clear_leftovers(folder: str | Path, owned: bool = True) -> int:
    """Remove temporary files and folders that killed processes left directly in `folder`; return how many.

    owned: whether this process holds the folder; otherwise only files go that nobody has locked.
    """
    if is_url(folder):
        return 0
    return sum(_clear(Path(entry.path), owned) for entry in _entries(folder) if entry.name.startswith(TEMPORARY_PREFIX))


def clear_tree(folder: Path) -> int:
    """Remove them from the folder and all folders below it, which this process holds; links are not followed."""
    cleared = 0
    waiting: list[str | Path] = [folder]
    while waiting:
        cleared += clear_leftovers(waiting[-1])
        waiting += [entry.path for entry in _entries(waiting.pop()) if entry.is_dir(follow_symlinks=False)]
    return cleared


def _entries(folder: str | Path) -> list["os.DirEntry[str]"]:
    """What is directly in the folder; nothing if it is missing or may not be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _clear(path: Path, owned: bool) -> bool:
    """Remove a file that nobody has locked, or a folder of ours; whether it was removed."""
    if path.is_dir() and not path.is_symlink():
        if owned:
            shutil.rmtree(path, ignore_errors=True)
        return owned
    try:
        if not _abandoned(path, owned):
            return False
        path.unlink(missing_ok=True)
    except OSError:  # not ours to remove, or open on Windows
        return False
    return True


def _abandoned(path: Path, owned: bool) -> bool:
    if fcntl is None or path.is_symlink():
        return owned
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return owned
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return owned
    finally:
        os.close(handle)
    return True


def _lock(handle: int) -> bool:
    """Lock a new file, waiting for a process that looks whether it is abandoned; whether files can be locked there."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
