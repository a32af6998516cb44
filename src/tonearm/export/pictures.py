"""From samples to the pixels of a run's pictures, and from these to the windows that its network reads, in ONNX.

Conventions
-----------
As `representations.spectrogram` and `training.pictures`, in float32 where they are, so that a pixel gets the same one
of 256 steps of brightness. A value that lies on the border of two steps to the last digit may get the other one; that
changes one pixel by one step.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from tonearm.dsp.bands import mel_bands
from tonearm.dsp.frames import hann
from tonearm.dsp.spectrum import AMIN
from tonearm.export.graph import Value, Writer
from tonearm.export.sound import excerpts, in_bands, of_each_frame, squared
from tonearm.representations.pictures import Pictures
from tonearm.representations.spectrogram import AMPLITUDE_FLOOR, logarithmic_rows, nearest_cells
from tonearm.settings import AudioSettings, SpectrogramSettings

MFCC_TOP_DB, N_MFCC = 80.0, 20  # of `dsp.spectrum.Spectrum`, whatever the settings of pictures
STEPS = 256


class _Clip(NamedTuple):
    """A clip in the graph: its samples that are read, the count of its frames, the width of its picture."""

    writer: Writer
    samples: str
    frames: str
    width: Value
    audio: AudioSettings
    settings: SpectrogramSettings


def brightness_steps(writer: Writer, samples: str, pictures: Pictures) -> str:
    """The step of brightness of each pixel, 0 to 255, int64 of shape (height, width). samples: of the whole clip."""
    audio, settings = pictures.audio, pictures.settings
    read = excerpts(writer, samples, audio)
    frames = writer.node("Add", writer.node("Div", writer.size(read, 0), settings.hop_length), 1)
    width: Value = settings.width
    if settings.seconds is not None:
        seen = writer.node("Mul", writer.cast(writer.size(read, 0), "DOUBLE"), float(settings.width))
        pixels = writer.node("Round", writer.node("Div", seen, float(audio.sr * settings.seconds)))
        width = writer.cast(writer.node("Max", pixels, 1.0), "INT64")
    share = KINDS[pictures.name](_Clip(writer, read, frames, width, audio, settings))
    step = writer.cast(writer.node("Mul", share, np.float32(STEPS)), "INT64")
    return writer.node("Min", step, STEPS - 1)


def _linear(clip: _Clip) -> str:
    S = _magnitude(clip)
    rows = nearest_cells(1 + clip.settings.n_fft // 2, clip.settings.height)
    return _stretch(clip.writer, _cells(clip, S, rows), *_extremes(clip.writer, S))


def _log(clip: _Clip) -> str:
    return _level(clip, nearest_cells(1 + clip.settings.n_fft // 2, clip.settings.height))


def _layl(clip: _Clip) -> str:
    settings = clip.settings
    bins, bin_hz = 1 + settings.n_fft // 2, clip.audio.sr / settings.n_fft
    return _level(clip, logarithmic_rows(bins, settings.height, bin_hz))


def _mel(clip: _Clip) -> str:
    level = _decibel(clip.writer, _mel_power(clip), clip.settings.top_db)
    rows = nearest_cells(clip.settings.n_mels, clip.settings.height)
    return _stretch(clip.writer, _cells(clip, level, rows), *_extremes(clip.writer, level))


def _mfcc(clip: _Clip) -> str:
    writer, bands = clip.writer, clip.settings.n_mels
    level = writer.cast(_decibel(writer, _mel_power(clip), MFCC_TOP_DB), "DOUBLE")
    kept = min(N_MFCC, bands)
    cosines = scipy.fft.dct(np.eye(bands), axis=1, type=2, norm="ortho")[:, :kept]
    coefficients = writer.cast(writer.node("MatMul", level, cosines), "FLOAT")
    rows = nearest_cells(kept, clip.settings.height)
    return _stretch(writer, _cells(clip, coefficients, rows), *_extremes(writer, coefficients))


KINDS: dict[str, Callable[[_Clip], str]] = {"linear": _linear, "log": _log, "layl": _layl, "mel": _mel, "mfcc": _mfcc}


def _spectra(clip: _Clip, gives: int, compute: Callable[[Writer, str], str]) -> str:
    """What is computed of each frame's magnitude, which is float32 as that of complex64."""

    def of_parts(writer: Writer, re: str, im: str) -> str:
        re, im = (writer.cast(writer.cast(part, "FLOAT"), "DOUBLE") for part in (re, im))
        return compute(writer, writer.cast(writer.node("Sqrt", squared(writer, re, im)), "FLOAT"))

    n_fft = clip.settings.n_fft
    padded = clip.writer.node("Pad", clip.samples, np.array([n_fft // 2, n_fft - n_fft // 2]))
    return of_each_frame(clip.writer, padded, clip.frames, clip.settings.hop_length, hann(n_fft), gives, of_parts)


def _magnitude(clip: _Clip) -> str:
    """Shape (frames, bins), float32."""
    return _spectra(clip, 1 + clip.settings.n_fft // 2, lambda _, magnitude: magnitude)


def _mel_power(clip: _Clip) -> str:
    """Shape (frames, bands), float32."""
    sr, n_fft, n_mels = clip.audio.sr, clip.settings.n_fft, clip.settings.n_mels
    filters = mel_bands(sr, n_fft, n_mels, 0.0, sr / 2, "slaney")

    def bands(writer: Writer, magnitude: str) -> str:
        power = writer.cast(writer.node("Mul", magnitude, magnitude), "DOUBLE")
        return in_bands(writer, power, filters, 1 + n_fft // 2)

    return _spectra(clip, n_mels, bands)


def _log10(writer: Writer, values: str) -> str:
    """Of float32, exact to its last digit."""
    logarithms = writer.node("Log", writer.cast(values, "DOUBLE"))
    return writer.cast(writer.node("Div", logarithms, float(np.log(10.0))), "FLOAT")


def _decibel(writer: Writer, power: str, top_db: float) -> str:
    """As `dsp.spectrum.decibel`."""
    level = writer.node("Mul", _log10(writer, writer.node("Max", power, AMIN)), np.float32(10.0))
    highest = writer.reduce("Max", level, (0, 1), keep=False)
    return writer.node("Max", level, writer.node("Sub", highest, np.float32(top_db)))


def _level(clip: _Clip, rows: NDArray[np.intp]) -> str:
    """As `spectrogram._level`: decibels below the loudest bin, stretched."""
    writer, S = clip.writer, _magnitude(clip)
    quietest, loudest = (writer.node("Max", each, AMPLITUDE_FLOOR) for each in _extremes(writer, S))
    shown = writer.node("Max", _cells(clip, S, rows), AMPLITUDE_FLOOR)
    level = writer.node("Mul", _log10(writer, writer.node("Div", shown, loudest)), np.float32(20.0))
    quietest, loudest = (writer.cast(each, "DOUBLE") for each in (quietest, loudest))
    ratio = writer.node("Log", writer.node("Div", quietest, loudest))
    lowest = writer.node("Mul", writer.node("Div", ratio, float(np.log(10.0))), 20.0)
    lowest = writer.cast(writer.node("Max", lowest, -clip.settings.top_db), "FLOAT")
    return _stretch(writer, writer.node("Max", level, lowest), lowest, np.float32(0.0))


def _extremes(writer: Writer, values: str) -> tuple[str, str]:
    """Smallest and largest of a table, float32."""
    return writer.reduce("Min", values, (0, 1), keep=False), writer.reduce("Max", values, (0, 1), keep=False)


def _cells(clip: _Clip, values: str, rows: NDArray[np.intp]) -> str:
    """The cells of a table (frames, cells) under the pixels, as (height, width) with row 0 on top."""
    writer, width = clip.writer, clip.width
    centres = writer.node("Add", writer.cast(writer.numbers(width), "DOUBLE"), 0.5)
    shares = writer.node("Div", centres, writer.cast(width, "DOUBLE"))
    places = writer.node("Floor", writer.node("Mul", shares, writer.cast(clip.frames, "DOUBLE")))
    seen = writer.node("Gather", values, writer.cast(places, "INT64"), axis=0)
    return writer.node("Transpose", writer.node("Gather", seen, rows[::-1].astype(np.int64), axis=1), perm=[1, 0])


def _stretch(writer: Writer, values: str, low: Value, high: Value) -> str:
    """Values from low to high, float32, as 0 to 1; all 0 if the two are equal."""
    span = writer.node("Sub", high, low)
    share = writer.node("Div", writer.node("Sub", values, low), span)
    share = writer.node("Clip", share, np.float32(0.0), np.float32(1.0))
    return writer.node("Where", writer.node("Greater", span, np.float32(0.0)), share, np.float32(0.0))


def windows(writer: Writer, picture: str, table: NDArray[np.float32] | None, window: int) -> str:
    """What the network reads of a picture: (windows, channels, height, window), as `training.pictures.Windows`.

    picture: steps of brightness, (height, width), with the numbers of each step as a table of shape (256, channels); or
    ready numbers, (height, width, channels), and None.
    """
    width = writer.size(picture, 1)
    spare = writer.node("Max", writer.node("Sub", width, window), 0)
    half = max(window // 2, 1)
    count = writer.node("Add", writer.node("Div", writer.node("Add", spare, half - 1), half), 1)
    gaps = writer.cast(writer.node("Max", writer.node("Sub", count, 1), 1), "DOUBLE")
    step = writer.node("Div", writer.cast(spare, "DOUBLE"), gaps)
    offsets = writer.node("Round", writer.node("Mul", writer.cast(writer.numbers(count), "DOUBLE"), step))
    first = writer.node("Unsqueeze", writer.cast(offsets, "INT64"), 1)
    columns = writer.node("Add", first, np.arange(window)[np.newaxis])
    seen = writer.node("Gather", picture, writer.node("Mod", columns, width), axis=1)  # (height, windows, window, …)
    numbers = seen if table is None else writer.node("Gather", table, seen, axis=0)
    return writer.node("Transpose", numbers, perm=[1, 3, 0, 2])
