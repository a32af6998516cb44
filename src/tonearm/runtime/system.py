"""What operating systems do differently with files and their names, where Python does not even it out.

Conventions
-----------
`WINDOWS` is asked here and in the modules that import it, so that the tests can try the other half anywhere.
"""

import os
import re
import tempfile
from pathlib import Path
from time import sleep

from tonearm.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

WINDOWS = os.name == "nt"
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds; virus scanners and indexers have a new file open for about so long
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def unfit(name: str) -> str:
    """Why Windows allows no file or folder of this name, "" if it does.

    >>> unfit("Drum & Bass"), unfit("Drum: Bass"), unfit("aux.d"), unfit("R.E.M.")
    ('', "has the character ':'", 'is the name of a device', 'ends with a dot or a space')
    """
    found = _FORBIDDEN.search(name)
    if found:
        return f"has the character {found[0]!r}"
    if _DEVICE.fullmatch(name):
        return "is the name of a device"
    return "ends with a dot or a space" if name != name.rstrip(". ") else ""


def fitting(name: str) -> str:
    """A name like this one that every system allows.

    >>> fitting("Hip-Hop/Rap"), fitting("aux"), fitting("R.E.M.")
    ('Hip-Hop-Rap', '_aux', 'R.E.M')
    """
    plain = _FORBIDDEN.sub("-", name).rstrip(". ") or "_"
    return f"_{plain}" if unfit(plain) else plain


def ignores_case(folder: Path) -> bool:
    """Whether the file system takes `A` and `a` for one name in this folder, or the nearest above it that exists."""
    there = next((each for each in (folder, *folder.absolute().parents) if each.is_dir()), Path())
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".tonearm-a") as file:
            path = Path(file.name)
            return path.with_name(path.name.replace(".tonearm-a", ".tonearm-A")).exists()
    except OSError:  # nothing can be written there, which the writing tells
        return False


def rename(source: Path, target: Path) -> None:
    """Rename a file or a folder; a file that has the name is replaced.

    Windows renames nothing that another program has open: it is tried again for 1.5 s, then OutputError says so.
    Raises OSError otherwise.
    """
    for pause in PAUSES if WINDOWS else ():
        try:
            source.replace(target)
        except PermissionError:
            sleep(pause)
        else:
            return
    try:
        source.replace(target)
    except PermissionError as error:
        if not WINDOWS:
            raise
        busy = target if target.exists() else source
        raise OutputError(
            f"{busy}: cannot be replaced, since another program has it or a file in it open, or it is "
            "write-protected; close it there and start the same command again"
        ) from error


def flush(handle: int) -> None:
    """Bring a file's bytes to the disk itself; the fsync of macOS only brings them to the drive. Source: fsync(2)."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        try:
            fcntl.fcntl(handle, full)
        except OSError:  # network file systems do not know it
            pass
        else:
            return
    os.fsync(handle)


def lock_if_free(handle: int) -> bool:
    """Lock an open file until it is closed; False where another process has it.

    Where files cannot be locked (Windows, some network file systems) nothing keeps two processes apart, and it is True.
    """
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
