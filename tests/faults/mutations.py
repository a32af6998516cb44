"""Files that are damaged on purpose: what a bad disk, a broken transfer or a stranger makes of a good one.

Every mutation is decided by a seed, so that a file that broke something can be made again.
"""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

import signals

Random = np.random.Generator
Mutation = Callable[[bytearray, Random], bytearray]
FORMATS = (".wav", ".flac", ".au", ".aiff", ".ogg", ".mp3", ".caf", ".w64", ".m4a")


def good_files(seconds: float = 1.0) -> dict[str, bytes]:
    """A sound file of every format that can be written here, by ending."""
    sound = signals.band(seconds)
    made = {}
    for ending in FORMATS:
        target = io.BytesIO()
        if ending == ".m4a":
            try:
                _write_m4a(target, sound)
            except ImportError:
                continue
        else:
            soundfile.write(target, sound, signals.SR, format=ending[1:].upper())
        made[ending] = target.getvalue()
    return made


def _write_m4a(target: io.BytesIO, sound: np.ndarray) -> None:
    import av

    with av.open(target, "w", format="mp4") as container:
        container.metadata["title"] = "A title that may be damaged"
        stream = container.add_stream("aac", rate=signals.SR, layout="mono")
        for start in range(0, len(sound), 1024):
            frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = signals.SR, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _flip(content: bytearray, draw: Random) -> bytearray:
    for place in draw.integers(0, len(content), draw.integers(1, 20)):
        content[place] ^= 1 << draw.integers(0, 8)
    return content


def _damage_head(content: bytearray, draw: Random) -> bytearray:
    for place in draw.integers(0, min(100, len(content)), draw.integers(1, 8)):
        content[place] = draw.integers(0, 256)
    return content


def _cut(content: bytearray, draw: Random) -> bytearray:
    return content[: draw.integers(0, len(content))]


def _lose_start(content: bytearray, draw: Random) -> bytearray:
    return content[draw.integers(1, len(content)) :]


def _blank(content: bytearray, draw: Random) -> bytearray:
    start, size = draw.integers(0, len(content)), draw.integers(1, len(content))
    content[start : start + size] = bytes(len(content[start : start + size]))
    return content


def _extreme(content: bytearray, draw: Random) -> bytearray:
    """A length or rate in the header at a limit of its type."""
    place = draw.integers(0, min(120, len(content) - 4))
    value = int(draw.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**16, 255]))
    content[place : place + 4] = value.to_bytes(4, "little" if draw.random() < 0.5 else "big")
    return content


def _shuffle(content: bytearray, draw: Random) -> bytearray:
    size = int(draw.integers(16, 4096))
    blocks = [content[start : start + size] for start in range(0, len(content), size)]
    return bytearray().join(blocks[place] for place in draw.permutation(len(blocks)))


def _grow(content: bytearray, draw: Random) -> bytearray:
    return content + draw.bytes(int(draw.integers(1, 5000)))


def _insert(content: bytearray, draw: Random) -> bytearray:
    place = int(draw.integers(0, len(content)))
    return content[:place] + draw.bytes(int(draw.integers(1, 200))) + content[place:]


def _replace(content: bytearray, draw: Random) -> bytearray:
    """Something else altogether, such as the page that a failed download leaves."""
    page = b"<!DOCTYPE html><title>404 Not Found</title>" * int(draw.integers(1, 500))
    return bytearray([page, draw.bytes(len(content)), b"", b"\0" * len(content)][draw.integers(0, 4)])


MUTATIONS: tuple[Mutation, ...] = (
    _flip,
    _damage_head,
    _cut,
    _lose_start,
    _blank,
    _extreme,
    _shuffle,
    _grow,
    _insert,
    _replace,
)


def mutate(content: bytes, seed: int) -> bytes:
    """The content with one or two mutations."""
    draw = np.random.default_rng(seed)
    changed = bytearray(content)
    for _ in range(draw.integers(1, 3)):
        if len(changed) > 8:
            changed = MUTATIONS[draw.integers(0, len(MUTATIONS))](changed, draw)
    return bytes(changed)


def write_mutated(folder: Path, count: int, seed: int = 0) -> Iterator[Path]:
    """`count` damaged sound files of all formats, in two class folders."""
    originals = list(good_files().items())
    draw = np.random.default_rng(seed)
    for number in range(count):
        ending, content = originals[number % len(originals)]
        named = ending if draw.random() < 0.9 else originals[draw.integers(0, len(originals))][0]
        path = folder / f"class{number % 2}" / f"{number:05}{named}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mutate(content, seed * 1_000_003 + number))
        yield path
