"""Files that only FFmpeg reads, through PyAV (extra `av`): m4a, aac, wma and the like.

Conventions
-----------
Headers only estimate the length. Where it must be exact, the file is decoded once to measure it. Containers that count
milliseconds say where a frame is to one of these, so a stretch that is sought in them begins that near.
"""

import importlib.util
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tonearm.dsp.decoding import LEAD, SHORTEST_SEEK, Decoder, check_complete, check_rate
from tonearm.dsp.sources import Block, File, mono
from tonearm.errors import AudioError

AV_TIME_BASE = 1_000_000  # FFmpeg counts microseconds
KEPT = 1 << 24  # samples of a file without a known length that are kept while it is measured
_GUESSED_LENGTHS = ("aac", "ac3", "eac3")  # formats without a header: FFmpeg estimates the length from the bit rate


@contextmanager
def open_av(path: File, whole: bool) -> Iterator[Decoder]:
    """Headers only estimate the length, so one pass measures it; a short file is kept, a long one decoded again.

    whole: see `decoders.open_decoder`.
    """
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
    check_rate(path, sr)
    length, kept = announced, list[Block]()
    if whole:
        length, kept = _measured(path, sr)
        check_complete(path, announced, length)
    with ExitStack() as opened:
        decoded: Iterator[Block] = iter(kept) if kept else opened.enter_context(closing(av_blocks(path, sr)))
        at, rest = 0, np.zeros(0, dtype=np.float32)  # of the pass through the file, where the last stretch ended

        def blocks(start: int, stop: int) -> Iterator[Block]:
            nonlocal at, rest, decoded
            if not kept and start - at > SHORTEST_SEEK * sr:
                opened.close()
                decoded = opened.enter_context(closing(av_blocks(path, sr, start)))
                at, rest = start, rest[:0]
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

        yield Decoder(path, sr, channels, length, blocks)


def _measured(path: File, sr: int) -> tuple[int, list[Block]]:
    """The number of samples of the whole file, and these themselves where they are few enough to be kept."""
    length, kept = 0, list[Block]()
    for block in av_blocks(path, sr):
        length += len(block)
        if length <= KEPT:
            kept.append(block)
        else:
            kept.clear()
    return length, kept


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


def av_blocks(path: File, sr: int, start: int = 0) -> Generator[Block]:
    """The samples from `start` on; in containers that count milliseconds, that is where they begin to one of these."""
    import av

    with av_container(path) as container:
        stream = container.streams.audio[0]
        at = _seek(container, stream, sr, start) if start else 0
        frames = container.decode(stream)
        to_float = av.AudioResampler(format="fltp", layout=stream.layout, rate=sr)
        for frame in chain(frames, [None]):
            for out in to_float.resample(frame):
                block = mono(out.to_ndarray().T)
                at += len(block)
                if at > start:
                    yield block[max(0, len(block) - (at - start)) :]


def _seek(container: Any, stream: Any, sr: int, start: int) -> int:
    """Seek to some place before the sample `start`; the sample at which decoding then begins.

    Where the container cannot be sought in, or does not say where it is, that is its first.
    """
    import av

    def time() -> int | None:
        """The place of the next frame, in units of the stream's clock."""
        frame = next(container.decode(stream), None)
        return None if frame is None else frame.pts

    first = time()
    if first is not None:
        for seconds in (LEAD, 10 * LEAD):
            target = first + int((start / sr - seconds) / stream.time_base)
            try:
                container.seek(target, stream=stream)
            except av.error.FFmpegError:
                break
            at = time()
            if at is not None and first <= at:
                sample = round(float((at - first) * stream.time_base) * sr)
                if sample <= start:
                    container.seek(target, stream=stream)  # again, since a frame has been taken
                    return sample
    container.seek(0)
    return 0
