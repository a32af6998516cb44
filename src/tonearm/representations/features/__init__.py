"""Clip to named numbers: families of series over frames, and statistics over each series.

Conventions
-----------
The columns depend on `FeatureSettings` alone and are known before any clip is read. A clip is mono float32; all
families of a clip share one `Spectrum`. The numbers equal librosa's (relative difference at most 1e-4; the
tempo exactly); the tests compare with each librosa function.

numba is imported with the first clip, not with this module.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import ConfigError
from tonearm.settings import FeatureSettings

if TYPE_CHECKING:
    from tonearm.dsp.spectrum import Spectrum
    from tonearm.representations.features.presets import Column

DEFINITION = 1  # raised when the meaning of any column changes; tables and runs with different numbers do not mix
CONTRAST_TOP_HZ = 6_400.0  # lower edge of spectral contrast's highest band
CONSTANT_Q_TOP_HZ = 4_400.0  # upper edge of the constant-Q transform's highest filter


def feature_columns(settings: FeatureSettings) -> tuple[str, ...]:
    """Names of the columns, in the order of the table.

    Raises ConfigError for an unknown family, or if n_mfcc is not that of a published preset.

    >>> feature_columns(FeatureSettings(families=("rms", "tempo"), statistics=("mean", "max")))
    ('rms_mean', 'rms_max', 'tempo')
    >>> len(feature_columns(FeatureSettings(preset="gtzan57")))
    57
    """
    from tonearm.representations.features.presets import plan

    return tuple(column.name for column in plan(settings))


def packages_of(settings: FeatureSettings) -> dict[str, str]:
    """Name and version of the installed package of each chosen family that is not tonearm's."""
    if not settings.families:
        return {}
    from tonearm.representations.features.families import FAMILIES

    found = {name: FAMILIES.package(name) for name in settings.families}
    return {name: package for name, package in found.items() if package}


def compute_features(samples: NDArray[np.float32], sr: int, settings: FeatureSettings) -> NDArray[np.float64]:
    """The clip's features, in the order of `feature_columns`.

    samples: mono waveform, shape (samples,), finite, at least `shortest_clip` long. sr: sampling rate, Hz.
    Raises ValueError if the clip is shorter, ConfigError like `check_features`.
    """
    from tonearm.dsp.spectrum import Spectrum

    if samples.ndim != 1 or len(samples) < shortest_clip(settings):
        raise ValueError(f"samples must be one channel of at least {shortest_clip(settings)}, got {samples.shape}")
    check_features(sr, settings)
    spectrum = Spectrum(
        samples, sr, settings.n_fft, settings.hop_length, n_mels=settings.n_mels, n_mfcc=settings.n_mfcc
    )
    return compute_columns(spectrum, settings, feature_columns(settings))


def compute_columns(spectrum: "Spectrum", settings: FeatureSettings, columns: tuple[str, ...]) -> NDArray[np.float64]:
    """These columns of a clip, in this order. columns: some of `feature_columns(settings)`."""
    from tonearm.representations.features.families import FAMILIES
    from tonearm.representations.features.presets import choose

    chosen = choose(settings, columns)
    series = {name: FAMILIES[name].compute(spectrum) for name in dict.fromkeys(c.family for c in chosen)}
    return _tabulate(chosen, series)


def _tabulate(columns: "tuple[Column, ...]", series: dict[str, NDArray[np.floating]]) -> NDArray[np.float64]:
    """The statistic of each column; `series` is used up.

    One family after the other, each statistic for all its series at once: the moments of a family with one value per
    sample take five times as much memory as the clip, and only one family's exist at a time.
    """
    from tonearm.representations.features.statistics import STATISTICS, Moments

    row = np.empty(len(columns))
    for family in list(series):
        values = series.pop(family)
        moments: dict[bool, Moments] = {}
        done: dict[tuple[bool, str], NDArray[np.float64]] = {}
        for index, column in enumerate(columns):
            if column.family != family:
                continue
            if column.statistic is None:
                row[index] = values[0, 0]
                continue
            pooled = column.series is None
            if pooled not in moments:
                moments[pooled] = Moments(values.reshape(1, -1) if pooled else values)
            key = (pooled, column.statistic)
            if key not in done:
                done[key] = STATISTICS[column.statistic](moments[pooled])
            row[index] = done[key][column.series or 0]
    return row


def shortest_clip(settings: FeatureSettings) -> int:
    """Minimum number of samples of a clip: one analysis window."""
    return settings.n_fft


def check_features(sr: int, settings: FeatureSettings) -> None:
    """Raise ConfigError if a chosen family is not defined at this sampling rate, window or hop."""
    from tonearm.representations.features.presets import plan

    families = {column.family for column in plan(settings)}
    if "spectral_contrast" in families and sr <= 2 * CONTRAST_TOP_HZ:
        raise ConfigError(_too_low("spectral_contrast", sr, 2 * CONTRAST_TOP_HZ))
    if "spectral_contrast" in families and sr / settings.n_fft > 100.0:
        raise ConfigError(
            f"features.n_fft = {settings.n_fft}: spectral_contrast needs bins at most 100 Hz apart, "
            f"so n_fft >= {int(np.ceil(sr / 100.0))} at sr = {sr}; or leave that family out"
        )
    constant_q = sorted(families & {"chroma_cqt", "chroma_cens", "tonnetz"})
    if constant_q and sr < 2 * CONSTANT_Q_TOP_HZ:
        raise ConfigError(_too_low(constant_q[0], sr, 2 * CONSTANT_Q_TOP_HZ))
    if families & {"harmonic", "percussive"} and 2 * settings.hop_length > settings.n_fft:
        raise ConfigError(
            f"features.hop_length = {settings.hop_length}: harmonic and percussive need windows that overlap by "
            f"half, so hop_length <= {settings.n_fft // 2} at n_fft = {settings.n_fft}; or leave those families out"
        )
    if settings.n_mfcc > settings.n_mels:
        raise ConfigError(f"features.n_mfcc = {settings.n_mfcc}: at most n_mels = {settings.n_mels} coefficients exist")


def _too_low(family: str, sr: int, lowest: float) -> str:
    return (
        f"audio.sr = {sr}: {family} reaches up to {lowest / 2:.0f} Hz and needs a rate above {lowest:.0f}; "
        "raise sr or choose features.families without it"
    )
