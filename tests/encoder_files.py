"""Files of weights that the tests make: a TensorFlow checkpoint in a wheel, and tiny networks in the cache."""

import hashlib
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.representations.encoders.card import Encoder
from tonearm.representations.encoders.graphs import Graph
from tonearm.representations.encoders.registry import ENCODERS
from tonearm.representations.encoders.tensorflow_checkpoint import MAGIC, masked_crc32c


def tiny_network(encoder: Encoder, seed: int = 0) -> bytes:
    """A network with the inputs and outputs of the encoder: the mean over frames, a dense layer and a ReLU for each."""
    random = np.random.default_rng(seed)
    graph = Graph("tiny", encoder.source, encoder.shape)
    mean = encoder.source
    if len(encoder.shape) > 1:
        mean = graph.node("ReduceMean", encoder.source, axes=[*range(1, len(encoder.shape))], keepdims=0)
    for name, layer in encoder.layers.items():
        weights = random.normal(0, 0.1, (encoder.shape[-1], layer.dimensions)).astype(np.float32)
        dense = graph.dense(mean, weights, random.normal(0, 0.1, layer.dimensions).astype(np.float32))
        graph.output(graph.node("Relu", dense), encoder.output(name), layer.dimensions)
    return graph.to_bytes()


def keep_tiny(name: str, cache: Path) -> None:
    """Put a tiny network in the place of a built-in encoder's weights."""
    folder = cache / "encoders" / name
    folder.mkdir(parents=True, exist_ok=True)
    model = tiny_network(ENCODERS[name].encoder)
    (folder / "model.onnx").write_bytes(model)
    facts = {"digest": "tiny", "model_sha256": hashlib.sha256(model).hexdigest()}
    (folder / "encoder.json").write_text(json.dumps(facts))


def checkpoint(tensors: dict[str, NDArray[Any]]) -> tuple[bytes, bytes]:
    """The .index and the data of a TensorFlow checkpoint, with prefixes shared between keys as LevelDB does it."""
    data, entries = b"", {"": b"\x08\x01"}
    for name in sorted(tensors):
        content = np.ascontiguousarray(tensors[name], dtype="<f4").tobytes()
        dims = b"".join(_bytes(2, b"\x08" + varint(size)) for size in tensors[name].shape)
        crc = b"\x35" + struct.pack("<I", masked_crc32c(content))
        entries[name] = (
            b"\x08\x01" + _bytes(2, dims) + b"\x20" + varint(len(data)) + b"\x28" + varint(len(content)) + crc
        )
        data += content
    block, before, table = b"", b"", b""
    for key, value in ((name.encode(), entries[name]) for name in sorted(entries)):
        shared = next(
            (n for n, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), min(len(key), len(before))
        )
        block += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    blocks = []
    for content in (block, b""):
        content += struct.pack("<II", 0, 1)
        blocks.append(varint(len(table)) + varint(len(content)))
        table += content + b"\0" + struct.pack("<I", masked_crc32c(content + b"\0"))
    inner = b"\0" + varint(1) + varint(len(blocks[0])) + b"z" + blocks[0] + struct.pack("<II", 0, 1)
    handle = varint(len(table)) + varint(len(inner))
    table += inner + b"\0" + struct.pack("<I", masked_crc32c(inner + b"\0"))
    return table + (blocks[1] + handle).ljust(40, b"\0") + struct.pack("<Q", MAGIC), data


def wheel(path: Path, networks: dict[str, dict[str, NDArray[Any]]]) -> Path:
    """A wheel of musicnn with these checkpoints."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, tensors in networks.items():
            index, data = checkpoint(tensors)
            archive.writestr(f"musicnn/{name}/.index", index)
            archive.writestr(f"musicnn/{name}/.data-00000-of-00001", data)
    return path


def varint(number: int) -> bytes:
    """A number as a protocol buffer has it."""
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def _bytes(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | 2]) + varint(len(content)) + content
