"""File to samples: mono float32 at one sampling rate, or an error that names the file and the cause.

Conventions
-----------
Channels are averaged and resampled by soxr at high quality, so that samples equal ``librosa.load``'s. An unusable clip
(empty, silent, truncated, with non-finite samples) is an `AudioError`, never a wrong result. Ogg, AAC and AC-3 streams
are the exception: no header announces a length, so what is left of a truncated one is the clip.

A file that is longer than `longest` is read as EXCERPTS stretches of equal length, the first at its start, the last at
its end and the others evenly between, one after the other: an hour of sound takes no more memory than `longest`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.decoders import Decoder, check_complete, open_decoder
from tonearm.dsp.sources import Source
from tonearm.errors import AudioError

EXCERPTS = 5
HIGHEST_FULL_RATE = 192_000  # Hz; of files beyond, excerpts are shorter, so that they take no more memory


@dataclass(frozen=True)
class Waveform:
    """The contents of a file, before resampling.

    samples: channels averaged, float32, shape (samples,). sr: Hz. channels: in the file. seconds: length of the
    whole file, whatever part was read. excerpts: whether the samples are excerpts of the part that was asked for.
    """

    samples: NDArray[np.float32]
    sr: int
    channels: int
    seconds: float
    excerpts: bool = False


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
    path: str | Source, offset: float = 0.0, duration: float | None = None, longest: float | None = None
) -> Waveform:
    """The file's samples from `offset` seconds on, at most `duration` seconds, at its own sampling rate.

    path: a local file, the bytes of one, or samples; `sound.ClipSound` reads URLs too. longest: seconds; of more,
    excerpts are read; None: all is read. Raises AudioError of kind missing, directory, unsupported, undecodable,
    truncated, empty, nonfinite, silent, or short if `offset` is beyond the end.
    """
    with open_decoder(path) as decoder:
        sr, length = decoder.sr, decoder.length
        start = min(int(offset * sr), length)
        stop = length if duration is None else min(length, start + int(duration * sr))
        most = stop - start if longest is None else int(longest * min(sr, HIGHEST_FULL_RATE))
        spans = _spans(start, stop, most)
        samples = _joined(path, decoder, spans)
        channels = decoder.channels
    seconds = length / sr
    if not len(samples):
        if seconds > 0:
            raise AudioError(str(path), "short", f"it ends after {seconds:.3f} s, before offset {offset:g} s")
        raise AudioError(str(path), "empty", "it holds no samples")
    _check_finite(path, samples)
    if not samples.any():
        raise AudioError(str(path), "silent", f"all {len(samples)} samples are zero")
    return Waveform(samples, sr, channels, seconds, len(spans) > 1)


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


def _joined(path: str | Source, decoder: Decoder, spans: list[tuple[int, int]]) -> NDArray[np.float32]:
    """The samples of the stretches, one after the other."""
    blocks: list[NDArray[np.float32]] = []
    for start, stop in spans:
        before = len(blocks)
        blocks += decoder.blocks(start, stop)
        check_complete(path, stop - start, sum(map(len, blocks[before:])))
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
