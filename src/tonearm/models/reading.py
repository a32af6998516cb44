"""The object in a skops file, for the kinds of nodes that most models consist of.

Conventions
-----------
skops imports every package of scikit-learn before it reads the first byte, which takes longer than most predictions. A
model of rows is a few objects, lists, texts and arrays; these are put together here, with the results of skops's own
reader (`storage` asks that one for files with other nodes, and the tests compare both). What a file may hold has been
checked before (`archive`): no type is imported that is not allowed.
"""

import importlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.models.archive import SCHEMA

PROTOCOL = 2  # of skops; earlier ones wrote some nodes in another way
KEY_TYPES = {"str": str, "int": int, "float": float, "bool": bool}


class OtherNodesError(Exception):
    """The file holds nodes of other kinds, or is of another protocol."""


def read_archive(path: Path) -> Any:
    """The object of a file that `check_archive` has passed. Raises OtherNodesError, and what a constructor raises."""
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read(SCHEMA))
        if schema.get("protocol") != PROTOCOL:
            raise OtherNodesError
        return _Reader(archive).object(schema)


class _Reader:
    """Nodes to objects; a node's object is made once, however often its id occurs."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self._made: dict[int, Any] = {}

    def object(self, node: dict[str, Any]) -> Any:
        identity = node["__id__"]
        if identity not in self._made:
            make = _MAKERS.get(node["__loader__"])
            if make is None:
                raise OtherNodesError
            self._made[identity] = make(self, node)
        return self._made[identity]

    def items(self, nodes: list[dict[str, Any]]) -> list[Any]:
        return [self.object(node) for node in nodes]

    def instance(self, node: dict[str, Any]) -> Any:
        kind = _type(node)
        made = kind.__new__(kind)
        return self._with_state(made, node)

    def tree(self, node: dict[str, Any]) -> Any:
        from sklearn.tree._tree import Tree  # the only type of such nodes, whatever they say

        made = Tree(*self.object(node["__reduce__"]["args"]))
        return self._with_state(made, node)

    def _with_state(self, made: Any, node: dict[str, Any]) -> Any:
        content = node.get("content")
        state = None if content is None else self.object(content)
        if state is not None:
            if hasattr(made, "__setstate__"):
                made.__setstate__(state)
            else:
                made.__dict__.update(state)
        return made

    def mapping(self, node: dict[str, Any]) -> Any:
        kinds = [KEY_TYPES[kind["__class__"]] for kind in node["key_types"]["content"]]
        made = _type(node)()
        for kind, (key, value) in zip(kinds, node["content"].items(), strict=True):
            made[kind(key)] = self.object(value)
        return made

    def array(self, node: dict[str, Any]) -> Any:
        if node["type"] == "json":
            values = np.empty(len(node["content"]), dtype=object)
            for place, value in enumerate(self.items(node["content"])):
                values[place] = value
            return values
        read = np.load(io.BytesIO(self.archive.read(node["file"])), allow_pickle=False)
        return read if node["__class__"] == "ndarray" else _type(node)(read)


def _type(node: dict[str, Any]) -> Any:
    return getattr(importlib.import_module(node["__module__"]), node["__class__"])


_MAKERS = {
    "ObjectNode": _Reader.instance,
    "TreeNode": _Reader.tree,
    "DictNode": _Reader.mapping,
    "ListNode": lambda reader, node: reader.items(node["content"]),
    "TupleNode": lambda reader, node: tuple(reader.items(node["content"])),
    "SetNode": lambda reader, node: set(reader.items(node["content"])),
    "JsonNode": lambda reader, node: json.loads(node["content"]),
    "NdArrayNode": _Reader.array,
}
