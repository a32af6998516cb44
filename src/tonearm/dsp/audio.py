"""File to samples: mono float32 at one sampling rate, or an error that names the file and the cause.

Conventions
-----------
Channels are averaged and resampled by soxr at high quality, so that samples equal ``librosa.load``'s. An unusable clip
(empty, silent, truncated, with non-finite samples) is an `AudioError`, never a wrong result. Ogg, AAC and AC-3 streams
are the exception: no header announces a length, so what is left of a truncated one is the clip.

A file that is longer than `longest` is read as EXCERPTS stretches of equal length, the first at its start, the last at
its end and the others evenly between, one after the other: an hour of sound takes no more memory than `longest`. Where
`excerpts` are asked for, these are the stretches instead, each in the middle of an equal share of the file, and only
they are decoded: a file that breaks off elsewhere goes unnoticed.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.decoders import open_decoder
from tonearm.dsp.decoding import Decoder, check_complete
from tonearm.dsp.sources import Source
from tonearm.errors import AudioError

EXCERPTS = 5
HIGHEST_FULL_RATE = 192_000  # Hz; of files beyond, excerpts are shorter, so that they take no more memory


@dataclass(frozen=True)
class Waveform:
    """The contents of a file, before resampling.

    samples: channels averaged, float32, shape (samples,). sr: Hz. channels: in the file. seconds: length of the
    whole file, whatever part was read. excerpts: whether the samples are excerpts of the part that was asked for.
    pieces: how many samples each of the excerpts has; () where there are none.
    """

    samples: NDArray[np.float32]
    sr: int
    channels: int
    seconds: float
    excerpts: bool = False
    pieces: tuple[int, ...] = ()


@dataclass(frozen=True)
class Stream:
    """A whole file, a block at a time, before resampling. blocks: mono, float32. sr: Hz. channels: in the file.

    length: samples that the file has, or announces; 0 where it does not.
    """

    blocks: Iterator[NDArray[np.float32]]
    sr: int
    channels: int
    length: int


def check_length(path: str, samples: NDArray[np.float32], sr: int, shortest: int) -> None:
    """Raise AudioError of kind short if there are fewer samples than `shortest`. sr: sampling rate, Hz."""
    if len(samples) < shortest:
        raise AudioError(
            path, "short", f"{len(samples) / sr:.3f} s are left to analyse and {shortest / sr:.3f} s are needed"
        )


def read(
    path: str | Source,
    offset: float = 0.0,
    duration: float | None = None,
    longest: float | None = None,
    excerpts: int = 0,
    excerpt_seconds: float = 30.0,
) -> Waveform:
    """The file's samples from `offset` seconds on, at most `duration` seconds, at its own sampling rate.

    path: a local file, the bytes of one, or samples; `sound.ClipSound` reads URLs too. longest: seconds; of more,
    excerpts are read; None: all is read. excerpts: so many of `excerpt_seconds` are read of what is longer; 0: none.
    Raises AudioError of kind missing, directory, unsupported, undecodable, truncated, empty, nonfinite, silent, or
    short if `offset` is beyond the end.
    """
    with _opened(path, bool(excerpts)) as decoder:
        sr, length = decoder.sr, decoder.length
        start = min(int(offset * sr), length)
        stop = length if duration is None else min(length, start + int(duration * sr))
        if excerpts:
            spans = _middles(start, stop, int(excerpt_seconds * min(sr, HIGHEST_FULL_RATE)), excerpts)
        else:
            most = stop - start if longest is None else int(longest * min(sr, HIGHEST_FULL_RATE))
            spans = _spans(start, stop, most)
        pieces = [_stretch(path, decoder, *span) for span in spans]
        samples = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        channels = decoder.channels
    seconds = length / sr
    if not len(samples):
        if seconds > 0:
            raise AudioError(str(path), "short", f"it ends after {seconds:.3f} s, before offset {offset:g} s")
        raise AudioError(str(path), "empty", "it holds no samples")
    _check_finite(path, samples)
    if not samples.any():
        raise AudioError(str(path), "silent", f"all {len(samples)} samples are zero")
    partial = spans != [(start, stop)]
    return Waveform(samples, sr, channels, seconds, partial, tuple(map(len, pieces)) if partial else ())


@contextmanager
def _opened(path: str | Source, for_excerpts: bool) -> Iterator[Decoder]:
    """The decoder of a file whose length is known; for excerpts, what the header announces is good enough."""
    if for_excerpts:
        with open_decoder(path, whole=False) as decoder:
            if decoder.length:
                yield decoder
                return
    with open_decoder(path) as decoder:
        yield decoder


@contextmanager
def open_stream(path: str | Source, whole: bool = True) -> Iterator[Stream]:
    """The whole file, a block at a time. Raises AudioError like `read`, except for silence and what is too short.

    whole: False: all that can be decoded of a file that may lack its end (`decoders.open_decoder`).
    """
    with open_decoder(path, whole) as decoder:
        blocks = decoder.blocks(0, decoder.length if whole else sys.maxsize)
        yield Stream(_checked(path, blocks), decoder.sr, decoder.channels, decoder.length)


def resample(samples: NDArray[np.float32], sr: int, target_sr: int) -> NDArray[np.float32]:
    """The waveform at another sampling rate, by soxr at high quality; the same length as ``librosa.resample``'s."""
    if sr == target_sr:
        return samples
    import soxr

    length = int(np.ceil(len(samples) * target_sr / sr))
    changed = soxr.resample(samples, sr, target_sr, quality="HQ")[:length]
    return np.pad(changed, (0, length - len(changed))).astype(np.float32)


