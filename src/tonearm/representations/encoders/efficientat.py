"""EfficientAT: MobileNetV3 networks that name sounds, taught on AudioSet by a transformer.

Source: F. Schmid, K. Koutini, G. Widmer, "Efficient large-scale audio tagging via transformer-to-CNN knowledge
distillation", ICASSP 2023. The weights are those of the makers' release v0.0.1; the batch norms are folded into the
convolutions before them.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.representations.encoders.card import BuiltIn, Card, Encoder, Layer, Tensors, Weights, needs
from tonearm.representations.encoders.front_ends import LogMel
from tonearm.representations.encoders.graphs import Graph, batch_norm
from tonearm.representations.encoders.torch_checkpoint import read_torch

SR, SECONDS, FRAMES, BANDS = 32_000, 10.0, 1_000, 128
FRONT = LogMel(
    n_fft=1024,
    window_length=800,
    hop_length=320,
    periodic=False,
    n_mels=BANDS,
    high_hz=15_000.0,
    scale="kaldi",
    preemphasis=0.97,
    floor=1e-5,
    multiply=0.2,  # the makers subtract -4.5 and divide by 5
    add=0.9,
)
MULTIPLE = (
    16  # channels in all maps, the rest zeros: onnxruntime then keeps one memory layout throughout, which is faster
)
RELEASE = "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/"


class _Block(NamedTuple):
    """An inverted residual block: kernel and stride of its middle, squeeze-and-excitation, hard swish or ReLU."""

    kernel: int
    stride: int
    excited: bool
    swish: bool


BLOCKS = (
    _Block(3, 1, False, False),
    _Block(3, 2, False, False),
    _Block(3, 1, False, False),
    _Block(5, 2, True, False),
    _Block(5, 1, True, False),
    _Block(5, 1, True, False),
    _Block(3, 2, False, True),
    _Block(3, 1, False, True),
    _Block(3, 1, False, True),
    _Block(3, 1, False, True),
    _Block(3, 1, True, True),
    _Block(3, 1, True, True),
    _Block(5, 2, True, True),
    _Block(5, 1, True, True),
    _Block(5, 1, True, True),
)


def build(name: str, layers: dict[str, Layer], tensors: Tensors) -> bytes:
    """The network as ONNX: log-mel bands, (windows, 1000, 128), to its layers.

    The makers' maps are (bands, frames); ours are (frames, bands), so their kernels are turned instead.
    """
    graph = Graph(name, "windows", (FRAMES, BANDS))
    x = graph.node("Unsqueeze", "windows", graph.constant([1]))
    x = _conv(graph, tensors, x, "features.0", stride=2, activation="HardSwish")
    for number, block in enumerate(BLOCKS, start=1):
        x = _residual(graph, tensors, x, f"features.{number}.block", block)
    x = _conv(graph, tensors, x, f"features.{len(BLOCKS) + 1}", activation="HardSwish")
    mean = graph.node("Flatten", graph.node("GlobalAveragePool", x), axis=1)
    width, hidden, logits = (layers[layer].dimensions for layer in ("map_mean", "hidden", "logits"))
    mean = graph.node("Slice", mean, *(graph.constant([number]) for number in (0, width, 1)))
    first = graph.dense(mean, needs(tensors, "classifier.2.weight", (hidden, width)).T, _bias(tensors, 2, hidden))
    first = graph.node("HardSwish", first)
    second = graph.dense(first, needs(tensors, "classifier.5.weight", (logits, hidden)).T, _bias(tensors, 5, logits))
    graph.output(mean, "map_mean", width)
    graph.output(first, "hidden", hidden)
    graph.output(second, "logits", logits)
    return graph.to_bytes()


def _bias(tensors: Tensors, number: int, size: int) -> NDArray[np.float32]:
    return needs(tensors, f"classifier.{number}.bias", (size,))


def _conv(
    graph: Graph, tensors: Tensors, source: str, name: str, stride: int = 1, activation: str = "", grouped: bool = False
) -> str:
    """A convolution that keeps the size (over the stride), its batch norm, and an activation."""
    weights = needs(tensors, f"{name}.0.weight")
    scale, shift = batch_norm(
        *(
            needs(tensors, f"{name}.1.{part}", weights.shape[:1])
            for part in ("weight", "bias", "running_mean", "running_var")
        )
    )
    weights = _filled(weights * scale[:, None, None, None], grouped).transpose(0, 1, 3, 2)
    pad = (weights.shape[2] - 1) // 2
    groups = len(weights) if grouped else 1
    x = graph.conv(source, weights, _filled(shift), pads=[pad] * 4, strides=[stride, stride], group=groups)
    return graph.node(activation, x) if activation else x


def _filled(weights: NDArray[np.float32], grouped: bool = False) -> NDArray[np.float32]:
    """Weights of shape (filters, channels, …) with zeros for the filters and channels that are added."""
    sizes = [(-size) % MULTIPLE if size > 1 else 0 for size in weights.shape[:2]]
    if grouped or weights.ndim == 1:
        sizes = sizes[:1]
    return np.pad(weights, [(0, size) for size in sizes] + [(0, 0)] * (weights.ndim - len(sizes)))


def _residual(graph: Graph, tensors: Tensors, source: str, name: str, block: _Block) -> str:
    """An inverted residual block: expand, filter each channel, excite, project."""
    activation = "HardSwish" if block.swish else "Relu"
    first = needs(tensors, f"{name}.0.0.weight")
    x, part, entered = source, 0, len(first)
    if first.shape[1] > 1:  # a block whose first convolution is the middle one, of each channel, does not expand
        entered = first.shape[1]
        x, part = _conv(graph, tensors, x, f"{name}.0", activation=activation), 1
    x = _conv(graph, tensors, x, f"{name}.{part}", block.stride, activation, grouped=True)
    part += 1
    if block.excited:
        x = _excited(graph, tensors, x, f"{name}.{part}.conc_se_layers.0")
        part += 1
    x = _conv(graph, tensors, x, f"{name}.{part}")
    left = len(needs(tensors, f"{name}.{part}.0.weight"))
    return graph.node("Add", x, source) if block.stride == 1 and entered == left else x


def _excited(graph: Graph, tensors: Tensors, source: str, name: str) -> str:
    """Squeeze-and-excitation over channels: Hu et al., "Squeeze-and-excitation networks", CVPR 2018."""
    mean = graph.node("GlobalAveragePool", source)
    squeezed = graph.node("Relu", _pointwise(graph, tensors, mean, f"{name}.fc1"))
    return graph.node("Mul", source, graph.node("Sigmoid", _pointwise(graph, tensors, squeezed, f"{name}.fc2")))


def _pointwise(graph: Graph, tensors: Tensors, source: str, name: str) -> str:
    weights, bias = needs(tensors, f"{name}.weight"), needs(tensors, f"{name}.bias")
    return graph.conv(source, _filled(weights)[:, :, None, None], _filled(bias))


def channels(count: float) -> int:
    """The nearest multiple of 8, at least 8 and at least 90 % of the count, as MobileNets choose their widths.

    >>> channels(160 * 0.4), channels(960), channels(1)
    (64, 960, 8)
    """
    rounded = max(8, int(count + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * count else rounded


def _encoder(name: str, width: float, precision: str, sha256: str = "", digest: str = "") -> BuiltIn:
    data = "AudioSet, 2 million clips of YouTube, 527 classes of sounds"
    card = Card(
        summary=f"names sounds; MobileNetV3 of width {width}",
        trained_on=data,
        paper="Schmid, Koutini, Widmer, ICASSP 2023",
        source="https://github.com/fschmid56/EfficientAT",
        code="MIT",
        weights="MIT",
        genres="genres are among its classes (rock, pop, hip hop, jazz, reggae, country, disco, …)",
        recordings="music on YouTube, any of which may be known",
    )
    layers = {
        "map_mean": Layer(6 * channels(160 * width)),
        "hidden": Layer(channels(1280 * width)),
        "logits": Layer(527),
    }
    weights = Weights(f"{RELEASE}{name}_mAP_{precision}.pt", f"{name}_mAP_{precision}.pt", sha256)
    encoder = Encoder(name, SR, SECONDS, SECONDS, FRONT, layers, card)
    return BuiltIn(encoder, weights, read_torch, partial(build, name, layers), digest)


EFFICIENTAT = (
    _encoder(
        "mn04_as",
        0.4,
        "432",
        "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
        "73fb35b4c325c5e6fe829eee27f2f1f2dd18b0e6f14ef6ec5424614f3ad8b8f4",
    ),
    _encoder("mn01_as", 0.1, "298"),
    _encoder("mn02_as", 0.2, "378"),
    _encoder("mn05_as", 0.5, "443"),
    _encoder("mn10_as", 1.0, "471"),
    _encoder("mn20_as", 2.0, "478"),
    _encoder("mn30_as", 3.0, "482"),
    _encoder("mn40_as", 4.0, "484"),
    _encoder("mn40_as_ext", 4.0, "487"),
)
