"""A changed copy of a file takes its place, with all that belongs to the file beside its bytes.

Conventions
-----------
Tags are often written in place, and whoever is killed then leaves a file that is neither the old nor the new one. Here
the copy is whole and on the disk before it is renamed over the file, so that at any moment, also after a power failure,
the name leads to one or the other. Mode, owner, extended attributes and access lists go over to the copy; a file that
has further names (hard links) would leave them behind, so it is left alone unless that is wanted. A link to a file
stays one: the file that it leads to is exchanged.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tonearm.errors import OutputError, TagError
from tonearm.runtime.leftovers import claim, release
from tonearm.runtime.system import flush, rename


class Exchange:
    """A file and the copy that is to take its place. copy: where it is written. state: of the file before."""

    def __init__(self, path: Path, copy: Path, state: os.stat_result) -> None:
        self.path = path
        self.copy = copy
        self.state = state

    def settle(self, mtime_ns: int | None) -> None:
        """Give the copy what belongs to the file, and bring it to the disk.

        mtime_ns: when it is to have been changed last; None: now. Raises TagError where it would have another owner.
        """
        now = self.copy.stat()
        if (now.st_uid, now.st_gid) != (self.state.st_uid, self.state.st_gid):
            try:
                shutil.chown(self.copy, self.state.st_uid, self.state.st_gid)
            except OSError as error:
                raise TagError("belongs to another user, whom it could not be given back to") from error
        shutil.copystat(self.path, self.copy)
        os.utime(self.copy, ns=(self.state.st_atime_ns, mtime_ns or now.st_mtime_ns))
        handle = os.open(self.copy, os.O_RDWR)
        try:
            flush(handle)
        finally:
            os.close(handle)

    def take_place(self) -> None:
        """Rename the copy over the file. Raises TagError where the file was changed meanwhile, or is open elsewhere."""
        found = self.path.stat()
        same = ("st_ino", "st_dev", "st_size", "st_mtime_ns")
        if any(getattr(found, name) != getattr(self.state, name) for name in same):
            raise TagError("was changed by another program while it was written")
        try:
            rename(self.copy, self.path)
        except OutputError as error:  # Windows
            raise TagError("is open in another program, which must close it first") from error
        _settle_folder(self.path.parent)


@contextmanager
def exchanging(path: Path, part_links: bool = False) -> Iterator[Exchange]:
    """An empty copy beside the file, which is removed unless it took the file's place.

    part_links: exchange files that have further names, too, which go on to lead to the old one. Raises TagError where
    the file is not to be written to, or its folder does not allow it.
    """
    path = path.resolve()
    state = path.stat()
    if not state.st_mode & stat.S_IWUSR or not os.access(path, os.W_OK):
        raise TagError("is write-protected")
    if state.st_nlink > 1 and not part_links:
        raise TagError(
            f"has {state.st_nlink} names (hard links), of which only one would lead to the new tags; --part-links "
            "allows it"
        )
    try:
        copy, claimed = claim(path.parent, path.suffix)
    except PermissionError as error:
        raise TagError("its folder is write-protected") from error
    try:
        yield Exchange(path, copy, state)
    finally:
        release(claimed)
        copy.unlink(missing_ok=True)


def _settle_folder(folder: Path) -> None:
    """Bring the new name to the disk; what cannot do that (Windows, some network file systems) does so by itself."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
