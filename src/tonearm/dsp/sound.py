"""A clip's file, decoded once for all readers: features, pictures, encoders and the search for duplicates.

Conventions
-----------
A `ClipSound` belongs to one file and one worker. What it decodes, resamples or transforms is cached until it is
closed, as are errors: a broken file is opened once and every reader gets the same reason.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.audio import Stream, Waveform, check_length, open_stream, read, resample
from tonearm.dsp.sources import Contents, Samples, Source
from tonearm.errors import AudioError
from tonearm.runtime.logs import FILES
from tonearm.runtime.remote import is_url, local_copy, place
from tonearm.settings import AudioSettings

if TYPE_CHECKING:
    from tonearm.dsp.spectrum import Spectrum

Result = TypeVar("Result")


class ClipSound:
    """The sound of one file; a context manager, since a file at a URL is copied to this machine while it is read.

    source: file or URL, the bytes of a file, or samples. path: its name. excerpts: whether `samples` has given excerpts
    of a long file.
    """

    def __init__(self, source: str | Source) -> None:
        self.source = source
        self.path = str(source)
        self.excerpts = False
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

    def _opened(self) -> Source:
        """What a decoder opens on this machine. Raises AudioError like `file`."""
        return self.source if isinstance(self.source, Contents | Samples) else self.file()

    def waveform(self, offset: float = 0.0, duration: float | None = None, longest: float | None = None) -> Waveform:
        """The file from `offset` seconds on, at its own sampling rate; arguments and errors of `audio.read`."""
        whole = self._kept.get(("whole", offset, duration))
        if whole and (longest is None or len(whole.samples) <= longest * whole.sr):
            return cast("Waveform", whole)
        key = ("waveform", offset, duration, longest)
        waveform = self._once(key, lambda: self._read(offset, duration, longest))
        if not waveform.excerpts:
            self._kept["whole", offset, duration] = waveform
        return waveform

    @contextlib.contextmanager
    def stream(self, whole: bool = True) -> Iterator[Stream]:
        """The whole file in blocks; arguments and errors of `audio.open_stream`."""
        file = self._opened()
        with self._named(), open_stream(file, whole) as stream:
            yield stream

    def samples(self, settings: AudioSettings, shortest: int = 1) -> NDArray[np.float32]:
        """Mono float32 at `settings.sr`, shape (samples,); the samples and errors of ``audio.load``."""
        part = settings.offset, settings.duration, settings.longest
        waveform = self.waveform(*part)
        self.excerpts |= waveform.excerpts
        samples = self._once(
            ("samples", *part, settings.sr), lambda: resample(waveform.samples, waveform.sr, settings.sr)
        )
        check_length(self.path, samples, settings.sr, shortest)
        return samples

    def altered(self, key: tuple[Any, ...], alter: "Alter") -> "AlteredSound":
        """The sound with changed samples, made once for a key."""
        return self._once(key, lambda: self._open.enter_context(AlteredSound(self, alter)))

    def spectrum(
        self, settings: AudioSettings, n_fft: int, hop_length: int, n_mels: int = 128, n_mfcc: int = 20
    ) -> "Spectrum":
        """The `Spectrum` of the samples with these settings. Raises AudioError if they are shorter than n_fft."""
        from tonearm.dsp.spectrum import Spectrum

        samples = self.samples(settings, n_fft)
        parameters = n_fft, hop_length, n_mels, n_mfcc
        key = ("spectrum", settings.offset, settings.duration, settings.longest, settings.sr, *parameters)
        return self._once(key, lambda: Spectrum(samples, settings.sr, *parameters))

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

    def _read(self, offset: float, duration: float | None, longest: float | None) -> Waveform:
        file = self._opened()
        FILES.debug("%s: read", self.path)
        with self._named():
            return read(file, offset, duration, longest)

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Errors name the file as it was named here, not its local copy."""
        try:
            yield
        except AudioError as error:
            raise AudioError(self.path, error.kind, error.reason) from error


Alter = Callable[[NDArray[np.float32], int], NDArray[np.float32]]


class AlteredSound(ClipSound):
    """A clip whose samples a function has changed. alter: from samples and their rate to samples; raises ClipError."""

    def __init__(self, origin: ClipSound, alter: Alter) -> None:
        super().__init__(origin.source)
        self.origin = origin
        self.alter = alter

    def samples(self, settings: AudioSettings, shortest: int = 1) -> NDArray[np.float32]:
        """The changed samples of the clip; errors of the clip's own, too."""
        samples = self.origin.samples(settings, shortest)
        self.excerpts = self.origin.excerpts
        part = settings.offset, settings.duration, settings.longest
        changed = self._once(("samples", *part, settings.sr), lambda: self.alter(samples, settings.sr))
        check_length(self.path, changed, settings.sr, shortest)
        return changed


def load(path: str | Path, settings: AudioSettings, shortest: int = 1) -> NDArray[np.float32]:
    """Samples of a file or URL, mono float32 at `settings.sr`, shape (samples,), full scale 1.

    shortest: minimum number of samples after resampling. Raises AudioError of kind missing, directory,
    unsupported, undecodable, truncated, empty, nonfinite, silent or short.
    """
    with ClipSound(path) as sound:
        return sound.samples(settings, shortest)
