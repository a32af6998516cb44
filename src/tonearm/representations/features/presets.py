"""Which columns a preset or a choice of families and statistics gives, their names and their order.

Conventions
-----------
A column is one statistic of one series of one family; series None means all series of the family pooled.
Names are `family_statistic` for a family of one series and `family_statistic_NN`, counted from
01, for more; a scalar family's column has the family's name. `gtzan57` and `fma518` use the names of the published
tables.
"""

import difflib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, get_args

from tonearm.errors import ConfigError
from tonearm.representations.features.families import FAMILIES
from tonearm.settings import FeatureSettings, Statistic


class Column(NamedTuple):
    """One number of the table: which statistic of which series of which family."""

    name: str
    family: str
    series: int | None
    statistic: Statistic | None


GTZAN_NAMES = {
    "chroma_stft": "chroma_stft",
    "rms": "rms",
    "spectral_centroid": "spectral_centroid",
    "spectral_bandwidth": "spectral_bandwidth",
    "spectral_rolloff": "rolloff",
    "zero_crossing_rate": "zero_crossing_rate",
    "harmonic": "harmony",
    "percussive": "perceptr",
}
FMA_NAMES = {
    "chroma_cens": "chroma_cens",
    "chroma_cqt": "chroma_cqt",
    "chroma_stft": "chroma_stft",
    "mfcc": "mfcc",
    "rms": "rmse",
    "spectral_bandwidth": "spectral_bandwidth",
    "spectral_centroid": "spectral_centroid",
    "spectral_contrast": "spectral_contrast",
    "spectral_rolloff": "spectral_rolloff",
    "tonnetz": "tonnetz",
    "zero_crossing_rate": "zcr",
}
FMA_STATISTICS: tuple[Statistic, ...] = ("kurtosis", "max", "mean", "median", "min", "skew", "std")
BASIC_STATISTICS: tuple[Statistic, ...] = ("mean", "max", "min")
PUBLISHED_N_MFCC = 20


@lru_cache(maxsize=16)  # called for every clip
def plan(settings: FeatureSettings) -> tuple[Column, ...]:
    """The columns that these settings ask for, in the order of the table.

    Raises ConfigError for an unknown family, or if n_mfcc is not that of a published preset.
    """
    check_families(settings.families)
    if not settings.families and not settings.statistics and settings.preset in ("gtzan57", "fma518"):
        if settings.n_mfcc != PUBLISHED_N_MFCC:
            raise ConfigError(
                f"features.n_mfcc = {settings.n_mfcc}: preset {settings.preset} has {PUBLISHED_N_MFCC} coefficients; "
                "choose families and statistics yourself for another number"
            )
        return _gtzan57() if settings.preset == "gtzan57" else _fma518()
    families = settings.families or _preset_families(settings.preset)
    statistics = settings.statistics or _preset_statistics(settings.preset)
    return tuple(column for family in families for column in _columns(family, statistics, settings.n_mfcc))


@lru_cache(maxsize=16)
def choose(settings: FeatureSettings, columns: tuple[str, ...]) -> tuple[Column, ...]:
    """These columns of `plan(settings)`, in this order; a saved run keeps its own even if the preset has grown."""
    planned = {column.name: column for column in plan(settings)}
    return tuple(planned[name] for name in columns)


def check_families(families: Iterable[str]) -> None:
    """Raise ConfigError for the first unknown family, suggesting the nearest name."""
    for family in families:
        FAMILIES.check_clash(family)
        if family not in FAMILIES:
            near = difflib.get_close_matches(family, FAMILIES.names(), n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            known = ", ".join(sorted(FAMILIES.names()))
            raise ConfigError(f"features.families: {family!r} is not a feature family; {hint}known: {known}")


def series_count(family: str, n_mfcc: int) -> int:
    """Number of series of a family."""
    series = FAMILIES[family].series
    return series if isinstance(series, int) else n_mfcc


def _preset_families(preset: str) -> tuple[str, ...]:
    published = {"gtzan57": (*GTZAN_NAMES, "tempo", "mfcc"), "fma518": tuple(FMA_NAMES)}
    if preset in published:
        return published[preset]
    return tuple(name for name, family in FAMILIES.items() if preset == "full" or not family.costly)


def _preset_statistics(preset: str) -> tuple[Statistic, ...]:
    return {"gtzan57": ("mean", "var"), "fma518": FMA_STATISTICS, "basic": BASIC_STATISTICS}.get(
        preset, get_args(Statistic)
    )


def _columns(family: str, statistics: tuple[Statistic, ...], n_mfcc: int) -> list[Column]:
    if FAMILIES[family].scalar:
        return [Column(family, family, 0, None)]
    count = series_count(family, n_mfcc)
    if count == 1:
        return [Column(f"{family}_{statistic}", family, 0, statistic) for statistic in statistics]
    return [
        Column(f"{family}_{statistic}_{series + 1:02d}", family, series, statistic)
        for statistic in statistics
        for series in range(count)
    ]


def _gtzan57() -> tuple[Column, ...]:
    """The columns of the public features_30_sec.csv; its chroma is one number for all 12 pitch classes."""
    columns = [
        Column(f"{name}_{statistic}", family, None, statistic)
        for family, name in GTZAN_NAMES.items()
        for statistic in _preset_statistics("gtzan57")
    ]
    columns.append(Column("tempo", "tempo", 0, None))
    columns += [
        Column(f"mfcc{series + 1}_{statistic}", "mfcc", series, statistic)
        for series in range(PUBLISHED_N_MFCC)
        for statistic in _preset_statistics("gtzan57")
    ]
    return tuple(columns)


def _fma518() -> tuple[Column, ...]:
    """The columns of FMA's features.csv, its three header lines joined by underscores, in its order."""
    return tuple(
        Column(f"{name}_{statistic}_{series + 1:02d}", family, series, statistic)
        for family, name in FMA_NAMES.items()
        for statistic in FMA_STATISTICS
        for series in range(series_count(family, PUBLISHED_N_MFCC))
    )
