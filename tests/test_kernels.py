"""The compiled loops against scipy and numpy, to the bit where they promise it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from tonearm.dsp import kernels
from tonearm.dsp.kernels.median import OUTPUTS, median_program


@given(
    rows=st.integers(1, 90),
    columns=st.integers(1, 90),
    window=st.sampled_from([31, 33, 45]),
    axis=st.sampled_from([0, 1]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_sliding_median_is_the_median_of_each_window_as_scipys_is(
    rows: int, columns: int, window: int, axis: int, seed: int
) -> None:
    # values from a small set too, since ties are where a sorting network could go wrong unseen
    generator = np.random.default_rng(seed)
    S = generator.integers(0, 6, (rows, columns)).astype(np.float32) * generator.choice([1.0, 0.37]).astype(np.float32)
    found = kernels.sliding_median(S, window, axis)
    pad = [(window // 2,) * 2 if side == axis else (0, 0) for side in (0, 1)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(S, pad, mode="symmetric"), window, axis=axis)
    assert np.array_equal(found, np.median(windows, axis=-1))
    if S.shape[axis] >= window:  # in shorter ones scipy 1.17 repeats the edges wrongly now and then
        size = (window, 1) if axis == 0 else (1, window)
        assert np.array_equal(found, median_filter(S, size=size, mode="reflect"))


def test_median_network_is_far_smaller_than_a_full_sort() -> None:
    # Batcher's full network of 31 has 152 comparators for each output
    assert len(median_program(31).steps) / OUTPUTS < 152 / 6


@pytest.mark.parametrize("window", [29, 30, 32])
def test_sliding_median_refuses_windows_its_network_cannot_share(window: int) -> None:
    with pytest.raises(ValueError, match="odd and at least 31"):
        kernels.sliding_median(np.zeros((4, 4), dtype=np.float32), window, axis=0)


def test_band_extremes_are_the_ends_of_the_sorted_band() -> None:
    S = np.random.default_rng(1).random((5, 40)).astype(np.float32)
    first, last, kept = np.array([0, 10]), np.array([10, 40]), np.array([1, 4])
    valley, peak = kernels.band_extremes(S, first, last, kept)
    ordered = np.sort(S[:, 10:40], axis=1).astype(np.float64)
    assert valley[1] == pytest.approx(ordered[:, :4].mean(axis=1))
    assert peak[1] == pytest.approx(ordered[:, -4:].mean(axis=1))
    assert valley[0] == pytest.approx(S[:, :10].min(axis=1))


def test_flatness_of_a_flat_spectrum_is_one_and_of_one_bin_nearly_zero() -> None:
    P = np.ones((2, 1025), dtype=np.float32)
    P[1] = 0.0
    P[1, 100] = 1.0
    flat, peaked = kernels.flatness(P, np.float32(1e-10))
    assert flat == pytest.approx(1.0)
    assert peaked < 1e-5


def test_a_second_start_compiles_nothing() -> None:
    start = (
        "import numpy as np; from tonearm.dsp import kernels; from tonearm.dsp.kernels import median; "
        "kernels.sliding_median(np.ones((40, 40), np.float32), 31, 0); "
        "kernels.flatness(np.ones((2, 9), np.float32), np.float32(1e-10)); "
        "print(sum(f.stats.cache_misses.total() for f in (median.medians_of_blocks, kernels.flatness)))"
    )
    said = [
        subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True).stdout for _ in "12"
    ]
    assert said[1].strip() == "0"
