"""Power in mel bands in float32, as pretrained networks read it: half the work of `Spectrum`, 1e-6 less exact.

Conventions
-----------
Frames are as in `frames`: frame t is centred on sample t * hop_length of the waveform, which the caller has padded by
n_fft // 2 at both ends. Bands are frame-major, shape (frames, bands), float32.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from tonearm.dsp import kernels
from tonearm.dsp.definitions import mel_filters
from tonearm.settings import MelScale

FRAMES_AT_ONCE = 64  # frames transformed in one call: input and output stay in the second-level cache


class Bands(NamedTuple):
    """Filters of neighbouring bins: first bin of each, where its weights start in `weights`, and these."""

    first: NDArray[np.int64]
    starts: NDArray[np.int64]
    weights: NDArray[np.float32]


def mel_bands(sr: int, n_fft: int, n_mels: int, low_hz: float, high_hz: float, scale: MelScale) -> Bands:
    """Filters of the mel scale: librosa's two, of unit area, or Kaldi's, of unit height and triangular in mel."""
    filters: NDArray[np.floating]
    if scale == "kaldi":
        filters = _kaldi_filters(sr, n_fft, n_mels, low_hz, high_hz)
    else:
        filters = mel_filters(sr, n_fft, n_mels, low_hz, high_hz, htk=scale == "htk")
    # a band that is narrower than a bin may have none
    bins = [np.flatnonzero(line) if line.any() else np.zeros(1, dtype=np.int64) for line in filters]
    first = np.array([reach[0] for reach in bins], dtype=np.int64)
    weights = [line[reach[0] : reach[-1] + 1] for line, reach in zip(filters, bins, strict=True)]
    starts = np.cumsum([0, *map(len, weights)], dtype=np.int64)
    return Bands(first, starts, np.concatenate(weights).astype(np.float32))


def _kaldi_filters(sr: int, n_fft: int, n_mels: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Kaldi's mel filters, shape (n_mels, 1 + n_fft // 2); its last bin, at sr / 2, belongs to none.

    Source: kaldi/src/feat/mel-computations.cc, MelBanks::MelBanks, without warping of the vocal tract.
    """
    centres = np.linspace(_kaldi_mel(low_hz), _kaldi_mel(high_hz), n_mels + 2)
    mel = _kaldi_mel(np.arange(n_fft // 2) * sr / n_fft)
    rising = (mel - centres[:-2, None]) / (centres[1:-1] - centres[:-2])[:, None]
    falling = (centres[2:, None] - mel) / (centres[2:] - centres[1:-1])[:, None]
    filters: NDArray[np.float64] = np.pad(np.maximum(0.0, np.minimum(rising, falling)), ((0, 0), (0, 1)))
    return filters


def _kaldi_mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return 1127.0 * np.log1p(np.asarray(hertz, dtype=np.float64) / 700.0)


def band_powers(
    padded: NDArray[np.float32], n_fft: int, hop_length: int, window: NDArray[np.float32], bands: Bands
) -> NDArray[np.float32]:
    """Power of all whole frames of a padded waveform in the bands, shape (1 + (samples - n_fft) // hop_length, bands).

    window: at most n_fft samples, applied in the middle of each frame, the rest of which counts as silence.
    """
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    inner = slice((n_fft - len(window)) // 2, (n_fft - len(window)) // 2 + len(window))
    windowed = np.zeros((FRAMES_AT_ONCE, n_fft), dtype=np.float32)
    powers = np.empty((len(frames), len(bands.first)), dtype=np.float32)
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        some = frames[first : first + FRAMES_AT_ONCE]
        block = windowed[: len(some)]
        np.multiply(some[:, inner], window, out=block[:, inner])
        spectra = scipy.fft.rfft(block, axis=1)
        kernels.band_powers(spectra.view(np.float32), *bands, powers[first : first + FRAMES_AT_ONCE])
    return powers
