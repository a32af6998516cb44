"""A name in `reads` to an encoder, and to its network on this machine."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tonearm.errors import ConfigError, RepresentationError
from tonearm.representations.encoders.card import Encoder, Place
from tonearm.representations.encoders.onnx_folder import Folder, read_folder
from tonearm.representations.encoders.registry import ALIASES, ENCODERS, NAMES
from tonearm.representations.encoders.weights import Cached

DEFINITION = 1  # raised when the same weights and settings give other numbers than before


@dataclass(frozen=True)
class Located:
    """An encoder, and where its network lies."""

    encoder: Encoder
    place: Place

    def definition(self) -> str:
        """What decides a row besides weights and settings, as JSON."""
        encoder = self.encoder
        facts = {
            "version": DEFINITION,
            "sr": encoder.sr,
            "window": encoder.window,
            "hop": encoder.hop,
            "front_end": None if encoder.front is None else encoder.front.model_dump(mode="json"),
            "axes": encoder.axes,
            "layers": {layer: found.dimensions for layer, found in encoder.layers.items()},
            "outputs": dict(encoder.outputs),
        }
        return json.dumps(facts, sort_keys=True)


def is_encoder(name: str) -> bool:
    """Whether the name in `reads` is an encoder's, with or without a layer.

    >>> is_encoder("mn04_as"), is_encoder("musicnn:tags"), is_encoder("onnx:mine"), is_encoder("features")
    (True, True, True, False)
    """
    kind, colon, _ = name.partition(":")
    return kind in NAMES or bool(colon and kind in OTHERS) or kind in ENCODERS


def find_encoder(name: str) -> tuple[Located, str]:
    """The encoder that a name in `reads` stands for, and the layer after its last colon, "" if there is none.

    Raises RepresentationError if there is no such encoder.
    """
    kind, _, rest = name.partition(":")
    if kind in OTHERS:
        first, layer = _split(rest)
        return Located(*OTHERS[kind](first)), layer
    if kind not in NAMES and kind not in ENCODERS:
        others = ", ".join(f"{other}:…" for other in OTHERS)
        raise RepresentationError(
            f"{name!r} is not an encoder; known: {', '.join([*ENCODERS.names(), *ALIASES])}, {others}"
        )
    encoder = ENCODERS[ALIASES.get(kind, kind)].encoder
    return Located(encoder, Cached(encoder.name)), rest


def _onnx(text: str) -> tuple[Encoder, Place]:
    path = Path(text).absolute()
    return read_folder(path), Folder(path)


def _transformers(text: str) -> tuple[Encoder, Place]:
    from tonearm.representations.encoders.hugging_face import read_pretrained

    return read_pretrained(text)


def _hear(text: str) -> tuple[Encoder, Place]:
    from tonearm.representations.encoders.hear import read_module

    return read_module(text)


OTHERS: dict[str, Callable[[str], tuple[Encoder, Place]]] = {
    "onnx": _onnx,
    "transformers": _transformers,
    "hear": _hear,
}


def _split(text: str) -> tuple[str, str]:
    r"""A folder (or another name) and a layer; the colon after a drive's letter is no colon of ours.

    >>> _split("nets/mine"), _split("nets/mine:hidden"), _split(r"C:\nets\mine")
    (('nets/mine', ''), ('nets/mine', 'hidden'), ('C:\\nets\\mine', ''))
    """
    folder, _, layer = text.rpartition(":")
    return (folder, layer) if len(folder) > 1 and not re.search(r"[/\\]", layer) else (text, "")


def chosen_layer(name: str, default: str) -> tuple[Located, str]:
    """The encoder of a name in `reads`, and the layer that is read of it. default: the layer of `[encoders]`, or "".

    Raises ConfigError if the encoder has no such layer.
    """
    located, layer = find_encoder(name)
    encoder = located.encoder
    layer = layer or default or encoder.layer
    if layer not in encoder.layers:
        raise ConfigError(
            f"reads = {name!r}: {encoder.name} has no layer {layer!r}; its layers: {', '.join(encoder.layers)}; the "
            f"layer of one encoder alone is written after its name, as in {encoder.name}:{encoder.layer}"
        )
    return located, layer


def check_layer(name: str, default: str) -> None:
    """Raise ConfigError like `chosen_layer`, if the name in `reads` is that of a built-in encoder."""
    if name.partition(":")[0] in (*NAMES, *ENCODERS.names()):
        chosen_layer(name, default)
