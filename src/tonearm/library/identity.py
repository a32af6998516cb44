"""What a file is known by between a plan and its writing: size, time, and a digest of its beginning and end."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from tonearm.errors import TagError
from tonearm.runtime.regular import check_regular

ENDS = 1 << 16  # bytes at either end; where the tags are, but for those of some m4a, which a change of size gives away


class Identity(NamedTuple):
    """size: in bytes. mtime_ns: when it was last changed, in ns since 1970. digest: hexadecimal, of its two ends."""

    size: int
    mtime_ns: int
    digest: str


def identify(path: Path) -> Identity:
    """The identity of the file now. Raises OSError where it cannot be read, or is no file."""
    check_regular(path)
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        digest = hashlib.blake2b(file.read(ENDS), digest_size=16)
        file.seek(max(ENDS, state.st_size - ENDS))
        digest.update(file.read(ENDS))
    return Identity(state.st_size, state.st_mtime_ns, digest.hexdigest())


def check_unchanged(path: Path, planned: Identity) -> None:
    """Raise TagError where the file is not the one that was planned for, with what differs."""
    try:
        found = identify(path)
    except FileNotFoundError as error:
        raise TagError("is not there any more") from error
    except OSError as error:
        raise TagError(f"cannot be read ({error.strerror})") from error
    if found.size != planned.size:
        raise TagError(f"changed since the plan: it has {found.size} bytes, and had {planned.size}; plan it again")
    if found.digest != planned.digest:
        raise TagError("changed since the plan: its beginning or end is another; plan it again")
    if found.mtime_ns != planned.mtime_ns:
        raise TagError("changed since the plan: it was written to, though its size is the same; plan it again")
