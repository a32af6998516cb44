"""The models of a worker process: each run is loaded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tonearm.errors import RunError
from tonearm.experiment.trust import Trust
from tonearm.loaded import LoadedModel, load
from tonearm.representations.probe import probe_noise

NOISE_RATE = 22_050  # Hz


@dataclass(frozen=True)
class RunKey:
    """A run folder, and the digest of the run that is meant: one trained anew in its place is another one."""

    folder: Path
    digest: str


class Models:
    """In a worker: the runs that it has loaded."""

    def __init__(self, trust: Trust = ()) -> None:
        self.trust = trust
        self._loaded: dict[RunKey, LoadedModel] = {}

    def load(self, keys: Sequence[RunKey]) -> None:
        """Load runs before they are needed, and let each hear some noise, so that all that a file needs is there."""
        for key in keys:
            self.get(key).predict(probe_noise(NOISE_RATE), sr=NOISE_RATE, name="noise")

    def get(self, key: RunKey) -> LoadedModel:
        """The run, loaded at its first use. Raises RunError where the folder holds another one now."""
        if key not in self._loaded:
            model = load(key.folder, self.trust)
            if model.run.facts.digest != key.digest:
                raise RunError(f"{key.folder}: was trained anew; start the application again")
            self._loaded[key] = model
        return self._loaded[key]
