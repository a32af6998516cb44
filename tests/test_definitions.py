"""Windows, filters and scales have the bits of librosa's and scipy's, whatever they are asked for."""

import itertools
import warnings
from typing import Any

import librosa
import numpy as np
import pytest
import scipy.signal
from numpy.testing import assert_array_equal

from tonearm.dsp import definitions
from tonearm.dsp.constantq import HANN_BINS, LOWEST_HZ


@pytest.mark.parametrize("size", [1, 2, 3, 43, 344, 1023, 2048])
def test_windows(size: int) -> None:
    for periodic in (True, False):
        assert_array_equal(
            definitions.hann(size, periodic), scipy.signal.get_window("hann", size, fftbins=periodic), strict=True
        )


@pytest.mark.parametrize(("sr", "n_fft"), [(8_000, 512), (22_050, 512), (22_050, 2048), (44_100, 2048)])
def test_filters(sr: int, n_fft: int) -> None:
    for low, high, htk in ((0.0, sr / 2, False), (60.0, sr / 2 - 100, True), (1_500.0, sr / 2 - 100, False)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of bands narrower than a bin
            wanted = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=96, fmin=low, fmax=high, htk=htk)
        assert_array_equal(definitions.mel_filters(sr, n_fft, 96, low, high, htk), wanted, strict=True)
    for tuning in (0.0, -0.5, 0.13):
        wanted = librosa.filters.chroma(sr=sr, n_fft=n_fft, tuning=tuning)
        assert_array_equal(definitions.chroma_filters(sr, n_fft, tuning), wanted, strict=True)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_scales_of_series(kind: Any) -> None:
    generator = np.random.default_rng(0)
    table = generator.random((12, 50)).astype(kind)
    table[:, 0] = 0
    for norm in (1, 2, np.inf):
        wanted = librosa.util.normalize(table, norm=norm, axis=0)
        assert_array_equal(definitions.normalised(table, norm), wanted, strict=True)
    assert_array_equal(definitions.decibels(table.astype(float) ** 8), librosa.power_to_db(table.astype(float) ** 8))
    for frames in (1, 8, 9, 10, 100):
        series = (generator.normal(size=(20, frames)) * 50).astype(kind)
        for order in (1, 2):
            mode = "interp" if frames >= 9 else "nearest"
            wanted = librosa.feature.delta(series, order=order, mode=mode)
            assert_array_equal(definitions.delta(series, order), wanted, strict=True)


def test_tuning_and_sums_of_windows() -> None:
    for seed, bins in itertools.product(range(10), (12, 36)):
        hertz = (np.random.default_rng(seed).random(500) * 4_000 + 100).astype(np.float32)
        assert definitions.pitch_tuning(hertz, bins) == librosa.pitch_tuning(hertz, bins_per_octave=bins)
    for n_fft, hop, frames in ((2048, 512, 430), (512, 128, 1)):
        wanted = librosa.filters.window_sumsquare(window="hann", n_frames=frames, n_fft=n_fft, hop_length=hop)
        assert_array_equal(definitions.squared_windows(definitions.hann(n_fft), hop, frames), wanted, strict=True)
    assert librosa.note_to_hz("C1") == LOWEST_HZ
    assert librosa.filters.WINDOW_BANDWIDTHS["hann"] == HANN_BINS
