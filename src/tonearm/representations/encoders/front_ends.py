"""From samples to what a network reads: windows of samples, or of their log-mel bands.

Conventions
-----------
Bands are computed of the whole clip and then cut, so that a window sees the sound beside it. Windows start every `hop`
seconds. What is left after the last whole window is read too if it is half a window or more: by one further window that
ends with the clip. Less is left out, as the networks' makers do. A clip that is shorter than one window is repeated up
to one. Results are float32, shape (windows, ...).
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tonearm.dsp.definitions import hann
from tonearm.settings import MelScale, Settings

if TYPE_CHECKING:
    from tonearm.dsp.bands import Bands

LARGEST_HALF = np.float32(np.finfo(np.float16).max)


class LogMel(Settings):
    """Log-mel bands: multiply * ln(gain * power + floor) + add of each band and frame."""

    n_fft: int = Field(1024, ge=16, le=65_536, description="samples that are transformed together")
    window_length: int = Field(1024, ge=16, le=65_536, description="samples of the Hann window, in the middle of n_fft")
    hop_length: int = Field(320, ge=1, le=65_536, description="samples between the starts of successive frames")
    periodic: bool = Field(True, description="whether the Hann window is periodic or symmetric")
    padding: Literal["zeros", "reflect"] = Field("reflect", description="what stands before the first sample")
    n_mels: int = Field(128, ge=1, le=1024, description="number of bands")
    low_hz: float = Field(0.0, ge=0, le=192_000, description="lowest frequency in Hz")
    high_hz: float = Field(16_000.0, gt=0, le=192_000, description="highest frequency in Hz")
    scale: MelScale = Field("slaney", description="slaney and htk: as librosa's, kaldi: as Kaldi's")
    preemphasis: float = Field(0.0, ge=0, lt=1, description="share of the sample before that is subtracted first")
    half: bool = Field(False, description="round the power to float16")
    gain: float = Field(1.0, gt=0, description="factor of the power")
    floor: float = Field(1e-10, gt=0, description="what is added to it")
    multiply: float = Field(1.0, description="factor of the natural logarithm")
    add: float = Field(0.0, description="what is added to that")


def clip_windows(
    samples: NDArray[np.float32], sr: int, window: float, hop: float, front: LogMel | None
) -> NDArray[np.float32]:
    """What a network reads of a clip: (windows, frames, bands), or (windows, samples) without a front end.

    samples: mono, shape (samples,), at least one. sr: Hz. window, hop: seconds.
    """
    length = round(window * sr)
    samples = samples if len(samples) >= length else np.resize(samples, length)
    if front is None:
        return cut(samples, length, round(hop * sr))
    return cut(log_mel(samples, sr, front), round(window * sr / front.hop_length), round(hop * sr / front.hop_length))


def log_mel(samples: NDArray[np.float32], sr: int, front: LogMel) -> NDArray[np.float32]:
    """Log-mel bands of a waveform, shape (frames, bands)."""
    from tonearm.dsp.bands import band_powers

    padded = _padded(samples, front)
    levels = band_powers(padded, front.n_fft, front.hop_length, _hann(front), _bands(sr, front))
    if front.half:
        levels = np.minimum(levels, LARGEST_HALF).astype(np.float16).astype(np.float32)
    levels *= np.float32(front.gain)
    levels += np.float32(front.floor)
    np.log(levels, out=levels)
    levels *= np.float32(front.multiply)
    levels += np.float32(front.add)
    return levels


def _padded(samples: NDArray[np.float32], front: LogMel) -> NDArray[np.float32]:
    """The waveform with its high frequencies raised, and n_fft // 2 samples before and after it.

    samples: more than n_fft // 2.
    """
    half, share = front.n_fft // 2, np.float32(front.preemphasis)
    length = len(samples) - bool(share)
    padded = np.zeros(length + 2 * half, dtype=np.float32)
    inner = padded[half : half + length]
    if share:
        np.multiply(samples[:-1], -share, out=inner)
        inner += samples[1:]
    else:
        inner[:] = samples
    if front.padding == "reflect":
        padded[:half] = inner[half:0:-1]
        padded[half + length :] = inner[-2 : -half - 2 : -1]
    return padded


def cut(series: NDArray[np.float32], length: int, hop: int) -> NDArray[np.float32]:
    """Windows of a series, shape (windows, length, ...); length, hop: of its first axis."""
    starts = list(range(0, len(series) - length + 1, hop))
    if len(series) - (starts[-1] + length) >= length / 2:
        starts.append(len(series) - length)
    return np.stack([series[start : start + length] for start in starts])


@lru_cache(maxsize=8)
def _hann(front: LogMel) -> NDArray[np.float32]:
    return hann(front.window_length, front.periodic).astype(np.float32)


@lru_cache(maxsize=8)
def _bands(sr: int, front: LogMel) -> "Bands":
    from tonearm.dsp.bands import mel_bands

    return mel_bands(sr, front.n_fft, front.n_mels, front.low_hz, front.high_hz, front.scale)
