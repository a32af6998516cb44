"""Running a network in onnxruntime.

Conventions
-----------
On the CPU a session has one thread and takes one window at a time: as quick as many together, with a small part of the
memory, and a window's bits depend on no other window. Other devices take some at a time.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RepresentationError
from tonearm.representations.encoders.card import Encoder, Run

if TYPE_CHECKING:
    import onnxruntime

# the setting encoders.provider → onnxruntime's name, and the package that has it
PROVIDERS = {
    "cpu": ("CPUExecutionProvider", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
    "coreml": ("CoreMLExecutionProvider", "onnxruntime for macOS"),
    "directml": ("DmlExecutionProvider", "onnxruntime-directml"),
}
AT_ONCE = 16  # windows, on devices other than the CPU
EXTRA = 'encoders run in onnxruntime: pip install "tonearm[encoders]"'


def check_provider(provider: str) -> str:
    """The provider, for "auto" the best of those installed. Raises RepresentationError if it is not installed."""
    there = _runtime().get_available_providers()
    if provider == "auto":
        return next(name for name in ("cuda", "directml", "coreml", "cpu") if PROVIDERS[name][0] in there)
    name, package = PROVIDERS[provider]
    if name not in there:
        raise RepresentationError(
            f'encoders.provider = "{provider}": the installed onnxruntime cannot use it; install {package} in its '
            'place, or set "cpu"'
        )
    return provider


def open_network(model: Path, encoder: Encoder, layer: str, provider: str, check: bool) -> Run:
    """The way from windows to the rows of a layer. check: whether the network has what is said of it."""
    network, output = Network(model, encoder.name, provider), encoder.output(layer)
    if check:
        network.check(encoder.source, encoder.shape, {output: encoder.layers[layer].dimensions})
    return lambda windows: network.run(encoder.arranged(windows), encoder.source, output)


class Network:
    """A network that is ready to run. model: an .onnx file, or the contents of one. what: its name, for messages."""

    def __init__(self, model: Path | bytes, what: str, provider: str = "cpu") -> None:
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.what = what
        self.options = runtime.RunOptions()
        self.options.only_execute_path_to_fetches = True
        self.at_once = 1 if provider == "cpu" else AT_ONCE
        names = list(dict.fromkeys([PROVIDERS[provider][0], PROVIDERS["cpu"][0]]))
        try:
            self.session: onnxruntime.InferenceSession = runtime.InferenceSession(
                model if isinstance(model, bytes) else str(model), options, providers=names
            )
        except Exception as error:  # onnxruntime's errors have no common base
            raise RepresentationError(f"{what}: onnxruntime cannot load it ({_reason(error)})") from error
        if self.session.get_providers()[0] != names[0]:
            raise RepresentationError(
                f'{what}: onnxruntime could not start its provider for "{provider}", most often because a library of '
                'the device is missing; mend that, or set encoders.provider = "cpu"'
            )

    def run(self, windows: NDArray[np.float32], source: str, output: str) -> NDArray[np.float32]:
        """The output of each window, shape (windows, ...). Raises RepresentationError."""
        parts = [windows[start : start + self.at_once] for start in range(0, len(windows), self.at_once)]
        try:
            return np.concatenate([self.session.run([output], {source: part}, self.options)[0] for part in parts])
        except Exception as error:
            raise RepresentationError(f"{self.what}: onnxruntime cannot run it ({_reason(error)})") from error

    def check(self, source: str, shape: tuple[int, ...], outputs: Mapping[str, int]) -> None:
        """Raise RepresentationError unless it takes windows of this shape and gives outputs of these dimensions."""
        sources = {one.name: one.shape for one in self.session.get_inputs()}
        results = {one.name for one in self.session.get_outputs()}
        if source not in sources:
            raise RepresentationError(f"{self.what}: has no input {source!r}; it has {', '.join(sources)}")
        window = np.zeros((1, *shape), dtype=np.float32)
        for name, dimensions in outputs.items():
            if name not in results:
                raise RepresentationError(f"{self.what}: has no output {name!r}; it has {', '.join(sorted(results))}")
            found = self.run(window, source, name).shape
            if found != (1, dimensions):
                raise RepresentationError(
                    f"{self.what}: its output {name!r} of one window has the shape {found} where (1, {dimensions}) is "
                    "needed"
                )


def _runtime() -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise RepresentationError(EXTRA) from error
    return onnxruntime


def _reason(error: Exception) -> str:
    """The first line of onnxruntime's message, which may hold a whole stack."""
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
