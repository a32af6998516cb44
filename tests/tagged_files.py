"""Small files of the seven formats whose tags hold what people's files hold, and what tests read from them.

Everything that is read here is read without tonearm's writer: sound by FFmpeg, frames by their place in the file.
"""

import struct
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av

import library_files
import signals
from tonearm.answers import Prediction

FORMATS = library_files.FORMATS
ID3 = ("mp3", "wav", "aiff")
FIELDS: dict[str, str | list[str]] = {
    "title": "Größe 🎸",
    "artist": "Ann Other",
    "albumartist": "Various",
    "album": "An Album",
    "tracknumber": "3",
    "musicbrainz_artistid": "a0e1",
}


@lru_cache(maxsize=32)
def _bytes(kind: str, genre: str, version: int, tagged: bool) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{kind}"
        library_files.encode(path, signals.band(0.7))
        if tagged:
            fields = {**FIELDS, **({"genre": genre} if genre else {})}
            library_files.tag(path, fields, version, cover=True)
        if tagged and kind in ID3:
            _add_frames(path, version)
        return path.read_bytes()


def write(path: Path, genre: str = "", version: int = 4, tagged: bool = True) -> Path:
    """A file of the format of its ending. tagged: with all fields, a cover, and in ID3 what DJs' programs leave."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_bytes(path.suffix[1:], genre, version, tagged))
    return path


def _add_frames(path: Path, version: int) -> None:
    """Ratings, Serato's and Traktor's data, comments, and frames that no program knows or that do not belong there."""
    frames = {
        b"POPM": b"Windows Media Player 9 Series\0\xff\0\0\0\x07",
        b"GEOB": b"\0application/octet-stream\0\0Serato Markers2\0\x01\x01" + bytes(range(256)),
        b"PRIV": b"TRAKTOR4\0" + bytes(range(255, 0, -1)),
        b"ZZZZ": b"nobody knows",
        b"XSOP": b"\0sort me",
        b"TSOP": b"\0Other, Ann",  # of 2.4, and common in 2.3
        b"TYER": b"\0001999",  # of 2.3, and common in 2.4
    }
    comments = [b"\0eng\0first", b"\0engiTunNORM\0 0000", b"\0eng\0second of one name"]
    data = b"".join(_frame(name, held, version) for name, held in frames.items())
    data += b"".join(_frame(b"COMM", held, version) for held in comments)
    start = id3_start(path)
    old = path.read_bytes()
    size = 10 + seven_bits(old[start + 6 : start + 10])
    body = old[start + 10 : start + size].rstrip(b"\0")
    assert old[start + 3] == version
    padding = size - 10 - len(body) - len(data)
    assert padding >= 0, "mutagen leaves at least 1 kB"
    path.write_bytes(old[: start + 10] + body + data + bytes(padding) + old[start + size :])


def _frame(name: bytes, data: bytes, version: int) -> bytes:
    size = struct.pack(">L", len(data)) if version == 3 else in_seven_bits(len(data))
    return name + size + b"\0\0" + data


def seven_bits(data: bytes) -> int:
    """A number of ID3, four bytes of seven bits."""
    return sum(byte << shift for byte, shift in zip(data, (21, 14, 7, 0), strict=True))


def in_seven_bits(number: int) -> bytes:
    """The number as ID3 writes it."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def id3_start(path: Path) -> int:
    """Where the tag begins."""
    data = path.read_bytes()
    return (
        0
        if path.suffix == ".mp3"
        else data.index(b"ID3", data.index(b"id3 " if path.suffix == ".wav" else b"ID3 ") + 8)
    )


def frames(path: Path) -> list[bytes]:
    """Every frame of the ID3 tag with its header, in order, as the file has them."""
    data = path.read_bytes()[id3_start(path) :]
    version, found, place = data[3], [], 10
    while data[place : place + 4].strip(b"\0").isalnum():
        raw = data[place + 4 : place + 8]
        size = int.from_bytes(raw, "big") if version == 3 else seven_bits(raw)
        found.append(data[place : place + 10 + size])
        place += 10 + size
    return found


def sound(path: Path) -> bytes:
    """The decoded sound."""
    with av.open(str(path), metadata_errors="replace") as container:
        return b"".join(frame.to_ndarray().tobytes() for frame in container.decode(audio=0))


def answer(path: Path | str, label: str, probability: float = 0.9, sure: bool | None = True) -> Prediction:
    """What a run that knows rock and metal says of a file."""
    other = "metal" if label == "rock" else "rock"
    return Prediction(str(path), label, probability, {label: probability, other: 1 - probability}, sure=sure)


def contents(folder: Path) -> dict[str, tuple[bytes, Any]]:
    """Bytes and time of the last change of every file that is not tonearm's."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith((".lock", ".holder.json", ".tonearm-"))
    }
