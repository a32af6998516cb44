"""Long files that contain several others: a DJ mix is not one recording with its tracks.

Conventions
-----------
A file contains several others where at least LEAST_PIECES shorter clips match it, each in a stretch of its own
(stretches may overlap by a crossfade, MOST_OVERLAP of the shorter one), and do not match one another. That alone
may also be a song and disjoint excerpts of it. It is a mix where the clips have at least two known artists or,
among those without a known artist, at least two labels: then its matches tie nothing, apart from those with other
mixes, which may be copies of it. Otherwise it stays one recording with what it contains.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.scan.landmarks import HOP, SR, Landmarks, Match, find_groups

LEAST_PIECES = 3
MOST_OVERLAP = 0.25
FRAME_BITS = 22  # a hash has 42 bits; frames of 13 hours fit beside it


class Stretch(NamedTuple):
    """Where a clip lies in a longer one, in frames of the longer one."""

    clip: int
    start: float
    end: float


class Container(NamedTuple):
    """A clip, those that it contains with the second at which each begins in it, and whether it is a mix."""

    clip: int
    pieces: tuple[int, ...]
    seconds: tuple[float, ...]
    is_mix: bool


def find_containers(
    landmarks: Sequence[Landmarks], matches: Sequence[Match], labels: Sequence[str], artists: Sequence[str]
) -> list[Container]:
    """The clips that contain several others, the shortest first. labels, artists: of each clip, "" where unknown."""
    lengths = [int(np.ptp(one.frames)) if len(one.frames) else 0 for one in landmarks]
    partners: dict[int, dict[int, int]] = {}
    by_first: dict[int, list[Match]] = {}
    for match in matches:
        by_first.setdefault(match.first, []).append(match)
        offset = round(match.seconds * SR / HOP)
        partners.setdefault(match.first, {})[match.second] = offset
        partners.setdefault(match.second, {})[match.first] = -offset
    containers: list[Container] = []
    mixes: set[int] = set()
    for clip in sorted(partners, key=lambda clip: (lengths[clip], clip)):
        shorter = {other: offset for other, offset in partners[clip].items() if lengths[other] < lengths[clip]}
        if len(shorter) < LEAST_PIECES:
            continue
        stretches = [_stretch(landmarks, clip, other, offset) for other, offset in shorter.items()]
        # a shorter mix of the same tracks would tie them to each other
        songs = shorter.keys() - mixes
        between = [match for song in sorted(songs) for match in by_first.get(song, ()) if match.second in songs]
        chosen = _apart(stretches, between)
        if len(chosen) < LEAST_PIECES:
            continue
        is_mix = _of_several([artists[piece] for piece in chosen], [labels[piece] for piece in chosen])
        if is_mix:
            mixes.add(clip)
        pieces = sorted(stretches, key=lambda stretch: (stretch.start, stretch.clip))
        seconds = tuple(max(0.0, stretch.start * HOP / SR) for stretch in pieces)
        containers.append(Container(clip, tuple(stretch.clip for stretch in pieces), seconds, is_mix))
    return containers


def tying(matches: Sequence[Match], containers: Sequence[Container]) -> list[Match]:
    """The matches without those between a mix and a clip that is none."""
    mixes = {container.clip for container in containers if container.is_mix}
    return [match for match in matches if (match.first in mixes) == (match.second in mixes)]


def _stretch(landmarks: Sequence[Landmarks], long: int, piece: int, offset: int) -> Stretch:
    """The stretch of the long clip in which the hashes of both agree; a mix may play only a part of a track."""
    frames = landmarks[long].frames
    there = _keys(landmarks[long], 0)
    near = np.concatenate([_keys(landmarks[piece], offset + shift) for shift in (-1, 0, 1)])
    agreed = frames[np.isin(there, near)]
    start, end = np.percentile(agreed if len(agreed) else [offset], (2, 98))  # a hash may agree by chance
    return Stretch(piece, float(start), float(end))


def _keys(landmarks: Landmarks, offset: int) -> NDArray[np.uint64]:
    """Hash and frame in one number; frames before the start wrap round, and so agree with none."""
    frames = (landmarks.frames.astype(np.int64) + offset) % 2**FRAME_BITS
    keys: NDArray[np.uint64] = (landmarks.hashes << np.uint64(FRAME_BITS)) | frames.astype(np.uint64)
    return keys


def _apart(stretches: Sequence[Stretch], between: Sequence[Match]) -> list[int]:
    """As many of the clips as possible whose stretches do not overlap, one of each set that match one another."""
    recording = {clip: number for number, group in enumerate(find_groups(between)) for clip in group}
    chosen: list[Stretch] = []
    used: set[int] = set()
    for stretch in sorted(stretches, key=lambda stretch: stretch.end):
        own = recording.get(stretch.clip, -1 - stretch.clip)
        if own not in used and (not chosen or _follows(chosen[-1], stretch)):
            chosen.append(stretch)
            used.add(own)
    return [stretch.clip for stretch in chosen]


def _follows(before: Stretch, after: Stretch) -> bool:
    shorter = min(before.end - before.start, after.end - after.start)
    return after.start >= before.end - MOST_OVERLAP * shorter


def _of_several(artists: Sequence[str], labels: Sequence[str]) -> bool:
    """Whether these are clips of several artists or, where artists are not known, of several classes."""
    known = {artist for artist in artists if artist}
    of_unknown = {label for artist, label in zip(artists, labels, strict=True) if label and not artist}
    return len(known) > 1 or len(of_unknown) > 1
