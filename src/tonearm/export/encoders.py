"""From samples to a row of a pretrained network, in ONNX: its windows, its front end, the network, and pooling.

Conventions
-----------
As `representations.encoders`: `front_ends` for windows and bands, one window at a time through the network, and
statistics over windows in float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.signal

from tonearm.dsp.bands import mel_bands
from tonearm.export.graph import Writer
from tonearm.export.sound import excerpts, in_bands, of_each_frame, squared
from tonearm.representations.encoders.card import Encoder
from tonearm.representations.encoders.front_ends import LARGEST_HALF, LogMel
from tonearm.representations.encoders.representation import Embeddings

Rounded = tuple[str, int] | None


def row(writer: Writer, samples: str, embeddings: Embeddings, encoder: Encoder, network: Any) -> tuple[str, Rounded]:
    """A clip's row, float64 of shape (1, columns), and where bands are rounded, these and their number.

    samples: of the whole clip. network: an ONNX model.
    """
    read = excerpts(writer, samples, embeddings.audio)
    length = round(encoder.window * encoder.sr)
    pieces, shape, bands = _windows(writer, _at_least(writer, read, length), encoder)
    dimensions = encoder.layers[embeddings.layer].dimensions

    def of_window(inner: Writer, window: str) -> str:
        if encoder.axes == "bands frames" and len(shape) == 2:
            window = inner.node("Transpose", window, perm=[1, 0])
        for _ in range(1 + encoder.channel):
            window = inner.node("Unsqueeze", window, 0)
        found = inner.network(network, {encoder.source: window}, encoder.output(embeddings.layer))
        return inner.node("Squeeze", found, 0)

    rows = writer.scan(pieces, "FLOAT", shape, ("FLOAT", (dimensions,)), of_window)
    wide = writer.cast(rows, "DOUBLE")
    pooled = [STATISTICS[name](writer, wide) for name in embeddings.pool.split("+")]
    return writer.node("Concat", *pooled, axis=1), bands


def _deviation(writer: Writer, rows: str) -> str:
    spread = writer.node("Sub", rows, writer.reduce("Mean", rows, (0,)))
    return writer.node("Sqrt", writer.reduce("Mean", writer.node("Mul", spread, spread), (0,)))


STATISTICS: dict[str, Callable[[Writer, str], str]] = {
    "mean": lambda writer, rows: writer.reduce("Mean", rows, (0,)),
    "std": _deviation,
    "max": lambda writer, rows: writer.reduce("Max", rows, (0,)),
}


def _at_least(writer: Writer, samples: str, length: int) -> str:
    """The samples, repeated up to a length where they are fewer."""
    count = writer.size(samples, 0)
    times = writer.node("Div", writer.node("Add", count, length - 1), count)
    repeated = writer.node("Tile", samples, writer.node("Max", times, 1))
    return writer.part(repeated, 0, writer.node("Max", count, length))


def _windows(writer: Writer, samples: str, encoder: Encoder) -> tuple[str, tuple[int, ...], Rounded]:
    """Windows of samples or bands, the shape of one, and the bands where they are rounded."""
    front, sr = encoder.front, encoder.sr
    if front is None:
        length = round(encoder.window * sr)
        return _cut(writer, samples, length, round(encoder.hop * sr)), (length,), None
    frames, hop = (round(seconds * sr / front.hop_length) for seconds in (encoder.window, encoder.hop))
    bands = _log_mel(writer, samples, sr, front)
    pieces = _cut(writer, bands, frames, hop)
    return pieces, (frames, front.n_mels), (bands, front.n_mels) if front.half else None


def _cut(writer: Writer, series: str, length: int, hop: int) -> str:
    """As `front_ends.cut`."""
    count = writer.size(series, 0)
    whole = writer.node("Div", writer.node("Sub", count, length), hop)
    starts = writer.node("Mul", writer.numbers(writer.node("Add", whole, 1)), hop)
    left = writer.node("Sub", writer.node("Sub", count, length), writer.node("Mul", whole, hop))
    more = writer.cast(writer.node("GreaterOrEqual", writer.node("Mul", left, 2), length), "INT64")
    last = writer.part(writer.node("Sub", count, length), 0, more)
    every = writer.node("Unsqueeze", writer.node("Concat", starts, last, axis=0), 1)
    return writer.node("Gather", series, writer.node("Add", every, np.arange(length)[np.newaxis]), axis=0)


def _log_mel(writer: Writer, samples: str, sr: int, front: LogMel) -> str:
    """As `front_ends.log_mel`: float32 of shape (frames, bands)."""
    if front.preemphasis:
        count = writer.size(samples, 0)
        before = writer.part(samples, 0, writer.node("Sub", count, 1))
        lowered = writer.node("Mul", before, np.float32(-np.float32(front.preemphasis)))
        samples = writer.node("Add", lowered, writer.part(samples, 1, count))
    half = front.n_fft // 2
    mode = "reflect" if front.padding == "reflect" else "constant"
    padded = writer.node("Pad", samples, np.array([half, half]), mode=mode)
    whole = writer.node("Sub", writer.size(padded, 0), front.n_fft)
    frames = writer.node("Add", writer.node("Div", whole, front.hop_length), 1)
    filters = mel_bands(sr, front.n_fft, front.n_mels, front.low_hz, front.high_hz, front.scale)
    hann = scipy.signal.get_window("hann", front.window_length, fftbins=front.periodic).astype(np.float32)
    window = np.zeros(front.n_fft)
    before_window = (front.n_fft - len(hann)) // 2
    window[before_window : before_window + len(hann)] = hann

    def bands(inner: Writer, re: str, im: str) -> str:
        return in_bands(inner, squared(inner, re, im), filters, 1 + half)

    levels = of_each_frame(writer, padded, frames, front.hop_length, window, front.n_mels, bands)
    if front.half:
        levels = writer.node("Min", levels, LARGEST_HALF)
        levels = writer.cast(writer.cast(levels, "FLOAT16"), "FLOAT")
    levels = writer.node("Add", writer.node("Mul", levels, np.float32(front.gain)), np.float32(front.floor))
    levels = writer.node("Mul", writer.node("Log", levels), np.float32(front.multiply))
    return writer.node("Add", levels, np.float32(front.add))
