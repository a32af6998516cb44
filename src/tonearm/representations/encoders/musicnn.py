"""musicnn: convolutional networks that tag music, taught on the Million Song Dataset and on MagnaTagATune.

Source: J. Pons, X. Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", LBD-ISMIR 2019,
and "End-to-end learning for music audio tagging at scale", ISMIR 2018. The weights are those of the package musicnn
0.1.0 on PyPI, read out of its wheel; nothing of it is imported.
"""

import math
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RepresentationError
from tonearm.representations.encoders.card import BuiltIn, Card, Encoder, Layer, Tensors, Weights, needs
from tonearm.representations.encoders.front_ends import LogMel
from tonearm.representations.encoders.graphs import Graph, batch_norm
from tonearm.representations.encoders.tensorflow_checkpoint import read_tensorflow

SR, FRAMES, BANDS = 16_000, 187, 96
FRONT = LogMel(
    n_fft=512,
    window_length=512,
    hop_length=256,
    padding="zeros",
    n_mels=BANDS,
    high_hz=SR / 2,
    half=True,
    gain=10_000.0,
    floor=1.0,
    multiply=1 / math.log(10.0),
)
TIMBRAL, TEMPORAL, MIDDLE = (38, 67), (128, 64, 32), 3  # bands, frames and number of the convolutions
POOLED = 204 * 2 + 51 * 3 + 64 * 3
LARGEST_MEMBER = 2**26  # bytes
WEIGHTS = Weights(
    "musicnn==0.1.0",
    "musicnn-0.1.0-py3-none-any.whl",
    "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
)
# the order of the wheel's configuration.py
MTT_TAGS = (
    "guitar, classical, slow, techno, strings, drums, electronic, rock, fast, piano, ambient, beat, violin, "
    "vocal, synth, female, indian, opera, male, singing, vocals, no vocals, harpsichord, loud, quiet, flute, "
    "woman, male vocal, no vocal, pop, soft, sitar, solo, man, classic, choir, voice, new age, dance, male voice,"
    " female vocal, beats, harp, cello, no voice, weird, country, metal, female voice, choral"
)
MSD_TAGS = (
    "rock, pop, alternative, indie, electronic, female vocalists, dance, 00s, alternative rock, jazz, beautiful, "
    "metal, chillout, male vocalists, classic rock, soul, indie rock, Mellow, electronica, 80s, folk, 90s, chill,"
    " instrumental, punk, oldies, blues, hard rock, ambient, acoustic, experimental, female vocalist, guitar, "
    "Hip-Hop, 70s, party, country, easy listening, sexy, catchy, funk, electro, heavy metal, Progressive rock, "
    "60s, rnb, indie pop, sad, House, happy"
)


def _names() -> list[str]:
    """The tensors that the network needs; the others are the optimiser's."""
    norms = [f"batch_normalization{number}" for number in ("", *(f"_{number}" for number in range(1, 11)))]
    parts = ("gamma", "beta", "moving_mean", "moving_variance")
    convs = [f"conv2d{number}" for number in ("", *(f"_{number}" for number in range(1, 8)))]
    return [f"{norm}/{part}" for norm in norms for part in parts] + [
        f"{layer}/{part}" for layer in (*convs, "dense", "dense_1") for part in ("kernel", "bias")
    ]


def read(name: str, wheel: Path) -> Tensors:
    """The tensors of one network out of the wheel, or of the folder of the installed package."""
    files = (".index", ".data-00000-of-00001")
    try:
        if wheel.is_dir():
            index, data = ((wheel / name / file).read_bytes() for file in files)
        else:
            with zipfile.ZipFile(wheel) as archive:
                index, data = (_member(archive, f"musicnn/{name}/{file}") for file in files)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise RepresentationError(
            f"{wheel}: is neither the wheel of musicnn 0.1.0 nor the folder of that package, or is damaged ({error})"
        ) from error
    return read_tensorflow(index, data, _names(), f"{wheel}, {name}")


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LARGEST_MEMBER:
        raise ValueError(f"{name} unpacks to more than {LARGEST_MEMBER} bytes")
    return archive.read(name)


def build(name: str, tensors: Tensors) -> bytes:
    """The network as ONNX: log-mel bands, (windows, 187, 96), to its layers."""
    graph = Graph(name, "windows", (FRAMES, BANDS))
    x = graph.node("Unsqueeze", graph.scaled("windows", *_norm(tensors, 0)), graph.constant([1]))
    kernels = [(7, bands, 1, 204) for bands in TIMBRAL] + [(frames, 1, 1, 51) for frames in TEMPORAL]
    maps = [_highest(graph, tensors, x, number, shape) for number, shape in enumerate(kernels)]
    front = graph.node("Concat", *maps, axis=1)  # (windows, 561, 187)
    middle = [front]
    for number in range(MIDDLE):
        layer = _over_time(graph, tensors, middle[-1], len(kernels) + number)
        middle.append(layer if number == 0 else graph.node("Add", layer, middle[-1]))
    everything = graph.node("Concat", *middle, axis=1)  # (windows, 753, 187)
    mean = graph.node("ReduceMean", everything, axes=[2], keepdims=0)
    highest = graph.node("ReduceMax", everything, axes=[2], keepdims=0)
    pooled = graph.node("Concat", mean, highest, axis=1)
    dense = graph.node("Relu", graph.dense(pooled, *_first_dense(tensors)))
    penultimate = graph.scaled(dense, *_norm(tensors, 10))
    logits = graph.dense(
        penultimate, needs(tensors, "dense_1/kernel", (200, 50)), needs(tensors, "dense_1/bias", (50,))
    )
    graph.output(penultimate, "penultimate", 200)
    graph.output(pooled, "pool_mean_max", 2 * POOLED)
    graph.output(graph.node("Sigmoid", logits), "tags", 50)
    return graph.to_bytes()


