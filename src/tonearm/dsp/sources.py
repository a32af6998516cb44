"""Where sound comes from besides files: the bytes of a file, and samples that a program already has.

Conventions
-----------
A `Source` is what `decoders.open_decoder` opens: a path on this machine, `Contents` or `Samples`. All three have the
same errors, and the same music gives the same bits whichever way it comes.
"""

import io
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

# how files begin whose name tells nothing: place, bytes, the extension that decides who reads them
_BEGINNINGS = (
    (4, b"ftyp", ".m4a"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ".wma"),
    (0, b"\x1a\x45\xdf\xa3", ".mka"),
    (0, b"\xff\xf1", ".aac"),
    (0, b"\xff\xf9", ".aac"),
    (0, b"\x0b\x77", ".ac3"),
    (0, b"MAC ", ".ape"),
    (0, b"wvpk", ".wv"),
    (0, b"\x89PNG\r\n\x1a\n", ".png"),
    (0, b"\xff\xd8\xff", ".jpg"),
)


@dataclass(frozen=True)
class Contents:
    """The bytes of a file. name: as it is called in answers and messages; its extension counts as that of a file."""

    name: str
    data: bytes

    def __str__(self) -> str:
        return self.name

    @property
    def suffix(self) -> str:
        """The extension of the name, or where it has none what the first bytes tell; "" if they tell nothing."""
        return PurePath(self.name).suffix or next(
            (suffix for at, start, suffix in _BEGINNINGS if self.data[at : at + len(start)] == start), ""
        )

    def open(self) -> BinaryIO:
        """The bytes as an open file."""
        return io.BytesIO(self.data)


@dataclass(frozen=True)
class Samples:
    """A waveform. values: float32, shape (samples, channels), full scale 1. sr: Hz. name: as of `Contents`."""

    name: str
    values: NDArray[np.float32]
    sr: int

    def __str__(self) -> str:
        return self.name

    @property
    def suffix(self) -> str:
        """None: they are no file."""
        return ""


File = Path | Contents
Source = File | Samples
Block = NDArray[np.float32]


def suffix_of(source: Source | str) -> str:
    """The file extension, in lower case."""
    return (PurePath(source) if isinstance(source, str) else source).suffix.lower()


def mono(frames: Block) -> Block:
    """Mean of the channels of (samples, channels), in float32 like librosa.to_mono."""
    averaged: Block = frames[:, 0] if frames.shape[1] == 1 else np.mean(frames, axis=1)
    return np.ascontiguousarray(averaged)
