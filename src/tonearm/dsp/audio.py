"""File to samples: mono float32 at one sampling rate, or an error that names the file and the cause.

Conventions
-----------
libsndfile reads what it can; PyAV (extra `av`) reads m4a, aac, wma and the like. Channels are averaged and
resampled by soxr at high quality, so that samples equal ``librosa.load``'s. An unusable clip (empty, silent,
truncated, with non-finite samples) is an `AudioError`, never a wrong result. Ogg, AAC and AC-3 streams are the
exception: no header announces a length, so what is left of a truncated one is the clip.
"""

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import AudioError

if TYPE_CHECKING:
    import soundfile

SNDFILE_EXTENSIONS = frozenset(
    {".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".w64", ".wav"}
)
AV_EXTENSIONS = frozenset({".aac", ".ac3", ".ape", ".m4a", ".m4b", ".mka", ".mp4", ".webm", ".wma", ".wv"})
EXTENSIONS = SNDFILE_EXTENSIONS | AV_EXTENSIONS

MISSING_SHARE = 0.01  # of the announced samples; encoders round the length, an interrupted transfer loses more
_ANNOUNCED = re.compile(r"^\s*(?:data|Data Size|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
_GUESSED_LENGTHS = ("aac", "ac3", "eac3")  # formats without a header: FFmpeg estimates the length from the bit rate
_UNKNOWN_LENGTHS = (0, 2**32 - 1, 2**31 - 1)  # announced by programs that write to a pipe


@dataclass(frozen=True)
class Waveform:
    """The contents of a file, before resampling.

    samples: channels averaged, float32, shape (samples,). sr: Hz. channels: in the file. seconds: length of the
    whole file, whatever part was read.
    """

    samples: NDArray[np.float32]
    sr: int
    channels: int
    seconds: float


def check_length(path: str, samples: NDArray[np.float32], sr: int, shortest: int) -> None:
    """Raise AudioError of kind short if there are fewer samples than `shortest`. sr: sampling rate, Hz."""
    if len(samples) < shortest:
        raise AudioError(
            path, "short", f"{len(samples) / sr:.3f} s are left to analyse and {shortest / sr:.3f} s are needed"
        )


def read(path: str | Path, offset: float = 0.0, duration: float | None = None) -> Waveform:
    """The file's samples from `offset` seconds on, at most `duration` seconds, at its own sampling rate.

    path: a local file; `sound.ClipSound` reads URLs too. Raises AudioError of kind missing, directory,
    unsupported, undecodable, truncated, empty, nonfinite, silent, or short if `offset` is beyond the end.
    """
    path = Path(path)
    _check_file(path)
    waveform = (_read_av if path.suffix.lower() in AV_EXTENSIONS else _read_sndfile)(path, offset, duration)
    samples = waveform.samples
    if not len(samples):
        if waveform.seconds > 0:
            raise AudioError(str(path), "short", f"it ends after {waveform.seconds:.3f} s, before offset {offset:g} s")
        raise AudioError(str(path), "empty", "it holds no samples")
    if not np.isfinite(samples).all():
        bad = int(np.count_nonzero(~np.isfinite(samples)))
        raise AudioError(str(path), "nonfinite", f"{bad} of {len(samples)} samples are not finite numbers")
    if not samples.any():
        raise AudioError(str(path), "silent", f"all {len(samples)} samples are zero")
    return waveform


def resample(samples: NDArray[np.float32], sr: int, target_sr: int) -> NDArray[np.float32]:
    """The waveform at another sampling rate, by soxr at high quality; the same length as ``librosa.resample``'s."""
    if sr == target_sr:
        return samples
    import soxr

    length = int(np.ceil(len(samples) * target_sr / sr))
    changed = soxr.resample(samples, sr, target_sr, quality="HQ")[:length]
    return np.pad(changed, (0, length - len(changed))).astype(np.float32)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise AudioError(str(path), "directory", "it is a folder with the name of an audio file")
    if not path.exists():
        kind = "a link to a file that is not there" if path.is_symlink() else "no such file"
        raise AudioError(str(path), "missing", kind)
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise AudioError(str(path), "undecodable", f"it cannot be opened ({error.strerror})") from error
    if size == 0:
        raise AudioError(str(path), "empty", "the file has 0 bytes")


def _read_sndfile(path: Path, offset: float, duration: float | None) -> Waveform:
    import soundfile

    try:
        with soundfile.SoundFile(_openable(path)) as file:
            _check_announced_length(path, file)
            start = min(int(offset * file.samplerate), file.frames)
            wanted = file.frames - start
            if duration is not None:
                wanted = min(wanted, int(duration * file.samplerate))
            file.seek(start)
            frames = file.read(wanted, dtype="float32", always_2d=True)
            seconds = file.frames / file.samplerate
            rate, channels = file.samplerate, file.channels
    except soundfile.SoundFileError as error:
        raise AudioError(str(path), "undecodable", f"it cannot be decoded ({_reason(error)})") from error
    _check_length(path, wanted, len(frames))
    return Waveform(_mono(frames), rate, channels, seconds)


def _openable(path: Path) -> str | bytes:
    """The name as libsndfile's binding accepts it: as bytes if it is not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def _check_length(path: Path, announced: int, present: int) -> None:
    if present < announced * (1 - MISSING_SHARE):
        raise AudioError(
            str(path), "truncated", f"it announces {announced} samples and ends after {present}; copy it again"
        )


def _reason(error: Exception) -> str:
    """Libsndfile's message without the path, which our message begins with."""
    text = str(error)
    text = (text.rsplit("': ", 1)[-1] if "': " in text else text).rstrip(".")
    # its message for an .mp3 without a single MPEG frame, although `_check_file` has opened the file
    return "no sound was found in it" if text.startswith("File does not exist") else text


def _check_announced_length(path: Path, file: "soundfile.SoundFile") -> None:
    """Raise if the header announces clearly more data than the file has, which libsndfile ignores."""
    for announced, present in ((int(a), int(b)) for a, b in _ANNOUNCED.findall(file.extra_info)):
        if announced not in _UNKNOWN_LENGTHS and present < announced * (1 - MISSING_SHARE):
            raise AudioError(
                str(path),
                "truncated",
                f"its header announces {announced} bytes of samples and {max(present, 0)} are there; copy it again",
            )


def _mono(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the channels of (samples, channels), in float32 like librosa.to_mono."""
    mono: NDArray[np.float32] = frames[:, 0] if frames.shape[1] == 1 else np.mean(frames, axis=1)
    return np.ascontiguousarray(mono)


def _read_av(path: Path, offset: float, duration: float | None) -> Waveform:
    if importlib.util.find_spec("av") is None:
        raise AudioError(
            str(path), "unsupported", f'{path.suffix} files need PyAV: pip install "tonearm[av]", or convert it to FLAC'
        )
    import av

    parts: list[NDArray[np.float32]] = []
    try:
        with (
            path.open("rb") as file,
            av.open(file) as container,
        ):  # an open file, since PyAV accepts only names in UTF-8
            if not container.streams.audio:
                raise AudioError(str(path), "undecodable", "it has no audio stream")
            stream = container.streams.audio[0]
            rate, channels = stream.rate, stream.channels
            guessed = container.duration is None or container.format.name in _GUESSED_LENGTHS
            announced = 0 if guessed else int(container.duration / av.time_base * rate)
            to_float = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
            for frame in container.decode(stream):
                parts += [_mono(out.to_ndarray().T) for out in to_float.resample(frame)]
            parts += [_mono(out.to_ndarray().T) for out in to_float.resample(None)]
    except av.FFmpegError as error:
        raise AudioError(str(path), "undecodable", f"it cannot be decoded ({error.strerror})") from error
    samples = np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
    _check_length(path, announced, len(samples))
    start = int(offset * rate)
    stop = len(samples) if duration is None else start + int(duration * rate)
    return Waveform(samples[start:stop], rate, channels, len(samples) / rate)
