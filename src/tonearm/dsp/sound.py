"""A clip's file, decoded once for all readers: features, pictures, encoders and the search for duplicates.

Conventions
-----------
A `ClipSound` belongs to one file and one worker. What it decodes, resamples or transforms is cached until it is
closed, as are errors: a broken file is opened once and every reader gets the same reason.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.audio import Stream, Waveform, check_length, open_stream, read, resample
from tonearm.dsp.sources import Contents, Samples, Source
from tonearm.errors import AudioError
from tonearm.runtime.files import file_sha256
from tonearm.runtime.logs import FILES
from tonearm.runtime.remote import is_url, local_copy, place
from tonearm.settings import AudioSettings, Part

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

    def waveform(self, part: Part = Part()) -> Waveform:
        """A part of the file at its own sampling rate; errors of `audio.read`."""
        whole = self._kept.get(("whole", part.offset, part.duration))
        most = part.excerpts * part.excerpt_seconds if part.excerpts else part.longest
        if whole and (most is None or len(whole.samples) <= most * whole.sr):
            return cast("Waveform", whole)
        waveform = self._once(("waveform", part), lambda: self._read(part))
        if not waveform.excerpts:
            self._kept["whole", part.offset, part.duration] = waveform
        return waveform

    def digest(self) -> str:
        """SHA-256 of the file's bytes, in hexadecimal digits. Raises AudioError if it cannot be fetched."""
        return self._once(("digest",), lambda: file_sha256(self.file()))

    @contextlib.contextmanager
    def stream(self, whole: bool = True) -> Iterator[Stream]:
        """The whole file in blocks; arguments and errors of `audio.open_stream`."""
        file = self._opened()
        with self._named(), open_stream(file, whole) as stream:
            yield stream

    def samples(self, settings: AudioSettings, shortest: int = 1) -> NDArray[np.float32]:
        """Mono float32 at `settings.sr`, shape (samples,); the samples and errors of ``audio.load``."""
        waveform = self.waveform(settings.part)
        self.excerpts |= waveform.excerpts and not settings.excerpts
        key = ("samples", settings.part, settings.sr)
        samples = self._once(key, lambda: resample(waveform.samples, waveform.sr, settings.sr))
        check_length(self.path, samples, settings.sr, shortest)
        return samples

    def pieces(self, settings: AudioSettings) -> "Sequence[ClipSound]":
        """Each of several excerpts as a sound of its own; the sound itself where there are not several."""
        if settings.part.excerpts < 2 or len(self.waveform(settings.part).pieces) < 2:
            return [self]
        numbers = range(len(self.waveform(settings.part).pieces))
        return self._once(("pieces", settings.part), lambda: self._entered(Piece(self, number) for number in numbers))

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
        key = ("spectrum", settings.part, settings.sr, *parameters)
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

    def _entered(self, sounds: "Iterable[ClipSound]") -> "list[ClipSound]":
        """The sounds, which are closed with this one."""
        return [self._open.enter_context(sound) for sound in sounds]

    def _fetch(self) -> Path:
        if not is_url(self.path):
            return place(self.path)
        try:
            return self._open.enter_context(local_copy(self.path))
        except FileNotFoundError as error:
            raise AudioError(self.path, "missing", "no such file") from error
        except OSError as error:
            raise AudioError(self.path, "undecodable", f"it cannot be fetched ({error})") from error

    def _read(self, part: Part) -> Waveform:
        file = self._opened()
        FILES.debug("%s: read", self.path)
        with self._named():
            return read(file, *part)

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
        changed = self._once(("samples", settings.part, settings.sr), lambda: self.alter(samples, settings.sr))
        check_length(self.path, changed, settings.sr, shortest)
        return changed

    def pieces(self, settings: AudioSettings) -> "Sequence[ClipSound]":
        """The excerpts of the clip, each changed."""
        pieces = self.origin.pieces(settings)
        if len(pieces) < 2:
            return [self]
        changed = (AlteredSound(piece, self.alter) for piece in pieces)
        return self._once(("pieces", settings.part), lambda: self._entered(changed))


class Piece(ClipSound):
    """One of several excerpts of a clip."""

    def __init__(self, origin: ClipSound, number: int) -> None:
        super().__init__(origin.source)
        self.origin = origin
        self.number = number

    def waveform(self, part: Part = Part()) -> Waveform:
        """The excerpt at the file's own rate."""
        whole = self.origin.waveform(part)
        start = sum(whole.pieces[: self.number])
        return replace(whole, samples=whole.samples[start : start + whole.pieces[self.number]], pieces=())


def load(path: str | Path, settings: AudioSettings, shortest: int = 1) -> NDArray[np.float32]:
    """Samples of a file or URL, mono float32 at `settings.sr`, shape (samples,), full scale 1.

    shortest: minimum number of samples after resampling. Raises AudioError of kind missing, directory,
    unsupported, undecodable, truncated, empty, nonfinite, silent or short.
    """
    with ClipSound(path) as sound:
        return sound.samples(settings, shortest)
