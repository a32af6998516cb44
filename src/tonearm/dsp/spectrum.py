"""What all features and pictures of a clip share: one STFT and quantities derived from it, each computed once.

Conventions
-----------
A `Spectrum` belongs to one clip. Its parts are computed on first use and cached. Spectra are frame-major,
shape (frames, bins), float32; librosa's are (bins, frames). Frames are centred with zero padding and
weighted by a periodic Hann window, as in ``librosa.stft``'s defaults. Frame t is centred on sample
t * hop_length, so a clip has 1 + samples // hop_length frames.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from tonearm.dsp import definitions, kernels
from tonearm.dsp.constantq import constant_q_magnitude
from tonearm.dsp.frames import FRAMES_AT_ONCE, hann, short_time_spectra

HPSS_KERNEL = 31  # librosa.decompose.hpss's default, frames and bins
MEDIAN_FRAMES = 128 * FRAMES_AT_ONCE  # of a stretch whose medians are in memory together: 95 s
AMIN = np.float32(1e-10)  # librosa.power_to_db's floor
TUNING_N_FFT = 2048  # librosa.estimate_tuning's own window, whatever the features use


class Spectrum:
    """The shared signal processing of one clip.

    y: mono waveform, float32, shape (samples,), at least n_fft samples, finite. sr: sampling rate, Hz.
    n_fft, hop_length: window and step of the STFT, samples. n_mels: bands of the mel spectrum.
    n_mfcc: number of cepstral coefficients kept.
    """

    def __init__(
        self,
        y: NDArray[np.float32],
        sr: int,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_mels: int = 128,
        n_mfcc: int = 20,
    ) -> None:
        self.y = np.ascontiguousarray(y, dtype=np.float32)
        self.sr = sr
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.n_mfcc = n_mfcc

    @property
    def frames(self) -> int:
        """Number of frames of the clip."""
        return 1 + len(self.y) // self.hop_length

    @cached_property
    def frequencies(self) -> NDArray[np.float64]:
        """Centre of each bin in Hz, shape (1 + n_fft // 2,)."""
        return np.fft.rfftfreq(self.n_fft, 1.0 / self.sr).astype(np.float64)

    @cached_property
    def stft(self) -> NDArray[np.complex64]:
        """Short-time Fourier transform, shape (frames, bins); ``librosa.stft(y).T``."""
        return short_time_spectra(self.y, self.n_fft, self.hop_length, hann(self.n_fft))

    @cached_property
    def magnitude(self) -> NDArray[np.float32]:
        """|STFT|, shape (frames, bins)."""
        return np.abs(self.stft)

    @cached_property
    def power(self) -> NDArray[np.float32]:
        """|STFT|², shape (frames, bins)."""
        return np.square(self.magnitude)

    @cached_property
    def moments(self) -> NDArray[np.float64]:
        """Centroid, bandwidth and 85 % roll-off of each frame, Hz, shape (3, frames)."""
        return kernels.spectral_moments(self.magnitude, self.frequencies, np.float32(0.85))  # type: ignore[no-any-return]

    @cached_property
    def mel(self) -> NDArray[np.float32]:
        """Power in Slaney's mel bands up to sr / 2, shape (n_mels, frames); ``librosa.feature.melspectrogram``.

        One call of the linear algebra library, slightly slower than a loop over the narrow bands would be,
        but with librosa's operands and therefore identical bit for bit.
        """
        filters = _mel_filters(self.sr, self.n_fft, self.n_mels)
        bands: NDArray[np.float32] = np.einsum("ft,mf->mt", self.power.T, filters, optimize=True)
        return bands

    @cached_property
    def log_mel(self) -> NDArray[np.float32]:
        """Mel power in dB (re 1), floored at 80 dB below its maximum, shape (n_mels, frames)."""
        return decibel(self.mel)

    @cached_property
    def mfcc(self) -> NDArray[np.float32]:
        """Orthonormal cosine transform of the log-mel spectrum, shape (n_mfcc, frames); ``librosa.feature.mfcc``.

        Source: S. Davis, P. Mermelstein, "Comparison of parametric representations for monosyllabic word
        recognition in continuously spoken sentences", IEEE Trans. ASSP 28(4), 1980.
        """
        coefficients: NDArray[np.float32] = scipy.fft.dct(self.log_mel, axis=0, type=2, norm="ortho")
        return coefficients[: self.n_mfcc]

    @cached_property
    def parts(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Waveforms of the harmonic and the percussive part, each (samples,); ``librosa.effects.hpss``.

        Medians over time keep sustained tones, medians over frequency keep clicks; a soft mask divides each bin
        between them. Source: D. FitzGerald, "Harmonic/percussive separation using median filtering",
        DAFx 2010.
        """
        spectra = np.empty((2, FRAMES_AT_ONCE, self.stft.shape[1]), dtype=np.complex64)
        padded = np.zeros((2, (self.frames - 1) * self.hop_length + self.n_fft), dtype=np.float32)
        for start, lasting, clicking in self._medians():
            for first in range(start, start + len(lasting), FRAMES_AT_ONCE):
                rows = slice(first, min(first + FRAMES_AT_ONCE, start + len(lasting)))
                inner = slice(rows.start - start, rows.stop - start)
                part = spectra[:, : rows.stop - rows.start]
                D, S = self.stft[rows].view(np.float32), self.magnitude[rows]
                kernels.part_spectra(D, S, lasting[inner], clicking[inner], *part.view(np.float32))
                for spectrum, y in zip(part, padded, strict=True):
                    frames = scipy.fft.irfft(spectrum, n=self.n_fft, axis=1)
                    kernels.overlap_add(frames, hann(self.n_fft), self.hop_length, first, y)
        del self.stft  # all else needs the magnitude alone, and this is the largest array of all
        inner = slice(self.n_fft // 2, self.n_fft // 2 + len(self.y))
        harmonic, percussive = padded[:, inner] / _window_sum(self.n_fft, self.hop_length, self.frames)[inner]
        return harmonic, percussive

    def _medians(self) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32]]]:
        """First frame, medians over time and over frequency of stretches of frames: their memory is bounded."""
        half = HPSS_KERNEL // 2
        for start in range(0, self.frames, MEDIAN_FRAMES):
            stop = min(start + MEDIAN_FRAMES, self.frames)
            low, high = max(0, start - half), min(stop + half, self.frames)
            lasting = kernels.sliding_median(self.magnitude[low:high], HPSS_KERNEL, axis=0)
            clicking = kernels.sliding_median(self.magnitude[start:stop], HPSS_KERNEL, axis=1)
            yield start, lasting[start - low : stop - low], clicking

    @cached_property
    def tuning(self) -> float:
        """Deviation from A440 in semitones, [-0.5, 0.5), from the peaks of the power spectrum.

        librosa.feature.chroma_stft uses the power, not the magnitude; kept, although this favours
        the loudest partials.
        """
        return _tuning(self.power, self.sr, self.n_fft, bins_per_octave=12)

    @cached_property
    def constant_q(self) -> NDArray[np.float32]:
        """Magnitude of the constant-Q transform, 7 octaves of 36 bins from C1, shape (252, frames).

        As computed inside ``librosa.feature.chroma_cqt``, including its own tuning estimate.
        """
        if (self.n_fft, self.hop_length) == (TUNING_N_FFT, TUNING_N_FFT // 4):
            magnitude = self.magnitude
        else:
            magnitude = np.abs(short_time_spectra(self.y, TUNING_N_FFT, TUNING_N_FFT // 4, hann(TUNING_N_FFT)))
        tuning = _tuning(magnitude, self.sr, TUNING_N_FFT, bins_per_octave=36)
        return constant_q_magnitude(self.y, self.sr, self.hop_length, tuning)


def decibel(power: NDArray[np.float32], top_db: float = 80.0) -> NDArray[np.float32]:
    """10 log10 of the power, floored at 1e-10 and at `top_db` below the largest; ``librosa.power_to_db``."""
    level: NDArray[np.float32] = np.log10(np.maximum(AMIN, power))
    level *= np.float32(10.0)
    np.maximum(level, level.max() - np.float32(top_db), out=level)
    return level


def _tuning(S: NDArray[np.float32], sr: int, n_fft: int, bins_per_octave: int) -> float:
    """``librosa.estimate_tuning``: the most common deviation of the louder half of the peaks, in bins."""
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / sr)
    low, high = np.searchsorted(frequencies, (150.0, min(4000.0, sr / 2)))
    hertz, height = kernels.spectral_peaks(S, int(low), int(high), float(sr) / n_fft)
    heard = hertz > 0
    if not heard.any():
        return 0.0
    loud = height >= np.median(height[heard])
    return definitions.pitch_tuning(hertz[loud & heard], bins_per_octave)


@lru_cache(maxsize=4)
def _window_sum(n_fft: int, hop_length: int, frames: int) -> NDArray[np.float32]:
    """Sum of the squared windows of all frames, 1 where there is none; padding included."""
    total = definitions.squared_windows(hann(n_fft), hop_length, frames)
    total[total <= np.finfo(np.float32).tiny] = 1.0
    return total


@lru_cache(maxsize=8)
def _mel_filters(sr: int, n_fft: int, n_mels: int) -> NDArray[np.float32]:
    return definitions.mel_filters(sr, n_fft, n_mels, 0.0, sr / 2)
