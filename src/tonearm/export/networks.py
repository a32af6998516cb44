"""torch networks in ONNX: what `training.engine.TorchClassifier` computes of rows, or of windows of pictures.

Conventions
-----------
The network is written by torch's exporter through TorchScript, which needs no further package. Its logits become
probabilities in float64, and several windows of one clip their mean, as in the engine.
"""

import copy
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tonearm.data.pictures import LUMINANCE
from tonearm.errors import ExportError
from tonearm.export.graph import Writer
from tonearm.training.inputs import TableInputs
from tonearm.training.pictures import PictureInputs
from tonearm.training.transfer import TransferInputs

EXAMPLES = 2  # rows that the exporter follows through the network


class _Whole(nn.Module):
    """The frozen part and the trained one. half: whether the engine rounds between them to float16."""

    def __init__(self, frozen: nn.Module, trained: nn.Module, half: bool) -> None:
        super().__init__()
        self.frozen = frozen
        self.trained = trained
        self.half_between = half

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Windows to logits."""
        x = self.frozen(x)
        return self.trained(x.half().float() if self.half_between else x)  # type: ignore[no-any-return]


def of_rows(writer: Writer, rows: str, classifier: Any) -> str:
    """Probabilities of rows of a table, float64 of shape (rows, classes). Raises ExportError."""
    inputs: TableInputs = classifier.inputs_
    centred = writer.node("Sub", rows, inputs.mean.astype(np.float64))
    standard = writer.cast(writer.node("Div", centred, inputs.scale.astype(np.float64)), "FLOAT")
    return _softmax(writer, _logits(writer, standard, classifier, classifier.module_, inputs.shape))


def of_windows(writer: Writer, windows: str, classifier: Any) -> str:
    """Probabilities of a clip, float64 of shape (1, classes), from its windows. Raises ExportError."""
    inputs: PictureInputs = classifier.inputs_
    module, shape = classifier.module_, (len(inputs.mean), inputs.height, inputs.window)
    if isinstance(inputs, TransferInputs):
        module = _Whole(inputs.frozen, module, inputs.cache == "float16")
    every = _softmax(writer, _logits(writer, windows, classifier, module, shape))
    return writer.reduce("Mean", every, (0,))


def numbers_of_colours(colours: NDArray[np.uint8], inputs: PictureInputs) -> NDArray[np.float32]:
    """What the network reads of each colour, float32 of shape (colours, channels), as `training.pictures.Windows`.

    colours: shape (colours, 3), or (colours,) where they are grey.
    """
    values = torch.from_numpy(np.repeat(colours[:, None], 3, axis=1) if colours.ndim == 1 else colours).float()
    if len(inputs.mean) == 1:
        values = (values @ torch.tensor(LUMINANCE))[..., None]
    scale, shift = scaling(inputs)
    found: NDArray[np.float32] = values.mul_(torch.from_numpy(scale)).add_(torch.from_numpy(shift)).numpy()
    return found


def scaling(inputs: PictureInputs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factor and summand of each channel's pixels."""
    return (1.0 / (255.0 * inputs.spread)).astype(np.float32), (-inputs.mean / inputs.spread).astype(np.float32)


def of_pixels(writer: Writer, pixels: str, inputs: PictureInputs) -> str:
    """What the network reads of the pixels of a picture, uint8 of shape (height, width, 3): float32, with channels."""
    values = writer.cast(pixels, "FLOAT")
    if len(inputs.mean) == 1:
        values = writer.node("MatMul", values, np.array(LUMINANCE, dtype=np.float32)[:, np.newaxis])
    scale, shift = scaling(inputs)
    return writer.node("Add", writer.node("Mul", values, scale), shift)


def _softmax(writer: Writer, logits: str) -> str:
    return writer.node("Softmax", writer.cast(logits, "DOUBLE"), axis=1)


def _logits(writer: Writer, values: str, classifier: Any, module: nn.Module, shape: tuple[int, ...]) -> str:
    if classifier.settings.precision != "float32":
        raise ExportError(
            f'precision = "{classifier.settings.precision}" computes with fewer digits than ONNX would, so the answers '
            'would not be the run\'s; train it with precision = "float32"'
        )
    return writer.network(_exported(module, shape, writer.opset, classifier.settings), {"values": values}, "logits")


def _exported(module: nn.Module, shape: tuple[int, ...], opset: int, settings: Any) -> Any:
    """The network as an ONNX model. Raises ExportError where torch cannot express it."""
    import onnx

    target = io.BytesIO()
    plain = copy.deepcopy(module).cpu().to(memory_format=torch.contiguous_format).eval()
    try:
        with warnings.catch_warnings(), torch.inference_mode(), _saying_nothing():
            warnings.simplefilter("ignore")  # that TorchScript is the older way, and that tracing keeps constants
            torch.onnx.export(
                plain,
                (torch.zeros(EXAMPLES, *shape),),
                target,  # type: ignore[arg-type]  # a file is allowed where it goes through TorchScript
                dynamo=False,
                opset_version=opset,
                input_names=["values"],
                output_names=["logits"],
                dynamic_axes={"values": {0: "rows"}, "logits": {0: "rows"}},
            )
    except Exception as error:  # whatever a network, or the exporter, raises
        name = getattr(settings, "object", "") or settings.type
        said = " ".join(str(error).split())[:200]
        raise ExportError(
            f"the network of {name} cannot be written as ONNX: torch says {type(error).__name__}: {said}"
        ) from error
    return onnx.load_from_string(target.getvalue())


@contextmanager
def _saying_nothing() -> Iterator[None]:
    """In the block torch's exporter does not print the whole network where it fails, whatever its settings are."""
    log = getattr(torch._C, "_jit_onnx_log", None)
    if log is None:
        yield
        return
    torch._C._jit_onnx_log = lambda *_: None
    try:
        yield
    finally:
        torch._C._jit_onnx_log = log
