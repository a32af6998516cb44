"""How a file is made from another that differs from it in little: what to copy, and the bytes that are new.

Conventions
-----------
A tag that grows moves what follows it, and in an Ogg file changes a number and a checksum on every page. So the recipe
is found by going along the old file and looking where in the new one it goes on: where it did before, at either end, or
wherever the next bytes are found. It is exact whatever is compared; how short it is depends on what the files share.
"""

import base64
import mmap
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tonearm.errors import TagError
from tonearm.library.chunks import copy

LEAST = 24  # bytes that are worth a copy: its place and length take 13
GAP = 12  # bytes that are skipped after a difference before the next are looked for; an Ogg page's are 8
SAMPLE = 32
STRIDE = 4096
MOST_SEARCHES = 200  # so that files that share nothing do not take for ever
REACH = 1 << 26  # bytes; no tag that grew moves anything further
_COPY, _NEW = 0, 1


def difference(old: Path, new: Path) -> str:
    """How to make `old` from `new`, as text."""
    with _mapped(old) as wanted, _mapped(new) as given:
        packed = b"".join(_parts(wanted, given))
    return base64.b85encode(zlib.compress(packed, 6)).decode("ascii")


def rebuild(recipe: str, given: Path, target: Path) -> None:
    """Make the file that the recipe was found for. Raises TagError where the recipe is damaged."""
    try:
        packed = zlib.decompress(base64.b85decode(recipe))
        with given.open("rb") as source, target.open("wb") as file:
            place = 0
            while place < len(packed):
                kind, start, size = struct.unpack_from("<BQI", packed, place)
                place += 13
                if kind == _COPY:
                    copy(source, file, start, size)
                else:
                    file.write(packed[place : place + size])
                    place += size
    except (ValueError, struct.error, zlib.error, TagError) as error:
        raise TagError(f"the journal's recipe is damaged ({error})") from error


Bytes = mmap.mmap | bytes


@contextmanager
def _mapped(path: Path) -> Iterator[Bytes]:
    """The file's bytes, which are read when they are looked at."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            yield view


def _parts(old: Bytes, new: Bytes) -> Iterator[bytes]:
    """The recipe's parts in order."""
    place = begun = shift = searches = 0
    while place < len(old):
        length = _common(old, place, new, place + shift)
        if length >= LEAST or (length and place + length == len(old)):
            yield from _literal(old, begun, place)
            yield from _copies(place + shift, length)
            place = begun = place + length
            continue
        sample = place + GAP
        found = _resume(old, new, sample, shift) if sample + SAMPLE <= len(old) else None
        if found is None and sample + SAMPLE <= len(old) and searches < MOST_SEARCHES:
            searches += 1
            near = sample + shift
            at = new.find(old[sample : sample + SAMPLE], max(0, near - REACH), near + REACH)
            found = at - sample if at >= 0 else None
        if found is None:
            place = min(len(old), place + STRIDE)
            continue
        shift = found
        while sample > begun and sample + shift > 0 and old[sample - 1] == new[sample + shift - 1]:
            sample -= 1
        place = sample
    yield from _literal(old, begun, len(old))


def _resume(old: Bytes, new: Bytes, sample: int, shift: int) -> int | None:
    """By how much the bytes from `sample` on lie elsewhere in the new file, if that is as before or as at an end."""
    wanted = old[sample : sample + SAMPLE]
    for each in (shift, 0, len(new) - len(old)):
        start = sample + each
        if start >= 0 and new[start : start + SAMPLE] == wanted:
            return each
    return None


def _common(old: Bytes, first: int, new: Bytes, second: int) -> int:
    """How many bytes are the same from these places on."""
    if second < 0:
        return 0
    size, length = 64, 0
    while True:
        a, b = old[first + length : first + length + size], new[second + length : second + length + size]
        if a != b or not a:
            short = min(len(a), len(b))
            differing = np.frombuffer(a, np.uint8, short) != np.frombuffer(b, np.uint8, short)
            return length + (int(differing.argmax()) if differing.any() else short)
        length += len(a)
        size = min(2 * size, 1 << 20)


def _literal(old: Bytes, start: int, end: int) -> Iterator[bytes]:
    if end > start:
        yield struct.pack("<BQI", _NEW, 0, end - start) + old[start:end]


def _copies(start: int, length: int) -> Iterator[bytes]:
    """Copies of at most 2 GB each, whose length the recipe has room for."""
    while length:
        size = min(length, 1 << 31)
        yield struct.pack("<BQI", _COPY, start, size)
        start, length = start + size, length - size
