"""Signals whose features are known, and one that is rich enough to stand for music."""

import numpy as np
from numpy.typing import NDArray

SR = 22_050


def tone(hertz: float, seconds: float = 2.0, level: float = 0.5, sr: int = SR) -> NDArray[np.float32]:
    """A sine."""
    time = np.arange(int(seconds * sr)) / sr
    return (level * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def noise(seconds: float = 2.0, level: float = 0.1, seed: int = 0, sr: int = SR) -> NDArray[np.float32]:
    """White noise."""
    return (level * np.random.default_rng(seed).standard_normal(int(seconds * sr))).astype(np.float32)


def clicks(beats_per_minute: float, seconds: float = 10.0, sr: int = SR) -> NDArray[np.float32]:
    """Short noise bursts, one a beat."""
    samples = np.zeros(int(seconds * sr), dtype=np.float32)
    burst = noise(0.02, level=0.3, sr=sr) * np.linspace(1, 0, int(0.02 * sr), dtype=np.float32)
    for start in np.arange(0.1, seconds - 0.1, 60.0 / beats_per_minute):
        first = int(start * sr)
        samples[first : first + len(burst)] += burst
    return samples


def band(seconds: float = 6.0, seed: int = 0, sr: int = SR) -> NDArray[np.float32]:
    """Decaying chords with overtones over a beat and some hiss: every feature has something to find."""
    generator = np.random.default_rng(seed)
    samples = 0.5 * clicks(100.0 + 10.0 * seed, seconds, sr) + noise(seconds, 0.002, seed, sr)
    for start in np.arange(0.0, seconds - 0.6, 0.6):
        length = int(0.6 * sr)
        fade = np.exp(-np.arange(length) / (0.25 * sr))
        for semitone in generator.choice(np.arange(-12, 24), size=3, replace=False):
            pitch = 220.0 * 2.0 ** ((semitone + 0.13) / 12)
            for partial in range(1, 6):
                wave = np.sin(2 * np.pi * pitch * partial * np.arange(length) / sr)
                first = int(start * sr)
                samples[first : first + length] += (0.08 / partial**1.5 * fade * wave).astype(np.float32)
    return samples.astype(np.float32)


def bells(seconds: float = 12.0, seed: int = 0, sr: int = SR) -> NDArray[np.float32]:
    """Struck tones at random times and pitches, forty a second: as many things to recognise as in real music."""
    generator = np.random.default_rng(seed)
    samples = noise(seconds, 0.0005, seed, sr)
    length = int(0.4 * sr)
    time = np.arange(length) / sr
    for start in generator.uniform(0.0, seconds - 0.4, int(40 * seconds)):
        pitch = 100.0 * 2.0 ** generator.uniform(0, 5)
        first = int(start * sr)
        strike = generator.uniform(0.05, 0.2) * np.exp(-time / generator.uniform(0.03, 0.15))
        samples[first : first + length] += (strike * np.sin(2 * np.pi * pitch * time)).astype(np.float32)
    return samples.astype(np.float32)
