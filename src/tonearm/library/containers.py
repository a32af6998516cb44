"""What kind a file of music is by its first bytes, and what in it must stay when a tag is written.

Conventions
-----------
`kept` reads a file without the library that writes tags: its sound, byte for byte, and every other tag, as digests. Two
files that are alike in it differ in nothing but the field that was written. Sources: xiph.org (FLAC format, Ogg
bitstream, RFC 3533), ISO/IEC 14496-12 (MP4).
"""

import bisect
import hashlib
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tonearm.errors import TagError
from tonearm.library.fields import Field
from tonearm.library.id3 import block_size

KINDS = "mp3, flac, ogg (Vorbis), opus, m4a, wav and aiff"
FREE_ATOM = b"----"
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# atoms that hold atoms, and how many bytes of their own are before these
_HOLDERS = {b"moov": 0, b"udta": 0, b"meta": 4, b"ilst": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0}
_TAGS = "moov/udta/meta/ilst"
_FILLING = {"free", "moov/free", "moov/udta/free", "moov/udta/meta/free", "moov/udta/meta/hdlr"}


def kind_of(file: BinaryIO) -> str:
    """`mp3`, `flac`, `vorbis`, `opus`, `mp4`, `wav` or `aiff`. Raises TagError for everything else.

    That an mp3 file holds sound is for its reader to find out: it has no beginning of its own.
    """
    head = file.read(36)
    tag = block_size(head)
    if tag:
        file.seek(tag)
        after = file.read(36)
        return "flac" if after[:4] == b"fLaC" else "mp3"
    if head[:4] == b"OggS":
        found = _ogg_kind(file)
    elif head[:4] in (b"RIFF", b"FORM"):
        found = {b"WAVE": "wav", b"AIFF": "aiff", b"AIFC": "aiff"}.get(head[8:12], "")
    else:
        found = "flac" if head[:4] == b"fLaC" else "mp4" if head[4:8] == b"ftyp" else ""
        if not found and len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
            found = "mp3"
    if not found:
        raise TagError(f"is not one of the files whose tags are written ({KINDS})" if head else "is empty")
    return found


def _ogg_kind(file: BinaryIO) -> str:
    file.seek(0)
    try:
        first = next(_packets(file), b"")
    except ValueError as error:
        raise TagError(f"is damaged: {error}") from error
    return "vorbis" if first[:7] == b"\x01vorbis" else "opus" if first[:8] == b"OpusHead" else ""


def kept(path: Path, kind: str, field: Field) -> tuple[str, tuple[bytes, ...]]:
    """SHA-256 of the sound of a flac, vorbis, opus or mp4 file, and all of its tags but the field, sorted.

    Raises TagError where the file is damaged.
    """
    with path.open("rb") as file:
        try:
            if kind == "flac":
                return _kept_flac(file, field)
            return _kept_mp4(file, field) if kind == "mp4" else _kept_ogg(file, kind, field)
        except (IndexError, ValueError, struct.error) as error:
            raise TagError(f"is damaged: {error}") from error


def _kept_flac(file: BinaryIO, field: Field) -> tuple[str, tuple[bytes, ...]]:
    start = block_size(file.read(10))
    file.seek(start + 4)
    others: list[bytes] = []
    last = 0
    while not last:
        head = _exactly(file, 4)
        last, code = head[0] & 0x80, head[0] & 0x7F
        data = _exactly(file, int.from_bytes(head[1:], "big"))
        if code == 4:
            others += _comments(data, field)
        elif code != 1:  # padding
            others.append(bytes([code]) + data)
    return _digest(_rest(file)), tuple(sorted(others))


def _kept_ogg(file: BinaryIO, kind: str, field: Field) -> tuple[str, tuple[bytes, ...]]:
    file.seek(0)
    packets = _packets(file)
    first, comments = next(packets, b""), next(packets, b"")
    others = _comments(comments[7 if kind == "vorbis" else 8 :], field)
    return _digest(iter([first, *([] if not first else packets)])), tuple(sorted(others))


