"""Compiling before the first clip what is compiled at its first use: for the layers of an image, or a quick start.

Conventions
-----------
Noise goes the way that a clip would go, so that exactly what it needs is compiled, for the types that it has, and all
libraries of the run are found to be there.
"""

import time
from pathlib import Path
from typing import NamedTuple

from tonearm.data.pictures import READY
from tonearm.dsp import kernels
from tonearm.errors import RunError
from tonearm.experiment.trust import Trust
from tonearm.loaded import load
from tonearm.representations.encoders.front_ends import LogMel, log_mel
from tonearm.representations.features import compute_features
from tonearm.representations.probe import probe_noise
from tonearm.settings import AudioSettings, FeatureSettings
from tonearm.wording import count

ENCODER_RATE = 32_000  # Hz; that of the front end's default settings


class Warmed(NamedTuple):
    """What was done. compiled, read: names of kernels. folder: where they are kept. seconds: that it took."""

    compiled: tuple[str, ...]
    read: tuple[str, ...]
    folder: str
    seconds: float

    def text(self) -> str:
        """A sentence for a person."""
        if not self.compiled and not self.read:
            return f"nothing to compile: the run needs no kernels ({self.seconds:.1f} s)"
        done = f"{count(len(self.compiled), 'kernel')} compiled" if self.compiled else "nothing compiled"
        kept = f", {len(self.read)} compiled before" if self.read else ""
        return f"{done}{kept}; they are kept in {self.folder} ({self.seconds:.1f} s)"


def warm(run: str | Path | None = None, trust: str | Path | Trust = ()) -> Warmed:
    """Compile what a run needs to predict, or all that any features, pictures and encoders need.

    run, trust: as of `loaded.load`; a network's weights must be on this machine. Raises as that, and RunError where the
    run cannot read noise.
    """
    start = time.perf_counter()
    if run is None:
        _all_kernels()
    else:
        _once(run, trust)
    states = kernels.kernel_states()
    return Warmed(states.compiled, states.read, states.folder, time.perf_counter() - start)


def _all_kernels() -> None:
    audio, settings = AudioSettings(), FeatureSettings(preset="full")
    compute_features(probe_noise(audio.sr), audio.sr, settings)
    log_mel(probe_noise(ENCODER_RATE), ENCODER_RATE, LogMel())


def _once(run: str | Path, trust: str | Path | Trust) -> None:
    model = load(run, trust)
    rate = AudioSettings().sr
    answer = model.predict(probe_noise(rate), sr=rate, name="noise")
    if answer.error and model.run.representation["kind"] != READY:
        raise RunError(f"{model.run.folder}: the noise that is predicted to warm it {answer.error}")
