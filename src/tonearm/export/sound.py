"""From samples to what is read of them, in ONNX: the part and the excerpts of a clip, and the spectra of its frames.

Conventions
-----------
The rules are those of `dsp.audio` and `dsp.frames`, on samples that already have the run's rate. Spectra are computed
in float64, a block of frames at a time, so that an hour of sound takes little more memory than its result.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.audio import EXCERPTS, HIGHEST_FULL_RATE
from tonearm.dsp.bands import Bands
from tonearm.errors import ExportError
from tonearm.export.graph import Writer
from tonearm.settings import AudioSettings

FRAMES_AT_ONCE = 64  # whose numbers stay in the second-level cache
Spectra = Callable[[Writer, str, str], str]  # real and imaginary parts, (frames, bins), to (frames, numbers)


def excerpts(writer: Writer, samples: str, audio: AudioSettings) -> str:
    """The part of a clip that the run reads; of a long one its excerpts, as `dsp.audio.read`.

    Raises ExportError where it reads several, each on its own.
    """
    length = writer.size(samples, 0)
    start = writer.node("Min", length, int(audio.offset * audio.sr))
    stop = length
    if audio.duration is not None:
        stop = writer.node("Min", length, writer.node("Add", start, int(audio.duration * audio.sr)))
    there = writer.node("Sub", stop, start)
    if audio.excerpts:
        if audio.excerpts > 1:
            raise ExportError(f"it reads {audio.excerpts} excerpts of each clip, whose rows are averaged")
        return _middle(writer, samples, start, there, int(audio.excerpt_seconds * min(audio.sr, HIGHEST_FULL_RATE)))
    most = int(audio.longest * min(audio.sr, HIGHEST_FULL_RATE))
    size = max(1, most // EXCERPTS)
    short = writer.node("LessOrEqual", there, most)
    spare = writer.node("Sub", there, size)
    pieces = []
    for number in range(EXCERPTS):
        at = writer.node("Add", start, writer.node("Div", writer.node("Mul", spare, number), EXCERPTS - 1))
        first = writer.node("Where", short, start, at)
        # of a short clip the first excerpt is all of it, and the others are empty
        last = writer.node("Where", short, stop if number == 0 else start, writer.node("Add", at, size))
        pieces.append(writer.part(samples, first, last))
    return writer.node("Concat", *pieces, axis=0)


def _middle(writer: Writer, samples: str, start: str, there: str, size: int) -> str:
    """The one excerpt of `size` samples in the middle of the `there` samples from `start` on."""
    taken = writer.node("Min", there, size)
    first = writer.node("Add", start, writer.node("Div", writer.node("Sub", there, taken), 2))
    return writer.part(samples, first, writer.node("Add", first, taken))


def of_each_frame(
    writer: Writer, padded: str, frames: str, hop_length: int, window: NDArray[np.float64], gives: int, compute: Spectra
) -> str:
    """What is computed of the spectrum of each frame, float32, shape (frames, gives).

    padded: waveform in which frame t begins at sample t * hop_length. frames: their count. window: of the length of a
    frame.
    """
    n_fft = len(window)
    blocks = writer.node("Div", writer.node("Add", frames, FRAMES_AT_ONCE - 1), FRAMES_AT_ONCE)
    starts = writer.node("Mul", writer.numbers(blocks), FRAMES_AT_ONCE * hop_length)
    after = np.array([0, FRAMES_AT_ONCE * hop_length + n_fft], dtype=np.int64)
    longer = writer.node("Pad", padded, after)  # so that the last block is as long as the others
    reach = (FRAMES_AT_ONCE - 1) * hop_length + n_fft

    def block(inner: Writer, start: str) -> str:
        first = inner.node("Unsqueeze", start, 0)
        some = inner.part(longer, first, inner.node("Add", first, reach))
        each = np.arange(FRAMES_AT_ONCE)[:, np.newaxis] * hop_length
        places = inner.node("Add", each, np.arange(n_fft)[np.newaxis])
        framed = inner.cast(inner.node("Gather", some, places), "DOUBLE")
        return compute(inner, *inner.fourier(inner.node("Mul", framed, window)))

    every = writer.scan(starts, "INT64", (), ("FLOAT", (FRAMES_AT_ONCE, gives)), block)
    flat = writer.node("Reshape", every, np.array([-1, gives]))
    return writer.part(flat, 0, frames)


def squared(writer: Writer, re: str, im: str) -> str:
    """|spectrum|², float64."""
    return writer.node("Add", writer.node("Mul", re, re), writer.node("Mul", im, im))


def in_bands(writer: Writer, power: str, bands: Bands, bins: int) -> str:
    """Power in bands, float32 of shape (frames, bands). power: float64, shape (frames, bins)."""
    widths = np.diff(bands.starts)
    band = np.repeat(np.arange(len(widths)), widths)
    place = bands.first[band] + np.arange(len(band)) - bands.starts[band]
    empty = writer.node("ConstantOfShape", np.array([bins, len(widths)]))  # most of a filter is 0, and not stored
    filters = writer.node("ScatterND", empty, np.stack([place, band], axis=1), bands.weights)
    return writer.cast(writer.node("MatMul", power, writer.cast(filters, "DOUBLE")), "FLOAT")
