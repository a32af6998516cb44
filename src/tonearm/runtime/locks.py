"""Locks on folders, so that only one command at a time writes to them.

Conventions
-----------
The operating system holds the lock; no time of any clock decides. The file that names the holder is removed when its
work is done: where it is still there, the last holder was killed, and what it left half written is cleared from the
whole folder. A holder that fails or is stopped ends its workers, who may be in the middle of a file, and clears it
itself.
"""

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm.errors import OutputError, TonearmError
from tonearm.runtime.faults import output_error, refusal
from tonearm.runtime.files import write_json
from tonearm.runtime.leftovers import clear_leftovers, clear_tree
from tonearm.runtime.remote import check_reachable, is_url
from tonearm.runtime.stopping import filling

if TYPE_CHECKING:
    from filelock import BaseFileLock as FileLock

NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP}
LOCK, HOLDER_JSON = ".lock", ".holder.json"  # the first is locked by the operating system; filelock empties it
OF_LOCKS = {LOCK, HOLDER_JSON}


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Lock the folder against other processes; it is created if it is missing.

    The operating system releases the lock when the process ends, however it ends. Raises TonearmError, which names
    the holder, if the folder is locked, and OutputError if the folder is removed during the block. Object stores have
    no locks: nothing keeps two from writing to one URL.
    """
    if is_url(folder):
        check_reachable(folder)
        yield
        return
    lock = _acquire(folder)
    holder = folder / HOLDER_JSON
    try:
        with filling(folder), _still_there(folder):
            killed = holder.exists()
            since = datetime.now(UTC).isoformat(timespec="seconds")
            write_json(holder, {"process": os.getpid(), "host": socket.gethostname(), "since": since})
            (clear_tree if killed else clear_leftovers)(folder)
            try:
                yield
            except BaseException:
                clear_tree(folder)
                raise
        holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _acquire(folder: Path) -> "FileLock":
    """The folder's lock. Raises TonearmError if another process has it, or the folder cannot be written to."""
    import filelock

    lock = filelock.FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise TonearmError(
            f"{folder}: another tonearm{_holder(folder)} is writing there; wait for it or choose another folder"
        ) from error
    except FileExistsError as error:
        raise OutputError(f"{folder}: is a file, not a folder; choose a folder to write to") from error
    except OSError as error:
        cause = refusal(error)
        if cause is not None:
            raise output_error(folder, cause) from error
        if error.errno in NO_LOCKS:
            raise TonearmError(
                f"{folder}: its file system cannot lock files ({error.strerror}), so nothing would keep two commands "
                "apart; choose a folder on another one"
            ) from error
        raise
    return lock


@contextmanager
def _still_there(folder: Path) -> Iterator[None]:
    """Raise OutputError if the locked folder is removed or renamed during the block, whatever that led to there."""
    state = (folder / LOCK).stat()
    failed: Exception | None = None
    try:
        yield
    except Exception as error:
        failed = error
    check_held(folder, state, failed)
    if failed is not None:
        raise failed


def check_held(folder: Path, state: os.stat_result | None = None, failed: Exception | None = None) -> None:
    """Raise OutputError if a folder that this process holds was removed or renamed, so that no hour is lost to it.

    state: of the lock's file when it was taken; since it is open, no other can have its number. failed: what that led
    to.
    """
    lock = folder / LOCK
    if not (lock.is_file() and (state is None or os.path.samestat(lock.stat(), state))):
        raise OutputError(
            f"{folder}: was removed or renamed while this command was writing to it, so its results are not complete; "
            "start the same command again"
        ) from failed


def _holder(folder: Path) -> str:
    """Who holds the folder, in parentheses; "" between taking the lock and writing the file that says so."""
    try:
        facts = json.loads((folder / HOLDER_JSON).read_text(encoding="utf-8"))
        return f" (process {facts['process']} on {facts['host']}, since {facts['since']})"
    except (OSError, ValueError, KeyError):
        return ""
