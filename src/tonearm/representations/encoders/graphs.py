"""Building an ONNX model node by node, so that a network needs neither torch nor TensorFlow to be converted.

Conventions
-----------
A value is known by its name. The batch is the first axis of every value and may have any size.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET, IR_VERSION = 17, 9  # read by every onnxruntime since 1.14
BATCH = "windows"  # name of the batch axis


class Graph:
    """A network that is being written down.

    name: of the network. source: its input's name; shape: of one window.
    """

    def __init__(self, name: str, source: str, shape: Sequence[int]) -> None:
        self.name = name
        self.source = source
        self.shape = tuple(shape)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._outputs: list[Any] = []

    def _name(self, kind: str, number: int) -> str:
        return f"{kind}{number}"

    def _array(self, values: NDArray[Any] | Sequence[int]) -> NDArray[Any]:
        array = np.asarray(values)
        return np.ascontiguousarray(array, dtype=np.float32 if array.dtype.kind == "f" else np.int64)

    def constant(self, values: NDArray[Any] | Sequence[int]) -> str:
        """An array that is stored in the model; sequences of whole numbers are shapes and axes."""
        from onnx import numpy_helper

        name = self._name("constant", len(self._constants))
        self._constants.append(numpy_helper.from_array(self._array(values), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The result of an ONNX operator."""
        from onnx import helper

        name = self._name(operator.lower(), len(self._nodes))
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def conv(
        self, source: str, weights: NDArray[np.float32], bias: NDArray[np.float32] | None = None, **attributes: Any
    ) -> str:
        """A convolution; weights: (filters, channels, …)."""
        inputs = [source, self.constant(weights)] + ([] if bias is None else [self.constant(bias)])
        return self.node("Conv", *inputs, **attributes)

    def dense(self, source: str, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """A fully connected layer; weights: (inputs, outputs)."""
        return self.node("Gemm", source, self.constant(weights), self.constant(bias))

    def scaled(self, source: str, scale: NDArray[np.float32], shift: NDArray[np.float32]) -> str:
        """Source * scale + shift, with the shapes that numpy would broadcast."""
        return self.node("Add", self.node("Mul", source, self.constant(scale)), self.constant(shift))

    def output(self, value: str, name: str, dimensions: int) -> None:
        """Give a value of shape (batch, dimensions) out under this name."""
        from onnx import TensorProto, helper

        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, dimensions]))

    def to_bytes(self) -> bytes:
        """The model as the contents of an .onnx file, checked."""
        import onnx
        from onnx import TensorProto, helper

        source = helper.make_tensor_value_info(self.source, TensorProto.FLOAT, [BATCH, *self.shape])
        graph = helper.make_graph(self._nodes, self.name, [source], self._outputs, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def batch_norm(
    gamma: NDArray[np.float32], beta: NDArray[np.float32], mean: NDArray[np.float32], variance: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scale and shift of a batch normalisation with fixed statistics, computed in float64; epsilon 1e-3."""
    scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + 1e-3)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)
