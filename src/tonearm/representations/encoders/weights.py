"""Weights of the built-in encoders: fetched or given as a file, checked, converted once, kept in the user's cache.

Conventions
-----------
```
encoders/<name>/model.onnx      the network
                encoder.json    digest of its weights, SHA-256 of model.onnx, and where the weights come from
encoders/trusted.json           SHA-256 of files whose hash is not known to tonearm and that the user has confirmed
```
A folder appears whole or not at all. The digest is that of the tensors, not of a file: converted by another version
of the onnx package, the network is the same.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tonearm.errors import RepresentationError, WeightsError
from tonearm.representations.encoders.card import BuiltIn, Encoder, Run, Tensors, Weights
from tonearm.representations.encoders.fetching import fetch
from tonearm.representations.encoders.registry import ALIASES, ENCODERS, NAMES
from tonearm.representations.encoders.session import Network, open_network
from tonearm.runtime.cache import cache_folder
from tonearm.runtime.files import file_sha256, replacing_folder, write_bytes, write_json
from tonearm.runtime.locks import hold
from tonearm.runtime.remote import file_state
from tonearm.wording import nearest

MODEL_ONNX, ENCODER_JSON, TRUSTED_JSON = "model.onnx", "encoder.json", "trusted.json"
Tell = Callable[[str], None]


class Kept(NamedTuple):
    """An encoder's network in the cache. digest: of its weights."""

    model: Path
    digest: str


@dataclass(frozen=True)
class Cached:
    """The place of a built-in encoder: the user's cache. name: the encoder's."""

    name: str

    def digest(self) -> str:
        """The digest of its tensors. Raises WeightsError like `kept`."""
        return kept(self.name).digest

    def open(self, encoder: Encoder, layer: str, provider: str) -> Run:
        """The network, which was checked when it was converted."""
        return open_network(kept(self.name).model, encoder, layer, provider, check=False)


def encoders_folder() -> Path:
    """The folder of all converted encoders."""
    return cache_folder() / "encoders"


def kept(name: str) -> Kept:
    """The network of a built-in encoder. Raises WeightsError if it is not there, or damaged."""
    folder = encoders_folder() / name
    try:
        facts = json.loads((folder / ENCODER_JSON).read_text(encoding="utf-8"))
        digest, expected = str(facts["digest"]), str(facts["model_sha256"])
    except FileNotFoundError as error:
        raise WeightsError(
            f"the weights of {name} are not on this machine; fetch them: tonearm encoders get {name}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(name, folder) from error
    model = folder / MODEL_ONNX
    if not model.is_file() or _sha256_now(model, file_state(model)) != expected:
        raise _damaged(name, folder)
    return Kept(model, digest)


@lru_cache(maxsize=16)
def _sha256_now(path: Path, state: str) -> str:
    """SHA-256 of a file, computed again when its state has changed."""
    return file_sha256(path)


def _damaged(name: str, folder: Path) -> WeightsError:
    return WeightsError(
        f"{folder}: what is kept of {name} is damaged; fetch it again: tonearm encoders get {name} --again"
    )


def is_kept(name: str) -> bool:
    """Whether the encoder's network is in the cache, unchecked."""
    return (encoders_folder() / name / ENCODER_JSON).is_file()


def at_hand(layer: str = "") -> str:
    """The name in `reads` of the first encoder that can be run here now, in the order of the registry; "" if none can.

    layer: one that it must have, "" for any.
    """
    if find_spec("onnxruntime") is None:
        return ""
    called = {name: alias for alias, name in ALIASES.items()}
    for name, built_in in ENCODERS.items():
        if (not layer or layer in built_in.encoder.layers) and is_kept(name):
            return called.get(name, name)
    return ""


def get_weights(
    name: str, file: Path | None = None, sha256: str = "", again: bool = False, tell: Tell = lambda line: None
) -> list[str]:
    """Fetch, check, convert and keep an encoder's weights; the names of all encoders that lie in the same file.

    file: the weights, or for musicnn also the folder of the installed package, in place of fetching them. sha256: the
    hash to trust, where tonearm does not know it. again: even if they are there. Raises RepresentationError.
    """
    name = ALIASES.get(name, name)
    if name not in ENCODERS:
        known = [*NAMES, *ENCODERS.names()]
        raise RepresentationError(f"{name!r} is not an encoder that tonearm can fetch; {nearest(name, set(known))}")
    chosen = ENCODERS[name]
    every = {**ENCODERS, name: chosen}
    together = [built_in for built_in in every.values() if built_in.weights == chosen.weights]
    if not again and file is None and all(is_kept(built_in.encoder.name) for built_in in together):
        return []
    with hold(encoders_folder()), tempfile.TemporaryDirectory(prefix="tonearm-") as temporary:
        if file is None:
            tell(f"{chosen.weights.file} is fetched from {chosen.weights.place}")
            file = fetch(chosen.weights, Path(temporary))
        found = _checked(name, file, chosen.weights, sha256)
        for built_in in together:
            _convert(built_in, file)
            tell(f"{built_in.encoder.name}: {encoders_folder() / built_in.encoder.name}")
        if found and not chosen.weights.sha256:
            write_json(encoders_folder() / TRUSTED_JSON, {**_trusted(), chosen.weights.file: found})
    return [built_in.encoder.name for built_in in together]


def _trusted() -> dict[str, str]:
    """SHA-256 by file name of what the user has confirmed."""
    path = encoders_folder() / TRUSTED_JSON
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _checked(name: str, file: Path, weights: Weights, sha256: str) -> str:
    """The file's hash, "" for a folder. Raises RepresentationError unless it is known, or the user trusts it."""
    if not file.exists():
        raise RepresentationError(f"{file}: no such file")
    if file.is_dir():
        return ""  # its tensors have checksums of their own, and `_convert` compares their digest
    found = file_sha256(file)
    known = weights.sha256 or _trusted().get(weights.file) or sha256.lower()
    if not known:
        raise RepresentationError(
            f"{file.name}: tonearm does not know the hash of this file; if it is {weights.file} of {weights.place}, "
            f"say so once, with: tonearm encoders get {name} --sha256 {found}"
        )
    if found != known:
        raise RepresentationError(
            f"{file.name}: its SHA-256 is {found} and should be {known}: it is another file than {weights.file} of "
            f"{weights.place}, or was damaged on the way"
        )
    return found


def _convert(built_in: BuiltIn, file: Path) -> None:
    """Write the encoder's folder."""
    encoder = built_in.encoder
    tensors = built_in.read(file)
    digest = tensors_digest(tensors)
    if digest != (built_in.digest or digest) or (file.is_dir() and not built_in.digest):
        raise RepresentationError(f"{file}: the weights of {encoder.name} in it are not those that tonearm knows")
    try:
        model = built_in.build(tensors)
    except ModuleNotFoundError as error:
        raise RepresentationError(
            f'weights are converted by onnx: pip install "tonearm[encoders]" ({error})'
        ) from error
    outputs = {encoder.output(layer): found.dimensions for layer, found in encoder.layers.items()}
    Network(model, f"{encoder.name}, converted").check(encoder.source, encoder.shape, outputs)
    facts = {
        "digest": digest,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "weights": built_in.weights.file,
        "place": built_in.weights.place,
    }
    with replacing_folder(encoders_folder() / encoder.name) as folder:
        write_bytes(folder / MODEL_ONNX, model)
        write_json(folder / ENCODER_JSON, facts)


def tensors_digest(tensors: Tensors) -> str:
    """SHA-256 of names, shapes and numbers."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        values = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {values.dtype.str} {values.shape} ".encode() + values.tobytes())
    return digest.hexdigest()
