"""Open an audio file and decode any stretch of it, a block at a time, so that memory does not grow with its length.

Conventions
-----------
libsndfile reads what it can; PyAV (extra `av`) reads m4a, aac, wma and the like; both read files, and the bytes of one.
Only regular files are opened: a FIFO would never end. The contents decide what a file is, never a guess from its name:
libsndfile would take any `.au` that it does not understand for raw samples. Whatever a decoder raises becomes an
`AudioError` of that file.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tonearm.dsp.decoding import LEAD, MISSING_SHARE, SHORTEST_SEEK, Decoder, check_rate, reported
from tonearm.dsp.pyav import open_av
from tonearm.dsp.sources import Block, Contents, File, Samples, Source, mono, suffix_of
from tonearm.errors import AudioError
from tonearm.runtime.regular import describe_irregular

SNDFILE_EXTENSIONS = frozenset(
    {".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".w64", ".wav"}
)
AV_EXTENSIONS = frozenset({".aac", ".ac3", ".ape", ".m4a", ".m4b", ".mka", ".mp4", ".webm", ".wma", ".wv"})
EXTENSIONS = SNDFILE_EXTENSIONS | AV_EXTENSIONS

BLOCK = 1 << 20  # samples of all channels that are decoded at once
_ANNOUNCED = re.compile(r"^\s*(?:data|Data Size|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
# seconds before the end, beyond which no seek leads: in the last page of an Ogg, libsndfile is wrong after it
TAIL = 4.0
LOWEST_MP3_SEEK = 32_000  # Hz; below (MPEG-2), libmpg123 complains on standard error about half of all seeks
_SOUGHT_WITH_CARE = frozenset({"MP3", "OGG"})
_UNKNOWN_LENGTHS = (0, 2**32 - 1, 2**31 - 1)  # announced by programs that write to a pipe


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
        with reported(source):
            by_av = suffix_of(source) in AV_EXTENSIONS
            decoder = opened.enter_context(open_av(source, whole) if by_av else _open_sndfile(source, whole))
        yield decoder


def _of_samples(source: Samples) -> Decoder:
    def blocks(start: int, stop: int) -> Iterator[Block]:
        if start < stop:
            yield mono(source.values[start:stop])

    length, channels = source.values.shape
    return Decoder(source, source.sr, channels, length, blocks)


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
        raise AudioError(str(path), "directory", "it is a folder, not a file")
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
        check_rate(path, file.samplerate)
        file.seek(0)  # as soundfile.read does, since it changes the last bits of an MP3
        size = max(1, BLOCK // file.channels)
        low = file.format == "MP3" and file.samplerate < LOWEST_MP3_SEEK

        def blocks(start: int, stop: int) -> Iterator[Block]:
            at = file.tell()
            if file.format not in _SOUGHT_WITH_CARE:
                at = file.seek(start)
            elif start - at > SHORTEST_SEEK * file.samplerate and not low:
                near = min(start - int(LEAD * file.samplerate), file.frames - int(TAIL * file.samplerate))
                at = file.seek(near) if near > at else at
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
