"""Open an audio file and decode any stretch of it, a block at a time, so that memory does not grow with its length.

Conventions
-----------
libsndfile reads what it can; PyAV (extra `av`) reads m4a, aac, wma and the like; both read files, and the bytes of one.
Only regular files are opened: a FIFO would never end. The contents decide what a file is, never a guess from its name:
libsndfile would take any `.au` that it does not understand for raw samples. Whatever a decoder raises becomes an
`AudioError` of that file.
"""

import importlib.util
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tonearm.dsp.pyav import av_blocks, av_container
from tonearm.dsp.sources import Block, Contents, File, Samples, Source, mono, suffix_of
from tonearm.errors import AudioError
from tonearm.runtime.regular import describe_irregular

SNDFILE_EXTENSIONS = frozenset(
    {".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".w64", ".wav"}
)
AV_EXTENSIONS = frozenset({".aac", ".ac3", ".ape", ".m4a", ".m4b", ".mka", ".mp4", ".webm", ".wma", ".wv"})
EXTENSIONS = SNDFILE_EXTENSIONS | AV_EXTENSIONS

RATES = 1_000, 1_000_000  # Hz; a damaged header may say 1 Hz, and a minute would become 22,050 minutes
MISSING_SHARE = 0.01  # of the announced samples; encoders round the length, an interrupted transfer loses more
BLOCK = 1 << 20  # samples of all channels that are decoded at once
AV_TIME_BASE = 1_000_000  # FFmpeg counts microseconds
KEPT = 1 << 24  # samples of a file without a known length that are kept while it is measured
_ANNOUNCED = re.compile(r"^\s*(?:data|Data Size|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
_GUESSED_LENGTHS = ("aac", "ac3", "eac3")  # formats without a header: FFmpeg estimates the length from the bit rate
# after a seek, libsndfile gives wrong samples: of MP3 until enough frames are known, of Ogg in the last page
_READ_IN_ORDER = frozenset({"MP3", "OGG"})
_UNKNOWN_LENGTHS = (0, 2**32 - 1, 2**31 - 1)  # announced by programs that write to a pipe

Blocks = Callable[[int, int], Iterator[Block]]


@dataclass(frozen=True)
class Decoder:
    """An open file. sr: Hz. channels: in the file. length: samples a channel that it has, or announces."""

    source: Source
    sr: int
    channels: int
    length: int
    read_blocks: Blocks

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """The samples from `start` to `stop`, channels averaged, in arrays of shape (samples,); fewer at its end.

        Stretches are asked for in the order of time. Raises AudioError.
        """
        with _reported(self.source):
            yield from self.read_blocks(start, stop)


@contextmanager
def open_decoder(source: str | Source, whole: bool = True) -> Iterator[Decoder]:
    """The decoder of a local file, of the bytes of one, or of samples. Raises AudioError.

    whole: whether a file must have what its header announces. Without it no file is decoded to be measured: `length` is
    what the header announces, 0 where it does not.
    """
    source = Path(source) if isinstance(source, str) else source
    if isinstance(source, Samples):
        yield _of_samples(source)
        return
    if isinstance(source, Path):
        _check_file(source)
    elif not source.data:
        raise _no_bytes(source)
    with ExitStack() as opened:
        with _reported(source):
            open_file = _open_av if suffix_of(source) in AV_EXTENSIONS else _open_sndfile
            decoder = opened.enter_context(open_file(source, whole))
        yield decoder


def _of_samples(source: Samples) -> Decoder:
    def blocks(start: int, stop: int) -> Iterator[Block]:
        if start < stop:
            yield mono(source.values[start:stop])

    length, channels = source.values.shape
    return Decoder(source, source.sr, channels, length, blocks)


@contextmanager
def _reported(path: Source) -> Iterator[None]:
    """Whatever a decoder raises as an AudioError: damaged files make them fail in every way there is."""
    try:
        yield
    except (AudioError, MemoryError):
        raise
    except OSError as error:
        reason = f"it cannot be read ({error.strerror or error})"
        raise AudioError(str(path), "undecodable", reason) from error
    except Exception as error:
        raise AudioError(str(path), "undecodable", f"it cannot be decoded ({_reason(error)})") from error


def check_complete(path: str | Source, announced: int, present: int) -> None:
    """Raise AudioError of kind truncated if clearly fewer samples are present than were announced."""
    if present < announced * (1 - MISSING_SHARE):
        raise AudioError(
            str(path), "truncated", f"it announces {announced} samples and ends after {present}; copy it again"
        )


def _check_file(path: Path) -> None:
    try:
        state = path.stat()
    except FileNotFoundError as error:
        kind = "a link to a file that is not there" if path.is_symlink() else "no such file"
        raise AudioError(str(path), "missing", kind) from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(str(path), "undecodable", f"it cannot be opened ({reason})") from error
    if stat.S_ISDIR(state.st_mode):
        raise AudioError(str(path), "directory", "it is a folder with the name of an audio file")
    what = describe_irregular(path)
    if what:
        raise AudioError(str(path), "unsupported", f"it is {what}, not a file; it is not opened")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise AudioError(str(path), "undecodable", f"it cannot be opened ({error.strerror})") from error
    if state.st_size == 0:
        raise _no_bytes(path)


def _no_bytes(source: Source) -> AudioError:
    return AudioError(str(source), "empty", "the file has 0 bytes")


def _check_rate(path: Source, rate: int) -> None:
    lowest, highest = RATES
    if not lowest <= rate <= highest:
        raise AudioError(
            str(path),
            "unsupported",
            f"its header gives a sampling rate of {rate:,} Hz, and rates from {lowest:,} to {highest:,} Hz are read; "
            "the file is probably damaged",
        )


def _reason(error: Exception) -> str:
    """The decoder's message without the path, which our message begins with."""
    text = str(getattr(error, "strerror", None) or error)
    text = (text.rsplit("': ", 1)[-1] if "': " in text else text).rstrip(".")
    # libsndfile's message for an .mp3 without a single MPEG frame, although `_check_file` has opened the file
    text = "no sound was found in it" if text.startswith("File does not exist") else text
    return text or type(error).__name__


@contextmanager
def _sound_file(path: File) -> Iterator[Any]:
    """The file as libsndfile opens it. Bytes that begin in no way it knows become a file, whose name it then asks."""
    import soundfile

    class InOrder(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            """False, else it would seek after each read to where it is, and an MP3 decoder starts anew at each seek."""
            return False

    with ExitStack() as opened:
        if isinstance(path, Contents):
            try:
                file = InOrder(path.open())
            except soundfile.LibsndfileError:
                file = InOrder(_openable(opened.enter_context(_copy_of(path))))
        else:
            file = InOrder(_openable(path))
        yield opened.enter_context(file)


@contextmanager
def _copy_of(contents: Contents) -> Iterator[Path]:
    """A file with these contents, removed after the block."""
    with TemporaryDirectory(prefix="tonearm-") as folder:
        copy = Path(folder) / f"copy{suffix_of(contents)}"
        copy.write_bytes(contents.data)
        yield copy


@contextmanager
def _open_sndfile(path: File, whole: bool) -> Iterator[Decoder]:
    with _sound_file(path) as file:
        if file.format == "RAW":
            raise AudioError(
                str(path), "undecodable", f"it cannot be decoded (it does not begin as a {path.suffix} file does)"
            )
        length = _announced_length(path, file.frames, file.extra_info, whole)
        _check_rate(path, file.samplerate)
        file.seek(0)  # as soundfile.read does, since it changes the last bits of an MP3
        size = max(1, BLOCK // file.channels)

        def blocks(start: int, stop: int) -> Iterator[Block]:
            if file.format not in _READ_IN_ORDER:
                file.seek(start)
            at = file.tell()
            while at < stop:
                frames = file.read(min(size, (start if at < start else stop) - at), dtype="float32", always_2d=True)
                if not len(frames):
                    return
                if at >= start:
                    yield mono(frames)
                at += len(frames)

        yield Decoder(path, file.samplerate, file.channels, length, blocks)


def _openable(path: Path) -> str | bytes:
    """The name as libsndfile's binding accepts it: as bytes if it is not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def _announced_length(path: File, frames: int, log: str, whole: bool) -> int:
    """Samples that the header announces, where they are more than libsndfile finds, which is silent about it.

    whole: raise AudioError in that case.
    """
    for announced, present in ((int(a), max(int(b), 0)) for a, b in _ANNOUNCED.findall(log)):
        if announced not in _UNKNOWN_LENGTHS and present < announced * (1 - MISSING_SHARE):
            said = f"its header announces {announced} bytes of samples and {present} are there; copy it again"
            if whole:
                raise AudioError(str(path), "truncated", said)
            return frames * announced // max(present, 1)
    return frames


@contextmanager
def _open_av(path: File, whole: bool) -> Iterator[Decoder]:
    """Headers only estimate the length, so one pass measures it; a short file is kept, a long one decoded again."""
    if importlib.util.find_spec("av") is None:
        raise AudioError(
            str(path), "unsupported", f'{path.suffix} files need PyAV: pip install "tonearm[av]", or convert it to FLAC'
        )
    with av_container(path) as container:
        if not container.streams.audio:
            raise AudioError(str(path), "undecodable", "it has no audio stream")
        stream = container.streams.audio[0]
        sr, channels = stream.rate or 0, stream.channels
        guessed = container.duration is None or container.format.name in _GUESSED_LENGTHS
        announced = 0 if guessed else int(container.duration / AV_TIME_BASE * sr)
    _check_rate(path, sr)
    length, kept = announced, list[Block]()
    if whole:
        length, kept = _measured(path, sr)
        check_complete(path, announced, length)

    at, rest = 0, np.zeros(0, dtype=np.float32)  # of the one pass through the file, where the last stretch ended

    def blocks(start: int, stop: int) -> Iterator[Block]:
        nonlocal at, rest
        while at < stop:
            if not len(rest):
                rest = next(filter(len, decoded), rest)  # an empty block is not the end
            if not len(rest):
                return
            taken, rest = rest[: stop - at], rest[stop - at :]
            wanted = taken[max(0, start - at) :]
            at += len(taken)
            if len(wanted):
                yield wanted

    with closing(av_blocks(path, sr)) as again:
        decoded = iter(kept) if kept else again
        yield Decoder(path, sr, channels, length, blocks)


def _measured(path: File, sr: int) -> tuple[int, list[Block]]:
    """How many samples there are, and the samples themselves of a short file."""
    length, kept = 0, list[Block]()
    for block in av_blocks(path, sr):
        length += len(block)
        if length <= KEPT:
            kept.append(block)
        else:
            kept.clear()
    return length, kept
