"""An ID3v2 tag as the frames it holds, each of them the bytes that are in the file.

Conventions
-----------
Only the frames that are written anew change; covers, ratings (POPM), Serato's GEOB, Traktor's PRIV and whatever else is
there keep their bytes, their order and their flags, also where no program could read them. The version stays. Source:
id3.org, ID3 tag version 2.3.0 and 2.4.0 informal standards.
"""

import re
import struct
from dataclasses import dataclass, replace

from tonearm.errors import TagError

HEADER = 10
PADDING = 1024  # bytes left free in a tag that has to grow, so that the next change moves nothing
UNSYNCHRONISED, EXTENDED, FOOTER = 0x80, 0x40, 0x10
_ID = re.compile(rb"[A-Z0-9]{3}[A-Z0-9 ]")  # a space from converters that kept a name of 2.2
V1_BYTES = 128


@dataclass(frozen=True)
class Block:
    """A tag. version: 3 or 4. frames: id and bytes with their header; of an unsynchronised 2.3 tag as they are meant.

    size: bytes of the whole tag in the file, 0 for one that is not in it yet.
    """

    version: int
    flags: int = 0
    frames: tuple[tuple[str, bytes], ...] = ()
    size: int = 0

    def with_frames(self, frames: tuple[tuple[str, bytes], ...]) -> "Block":
        """The tag with other frames."""
        return replace(self, frames=frames)

    def build(self) -> bytes:
        """The tag's bytes, of the size it had if they fit, else with padding; b"" where it has no frame."""
        if not self.frames:
            return b""
        body = b"".join(data for _, data in self.frames)
        if self.version == 3 and self.flags & UNSYNCHRONISED:
            body = _unsynchronise(body)
        size = self.size if len(body) + HEADER <= self.size else HEADER + len(body) + PADDING
        header = struct.pack(">3sBBB", b"ID3", self.version, 0, self.flags) + syncsafe(size - HEADER)
        return (header + body).ljust(size, b"\0")


def block_size(head: bytes) -> int:
    """Bytes of the tag that begins here, its header with it; 0 if there is none.

    >>> block_size(b"ID3" + bytes([3, 0, 0, 0, 0, 1, 5])), block_size(b"fLaC")
    (143, 0)
    """
    if len(head) < HEADER or head[:3] != b"ID3" or max(head[6:10]) > 0x7F:
        return 0
    return HEADER + from_syncsafe(head[6:10]) + (HEADER if head[5] & FOOTER else 0)


def parse(data: bytes) -> Block:
    """The tag. Raises TagError where it is damaged, or of a kind that could not be written as it is."""
    version, flags = data[3], data[5]
    if version not in (3, 4):
        raise TagError(f"its tag is ID3v2.{version}, which is not written (only 2.3 and 2.4 are); convert it first")
    if flags & (EXTENDED | FOOTER):
        what = "an extended header" if flags & EXTENDED else "a footer"
        raise TagError(f"its ID3 tag has {what}, which is not written; have a tagger write the tag anew first")
    body = data[HEADER:]
    if version == 3 and flags & UNSYNCHRONISED:
        body = body.replace(b"\xff\x00", b"\xff")
    plain = [_frames(body, plain=True)] if version == 3 else [_frames(body, plain=False), _frames(body, plain=True)]
    frames = next((found for found in plain if found is not None), None)  # iTunes wrote 2.4 with the sizes of 2.3
    if frames is None:
        raise TagError("its ID3 tag is damaged, so that not all of it could be kept; have a tagger write it anew first")
    return Block(version, flags, frames, len(data))


def _frames(body: bytes, plain: bool) -> tuple[tuple[str, bytes], ...] | None:
    """The frames up to the padding; None where they do not fit together. plain: sizes are whole numbers of 32 bits."""
    frames, place = [], 0
    while place < len(body) and body[place]:
        head = body[place : place + HEADER]
        if len(head) < HEADER or not _ID.fullmatch(head[:4]) or (not plain and max(head[4:8]) > 0x7F):
            return None
        size = int.from_bytes(head[4:8], "big") if plain else from_syncsafe(head[4:8])
        end = place + HEADER + size
        if end > len(body):
            return None
        frames.append((head[:4].decode("ascii"), body[place:end]))
        place = end
    return None if body[place:].strip(b"\0") else tuple(frames)


def _unsynchronise(body: bytes) -> bytes:
    """The bytes with none that a decoder could take for the beginning of MPEG sound."""
    held = re.sub(rb"\xff(?=[\x00\xe0-\xff])", b"\xff\x00", body)
    return held + b"\0" if held.endswith(b"\xff") else held


def syncsafe(number: int) -> bytes:
    """A number of 28 bits as four bytes of seven. Raises TagError where it is larger."""
    if number >= 1 << 28:
        raise TagError("its ID3 tag would be larger than 256 MB, which the format does not allow")
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def from_syncsafe(data: bytes) -> int:
    """The number of four bytes of seven bits.

    >>> from_syncsafe(syncsafe(300_000))
    300000
    """
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]
