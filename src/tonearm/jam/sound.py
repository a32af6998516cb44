"""From the stems of a song to a record: amplifier, mix, equaliser, room, tape and loudness.

Conventions
-----------
Signals are mono float64, shape (samples,), full scale 1. All gains are dB. Filters are the second-order
sections of Robert Bristow-Johnson's Audio EQ Cookbook or Butterworth's.
"""

import numpy as np
import scipy.signal
import soxr
from numpy.typing import NDArray

from tonearm.jam.bands import Band

Signal = NDArray[np.float64]
SR = 22_050  # Hz, GTZAN's
CEILING = 0.97
KNEE = 0.75  # the limiter leaves what is quieter untouched


def gain(decibels: float) -> float:
    """Amplitude factor of a gain.

    >>> gain(20.0)
    10.0
    """
    return float(10.0 ** (decibels / 20.0))


def produce(
    stems: tuple[Signal, Signal, Signal], stem_sr: int, seconds: float, band: Band, rng: np.random.Generator
) -> Signal:
    """The finished record, `seconds` at `SR`, from three stems: drums, the rest, and what goes through the amplifier.

    Each stem ends with its last note. rng: how this session differs from the band's others.
    """
    drums, clean, through_amplifier = stems
    mix = np.zeros(int(np.ceil(seconds * stem_sr)) + stem_sr // 100)  # and a little for the resampler's rounding
    for stem in (drums, clean, _amplifier(through_amplifier, stem_sr, band.drive)):
        mix[: len(stem)] += stem[: len(mix)]
    mix = soxr.resample(mix, stem_sr, SR)[: round(seconds * SR)]
    mix = equalise(mix, 150.0, band.low + rng.normal(0, 1.0), "low")
    mix = equalise(mix, band.mid_hz, band.mid + rng.normal(0, 1.0), "peak")
    mix = equalise(mix, 4_000.0, band.high + rng.normal(0, 1.0), "high")
    mix = _room(mix, band)
    mix = scipy.signal.sosfilt(scipy.signal.butter(4, band.cut, fs=SR, output="sos"), mix)
    mix *= gain(band.loudness + rng.normal(0, 1.0)) / max(_rms(mix), 1e-6)
    return limit(mix + _tape(len(mix), band, rng))


def _rms(signal: Signal) -> float:
    return float(np.sqrt(np.mean(signal**2))) if len(signal) else 0.0


def _amplifier(signal: Signal, sr: int, drive: float) -> Signal:
    """Overdrive by tanh and a loudspeaker's band, as loud after as before."""
    before = _rms(signal)
    if before == 0.0:
        return signal
    hot = np.tanh(signal * (0.1 / before * gain(drive)))
    speaker = scipy.signal.butter(2, (90.0, 5_000.0), "bandpass", fs=sr, output="sos")
    driven = scipy.signal.sosfilt(speaker, hot)
    return np.asarray(driven * (before / _rms(driven)))


def equalise(signal: Signal, hertz: float, decibels: float, kind: str) -> Signal:
    """One second-order equaliser at `SR`: `low` or `high` shelf from `hertz`, or a `peak` around it."""
    amplitude = 10.0 ** (decibels / 40.0)
    omega = 2 * np.pi * hertz / SR
    cosine, alpha = np.cos(omega), np.sin(omega) / 2 * np.sqrt(2.0)
    if kind == "peak":
        upper = (1 + alpha * amplitude, -2 * cosine, 1 - alpha * amplitude)
        lower = (1 + alpha / amplitude, -2 * cosine, 1 - alpha / amplitude)
    else:
        sign = 1.0 if kind == "low" else -1.0
        up, down, root = amplitude + 1, amplitude - 1, 2 * np.sqrt(amplitude) * alpha
        upper = (
            amplitude * (up - sign * down * cosine + root),
            sign * 2 * amplitude * (down - sign * up * cosine),
            amplitude * (up - sign * down * cosine - root),
        )
        lower = (
            up + sign * down * cosine + root,
            -sign * 2 * (down + sign * up * cosine),
            up + sign * down * cosine - root,
        )
    return np.asarray(scipy.signal.lfilter(upper, lower, signal))


def _room(signal: Signal, band: Band) -> Signal:
    """Convolve with the band's room: noise that decays by 60 dB in `reverb` seconds, darker as rooms are."""
    rng = np.random.default_rng(band.room)
    times = np.arange(int(band.reverb * SR)) / SR
    response = rng.standard_normal(len(times)) * 10.0 ** (-3.0 * times / band.reverb)
    response = scipy.signal.lfilter((0.4,), (1.0, -0.6), response)
    response *= gain(band.wet) / np.sqrt(np.sum(response**2))
    response[0] += 1.0
    return np.asarray(scipy.signal.oaconvolve(signal, response)[: len(signal)])


def _tape(samples: int, band: Band, rng: np.random.Generator) -> Signal:
    """The noise floor: hiss with a little more below than above, and mains hum."""
    hiss = scipy.signal.lfilter((1.0,), (1.0, -0.5), rng.standard_normal(samples))
    sine = np.sin(2 * np.pi * band.hum_hz / SR * np.arange(samples))
    hum = sine * (1.0 + 0.4 * (3.0 - 4.0 * sine * sine))  # sin 3x = sin x (3 - 4 sin² x), and no slow power
    return np.asarray(gain(band.hiss) * (0.85 * hiss + 0.5 * hum))


def limit(signal: Signal) -> Signal:
    """Bend what is louder than `KNEE` smoothly under `CEILING`.

    >>> limit(np.array([0.5, -0.75, 9.0])).round(4).tolist()
    [0.5, -0.75, 0.97]
    """
    over = np.maximum(np.abs(signal) - KNEE, 0.0)
    span = CEILING - KNEE
    return np.asarray(np.sign(signal) * (np.minimum(np.abs(signal), KNEE) + span * np.tanh(over / span)))
