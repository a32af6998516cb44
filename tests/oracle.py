"""The features a second time: by librosa's own public functions, called one by one as its documentation shows, and
where librosa has no such function, by the formula of the paper, written out in plain numpy.
"""

from collections.abc import Callable

import librosa
import numpy as np
import scipy.stats
from numpy.typing import NDArray

Signal = NDArray[np.float32]

PLAIN: dict[str, Callable[[Signal, int], NDArray[np.floating]]] = {
    "chroma_stft": lambda y, sr: librosa.feature.chroma_stft(y=y, sr=sr),
    "chroma_cqt": lambda y, sr: librosa.feature.chroma_cqt(y=y, sr=sr),
    "chroma_cens": lambda y, sr: librosa.feature.chroma_cens(y=y, sr=sr),
    "tonnetz": lambda y, sr: librosa.feature.tonnetz(y=y, sr=sr),
    "rms": lambda y, sr: librosa.feature.rms(y=y),
    "zero_crossing_rate": lambda y, sr: librosa.feature.zero_crossing_rate(y),
    "spectral_centroid": lambda y, sr: librosa.feature.spectral_centroid(y=y, sr=sr),
    "spectral_bandwidth": lambda y, sr: librosa.feature.spectral_bandwidth(y=y, sr=sr),
    "spectral_rolloff": lambda y, sr: librosa.feature.spectral_rolloff(y=y, sr=sr),
    "spectral_flatness": lambda y, sr: librosa.feature.spectral_flatness(y=y),
    "spectral_contrast": lambda y, sr: librosa.feature.spectral_contrast(y=y, sr=sr),
    "mfcc": lambda y, sr: librosa.feature.mfcc(y=y, sr=sr),
    "mfcc_delta": lambda y, sr: librosa.feature.delta(librosa.feature.mfcc(y=y, sr=sr)),
    "mfcc_delta2": lambda y, sr: librosa.feature.delta(librosa.feature.mfcc(y=y, sr=sr), order=2),
    "harmonic": lambda y, sr: librosa.effects.harmonic(y)[None],
    "percussive": lambda y, sr: librosa.effects.percussive(y)[None],
    "onset_strength": lambda y, sr: librosa.onset.onset_strength(y=y, sr=sr)[None],
    "tempo": lambda y, sr: np.atleast_2d(librosa.beat.beat_track(y=y, sr=sr)[0]),
}

# families that librosa lacks (`librosa=False` in their lines): clip and rate to values of shape (series, frames)
WRITTEN_OUT: dict[str, Callable[[Signal, int], NDArray[np.floating]]] = {}

STATISTIC: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "mean": lambda x: np.mean(x, axis=1),
    "var": lambda x: np.var(x, axis=1),
    "std": lambda x: np.std(x, axis=1),
    "min": lambda x: np.min(x, axis=1),
    "max": lambda x: np.max(x, axis=1),
    "median": lambda x: np.median(x, axis=1),
    "skew": lambda x: scipy.stats.skew(x, axis=1),
    "kurtosis": lambda x: scipy.stats.kurtosis(x, axis=1),
}


def describe(y: Signal, sr: int) -> dict[str, float]:
    """Every family and statistic of a clip by the plain calls, named as the `full` preset names them.

    A family of one value is a number of the whole clip, without statistics.
    """
    row: dict[str, float] = {}
    for family, function in (PLAIN | WRITTEN_OUT).items():
        series = np.asarray(function(y, sr), dtype=np.float64)
        if series.size == 1:
            row[family] = float(series[0, 0])
            continue
        for statistic, summarise in STATISTIC.items():
            for index, value in enumerate(summarise(series)):
                number = "" if len(series) == 1 else f"_{index + 1:02d}"
                row[f"{family}_{statistic}{number}"] = float(value)
    return row


def gtzan57(y: Signal, sr: int) -> dict[str, float]:
    """The columns of the public GTZAN table by the plain calls, as its makers' notebook has them."""
    harmony, perceptr = librosa.effects.hpss(y)
    tempo, _ = librosa.beat.beat_track(y=y, sr=sr)
    pooled = {
        "chroma_stft": librosa.feature.chroma_stft(y=y, sr=sr),
        "rms": librosa.feature.rms(y=y),
        "spectral_centroid": librosa.feature.spectral_centroid(y=y, sr=sr),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(y=y, sr=sr),
        "rolloff": librosa.feature.spectral_rolloff(y=y, sr=sr),
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(y),
        "harmony": harmony,
        "perceptr": perceptr,
    }
    row = {}
    for name, values in pooled.items():
        row[f"{name}_mean"] = float(np.mean(values, dtype=np.float64))
        row[f"{name}_var"] = float(np.var(values, dtype=np.float64))
    row["tempo"] = float(np.atleast_1d(tempo)[0])
    for index, values in enumerate(librosa.feature.mfcc(y=y, sr=sr)):
        row[f"mfcc{index + 1}_mean"] = float(np.mean(values, dtype=np.float64))
        row[f"mfcc{index + 1}_var"] = float(np.var(values, dtype=np.float64))
    return row
