"""Locks on folders, so that only one command at a time writes to them."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tonearm.errors import TonearmError
from tonearm.runtime.files import write_json
from tonearm.runtime.remote import check_reachable, is_url

LOCK, HOLDER_JSON = ".lock", ".holder.json"  # the first is locked by the operating system; filelock empties it


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Lock the folder against other processes; it is created if it is missing.

    The operating system releases the lock when the process ends, however it ends. Raises TonearmError, which names
    the holder, if the folder is locked. Object stores have no locks: nothing keeps two from writing to one URL.
    """
    import filelock

    if is_url(folder):
        check_reachable(folder)
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise TonearmError(
            f"{folder}: another tonearm{_holder(folder)} is writing there; wait for it or choose another folder"
        ) from error
    holder = folder / HOLDER_JSON
    try:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(holder, {"process": os.getpid(), "host": socket.gethostname(), "since": since})
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    """Who holds the folder, in parentheses; "" between taking the lock and writing the file that says so."""
    try:
        facts = json.loads((folder / HOLDER_JSON).read_text(encoding="utf-8"))
        return f" (process {facts['process']} on {facts['host']}, since {facts['since']})"
    except (OSError, ValueError, KeyError):
        return ""
