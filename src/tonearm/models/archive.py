"""What a skops file may hold, checked before anything in it is created.

Conventions
-----------
A skops file is a zip archive: `schema.json` describes objects as nested nodes, and each array is a member in numpy's
own format. A file may come from a stranger, so everything that it says is checked against what it holds: types
against those that the models name, arrays against their members, members against limits. An object that occurs in
several places has the same `__id__` in all of them, and skops builds the first and reuses it; here all must be alike,
so that a small file never unfolds into a large graph.
"""

import io
import json
import math
import zipfile
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

SCHEMA = "schema.json"
MOST_BYTES, MOST_RATIO = 2**30, 300  # unpacked; above the first, at most so many times the file
MOST_SCHEMA_BYTES = 2**28
LEAST_BYTES_A_VALUE = 8  # of a schema; skops writes about 40
MOST_DEPTH = 100  # the models' schemas are up to 18 deep
MOST_HEADER_BYTES = 10_000  # of an array; numpy's own limit
CHUNK = 2**20
CREATED = frozenset({"ObjectNode", "TreeNode", "LossNode"})  # nodes whose type has to be named by a model
PLAIN = {
    "DictNode": {"builtins.dict", "collections.OrderedDict"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "SetNode": {"builtins.set"},
    "JsonNode": {"builtins.str"},
    "RandomGeneratorNode": {"numpy.random._generator.Generator"},
    "RandomStateNode": {"numpy.random.mtrand.RandomState"},
}
KEY_TYPES = {"builtins.str", "builtins.int", "builtins.float", "builtins.bool"}


class UnsafeError(ValueError):
    """A file that is not to be loaded; the message says why in words that can follow the file's name."""


class UnknownTypesError(UnsafeError):
    """A file asks for types that no model has; the message names them. names: of the types, sorted."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(", ".join(self.names))


def check_archive(path: Path, allowed: AbstractSet[str]) -> None:
    """Raise UnsafeError if the skops file could do harm: see the module's conventions. Raises also what `zipfile` does.

    allowed: names of the types of which objects may be created.
    """
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise UnsafeError("has two members of the same name")
        _check_sizes(members, path.stat().st_size)
        if SCHEMA not in members:
            raise UnsafeError(f"holds no {SCHEMA}")
        schema = _read_schema(_unpacked(archive, members[SCHEMA]))
        nodes = _Nodes(allowed)
        nodes.count(schema)
        if nodes.unknown:
            raise UnknownTypesError(nodes.unknown)
        for name in nodes.arrays:
            if name not in members:
                raise UnsafeError(f"holds no array {name}")
            _check_array(name, _unpacked(archive, members[name]))


def _check_sizes(members: dict[str, zipfile.ZipInfo], size: int) -> None:
    for name, info in members.items():
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnsafeError(f"compresses its member {name} in another way than tonearm does")
    total, most = sum(info.file_size for info in members.values()), max(MOST_BYTES, MOST_RATIO * size)
    if total > most:
        raise UnsafeError(f"would unpack to {total:,} bytes; a file of {size:,} bytes may unpack to {most:,}")
    if SCHEMA in members and members[SCHEMA].file_size > MOST_SCHEMA_BYTES:
        raise UnsafeError(f"has a {SCHEMA} of more than {MOST_SCHEMA_BYTES:,} bytes")


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The member's bytes. Raises UnsafeError if it unpacks to more than the archive says, which zipfile cuts off."""
    told = info.file_size
    info.file_size += 1  # so that one byte too many shows
    try:
        with archive.open(info) as file:
            parts = []
            while part := file.read(CHUNK):
                parts.append(part)
    finally:
        info.file_size = told
    data = b"".join(parts)
    if len(data) != told:
        raise UnsafeError(f"says that its member {info.filename} is smaller or larger than it is")
    return data


def _read_schema(data: bytes) -> dict[str, Any]:
    if sum(map(data.count, (b",", b"{", b"["))) > len(data) / LEAST_BYTES_A_VALUE:
        raise UnsafeError(f"has a {SCHEMA} that is denser than skops writes it")
    schema = json.loads(data)
    if not isinstance(schema, dict):
        raise UnsafeError(f"has a {SCHEMA} that is not an object")
    return schema


class _Nodes:
    """The nodes of a schema. unknown: types that are not allowed. arrays: id by the member that it is read from."""

    def __init__(self, allowed: AbstractSet[str]) -> None:
        self.allowed = allowed
        self.unknown: set[str] = set()
        self.arrays: dict[str, int] = {}
        self._seen: dict[int, tuple[Any, ...]] = {}

    def count(self, value: Any, depth: int = 0, keys: bool = False) -> int:
        """The number of nodes in the value. keys: whether it is below the list of a dict's types of keys."""
        if depth > MOST_DEPTH:
            raise UnsafeError(f"has a {SCHEMA} that is nested more than {MOST_DEPTH} deep")
        if isinstance(value, list):
            return sum(self.count(item, depth + 1, keys) for item in value)
        if not isinstance(value, dict):
            return 0
        if "__loader__" not in value:
            return sum(self.count(item, depth + 1, keys) for item in value.values())
        of_dict = value["__loader__"] == "DictNode"
        inner = sum(
            self.count(item, depth + 1, keys or (of_dict and key == "key_types")) for key, item in value.items()
        )
        self._check(value, inner + 1, keys)
        return inner + 1

    def _check(self, node: dict[str, Any], size: int, keys: bool) -> None:
        loader, identity = node["__loader__"], node.get("__id__")
        name = f"{node.get('__module__')}.{node.get('__class__')}"
        if not isinstance(identity, int) or not identity:
            raise UnsafeError(f"has a {name} without an id in its {SCHEMA}")
        if keys:
            usual = loader == "ListNode" or (loader == "TypeNode" and name in KEY_TYPES)
        elif loader == "NdArrayNode":
            usual = _is_array(name) and self._is_read_once(node, identity)
        else:
            usual = name in (self.allowed if loader in CREATED else PLAIN.get(str(loader), ()))
        if not usual:
            self.unknown.add(name if loader in CREATED else f"{name} ({loader})")
        alike = (loader, name, node.get("type"), node.get("file"), size)
        if self._seen.setdefault(identity, alike) != alike:
            raise UnsafeError(f"gives one id to different objects in its {SCHEMA}")

    def _is_read_once(self, node: dict[str, Any], identity: int) -> bool:
        """Whether the array is a list in the schema, or has a member of its own."""
        if node.get("type") == "json":
            shape = node.get("shape")
            # skops would nest other shapes, and one list in many places would become very large
            return isinstance(shape, dict) and isinstance(shape.get("content"), list) and len(shape["content"]) == 1
        return self.arrays.setdefault(str(node.get("file")), identity) == identity


def _is_array(name: str) -> bool:
    module, _, word = name.rpartition(".")
    kind = getattr(np, word, None) if module == "numpy" else None
    return kind is np.ndarray or (isinstance(kind, type) and issubclass(kind, np.generic))


def _check_array(name: str, data: bytes) -> None:
    """Raise UnsafeError if the member is not exactly the array that its header describes."""
    file = io.BytesIO(data)
    major, _ = npy.read_magic(file)
    read = {1: npy.read_array_header_1_0, 2: npy.read_array_header_2_0}.get(major)
    if read is None:
        raise UnsafeError(f"has an array {name} in an unknown format")
    shape, _, kind = read(file, max_header_size=MOST_HEADER_BYTES)
    size = math.prod(shape) * kind.itemsize
    if kind.hasobject or not kind.itemsize or min(shape, default=0) < 0 or file.tell() + size != len(data):
        raise UnsafeError(f"has an array {name} that is not as large as its header says")
