"""Compiled inner loops (numba) of the signal processing; numpy arrays in, numpy arrays out.

Conventions
-----------
Spectra are frame-major: shape (frames, bins), C-contiguous, float32, so that one frame is one line of
memory. Kernels release the interpreter lock, run on the calling thread alone and are cached on disk
after their first compilation, so that only the first start of an installation compiles.
"""

from tonearm.dsp.kernels.bands import band_powers
from tonearm.dsp.kernels.compiling import kernel_states
from tonearm.dsp.kernels.frames import (
    band_extremes,
    filter_spectra,
    flatness,
    overlap_add,
    part_spectra,
    phasors,
    spectral_moments,
    spectral_peaks,
)
from tonearm.dsp.kernels.median import sliding_median
from tonearm.dsp.kernels.waveform import count_crossings, mean_square

__all__ = [
    "band_extremes",
    "band_powers",
    "count_crossings",
    "filter_spectra",
    "flatness",
    "kernel_states",
    "mean_square",
    "overlap_add",
    "part_spectra",
    "phasors",
    "sliding_median",
    "spectral_moments",
    "spectral_peaks",
]
