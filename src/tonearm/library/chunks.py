"""WAV and AIFF files as the chunks they hold, so that one can be written anew and all others keep their bytes.

Conventions
-----------
Sizes are little-endian in RIFF and big-endian in FORM (EA IFF 85, Microsoft and IBM 1991, Apple 1989); a chunk begins
at an even byte. What follows the last chunk, which some programs leave there, is kept.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from tonearm.errors import TagError

INFO = b"LIST"
MOST = 2**32 - 1


@dataclass(frozen=True)
class Chunk:
    """A chunk: its id, where its bytes begin in the file, and how many they are."""

    id: bytes
    start: int
    size: int


@dataclass(frozen=True)
class Form:
    """The file: its first twelve bytes and its chunks, and where the last one ends."""

    head: bytes
    chunks: tuple[Chunk, ...]
    end: int

    @property
    def order(self) -> Literal["little", "big"]:
        """Order of the bytes in its numbers."""
        return "little" if self.head[:4] == b"RIFF" else "big"

    def find(self, *ids: bytes) -> Chunk | None:
        """The first chunk that has one of the ids."""
        return next((chunk for chunk in self.chunks if chunk.id in ids), None)


def read_form(file: BinaryIO) -> Form:
    """The chunks of an open file. Raises TagError where it is cut short or its sizes contradict each other."""
    head = file.read(12)
    order: Literal["little", "big"] = "little" if head[:4] == b"RIFF" else "big"
    stop = 8 + int.from_bytes(head[4:8], order)
    length = file.seek(0, 2)
    if len(head) < 12 or stop > length + 1:  # a last byte that only fills up is left out by many programs
        raise TagError("is cut short: it has fewer bytes than its beginning says")
    chunks, place = [], 12
    while place + 8 <= min(stop, length):
        file.seek(place)
        name, size = file.read(4), int.from_bytes(file.read(4), order)
        if place + 8 + size > length:
            raise TagError(f"is cut short: its chunk {name.decode('latin-1')!r} ends after the file")
        chunks.append(Chunk(name, place + 8, size))
        place += 8 + size + size % 2
    return Form(head, tuple(chunks), min(place, length))


def write_form(form: Form, source: BinaryIO, target: Path, new: Mapping[Chunk | bytes, bytes]) -> None:
    """Write the file with new bytes for some chunks, and with further ones, which are named by their id, at the end.

    b"" leaves a chunk out. Raises TagError where it would be larger than 4 GB.
    """
    parts: list[tuple[bytes, bytes | Chunk]] = [(chunk.id, new.get(chunk, chunk)) for chunk in form.chunks]
    parts += [(name, data) for name, data in new.items() if isinstance(name, bytes)]
    parts = [(name, part) for name, part in parts if part != b""]
    sizes = [part.size if isinstance(part, Chunk) else len(part) for _, part in parts]
    total = 4 + sum(8 + size + size % 2 for size in sizes)
    if total > MOST:
        raise TagError("would be larger than 4 GB, which its format does not allow")
    with target.open("wb") as file:
        file.write(form.head[:4] + total.to_bytes(4, form.order) + form.head[8:])
        for (name, part), size in zip(parts, sizes, strict=True):
            file.write(name + size.to_bytes(4, form.order))
            if isinstance(part, Chunk):
                copy(source, file, part.start, part.size)
            else:
                file.write(part)
            file.write(bytes(size % 2))
        source.seek(form.end)
        shutil.copyfileobj(source, file, 1 << 20)


def copy(source: BinaryIO, target: BinaryIO, start: int, size: int) -> None:
    """Copy so many bytes. Raises TagError where the source ends before."""
    source.seek(start)
    while size:
        data = source.read(min(size, 1 << 20))
        if not data:
            raise TagError("changed while it was read")
        target.write(data)
        size -= len(data)


def info_entries(data: bytes) -> list[tuple[bytes, bytes]] | None:
    """Ids and texts of a chunk LIST of the kind INFO, in order; None where it is of another kind or damaged."""
    if data[:4] != b"INFO":
        return None
    entries, place = [], 4
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if place + 8 + size > len(data):
            return None
        entries.append((data[place : place + 4], data[place + 8 : place + 8 + size]))
        place += 8 + size + size % 2
    return entries


def info_chunk(entries: list[tuple[bytes, bytes]]) -> bytes:
    """The bytes of such a chunk."""
    return b"INFO" + b"".join(
        name + len(text).to_bytes(4, "little") + text + bytes(len(text) % 2) for name, text in entries
    )
