"""Writing an ONNX model down node by node, with numbers of any type, inner graphs, and whole networks put into it.

Conventions
-----------
A value is known by its name. Numbers and arrays may stand where a value may: whole numbers become int64 of shape (1,),
others float64. A count (of samples, frames, windows) is int64 of shape (1,).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import ExportError
from tonearm.representations.encoders.graphs import IR_VERSION, OPSET, Graph

ML_OPSET = 3  # of the operators for trees; the first with float64
AXES_ARE_INPUTS, AXIS_IS_INPUT = 18, 20  # of reductions, and of DFT, since these versions of the standard
Value = str | int | float | np.floating[Any] | NDArray[Any]


class Writer(Graph):
    """A model that is being written down. opset: version of its operators. prefix: of its names, in an inner graph."""

    def __init__(self, name: str, opset: int = OPSET, prefix: str = "") -> None:
        super().__init__(name, "", ())
        self.opset = opset
        self.prefix = prefix
        self.domains: dict[str, int] = {}
        self._inputs: list[Any] = []
        self._inner = 0

    def _name(self, kind: str, number: int) -> str:
        return f"{self.prefix}{kind}{number}"

    def _array(self, values: Any) -> NDArray[Any]:
        if isinstance(values, int):
            values = np.array([values], dtype=np.int64)
        return np.asarray(values, dtype=np.float64 if isinstance(values, float) else None, order="C")  # scalars stay so

    def node(self, operator: str, *inputs: Value, **attributes: Any) -> str:
        """The result of an operator; `domain` is an attribute of those that are not of the standard's core."""
        if domain := attributes.get("domain"):
            self.domains.setdefault(domain, ML_OPSET)
        return super().node(operator, *map(self.value, inputs), **attributes)

    def value(self, given: Value) -> str:
        """The name of a value, or of the constant that a number or an array becomes."""
        return given if isinstance(given, str) else self.constant(given)  # type: ignore[arg-type]  # see `_array`

    def source_value(self, name: str, kind: str, shape: Sequence[int | str]) -> str:
        """An input of the model. kind: FLOAT, DOUBLE, INT64 or UINT8. shape: sizes, or names of those that vary."""
        self._inputs.append(_described(name, kind, shape))
        return name

    def result(self, value: str, name: str, kind: str, shape: Sequence[int | str]) -> None:
        """Give a value out under this name."""
        from onnx import helper

        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(_described(name, kind, shape))

    def cast(self, value: Value, kind: str) -> str:
        """The value in another type: FLOAT, FLOAT16, DOUBLE, INT64 or UINT8."""
        from onnx import TensorProto

        return self.node("Cast", value, to=getattr(TensorProto, kind))

    def size(self, value: str, axis: int) -> str:
        """The size of an axis, a count."""
        return self.node("Shape", value, start=axis, end=axis + 1)

    def part(self, value: Value, start: Value, stop: Value, axis: int = 0) -> str:
        """A stretch along an axis. start, stop: counts."""
        return self.node("Slice", value, start, stop, axis)

    def numbers(self, count: Value) -> str:
        """0, 1, … up to a count, int64 of shape (count,)."""
        scalars = [self.constant(np.array(number, dtype=np.int64)) for number in (0, 1)]
        return self.node("Range", scalars[0], self.node("Squeeze", count), scalars[1])

    def reduce(self, how: str, value: str, axes: Sequence[int], keep: bool = True) -> str:
        """Sum, Mean, Max or Min over axes."""
        if how == "Sum" or self.opset >= AXES_ARE_INPUTS:
            return self.node(f"Reduce{how}", value, np.array(axes, dtype=np.int64), keepdims=int(keep))
        return self.node(f"Reduce{how}", value, axes=list(axes), keepdims=int(keep))

    def fourier(self, frames: str) -> tuple[str, str]:
        """Real and imaginary parts of the spectra of frames, float64: (frames, samples) to (frames, bins)."""
        real = self.node("Unsqueeze", frames, 2)
        if self.opset >= AXIS_IS_INPUT:
            axis = self.constant(np.array(1, dtype=np.int64))
            spectra = self.node("DFT", real, "", axis, onesided=1)
        else:
            spectra = self.node("DFT", real, axis=1, onesided=1)
        re, im = (self.node("Gather", spectra, np.array(part, dtype=np.int64), axis=2) for part in (0, 1))
        return re, im

    def scan(
        self, values: str, kind: str, shape: Sequence[int], gives: tuple[str, Sequence[int]], body: Callable[..., str]
    ) -> str:
        """What an inner graph gives for each item of the first axis, one after the other: (items, …).

        kind, shape: of an item. gives: type and shape of its result. body: from the inner graph's Writer and the name
        of the item to that of its result; it may use values of this graph.
        """
        from onnx import helper

        self._inner += 1
        inner = Writer("each", self.opset, f"{self.prefix}each{self._inner}/")
        item = inner.source_value(f"{inner.prefix}item", kind, shape)
        inner.result(body(inner, item), f"{inner.prefix}result", *gives)
        self.domains |= inner.domains
        graph = helper.make_graph(inner._nodes, "each", inner._inputs, inner._outputs, inner._constants)
        return self.node("Scan", values, body=graph, num_scan_inputs=1)

    def network(self, model: Any, inputs: Mapping[str, str], output: str) -> str:
        """Put a whole model, which is used up, into this one: the name of its output.

        inputs: values by the names of the model's inputs.

        Nodes that the output does not need are left out. Raises ExportError where it needs other versions of operators.
        """
        from onnx import compose, helper

        self._inner += 1
        prefix = f"{self.prefix}network{self._inner}/"
        model = _upgraded(model, self.opset)
        graph = compose.add_prefix(model, prefix, inplace=True).graph  # a copy may have a hundred megabytes
        for imported in model.opset_import:
            domain = "" if imported.domain == "ai.onnx" else imported.domain
            known = self.domains.setdefault(domain, imported.version) if domain else self.opset
            if not _unchanged(graph, domain, imported.version, known):
                raise ExportError(
                    f"the network needs version {imported.version} of the operators {domain or 'of ONNX'}, and the "
                    f"rest of the model version {known}"
                )
        wanted = f"{prefix}{output}"
        nodes, needed = _needed(graph.node, wanted)
        self._nodes += [helper.make_node("Identity", [value], [f"{prefix}{name}"]) for name, value in inputs.items()]
        self._nodes += nodes
        self._constants += [constant for constant in graph.initializer if constant.name in needed]
        return wanted

    def finished(self, notes: Mapping[str, str]) -> bytes:
        """The model as the contents of an .onnx file, checked. notes: kept in it as metadata."""
        import onnx
        from onnx import helper

        graph = helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, self._constants)
        versions = {"": self.opset, **self.domains}
        imports = [helper.make_opsetid(domain, version) for domain, version in versions.items()]
        model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="tonearm")
        helper.set_model_props(model, dict(notes))
        if model.ByteSize() >= onnx.checker.MAXIMUM_PROTOBUF:
            raise ExportError(f"{self.name}: is larger than the 2 GB that one .onnx file may have")
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def _described(name: str, kind: str, shape: Sequence[int | str]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, getattr(TensorProto, kind), list(shape))


