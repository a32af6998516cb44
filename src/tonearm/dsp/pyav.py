"""Files that only FFmpeg reads, through PyAV (extra `av`)."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tonearm.dsp.sources import Block, File, mono


@contextmanager
def av_container(path: File) -> Iterator[Any]:
    """The opened file, as PyAV gives it. Raises whatever PyAV does."""
    import av

    # an open file, since PyAV accepts only names in UTF-8; titles in other encodings are no reason to fail; a playlist
    # with the name of a sound file must open nothing else
    options = {"protocol_whitelist": "none"}
    with (
        path.open("rb") if isinstance(path, Path) else path.open() as file,
        av.open(_Quiet(file, path), metadata_errors="replace", options=options) as container,
    ):
        yield container


class _Quiet:
    """A file for PyAV, which prints a traceback whenever damage makes it seek before the start."""

    def __init__(self, file: BinaryIO, path: File) -> None:
        self._seek = file.seek
        self.read, self.tell = file.read, file.tell
        self.name = path.name.encode(errors="replace").decode()

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


def av_blocks(path: File, sr: int) -> Generator[Block]:
    """The whole file, decoded anew, channels averaged, in arrays of shape (samples,)."""
    import av

    with av_container(path) as container:
        stream = container.streams.audio[0]
        to_float = av.AudioResampler(format="fltp", layout=stream.layout, rate=sr)
        for frame in container.decode(stream):
            yield from (mono(out.to_ndarray().T) for out in to_float.resample(frame))
        yield from (mono(out.to_ndarray().T) for out in to_float.resample(None))
