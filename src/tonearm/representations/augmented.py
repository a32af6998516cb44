"""Copies of training clips whose samples a function of the user's own has changed, before anything is computed of them.

Conventions
-----------
The function gets a copy of a clip's samples, float32 of shape (samples,), their rate in Hz and a random generator, and
gives samples, of any length. The generator's seed comes from `train.seed`, the number of the copy and the decoded
sound: representations at other rates get the same random numbers, and a clip's copy does not depend on its name or on
the clips beside it. A copy that cannot be made is left out, with its reason.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.sound import AlteredSound, ClipSound
from tonearm.errors import ClipError, ConfigError
from tonearm.representations.base import Facts, Gives, Reader, Representation
from tonearm.representations.probe import probe_noise
from tonearm.runtime.owncode import CodeError, Source, call, load, read_source
from tonearm.settings import AudioSettings, AugmentSettings


@dataclass(frozen=True)
class Alteration:
    """A function, the number of the copy (from 1), and the seed of all copies."""

    source: Source
    copy: int
    seed: int

    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**self.source.facts(), "copy": self.copy, "seed": self.seed}

    def of(self, sound: ClipSound, audio: AudioSettings) -> AlteredSound:
        """The changed sound of a clip, made once for all that read it."""
        return sound.altered(("augment", *self.facts().values()), partial(self._changed, sound, audio))

    def _changed(
        self, sound: ClipSound, audio: AudioSettings, samples: NDArray[np.float32], sr: int
    ) -> NDArray[np.float32]:
        waveform = sound.waveform(audio.part)
        digest = hashlib.sha256(np.ascontiguousarray(waveform.samples).tobytes())
        digest.update(f"{self.seed} {self.copy}".encode())
        generator = np.random.default_rng(int.from_bytes(digest.digest()[:8], "big"))
        try:
            return changed(self.source, samples, sr, generator)
        except CodeError as error:
            raise ClipError(sound.path, "augment", str(error)) from error


@dataclass(frozen=True)
class Augmented:
    """A representation of the copies of clips. Everything but the samples is that of the clips' own."""

    inner: Representation
    alteration: Alteration
    audio: AudioSettings

    @property
    def name(self) -> str:
        """As of the clips."""
        return self.inner.name

    @property
    def gives(self) -> Gives:
        """As of the clips."""
        return self.inner.gives

    @property
    def columns(self) -> tuple[str, ...]:
        """As of the clips."""
        return self.inner.columns

    @property
    def notes(self) -> tuple[str, ...]:
        """None: those of the clips say all."""
        return ()

    def facts(self) -> Facts:
        """Those of the clips, and what was changed."""
        return {**self.inner.facts(), "augment": self.alteration.facts()}

    def open(self, device: str = "cpu") -> "AugmentedReader":
        """The reader. Raises RepresentationError, and CodeError where the function cannot be loaded."""
        load(self.alteration.source)
        return AugmentedReader(self, self.inner.open(device))


class AugmentedReader:
    """Clip to the row or picture of its copy."""

    def __init__(self, representation: Augmented, reader: Reader) -> None:
        self.representation = representation
        self.reader = reader
        self.batch = reader.batch

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[Any]]:
        """One result per clip. Raises ClipError."""
        alteration, audio = self.representation.alteration, self.representation.audio
        return self.reader.read([alteration.of(sound, audio) for sound in sounds])


def alterations(settings: AugmentSettings, sr: int, seed: int) -> tuple[Alteration, ...]:
    """Those of each copy; () where nothing is augmented. Raises ConfigError where the function does not fit."""
    if not settings.object:
        return ()
    try:
        source = read_source(settings.object)
        _try(source, sr)
    except CodeError as error:
        raise ConfigError(f"augment.object = {settings.object!r}: {error}") from error
    return tuple(Alteration(source, copy, seed) for copy in range(1, settings.copies + 1))


@lru_cache(maxsize=32)
def _try(source: Source, sr: int) -> None:
    changed(source, probe_noise(sr), sr, np.random.default_rng(0))


def augmented(representation: Representation, alteration: Alteration, audio: AudioSettings) -> Augmented:
    """The representation of a copy. audio: of the config; one that reads at a rate of its own reads the same part."""
    return Augmented(representation, alteration, getattr(representation, "audio", audio))


def changed(
    source: Source, samples: NDArray[np.float32], sr: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """What the function makes of samples, float32. Raises CodeError where that is not one channel of finite numbers."""
    found = call(source, samples.copy(), sr, generator)
    if not isinstance(found, np.ndarray) or found.ndim != 1 or found.dtype.kind not in "fiu" or not len(found):
        shape = f" of shape {found.shape}" if isinstance(found, np.ndarray) else ""
        raise CodeError(f"{source.object} gives a {type(found).__name__}{shape}; it must give samples of one channel")
    if not np.isfinite(found).all():
        raise CodeError(f"{source.object} gives samples that are not finite")
    return np.ascontiguousarray(found, dtype=np.float32)
