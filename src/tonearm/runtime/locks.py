"""Folders that one command at a time writes to."""

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

LOCK, HOLDER_JSON = ".lock", ".holder.json"  # the operating system's lock is on the first; filelock empties that file


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep other processes from working in the folder, which is made where it is missing.

    The operating system lets go of it with the process, however that ends. Raises TonearmError, which names the
    holder, where the folder is held. Object stores have no locks: nobody keeps two from writing at one URL.
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
    """Who holds the folder, in brackets; "" in the moment between the lock and the file that says so."""
    try:
        facts = json.loads((folder / HOLDER_JSON).read_text(encoding="utf-8"))
        return f" (process {facts['process']} on {facts['host']}, since {facts['since']})"
    except (OSError, ValueError, KeyError):
        return ""