def _norm(tensors: Tensors, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    gamma, beta, mean, variance = (
        needs(tensors, f"{name}/{part}") for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return batch_norm(gamma, beta, mean, variance)


def _conv(tensors: Tensors, number: int, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    name = f"conv2d_{number}" if number else "conv2d"
    return needs(tensors, f"{name}/kernel", shape), needs(tensors, f"{name}/bias", shape[-1:])


def _highest(graph: Graph, tensors: Tensors, source: str, number: int, shape: tuple[int, ...]) -> str:
    """Convolution, ReLU, batch norm, and the maximum over the bands: (windows, filters, frames).

    The maximum is taken first, which leaves 30 to 96 times fewer numbers for the rest: ReLU and a norm of positive
    scale keep the order of numbers. A filter whose norm has a negative scale is turned around before and after.
    """
    kernel, bias = _conv(tensors, number, shape)
    scale, shift = _norm(tensors, number + 1)
    sign = np.where(scale < 0, np.float32(-1), np.float32(1))
    frames, bands = shape[:2]
    before = (frames - 1) // 2
    conv = graph.conv(
        source, (kernel * sign).transpose(3, 2, 0, 1), bias * sign, pads=[before, 0, frames - 1 - before, 0]
    )
    highest = graph.node("MaxPool", conv, kernel_shape=[1, BANDS - bands + 1])
    highest = graph.node("Squeeze", highest, graph.constant([3]))
    turned = graph.node("Mul", highest, graph.constant(sign[:, None]))
    return graph.scaled(graph.node("Relu", turned), scale[:, None], shift[:, None])


def _over_time(graph: Graph, tensors: Tensors, source: str, number: int) -> str:
    """Convolution over 7 frames and all channels, ReLU, batch norm: (windows, 64, frames)."""
    channels = 561 if number == len(TIMBRAL) + len(TEMPORAL) else 64
    kernel, bias = _conv(tensors, number, (7, channels, 1, 64))
    scale, shift = _norm(tensors, number + 1)
    conv = graph.conv(source, kernel[:, :, 0].transpose(2, 1, 0), bias, pads=[3, 3])
    return graph.scaled(graph.node("Relu", conv), scale[:, None], shift[:, None])


def _first_dense(tensors: Tensors) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The first dense layer, with the norm before it, for means and then maxima; its makers alternate the two."""
    scale, shift = (values.astype(np.float64) for values in _norm(tensors, 9))
    kernel = needs(tensors, "dense/kernel", (2 * POOLED, 200)).astype(np.float64)
    bias = needs(tensors, "dense/bias", (200,)) + shift @ kernel
    order = np.r_[1 : 2 * POOLED : 2, 0 : 2 * POOLED : 2]
    return (kernel * scale[:, None])[order].astype(np.float32), bias.astype(np.float32)


def _encoder(name: str, tags: str, data: str, genres: str, digest: str) -> BuiltIn:
    card = Card(
        summary="tags music; convolutions shaped for timbre and rhythm",
        trained_on=data,
        paper="Pons, Serra, LBD-ISMIR 2019",
        source="https://github.com/jordipons/musicnn",
        code="ISC",
        weights="ISC",
        genres=genres,
        recordings=data,
    )
    layers = {
        "penultimate": Layer(200),
        "pool_mean_max": Layer(2 * POOLED),
        "tags": Layer(50, tuple(tags.split(", "))),
    }
    seconds = FRAMES * FRONT.hop_length / SR
    encoder = Encoder(name, SR, seconds, seconds, FRONT, layers, card)
    return BuiltIn(encoder, WEIGHTS, partial(read, name), partial(build, name), digest)


MUSICNN = (
    _encoder(
        "MSD_musicnn",
        MSD_TAGS,
        "Million Song Dataset, 50 tags of Last.fm",
        "genres are among its tags (rock, pop, jazz, metal, blues, country, …)",
        "b39268037e205de04dd187f353a037fbcc257cfbf2295104469d68452525ce70",
    ),
    _encoder(
        "MTT_musicnn",
        MTT_TAGS,
        "MagnaTagATune, 50 tags",
        "genres are among its tags (classical, techno, rock, pop, country, metal, …)",
        "47fe0b16340b0c5ee18545ee6520e20e2475c59008e2481ab46be08f2f359621",
    ),
)