def _kept_mp4(file: BinaryIO, field: Field) -> tuple[str, tuple[bytes, ...]]:
    """Of the sound also where each piece of it begins, counted from the beginning of the atom that holds it."""
    sound = hashlib.sha256()
    others: list[bytes] = []
    starts: list[int] = []
    tables: list[tuple[str, bytes]] = []
    for path, start, size in _atoms(file, 0, file.seek(0, 2), ()):
        parent, _, name = path.rpartition("/")
        if name == "moof":
            raise TagError("is a fragmented MP4, whose tags are not written; have a program make it a plain one first")
        if name.encode("latin-1") in _HOLDERS or path in _FILLING:
            continue
        if name == "mdat":
            starts.append(start)
            sound.update(_digest(_part(file, start, size)).encode())
            continue
        file.seek(start)
        data = _exactly(file, size)
        if name in ("stco", "co64"):
            tables.append((name, data))
        elif parent != _TAGS or _atom_key(name, data) not in _mp4_keys(field):
            others.append(path.encode("latin-1") + data)
    starts.sort()
    for name, data in tables:
        for (place,) in struct.iter_unpack(">L" if name == "stco" else ">Q", data[8:]):
            holder = bisect.bisect(starts, place) - 1
            sound.update(b"%d %d " % (holder, place - starts[max(holder, 0)]))
    return sound.hexdigest(), tuple(sorted(others))


def _part(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    file.seek(start)
    while size:
        data = _exactly(file, min(size, 1 << 20))
        yield data
        size -= len(data)


def _mp4_keys(field: Field) -> set[str]:
    """Names of the atoms that hold the field; a text of a genre takes the place of its number, `gnre`."""
    return {field.mp4} | ({"gnre"} if field.name == "genre" else set())


def _atom_key(name: str, data: bytes) -> str:
    """The name of a tag: that of its atom, or of a free one the three parts that it consists of."""
    if name.encode("latin-1") != FREE_ATOM:
        return name
    parts, place = [], 0
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if size < 12:
            break
        if data[place + 4 : place + 8] in (b"mean", b"name"):
            parts.append(data[place + 12 : place + size].decode("utf-8", "replace"))
        place += size
    return ":".join([name, *parts])


def _atoms(file: BinaryIO, start: int, end: int, above: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    """Path, first byte and number of bytes of the atoms in this part of the file, and of those that hold tags."""
    while start + 8 <= end:
        file.seek(start)
        head = _exactly(file, 8)
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        held = 8
        if size == 1:
            size, held = int.from_bytes(_exactly(file, 8), "big"), 16
        size = size or end - start
        if size < held or start + size > end:
            raise ValueError(f"its atom {name.decode('latin-1')!r} ends after the file or what it is in")
        path = (*above, name.decode("latin-1"))
        yield "/".join(path), start + held, size - held
        if name in _HOLDERS:
            yield from _atoms(file, start + held + _HOLDERS[name], start + size, path)
        start += size


def _packets(file: BinaryIO) -> Iterator[bytes]:
    """The packets of all streams of an Ogg file, one after the other. Raises ValueError where a page is damaged."""
    held = b""
    while head := file.read(27):
        if head[:4] != b"OggS" or len(head) < 27:
            raise ValueError("one of its Ogg pages does not begin where the one before ends")
        sizes = _exactly(file, head[26])
        body = _exactly(file, sum(sizes))
        # players pass over such a page; with new tags it would get a new checksum, and be played
        if _ogg_checksum(head[:22] + bytes(4) + head[26:] + sizes + body) != int.from_bytes(head[22:26], "little"):
            raise ValueError("the checksum of one of its Ogg pages is wrong")
        place = 0
        for size in sizes:
            held += body[place : place + size]
            place += size
            if size < 255:
                yield held
                held = b""
    if held:
        yield held


def _ogg_checksum(data: bytes) -> int:
    """CRC-32 as RFC 3533 has it: that of zlib with the bits of each byte, and of the result, in the other order."""
    found = zlib.crc32(data.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(found.to_bytes(4, "little").translate(_MIRRORED), "big")


def _comments(data: bytes, field: Field) -> list[bytes]:
    """The Vorbis comments that are not the field's."""
    place = 4 + int.from_bytes(data[:4], "little")
    number = int.from_bytes(data[place : place + 4], "little")
    place += 4
    found = []
    for _ in range(number):
        size = int.from_bytes(data[place : place + 4], "little")
        if place + 4 + size > len(data):
            raise ValueError("its comments end before the last one")
        comment = data[place + 4 : place + 4 + size]
        if comment.partition(b"=")[0].upper() != field.vorbis.encode():
            found.append(comment)
        place += 4 + size
    return found


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise ValueError("it is cut short")
    return data


def _rest(file: BinaryIO) -> Iterator[bytes]:
    while data := file.read(1 << 20):
        yield data


def _digest(parts: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
