"""Open an audio file and decode any stretch of it, a block at a time, so that memory does not grow with its length.

Conventions
-----------
libsndfile reads what it can; PyAV (extra `av`) reads m4a, aac, wma and the like. Only regular files are opened: a FIFO
would never end. The contents decide what a file is, never a guess from its name: libsndfile would take any `.au` that
it does not understand for raw samples. Whatever a decoder raises becomes an `AudioError` of that file.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tonearm.dsp.decoding import LEAD, MISSING_SHARE, SHORTEST_SEEK, Decoder, Samples, check_rate, mono, reported
from tonearm.dsp.ffmpeg import open_av
from tonearm.errors import AudioError
from tonearm.runtime.regular import describe_irregular

SNDFILE_EXTENSIONS = frozenset(
    {".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".w64", ".wav"}
)
AV_EXTENSIONS = frozenset({".aac", ".ac3", ".ape", ".m4a", ".m4b", ".mka", ".mp4", ".webm", ".wma", ".wv"})
EXTENSIONS = SNDFILE_EXTENSIONS | AV_EXTENSIONS

BLOCK = 1 << 20  # samples of all channels that are decoded at once
_ANNOUNCED = re.compile(r"^\s*(?:data|Data Size|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
TAIL = (
    4.0  # seconds before the end, beyond which no seek leads: in the last page of an Ogg, libsndfile is wrong after it
)
_SOUGHT_WITH_CARE = frozenset({"MP3", "OGG"})
_UNKNOWN_LENGTHS = (0, 2**32 - 1, 2**31 - 1)  # announced by programs that write to a pipe


@contextmanager
def open_decoder(path: str | Path, measured: bool = True) -> Iterator[Decoder]:
    """The decoder of a local file. Raises AudioError.

    measured: whether the length must be exact, for which some formats have to be decoded whole.
    """
    path = Path(path)
    _check_file(path)
    with ExitStack() as opened:
        with reported(path):
            by_av = path.suffix.lower() in AV_EXTENSIONS
            decoder = opened.enter_context(open_av(path, measured) if by_av else _open_sndfile(path))
        yield decoder


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
        raise AudioError(str(path), "empty", "the file has 0 bytes")


@contextmanager
def _open_sndfile(path: Path) -> Iterator[Decoder]:
    import soundfile

    class InOrder(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            """False, else it would seek after each read to where it is, and an MP3 decoder starts anew at each seek."""
            return False

    with InOrder(_openable(path)) as file:
        if file.format == "RAW":
            raise AudioError(
                str(path), "undecodable", f"it cannot be decoded (it does not begin as a {path.suffix} file does)"
            )
        _check_announced_length(path, file.extra_info)
        check_rate(path, file.samplerate)
        file.seek(0)  # as soundfile.read does, since it changes the last bits of an MP3
        size = max(1, BLOCK // file.channels)

        def blocks(start: int, stop: int) -> Iterator[Samples]:
            at = file.tell()
            if file.format not in _SOUGHT_WITH_CARE:
                at = file.seek(start)
            elif start - at > SHORTEST_SEEK * file.samplerate:
                near = min(start - int(LEAD * file.samplerate), file.frames - int(TAIL * file.samplerate))
                at = file.seek(near) if near > at else at
            while at < stop:
                frames = file.read(min(size, (start if at < start else stop) - at), dtype="float32", always_2d=True)
                if not len(frames):
                    return
                if at >= start:
                    yield mono(frames)
                at += len(frames)

        yield Decoder(path, file.samplerate, file.channels, file.frames, blocks)


def _openable(path: Path) -> str | bytes:
    """The name as libsndfile's binding accepts it: as bytes if it is not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def _check_announced_length(path: Path, log: str) -> None:
    """Raise if the header announces clearly more data than the file has, which libsndfile ignores."""
    for announced, present in ((int(a), int(b)) for a, b in _ANNOUNCED.findall(log)):
        if announced not in _UNKNOWN_LENGTHS and present < announced * (1 - MISSING_SHARE):
            raise AudioError(
                str(path),
                "truncated",
                f"its header announces {announced} bytes of samples and {max(present, 0)} are there; copy it again",
            )
