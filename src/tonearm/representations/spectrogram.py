"""Clip to spectrogram pictures, by default 173 x 172 pixels.

Conventions
-----------
A kind takes the clip's shared `Spectrum` and returns brightness in [0, 1], shape (height, width), time to
the right and low frequencies at the bottom; `KINDS` names it. A colour table turns that into pixels. A
pixel shows the one cell of the spectrum at its centre, which is what matplotlib draws for
``librosa.display.specshow`` at this size; the tests compare pixel by pixel.
"""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.spectrum import Spectrum, decibel
from tonearm.errors import ConfigError
from tonearm.settings import SpectrogramSettings

DEFINITION = 1  # raised when the meaning of any pixel changes
SYMLOG_THRESHOLD_HZ = 65.40639132514966  # C2: librosa.display's log axis is linear below it
AMPLITUDE_FLOOR = np.float32(1e-5)  # librosa.amplitude_to_db's amin

Brightness = NDArray[np.float32]


def linear(spectrum: Spectrum, settings: SpectrogramSettings) -> Brightness:
    """Magnitude over linear frequency."""
    S = spectrum.magnitude
    rows = nearest_cells(S.shape[1], settings.height)
    return _stretch(_cells(S, rows, settings.width), float(S.min()), float(S.max()))


def log(spectrum: Spectrum, settings: SpectrogramSettings) -> Brightness:
    """Level in dB below the loudest bin, over linear frequency."""
    return _level(spectrum, nearest_cells(spectrum.magnitude.shape[1], settings.height), settings)


def layl(spectrum: Spectrum, settings: SpectrogramSettings) -> Brightness:
    """Level in dB below the loudest bin, over logarithmic frequency ("log amplitude, y log")."""
    rows = logarithmic_rows(spectrum.magnitude.shape[1], settings.height, spectrum.sr / spectrum.n_fft)
    return _level(spectrum, rows, settings)


def mel(spectrum: Spectrum, settings: SpectrogramSettings) -> Brightness:
    """Level of the mel bands in dB below the loudest, low bands at the bottom."""
    level = decibel(spectrum.mel, settings.top_db).T
    rows = nearest_cells(level.shape[1], settings.height)
    return _stretch(_cells(level, rows, settings.width), float(level.min()), float(level.max()))


def mfcc(spectrum: Spectrum, settings: SpectrogramSettings) -> Brightness:
    """The cepstral coefficients, the first at the bottom, scaled from the smallest to the largest value."""
    coefficients = spectrum.mfcc.T
    rows = nearest_cells(coefficients.shape[1], settings.height)
    return _stretch(_cells(coefficients, rows, settings.width), float(coefficients.min()), float(coefficients.max()))


class Kind(NamedTuple):
    """A kind of picture: its function and a description."""

    draw: Callable[[Spectrum, SpectrogramSettings], Brightness]
    shows: str


KINDS: dict[str, Kind] = {
    "linear": Kind(linear, "magnitude, linear frequency axis"),
    "log": Kind(log, "decibels, linear frequency axis"),
    "layl": Kind(layl, "decibels, logarithmic frequency axis"),
    "mel": Kind(mel, "decibels, mel bands"),
    "mfcc": Kind(mfcc, "mel-frequency cepstral coefficients"),
}


def draw_pictures(samples: NDArray[np.float32], sr: int, settings: SpectrogramSettings) -> dict[str, NDArray[np.uint8]]:
    """The clip's pictures by kind: uint8, shape (height, width, 3), or (height, width) when grey.

    With `settings.seconds` the width depends on the length of the clip. samples: mono waveform, shape
    (samples,), finite, at least `settings.n_fft` long. sr: sampling rate, Hz. All kinds share one STFT. Raises
    ConfigError like `check_spectrogram`, ValueError if the clip is too short.
    """
    check_spectrogram(settings)
    if samples.ndim != 1 or len(samples) < settings.n_fft:
        raise ValueError(f"samples must be one channel of at least {settings.n_fft}, got {samples.shape}")
    spectrum = Spectrum(samples, sr, settings.n_fft, settings.hop_length, n_mels=settings.n_mels)
    return {kind: draw(spectrum, kind, settings) for kind in settings.kinds}


def draw(spectrum: Spectrum, kind: str, settings: SpectrogramSettings) -> NDArray[np.uint8]:
    """One picture of a clip: uint8, shape (height, width, 3), or (height, width) when grey."""
    if settings.seconds is not None:
        pixels = settings.width * len(spectrum.y) / (spectrum.sr * settings.seconds)
        settings = settings.model_copy(update={"width": max(1, round(pixels))})
    return colours(settings)[_table_index(KINDS[kind].draw(spectrum, settings))]


