"""Encoders with the interface of HEAR 2021: `reads = "hear:MODULE"` of an installed package.

Conventions
-----------
A module has `load_model()`, which gives a model with `sample_rate`, `scene_embedding_size` and
`timestamp_embedding_size`; `get_scene_embeddings(audio, model)`, (sounds, size); and `get_timestamp_embeddings(audio,
model)`, (sounds, times, size) and the times. audio is a torch tensor, (sounds, samples). Source: https://hearbenchmark.com,
"HEAR 2021: common API". The layer `timestamps` is the mean over the times of a window.

To use one is to run the code of that package. A config names what its user wants to run; a run folder that somebody
else made may name anything, so the module that it needs must stand in the environment variable TONEARM_HEAR too.
"""

import hashlib
import importlib
import importlib.util
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RepresentationError, WeightsError
from tonearm.representations.encoders.card import Card, Encoder, Layer, Place, Run

PREFIX, ALLOWED = "hear:", "TONEARM_HEAR"
SECONDS = 10.0
NEEDED = ("load_model", "get_scene_embeddings", "get_timestamp_embeddings")


def check_allowed(name: str) -> None:
    """Raise WeightsError if a run folder's encoder would run a module that the user of this process has not named."""
    module = name.removeprefix(PREFIX)
    if name.startswith(PREFIX) and module not in os.environ.get(ALLOWED, "").split(","):
        raise WeightsError(
            f"reads {name}, which runs the code of the installed module {module}; if you trust it, set the environment "
            f"variable {ALLOWED}={module}"
        )


def read_module(name: str) -> tuple[Encoder, Place]:
    """The encoder of a module, which is loaded. Raises RepresentationError."""
    _, model = _loaded(name)
    layers = {"scene": Layer(int(model.scene_embedding_size)), "timestamps": Layer(int(model.timestamp_embedding_size))}
    card = Card(f"the module {name}, by the interface of HEAR 2021", "not known", "", name, "not known", "not known")
    encoder = Encoder(f"{PREFIX}{name}", int(model.sample_rate), SECONDS, SECONDS, None, layers, card)
    return encoder, Module(name)


@dataclass(frozen=True)
class Module:
    """The place of such an encoder. name: of the module."""

    name: str

    def digest(self) -> str:
        """SHA-256 of the module's file, and of the weights where the model is a torch module."""
        module, model = _loaded(self.name)
        digest = hashlib.sha256(Path(str(module.__file__)).read_bytes())
        if hasattr(model, "state_dict"):
            for key, value in model.state_dict().items():
                digest.update(key.encode() + value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def open(self, encoder: Encoder, layer: str, provider: str) -> Run:
        """Windows to rows, one window at a time, by the module's own functions."""
        module, model = _loaded(self.name)

        def run(windows: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.concatenate(
                [_row(module, model, layer, windows[place : place + 1]) for place in range(len(windows))]
            )

        _check(encoder, layer, run(np.zeros((1, *encoder.shape), dtype=np.float32)))
        return run


def _row(module: Any, model: Any, layer: str, window: NDArray[np.float32]) -> NDArray[np.float32]:
    import torch

    with torch.no_grad():
        audio = torch.from_numpy(np.ascontiguousarray(window))
        if layer == "scene":
            found = module.get_scene_embeddings(audio, model)
        else:
            found = module.get_timestamp_embeddings(audio, model)[0].mean(1)
    return np.asarray(found.cpu().numpy(), dtype=np.float32)


def _check(encoder: Encoder, layer: str, row: NDArray[np.float32]) -> None:
    expected = (1, encoder.layers[layer].dimensions)
    if row.shape != expected:
        raise RepresentationError(f"{encoder.name}: {layer} of one window has the shape {row.shape}, not {expected}")


@lru_cache(maxsize=4)
def _loaded(name: str) -> tuple[Any, Any]:
    """The module and its model, in evaluation mode."""
    try:
        module = importlib.import_module(name)
        missing = [needed for needed in NEEDED if not hasattr(module, needed)]
        if missing:
            raise RepresentationError(
                f"{PREFIX}{name}: the module has no {missing[0]}, as the interface of HEAR 2021 asks"
            )
        model = module.load_model()
    except RepresentationError:
        raise
    except Exception as error:  # a foreign package may raise anything
        raise RepresentationError(f"{PREFIX}{name}: cannot be loaded ({type(error).__name__}: {error})") from error
    if hasattr(model, "eval"):
        model.eval()
    return module, model