def opset_of(model: Any) -> int:
    """Version of the core operators of a model."""
    return next((int(each.version) for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)


def _upgraded(model: Any, opset: int) -> Any:
    """The model with core operators of at least this version. Raises ExportError where it cannot be converted."""
    from onnx import version_converter

    if opset_of(model) >= opset:
        return model
    try:
        return version_converter.convert_version(model, opset)
    except Exception as error:  # the converter's errors have no common base
        raise ExportError(
            f"the network has version {opset_of(model)} of ONNX's operators, which cannot be converted to {opset} "
            f"({' '.join(str(error).split())[:200]})"
        ) from error


def _unchanged(graph: Any, domain: str, first: int, second: int) -> bool:
    """Whether a graph's operators of a domain are the same in two versions of it."""
    from onnx import defs

    if first == second:
        return True
    try:
        return all(
            len({defs.get_schema(node.op_type, each, domain).since_version for each in (first, second)}) == 1
            for node in _every_node(graph)
            if node.domain in ({"", "ai.onnx"} if not domain else {domain})
        )
    except defs.SchemaError:
        return False  # of a domain that the package onnx does not describe


def _every_node(graph: Any) -> Iterator[Any]:
    """The nodes of a graph and of the graphs in their attributes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from _every_node(inner)


def _needed(nodes: Sequence[Any], output: str) -> tuple[list[Any], set[str]]:
    """The nodes that an output depends on, in their order, and the names of all values that these read."""
    needed, kept = {output}, []
    for node in reversed(nodes):
        if needed.isdisjoint(node.output):
            continue
        kept.append(node)
        needed.update(node.input)
        for attribute in node.attribute:  # inner graphs read values of the outer one
            for graph in [attribute.g, *attribute.graphs]:
                needed.update(name for inner in _every_node(graph) for name in inner.input)
    return kept[::-1], needed