def resample_blocks(blocks: Iterator[NDArray[np.float32]], sr: int, target_sr: int) -> Iterator[NDArray[np.float32]]:
    """The same for a sound that comes in blocks; the last digits differ from those of `resample`."""
    if sr == target_sr:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(sr, target_sr, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _spans(start: int, stop: int, most: int) -> list[tuple[int, int]]:
    """The stretches to read: all, or EXCERPTS of `most` samples together.

    >>> _spans(0, 100, 100), _spans(0, 100, 50)
    ([(0, 100)], [(0, 10), (22, 32), (45, 55), (67, 77), (90, 100)])
    """
    if stop - start <= most:
        return [(start, stop)]
    size = max(1, most // EXCERPTS)
    first = [start + (stop - start - size) * number // (EXCERPTS - 1) for number in range(EXCERPTS)]
    return [(at, at + size) for at in first]


def _middles(start: int, stop: int, size: int, number: int) -> list[tuple[int, int]]:
    """The stretches to read: all, or so many of `size` samples, each in the middle of an equal share.

    >>> _middles(0, 60, 30, 2), _middles(0, 100, 30, 1), _middles(10, 100, 10, 3)
    ([(0, 60)], [(35, 65)], [(20, 30), (50, 60), (80, 90)])
    """
    if stop - start <= size * number:
        return [(start, stop)]
    first = [start + ((2 * each + 1) * (stop - start) - number * size) // (2 * number) for each in range(number)]
    return [(at, at + size) for at in first]


def _stretch(path: str | Source, decoder: Decoder, start: int, stop: int) -> NDArray[np.float32]:
    """The samples of a stretch."""
    blocks = list(decoder.blocks(start, stop))
    check_complete(path, stop - start, sum(map(len, blocks)))
    if len(blocks) == 1:
        return blocks[0]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)


def _checked(path: str | Source, blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    for block in blocks:
        _check_finite(path, block)
        yield block


def _check_finite(path: str | Source, samples: NDArray[np.float32]) -> None:
    if not np.isfinite(samples).all():
        bad = int(np.count_nonzero(~np.isfinite(samples)))
        raise AudioError(str(path), "nonfinite", f"{bad} of {len(samples)} samples are not finite numbers")
