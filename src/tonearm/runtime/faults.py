"""What a machine that has no room left does to our work: full disks and full memory, each as one sentence.

Conventions
-----------
Libraries report a full disk in ways of their own: torch by a RuntimeError, safetensors by an error of its own, others
by an exception raised while they handled the first. So the chain of exceptions is searched for one of the system's,
and where there is none, the disk itself is asked.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tonearm.errors import OutOfMemoryError, OutputError, TonearmError
from tonearm.wording import GO_ON, size

# what a disk says that takes no more; some systems lack some of them
NO_ROOM = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))
REFUSED = NO_ROOM | {errno.EROFS, errno.EIO}
PROBE = 1 << 16  # bytes; more than a file's last block may have left
DISK_WORDS = ("no space left on device", "disk is full", "disk quota exceeded")  # safetensors, SQLite
MEMORY_WORDS = ("can't allocate memory", "out of memory", "cannot allocate memory")  # torch's, of processor and GPU


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and those that it was raised for, or while handling."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def refusal(error: BaseException, numbers: frozenset[int] = REFUSED) -> OSError | None:
    """The system's refusal behind the exception, None if it has another cause."""
    for each in chain(error):
        if isinstance(each, OSError) and each.errno in numbers:
            return each
        if not isinstance(each, TonearmError) and any(word in str(each).lower() for word in DISK_WORDS):
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return None


def ask_disk(path: Path) -> OSError | None:
    """What the disk says if the file is to grow, None if it may. The file must exist, and is of no use afterwards."""
    with suppress(FileNotFoundError):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            left = PROBE
            while left:  # what has room for a part writes that part without complaint
                left -= os.write(handle, bytes(left))
            os.fsync(handle)
        except OSError as error:
            return error if error.errno in REFUSED else None
        finally:
            os.close(handle)
    return None


def output_error(path: str | Path, cause: OSError, needed: int = 0) -> OutputError:
    """The refusal as a sentence: which file, how much it takes and how much is free, and what to do.

    needed: bytes of the file, 0 if that is not known.
    """
    what = f"{size(needed)} are needed" if needed else "more is needed"
    said = {
        errno.EROFS: "its file system is read-only",
        errno.EIO: "the disk reports an input/output error",
        errno.EFBIG: f"its file system, or a limit of this process, allows no file of that size ({what})",
        getattr(errno, "EDQUOT", None): f"your quota there is used up ({what})",
    }.get(cause.errno)
    return OutputError(
        f"{path}: cannot be written: {said or _full(Path(path), what)}; make room or choose another folder, and {GO_ON}"
    )


def _full(path: Path, what: str) -> str:
    folder = next((parent for parent in path.absolute().parents if parent.is_dir()), Path("/"))
    free = shutil.disk_usage(folder).free
    if hasattr(os, "statvfs") and os.statvfs(folder).f_files and not os.statvfs(folder).f_favail:
        return f"its disk allows no further files, though it has {size(free)} free"
    return f"its disk is full: {what} and {size(free)} {'is' if free >= 1000 else 'are'} free"


def memory_ran_out(error: BaseException) -> bool:
    """Whether the exception says that memory could not be had, on the processor or on a GPU."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in MEMORY_WORDS)


@contextmanager
def blaming_the_machine(what: str, advice: str) -> Iterator[None]:
    """Raise OutputError or OutOfMemoryError for what the block raises because the disk or the memory is full.

    what: what was being done, as a clause. advice: how to need less memory. A reader's EIO stays, since it may be the
    input's.
    """
    try:
        yield
    except TonearmError:
        raise
    except Exception as error:
        cause = refusal(error, REFUSED - {errno.EIO})
        if cause is not None:
            path = cause.filename2 or cause.filename
            if path:
                raise output_error(path, cause) from error
            raise OutputError(f"{what}: {cause.strerror}; make room where this writes, and {GO_ON}") from error
        if memory_ran_out(error):
            raise OutOfMemoryError(f"{what}: memory ran out ({_first_line(error)}); {GO_ON}, {advice}") from error
        raise


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
