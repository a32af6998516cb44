"""What a representation is: the way from a clip to a model's input, as facts that a run stores.

Conventions
-----------
A representation is a frozen value that is sent between processes. Its facts are JSON-ready; they decide every bit
of its results, and the representation can be restored from them. `open` gives a reader, created once per process,
which turns clips into rows, float64 of shape (columns,), or images, uint8 of shape (height, width, 3) or
(height, width). A clip's result does not depend on the clips read with it, so predicting a file reproduces its
evaluation bit for bit. To add one, write a class like `features.representation.Features` and its line in `registry`.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.sound import ClipSound
from tonearm.errors import ClipError, OutOfMemoryError, OutputError
from tonearm.runtime.faults import blaming_the_machine
from tonearm.runtime.source import source_digest
from tonearm.settings import AudioSettings, EncoderSettings, FeatureSettings, SpectrogramSettings

Gives = Literal["rows", "images"]
Facts = dict[str, Any]
Item = TypeVar("Item")
READERS_KEPT = 8
ADVICE = "with fewer --workers, or with excerpts (audio.duration)"


class Sections(Protocol):
    """The config sections that representations are built from."""

    @property
    def audio(self) -> AudioSettings:
        """How a file becomes samples."""

    @property
    def features(self) -> FeatureSettings:
        """Which numbers describe a clip."""

    @property
    def spectrogram(self) -> SpectrogramSettings:
        """How a clip becomes a picture."""

    @property
    def encoders(self) -> EncoderSettings:
        """What is taken of pretrained networks."""


class Reader(Protocol):
    """Clips to rows or images; created once per process."""

    @property
    def batch(self) -> int:
        """How many clips it reads together; more than 1 if that is faster."""

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[Any]]:
        """One result per clip, in order. Raises ClipError if one is unusable; it is then called for each clip alone."""


_readers: dict[str, Reader] = {}  # of this process, by digest
_readers_lock = threading.RLock()


class Representation(Protocol):
    """What a model reads: its name, and how it is computed from a clip."""

    @property
    def name(self) -> str:
        """The name in a model's `reads`."""

    @property
    def gives(self) -> Gives:
        """Rows of numbers or images."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of a row's numbers; () for images."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know when files are read by it."""

    def facts(self) -> Facts:
        """Everything that decides the results, JSON-ready: what a run stores."""

    def open(self, device: str = "cpu") -> Reader:
        """A reader for this process; device: for its network, if it has one. Raises RepresentationError."""


class Kind(NamedTuple):
    """An entry of the registry.

    gives: what a model must take. sections: config sections that change it. build: from the name and the config to
    the representation; raises ConfigError if the settings do not fit. restore: from stored facts; raises
    RepresentationError if this version of tonearm cannot compute the same.
    """

    gives: Gives
    sections: frozenset[str]
    build: Callable[[str, Sections], Representation]
    restore: Callable[[Facts], Representation]


class Result(NamedTuple):
    """Result of reading one clip: its values, or a failure's kind and reason; excerpts: of a long file, see `audio`."""

    values: NDArray[Any]
    kind: str = ""
    reason: str = ""
    excerpts: bool = False


def digest_of(facts: Mapping[str, Any]) -> str:
    """SHA-256 of JSON-ready facts, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def work_digest(representation: Representation) -> str:
    """A digest of the representation's facts and of the code that computes it: what a cached result must have."""
    parts = getattr(representation, "parts", ())  # of several that are joined
    code = source_digest(*sorted({type(each).__module__ for each in (representation, *parts)}))
    return digest_of({"facts": representation.facts(), "code": code})


def read_clips(reader: Reader, sounds: Sequence[ClipSound]) -> list[Result]:
    """One result per clip, in order; a broken clip does not stop the others.

    Raises OutputError and OutOfMemoryError: a full disk and a full memory are the fault of no clip.
    """
    try:
        with blaming_the_machine(sounds[0].path, ADVICE):
            values = reader.read(sounds)
    except OutputError:
        raise
    except Exception as error:
        if len(sounds) > 1:
            return [result for sound in sounds for result in read_clips(reader, [sound])]
        if isinstance(error, OutOfMemoryError):
            raise
        return [_failed(error)]
    return [_checked(result)._replace(excerpts=sound.excerpts) for result, sound in zip(values, sounds, strict=True)]


def read_in_batches(reader: Reader, sounds: Sequence[ClipSound]) -> list[Result]:
    """One result per clip, in order, read in batches of the reader's size."""
    return [result for some in batches(sounds, reader.batch) for result in read_clips(reader, some)]


def file_name(name: str) -> str:
    """A representation's name as the name of a file or folder.

    >>> file_name("features"), file_name("mn04_as:hidden")
    ('features', 'mn04_as-hidden-0dc8a1fe')
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    return name if plain == name else f"{plain[-40:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def batches(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """The items in runs of `size`, the last one as long as is left.

    >>> batches("abcde", 2)
    ['ab', 'cd', 'e']
    """
    return [items[start : start + size] for start in range(0, len(items), size)]


def as_rows(results: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Rows of numbers as one table; pictures, which may differ in width, as an array of arrays in colours."""
    if results[0].ndim == 1:
        return np.stack(results)
    pictures = np.empty(len(results), dtype=object)
    pictures[:] = [np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image for image in results]
    return pictures


def opened_once(digest: str, open_reader: Callable[[], Reader]) -> Reader:
    """The reader of this digest, opened when this process first asks for it."""
    with _readers_lock:
        if digest not in _readers:
            _keep(digest, open_reader())
        return _readers[digest]


def opened_anew(representation: Representation) -> Reader:
    """A reader that is opened now, whatever was opened before, and that `opened_once` gives from now on."""
    reader = representation.open()
    with _readers_lock:
        _keep(digest_of(representation.facts()), reader)
    return reader


def _keep(digest: str, reader: Reader) -> None:
    while len(_readers) >= READERS_KEPT and digest not in _readers:
        _readers.pop(next(iter(_readers)))
    _readers[digest] = reader


def _failed(error: Exception) -> Result:
    if isinstance(error, ClipError):
        return Result(np.zeros(0), error.kind, error.reason)
    # our bug, reported in the row
    return Result(np.zeros(0), "internal", f"{type(error).__name__}: {error}; please report it")


def _checked(values: NDArray[Any]) -> Result:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return Result(np.zeros(0), "nonfinite", "a feature came out as a non-finite number; please report it")
    return Result(values)
