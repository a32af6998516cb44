"""A clip's file, decoded once for all readers: features, pictures, encoders and the search for duplicates.

Conventions
-----------
A `ClipSound` belongs to one file and one worker. What it decodes, resamples or transforms is cached until it is
closed, as are errors: a broken file is opened once and every reader gets the same reason.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.audio import Waveform, check_length, read, resample
from tonearm.errors import AudioError
from tonearm.runtime.remote import is_url, local_copy, place
from tonearm.settings import AudioSettings

if TYPE_CHECKING:
    from tonearm.dsp.spectrum import Spectrum

Result = TypeVar("Result")


class ClipSound:
    """The sound of one file; a context manager, since a file at a URL is copied to this machine while it is read.

    path: file or URL.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._kept: dict[tuple[Any, ...], Any] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release everything that was cached."""
        self._open.close()
        self._kept.clear()

    def file(self) -> Path:
        """The file itself, or a local copy for a URL. Raises AudioError if it cannot be fetched."""
        return self._once(("file",), self._fetch)

    def waveform(self, offset: float = 0.0, duration: float | None = None) -> Waveform:
        """The file from `offset` seconds on, at its own sampling rate; raises AudioError like `audio.read`."""
        return self._once(("waveform", offset, duration), lambda: self._read(offset, duration))

    def samples(self, settings: AudioSettings, shortest: int = 1) -> NDArray[np.float32]:
        """Mono float32 at `settings.sr`, shape (samples,); the samples and errors of ``audio.load``."""
        waveform = self.waveform(settings.offset, settings.duration)
        key = ("samples", settings.offset, settings.duration, settings.sr)
        samples = self._once(key, lambda: resample(waveform.samples, waveform.sr, settings.sr))
        check_length(self.path, samples, settings.sr, shortest)
        return samples

    def spectrum(
        self, settings: AudioSettings, n_fft: int, hop_length: int, n_mels: int = 128, n_mfcc: int = 20
    ) -> "Spectrum":
        """The `Spectrum` of the samples with these settings. Raises AudioError if they are shorter than n_fft."""
        from tonearm.dsp.spectrum import Spectrum

        samples = self.samples(settings, n_fft)
        key = ("spectrum", settings.offset, settings.duration, settings.sr, n_fft, hop_length, n_mels, n_mfcc)
        return self._once(key, lambda: Spectrum(samples, settings.sr, n_fft, hop_length, n_mels=n_mels, n_mfcc=n_mfcc))

    def _once(self, key: tuple[Any, ...], compute: Callable[[], Result]) -> Result:
        if key not in self._kept:
            try:
                self._kept[key] = compute()
            except AudioError as error:
                self._kept[key] = error
        result = self._kept[key]
        if isinstance(result, AudioError):
            raise result.with_traceback(None)
        return cast("Result", result)

    def _fetch(self) -> Path:
        if not is_url(self.path):
            return place(self.path)
        try:
            return self._open.enter_context(local_copy(self.path))
        except FileNotFoundError as error:
            raise AudioError(self.path, "missing", "no such file") from error
        except OSError as error:
            raise AudioError(self.path, "undecodable", f"it cannot be fetched ({error})") from error

    def _read(self, offset: float, duration: float | None) -> Waveform:
        file = self.file()
        try:
            return read(file, offset, duration)
        except AudioError as error:
            raise AudioError(self.path, error.kind, error.reason) from error


def load(path: str | Path, settings: AudioSettings, shortest: int = 1) -> NDArray[np.float32]:
    """Samples of a file or URL, mono float32 at `settings.sr`, shape (samples,), full scale 1.

    shortest: minimum number of samples after resampling. Raises AudioError of kind missing, directory,
    unsupported, undecodable, truncated, empty, nonfinite, silent or short.
    """
    with ClipSound(path) as sound:
        return sound.samples(settings, shortest)
