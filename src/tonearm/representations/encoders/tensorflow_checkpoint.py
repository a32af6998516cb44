"""Tensors of a TensorFlow checkpoint, without TensorFlow.

Conventions
-----------
A checkpoint is an `.index` and a `.data-00000-of-00001`. The index is an uncompressed sorted table of LevelDB: blocks
of entries whose keys share prefixes, an index of the blocks, and a footer of 48 bytes that says where that is
(https://github.com/google/leveldb/blob/main/doc/table_format.md). A value is a BundleEntryProto (tensorflow/core/
protobuf/tensor_bundle.proto): type, shape, offset, size and CRC-32C of a tensor's bytes in the data. Every block and
every tensor that is read is checked against its CRC-32C. Lengths are checked before they are used, so that a
damaged file gives a sentence.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RepresentationError

FOOTER, TRAILER = 48, 5  # bytes: of the table, and after each block (its compression and its CRC)
MAGIC = 0xDB4775248B80FB57
DT_FLOAT = 1
LARGEST_INDEX = 2**24
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers


class _Entry(NamedTuple):
    kind: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int


def read_tensorflow(index: bytes, data: bytes, names: Sequence[str], what: str) -> dict[str, NDArray[np.float32]]:
    """The tensors of these names. what: the checkpoint's name, for messages.

    Raises RepresentationError if one is missing, is not of float32, or if the checkpoint is damaged.
    """
    try:
        entries = _entries(index)
        return {name: _tensor(entries, data, name) for name in names}
    except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
        raise RepresentationError(f"{what}: is not a TensorFlow checkpoint, or is damaged ({error})") from error


def _tensor(entries: dict[str, _Entry], data: bytes, name: str) -> NDArray[np.float32]:
    if name not in entries:
        raise ValueError(f"it has no tensor {name!r}")
    entry = entries[name]
    if entry.kind != DT_FLOAT or entry.shard != 0:
        raise ValueError(f"tensor {name!r} is not of float32 in one file")
    if entry.size != 4 * math.prod(entry.shape) or entry.offset + entry.size > len(data):
        raise ValueError(f"tensor {name!r} of shape {entry.shape} does not lie in the data's {len(data)} bytes")
    content = data[entry.offset : entry.offset + entry.size]
    if masked_crc32c(content) != entry.crc:
        raise ValueError(f"the checksum of tensor {name!r} is wrong")
    return np.frombuffer(content, dtype="<f4").reshape(entry.shape)


def _entries(index: bytes) -> dict[str, _Entry]:
    """All tensors in the index; the entry "" that describes the file is left out."""
    if not FOOTER <= len(index) <= LARGEST_INDEX:
        raise ValueError(f"its index has {len(index)} bytes")
    footer = index[-FOOTER:]
    if struct.unpack("<Q", footer[-8:])[0] != MAGIC:
        raise ValueError("its index does not end as one does")
    _, place = _handle(footer, 0)  # of the block of statistics, which is empty
    handle, _ = _handle(footer, place)
    found = {}
    for _, block in _pairs(_block(index, *handle)):
        for key, value in _pairs(_block(index, *_handle(block, 0)[0])):
            if key:
                found[key.decode()] = _entry(value)
    return found


def _handle(data: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and the place after them."""
    offset, place = _varint(data, place)
    size, place = _varint(data, place)
    return (offset, size), place


def _block(index: bytes, offset: int, size: int) -> bytes:
    """The contents of a block."""
    if offset + size + TRAILER > len(index):
        raise ValueError("a block of its index reaches beyond the end")
    content = index[offset : offset + size]
    compression, crc = struct.unpack("<BI", index[offset + size : offset + size + TRAILER])
    if compression:
        raise ValueError("its index is compressed")
    if masked_crc32c(index[offset : offset + size + 1]) != crc:
        raise ValueError("the checksum of its index is wrong")
    return content


def _pairs(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; the list of restart points at its end is not needed to read it from the start."""
    restarts = struct.unpack("<I", block[-4:])[0]
    end = len(block) - 4 * (restarts + 1)
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        size, place = _varint(block, place)
        if shared > len(key) or place + own + size > end:
            raise ValueError("an entry of its index reaches beyond its block")
        key = key[:shared] + block[place : place + own]
        yield key, block[place + own : place + own + size]
        place += own + size


def _entry(message: bytes) -> _Entry:
    """A BundleEntryProto: dtype = 1, shape = 2, shard_id = 3, offset = 4, size = 5, crc32c = 6."""
    numbers = {1: 0, 3: 0, 4: 0, 5: 0, 6: 0}
    shape: tuple[int, ...] = ()
    for field, value in _fields(message):
        if field == 2 and isinstance(value, bytes):
            shape = tuple(_size(dim) for number, dim in _fields(value) if number == 2 and isinstance(dim, bytes))
        elif field in numbers and isinstance(value, int):
            numbers[field] = value
        else:
            raise ValueError("a tensor is described by something unknown")
    return _Entry(numbers[1], shape, numbers[3], numbers[4], numbers[5], numbers[6])


def _size(message: bytes) -> int:
    """A TensorShapeProto.Dim: size = 1."""
    return next((value for field, value in _fields(message) if field == 1 and isinstance(value, int)), 0)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of a protocol buffer's fields."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        if tag & 7 == _VARINT:
            value, place = _varint(message, place)
            yield tag >> 3, value
        elif tag & 7 in (_FIXED32, _FIXED64):
            width = 4 if tag & 7 == _FIXED32 else 8
            yield tag >> 3, struct.unpack("<I" if width == 4 else "<Q", message[place : place + width])[0]
            place += width
        elif tag & 7 == _BYTES:
            size, place = _varint(message, place)
            if place + size > len(message):
                raise ValueError("a field of its index reaches beyond its message")
            yield tag >> 3, message[place : place + size]
            place += size
        else:
            raise ValueError("a field of its index has an unknown type")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and the place after it."""
    number = 0
    for count in range(10):
        byte = data[place + count]
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return number, place + count + 1
    raise ValueError("a number of its index has no end")


@lru_cache(maxsize=1)
def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


def masked_crc32c(data: bytes) -> int:
    """CRC-32C (RFC 3720, B.4) of the bytes, rotated and shifted as LevelDB stores it.

    >>> crc = (masked_crc32c(b"123456789") - 0xA282EAD8) % 2**32
    >>> hex((crc << 15 | crc >> 17) % 2**32)
    '0xe3069283'
    """
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