def colours(settings: SpectrogramSettings) -> NDArray[np.uint8]:
    """The pixel of each of 256 steps of brightness: uint8, shape (256, 3), or (256,) when grey."""
    return _grey_table() if settings.grey else _colour_table(settings.colour_map)


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """The picture as PNG, without timestamps: the same pixels give the same bytes."""
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(picture).save(target, format="PNG", compress_level=2)  # 2× faster than 6, 5 % larger
    return target.getvalue()


def check_spectrogram(settings: SpectrogramSettings) -> None:
    """Raise ConfigError for an unknown kind or colour map, with some that are known."""
    import matplotlib

    for kind in settings.kinds:
        check_kind(kind, "spectrogram.kinds")
    if settings.colour_map not in matplotlib.colormaps:
        raise ConfigError(
            f"spectrogram.colour_map = {settings.colour_map!r}: matplotlib has no such colour map; "
            "try magma, viridis, inferno, cividis or gray"
        )


def check_kind(kind: str, setting: str) -> None:
    """Raise ConfigError, which names the setting, if there is no such kind of picture."""
    if kind not in KINDS:
        raise ConfigError(f"{setting}: {kind!r} is not a kind of picture; known: {', '.join(KINDS)}")


def nearest_cells(cells: int, pixels: int) -> NDArray[np.intp]:
    """The cell under each pixel's centre."""
    return np.floor((np.arange(pixels) + 0.5) / pixels * cells).astype(np.intp)


@lru_cache(maxsize=8)
def logarithmic_rows(bins: int, pixels: int, bin_hz: float) -> NDArray[np.intp]:
    """The bin under each pixel's centre on matplotlib's symlog axis of base 2 with librosa's threshold.

    A bin extends half a bin to both sides of its centre, so the axis starts below zero.
    """
    low, high = -0.5 * bin_hz, (bins - 0.5) * bin_hz
    height = _symlog(low) + (_symlog(high) - _symlog(low)) * (np.arange(pixels) + 0.5) / pixels
    above = height > SYMLOG_THRESHOLD_HZ
    exponent = np.where(above, height, 0.0) / SYMLOG_THRESHOLD_HZ - 1.0
    hertz = np.where(above, SYMLOG_THRESHOLD_HZ * 2.0**exponent, height)
    return np.floor(hertz / bin_hz + 0.5).astype(np.intp)


def _symlog(hertz: float) -> float:
    if hertz <= SYMLOG_THRESHOLD_HZ:
        return hertz
    return SYMLOG_THRESHOLD_HZ * (1.0 + float(np.log2(hertz / SYMLOG_THRESHOLD_HZ)))


def _cells(values: NDArray[np.float32], rows: NDArray[np.intp], width: int) -> NDArray[np.float32]:
    """The cells of a frame-major array under the pixels, as (height, width) with row 0 on top."""
    columns = nearest_cells(values.shape[0], width)
    shown: NDArray[np.float32] = values[columns[None, :], rows[::-1, None]]
    return shown


def _level(spectrum: Spectrum, rows: NDArray[np.intp], settings: SpectrogramSettings) -> Brightness:
    """Level in dB below the loudest bin, computed only for the cells shown."""
    S = spectrum.magnitude
    loudest = max(float(S.max()), float(AMPLITUDE_FLOOR))
    quietest = max(float(S.min()), float(AMPLITUDE_FLOOR))
    level = 20.0 * np.log10(np.maximum(_cells(S, rows, settings.width), AMPLITUDE_FLOOR) / np.float32(loudest))
    lowest = max(20.0 * float(np.log10(quietest / loudest)), -settings.top_db)
    return _stretch(np.maximum(level, lowest), lowest, 0.0)


def _stretch(values: NDArray[np.float32], low: float, high: float) -> Brightness:
    """Scale values from [low, high] to [0, 1]; all 0 if the two are equal."""
    if high <= low:
        return np.zeros_like(values)
    share: Brightness = (values - np.float32(low)) / np.float32(high - low)
    return share.clip(0.0, 1.0)


def _table_index(brightness: Brightness) -> NDArray[np.intp]:
    return np.minimum((brightness * 256).astype(np.intp), 255)


@lru_cache(maxsize=8)
def _colour_table(name: str) -> NDArray[np.uint8]:
    import matplotlib

    # rounded, like the colours of a mesh in matplotlib's renderer; the colour map's bytes=True truncates
    table: NDArray[np.uint8] = np.rint(matplotlib.colormaps[name](np.arange(256))[:, :3] * 255).astype(np.uint8)
    return table


@lru_cache(maxsize=1)
def _grey_table() -> NDArray[np.uint8]:
    return np.arange(256, dtype=np.uint8)
