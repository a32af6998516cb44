"""Encoders of Hugging Face's transformers: `reads = "transformers:FOLDER"`, or the name of a model in the hub's cache.

Conventions
-----------
The model is read by AutoModel and its feature extractor by AutoFeatureExtractor, from files that are here: nothing is
fetched, no code of the model's makers runs, and weights are safetensors alone. Of a model with a decoder the encoder is
used. A layer is `hidden_<k>`, 0 the input of the first block, and `last`; each is the mean over time (and patches) of a
window. Windows are as long as the extractor's chunks, else 10 s.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RepresentationError, WeightsError
from tonearm.representations.encoders.card import Card, Encoder, Layer, Place, Run

PREFIX = "transformers:"
SECONDS = 10.0
OLDEST = (5, 5)  # older ones could be made to run code by a model's files: CVE-2026-4372, CVE-2026-5241
EXTRA = 'pip install "tonearm[transformers]"'


def read_pretrained(text: str) -> tuple[Encoder, Place]:
    """The encoder of a folder, or of a name on the hub whose files are in its cache. Raises RepresentationError."""
    name = str(Path(text).absolute()) if Path(text).is_dir() else text
    extractor, model = _loaded(name)
    config = model.config
    width = int(getattr(config, "hidden_size", 0) or config.d_model)
    blocks = int(getattr(config, "encoder_layers", 0) or config.num_hidden_layers)
    layers = {"last": Layer(width)} | {f"hidden_{number}": Layer(width) for number in range(blocks + 1)}
    seconds = float(getattr(extractor, "chunk_length", 0) or SECONDS)
    card = Card(f"{type(model).__name__} of transformers", "not known", "", name, "Apache-2.0", "not known")
    encoder = Encoder(f"{PREFIX}{name}", int(extractor.sampling_rate), seconds, seconds, None, layers, card)
    return encoder, Pretrained(name)


@dataclass(frozen=True)
class Pretrained:
    """The place of such an encoder. name: a folder, or a name on the hub."""

    name: str

    def digest(self) -> str:
        """SHA-256 of the model's weights and of its extractor's settings."""
        return _digest(self.name)

    def open(self, encoder: Encoder, layer: str, provider: str) -> Run:
        """Windows to rows, one window at a time, by torch on the CPU, or on CUDA if that is the provider."""
        extractor, model = _loaded(self.name)
        import torch

        device = "cuda" if provider == "cuda" else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise RepresentationError(f'{encoder.name}: torch finds no CUDA device; set encoders.provider = "cpu"')
        used = (model.get_encoder() if model.config.is_encoder_decoder else model).to(device)

        def run(windows: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.stack([_row(extractor, used, layer, window, encoder.sr, device) for window in windows])

        found = run(np.zeros((1, *encoder.shape), dtype=np.float32)).shape
        if found != (1, encoder.layers[layer].dimensions):
            raise RepresentationError(f"{encoder.name}: {layer} of one window has the shape {found[1:]}")
        return run


def _row(extractor: Any, model: Any, layer: str, window: NDArray[np.float32], sr: int, device: str) -> Any:
    import torch

    inputs = extractor(window, sampling_rate=sr, return_tensors="pt")
    with torch.no_grad():
        found = model(inputs[model.main_input_name].to(device), output_hidden_states=True)
    state = found.last_hidden_state if layer == "last" else found.hidden_states[int(layer.removeprefix("hidden_"))]
    return state.mean(1)[0].float().cpu().numpy()


@lru_cache(maxsize=2)
def _loaded(name: str) -> tuple[Any, Any]:
    """The feature extractor and the model, in evaluation mode."""
    _check_version()
    from transformers import AutoFeatureExtractor, AutoModel

    safe = {"local_files_only": True, "trust_remote_code": False}
    try:
        extractor = AutoFeatureExtractor.from_pretrained(name, **safe)
        model = AutoModel.from_pretrained(name, use_safetensors=True, **safe)
    except OSError as error:
        raise WeightsError(
            f"{PREFIX}{name}: is neither a folder with a model and its feature extractor nor in the hub's cache, or it "
            f"has no safetensors; fetch it, such as by: hf download {name} ({_first_line(error)})"
        ) from error
    except Exception as error:  # files that do not fit together may raise anything
        raise RepresentationError(f"{PREFIX}{name}: cannot be loaded ({_first_line(error)})") from error
    return extractor, model.eval().requires_grad_(False)


@lru_cache(maxsize=2)
def _digest(name: str) -> str:
    extractor, model = _loaded(name)
    settings = {key: value for key, value in extractor.to_dict().items() if key != "transformers_version"}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for key, value in model.state_dict().items():
        digest.update(key.encode() + value.cpu().contiguous().float().numpy().tobytes())
    return digest.hexdigest()


def _check_version() -> None:
    try:
        found = version("transformers")
    except PackageNotFoundError as error:
        raise RepresentationError(f"{PREFIX}… needs transformers: {EXTRA}") from error
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise RepresentationError(
            f"transformers {found} is installed, and {oldest} or later is needed to read models' files safely: {EXTRA}"
        )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
