"""Encoders of the user's own: a folder of model.onnx and encoder.toml, `reads = "onnx:FOLDER"`.

Conventions
-----------
encoder.toml says what the network reads and gives:

```
sr = 16000                              # Hz
window = 3.0                            # seconds of sound in a window
hop = 3.0                               # seconds between the starts of two; absent: window
input = "windows"                       # name of the network's input
layers = { embedding = 512 }            # what can be read and its dimensions; the first is the default
outputs = { embedding = "output_0" }    # where the network calls it otherwise
[front_end]                             # log-mel bands, see `front_ends.LogMel`; absent: the network reads samples
n_mels = 64
[card]                                  # where it comes from, see `card.Card`
trained_on = "..."
```
The network takes float32 of shape (windows, frames, bands), or (windows, samples), and gives (windows, dimensions).
Data outside of model.onnx must lie in the folder. Nothing in the folder is executed but the network's operators.
"""

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from tonearm.errors import RepresentationError, WeightsError
from tonearm.representations.encoders.card import Card, Encoder, Layer, Run
from tonearm.representations.encoders.front_ends import LogMel
from tonearm.representations.encoders.session import EXTRA, open_network
from tonearm.runtime.remote import file_state
from tonearm.settings import Settings

PREFIX, MODEL_ONNX, ENCODER_TOML = "onnx:", "model.onnx", "encoder.toml"
UNKNOWN = "not known"


class _Card(Settings):
    summary: str = Field("", description="what it does")
    trained_on: str = Field(UNKNOWN, description="data and labels that it was trained on")
    paper: str = Field("", description="where it is described")
    source: str = Field("", description="where it comes from")
    code: str = Field(UNKNOWN, description="licence of its code")
    weights: str = Field(UNKNOWN, description="licence of its weights")
    genres: str = Field("", description="what its labels say of genre")
    recordings: str = Field("", description="music that it may have heard in training")


class _Description(Settings):
    sr: int = Field(ge=2_000, le=192_000, description="sampling rate in Hz")
    window: float = Field(gt=0, le=600, description="seconds of sound in a window")
    hop: float | None = Field(None, gt=0, le=600, description="seconds between the starts of two windows")
    input: str = Field("windows", description="name of the network's input")
    layers: dict[str, int] = Field(min_length=1, description="dimensions of what can be read, by name")
    outputs: dict[str, str] = Field(default={}, description="names that the network has for layers")
    axes: Literal["frames bands", "bands frames"] = Field("frames bands", description="order of the bands' axes")
    channel: bool = Field(False, description="whether the input has an axis of size 1 after the windows'")
    front_end: LogMel | None = Field(None, description="log-mel bands; absent: samples")
    card: _Card = Field(_Card(), description="where it comes from")


def read_folder(folder: Path) -> Encoder:
    """The encoder in the folder. Raises WeightsError if it is not there, RepresentationError if it is not described."""
    path = folder / ENCODER_TOML
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        found = _Description.model_validate(values)
    except FileNotFoundError as error:
        raise WeightsError(
            f"{path}: no such file; an encoder's folder holds {MODEL_ONNX} and {ENCODER_TOML}"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RepresentationError(f"{path}: cannot be read as TOML ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise RepresentationError(f"{path}: {key}: {first['msg']}, found {first['input']!r}") from error
    unknown = [name for name in found.outputs if name not in found.layers]
    if unknown or not all(0 < size <= 1_000_000 for size in found.layers.values()):
        raise RepresentationError(f"{path}: outputs name layers, and layers have from 1 to 1,000,000 dimensions")
    hop, front = found.hop or found.window, found.front_end
    if front and (found.window * found.sr <= front.n_fft or hop * found.sr < front.hop_length):
        raise RepresentationError(
            f"{path}: a window of {found.window:g} s every {hop:g} s is too short for n_fft = {front.n_fft} and "
            f"hop_length = {front.hop_length} at {found.sr} Hz"
        )
    return Encoder(
        name=f"{PREFIX}{folder}",
        sr=found.sr,
        window=found.window,
        hop=hop,
        front=front,
        layers={name: Layer(size) for name, size in found.layers.items()},
        card=Card(**found.card.model_dump()),
        source=found.input,
        outputs=found.outputs,
        axes=found.axes,
        channel=found.channel,
    )


def _missing(path: Path) -> WeightsError:
    return WeightsError(f"{path}: no such file; an encoder's folder holds {MODEL_ONNX} and {ENCODER_TOML}")


@dataclass(frozen=True)
class Folder:
    """The place of an encoder of the user's own. path: absolute."""

    path: Path

    def digest(self) -> str:
        """SHA-256 of the network and of the data beside it.

        Raises WeightsError if there is none, RepresentationError if it is no ONNX model or refers to files elsewhere.
        """
        model = self.path / MODEL_ONNX
        if not model.is_file():
            raise _missing(model)
        return _digest(model, file_state(model))

    def open(self, encoder: Encoder, layer: str, provider: str) -> Run:
        """The network, which must have what encoder.toml says."""
        return open_network(self.path / MODEL_ONNX, encoder, layer, provider, check=True)


@lru_cache(maxsize=16)
def _digest(model: Path, state: str) -> str:
    """SHA-256 of the model and of its external data; computed again when the model's state has changed."""
    digest = hashlib.sha256()
    for path in [model, *_external(model)]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _external(model: Path) -> list[Path]:
    """Files in the model's folder that hold its data. Raises RepresentationError for files elsewhere."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise RepresentationError(EXTRA) from error
    try:
        described = onnx.load(str(model), load_external_data=False)
    except Exception as error:  # protobuf's errors have no common base
        raise RepresentationError(f"{model}: is not an ONNX model ({type(error).__name__})") from error
    names = {entry.value for tensor in _tensors(described) for entry in tensor.external_data if entry.key == "location"}
    folder = model.parent.resolve()
    for name in sorted(names):
        if not (folder / name).resolve().is_relative_to(folder) or Path(name).is_absolute():
            raise RepresentationError(f"{model}: its data {name!r} lie outside the folder; an encoder is one folder")
        if not (folder / name).is_file():
            raise RepresentationError(f"{model}: its data {name!r} are missing from the folder")
    return [folder / name for name in sorted(names)]


def _tensors(message: Any) -> Iterator[Any]:
    """All tensors in a model, however deep: of its graph, of graphs in attributes, and of its functions."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for inner in [value] if hasattr(value, "ListFields") else value:
            if field.message_type.name == "TensorProto":
                yield inner
            else:
                yield from _tensors(inner)
