"""What is a file and what only has the name of one: a FIFO or a device could be read for ever, and is never opened."""

import errno
import stat
from pathlib import Path

from tonearm.runtime.remote import is_url, place

_IRREGULAR = {
    stat.S_IFIFO: "a FIFO (a named pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def describe_irregular(path: str | Path) -> str:
    """What the path is if it is neither a regular file nor a folder, such as "a FIFO"; "" otherwise.

    A pipe that the shell opened for us (`<(…)`, /dev/stdin) may be read.
    """
    if is_url(path) or str(path).startswith(("/dev/fd/", "/proc/self/fd/", "/dev/stdin")):
        return ""
    try:
        kind = stat.S_IFMT(place(path).stat().st_mode)
    except (OSError, ValueError):
        return ""  # opening it says why
    return _IRREGULAR.get(kind, "")


def check_regular(path: Path) -> None:
    """Raise OSError if the path is something else than a file."""
    what = "a folder" if path.is_dir() else describe_irregular(path)
    if what:
        raise OSError(errno.EINVAL, f"it is {what}, not a file", str(path))
