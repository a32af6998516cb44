"""A name in `reads` to an encoder, and to its network on this machine."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tonearm.errors import ConfigError, RepresentationError
from tonearm.representations.encoders.card import Encoder
from tonearm.representations.encoders.onnx_folder import PREFIX, folder_model, read_folder
from tonearm.representations.encoders.registry import ALIASES, ENCODERS, NAMES
from tonearm.representations.encoders.weights import kept

DEFINITION = 1  # raised when the same weights and settings give other numbers than before


@dataclass(frozen=True)
class Located:
    """An encoder, and the folder of the user's that holds it, if it is not built in."""

    encoder: Encoder
    folder: Path | None = None

    def definition(self) -> dict[str, Any]:
        """What decides a row besides weights and settings, JSON-ready."""
        encoder = self.encoder
        return {
            "version": DEFINITION,
            "sr": encoder.sr,
            "window": encoder.window,
            "hop": encoder.hop,
            "front_end": None if encoder.front is None else encoder.front.model_dump(mode="json"),
            "axes": encoder.axes,
            "layers": {layer: found.dimensions for layer, found in encoder.layers.items()},
            "outputs": dict(encoder.outputs),
        }

    def model(self) -> tuple[Path, str]:
        """The network's file, and the digest of its weights. Raises RepresentationError if it cannot be used."""
        return folder_model(self.folder) if self.folder else kept(self.encoder.name)

    def digest(self) -> str:
        """The digest of its weights. Raises RepresentationError like `model`."""
        return self.model()[1]


def is_encoder(name: str) -> bool:
    """Whether the name in `reads` is an encoder's, with or without a layer.

    >>> is_encoder("mn04_as"), is_encoder("musicnn:tags"), is_encoder("onnx:mine"), is_encoder("features")
    (True, True, True, False)
    """
    return name.startswith(PREFIX) or name.partition(":")[0] in NAMES


def find_encoder(name: str) -> tuple[Located, str]:
    """The encoder that a name in `reads` stands for, and the layer after its last colon, "" if there is none.

    Raises RepresentationError if there is no such encoder.
    """
    if name.startswith(PREFIX):
        folder, layer = _split(name.removeprefix(PREFIX))
        path = Path(folder).absolute()
        return Located(read_folder(path), path), layer
    first, _, layer = name.partition(":")
    if first not in NAMES:
        raise RepresentationError(f"{name!r} is not an encoder; known: {', '.join(NAMES)}, {PREFIX}FOLDER")
    return Located(ENCODERS[ALIASES.get(first, first)].encoder), layer


def _split(text: str) -> tuple[str, str]:
    r"""A folder and a layer; the colon after a drive's letter is no colon of ours.

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
    if name.partition(":")[0] in NAMES:
        chosen_layer(name, default)
