"""The same recording found again in other files: re-encoded, louder, shifted, or an excerpt.

Conventions
-----------
Landmarks after A. Wang, "An industrial-strength audio search algorithm", ISMIR 2003: the peaks of a spectrogram,
an anchor with two later peaks as one hash, so that a hash is rare and the work grows with the clips and not with
their pairs. Two clips are one recording where many hashes agree on one offset in time. Time is counted in frames
of HOP samples at SR. A hash that stands in more than MOST_PLACES places tells nothing and is ignored.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SR = 11_025
N_FFT = 1024
HOP = 128
NEIGHBOURHOOD = (18, 11)  # frames and bins to each side in which a peak is the highest
FRAMES_AT_ONCE = 1 << 12  # 48 s
HALO = 32  # frames: a peak's neighbourhood, and the reach of a window that the end of a stretch cuts
FLOOR = 1e-3  # of the loudest peak, 60 dB below: what lies lower is hiss
REACH = 80  # frames from an anchor to its last target
FAN = 3  # targets of an anchor, of which each two make a hash
MOST_PLACES = 60
# unrelated real clips reached no 4 votes, and bands that share a synthesiser, a riff and a tempo 15 votes and a share
# of 0.12; re-encoded and shifted real clips and excerpts of 5 s at least 42 votes and a share of 0.18
LEAST_VOTES = 20
LEAST_SHARE = 0.15  # of the hashes of the stretch in which both clips sound
# a low-quality MP3 or hard clipping moves many peaks: of 48 real clips so treated, 47 and 43 kept 40 votes and a share
# of 0.05; bands that share a synthesiser, a riff and a tempo reached 23 votes, at a share of 0.04
MANY_VOTES, LOW_SHARE = 40, 0.05


class Landmarks(NamedTuple):
    """Hashes of a clip and the frame of each one's anchor: uint64 and int32, shape (hashes,)."""

    hashes: NDArray[np.uint64]
    frames: NDArray[np.int32]


class Match(NamedTuple):
    """Two clips that are one recording: the second starts `seconds` later in it; agreeing hashes, and their share."""

    first: int
    second: int
    seconds: float
    votes: int
    share: float


def compute_landmarks(samples: NDArray[np.float32]) -> Landmarks:
    """The landmarks of a mono waveform at SR, shape (samples,)."""
    return landmarks_of_blocks([samples])


def landmarks_of_blocks(blocks: Iterable[NDArray[np.float32]], frames_at_once: int = FRAMES_AT_ONCE) -> Landmarks:
    """The landmarks of a mono waveform at SR that comes in blocks of any size: the same bits as in one piece.

    frames_at_once: in which peaks are looked for together, a multiple of 32; memory grows with it alone.
    """
    from scipy.ndimage import maximum_filter

    from tonearm.dsp.spectrum import Spectrum

    loudest, peaks = np.float32(0.0), []
    for samples, first, inner in _stretches(blocks, frames_at_once):
        S = Spectrum(samples, SR, N_FFT, HOP).magnitude
        highest = maximum_filter(S, size=tuple(2 * side + 1 for side in NEIGHBOURHOOD), mode="constant")[inner]
        S = S[inner]
        loudest = max(loudest, S.max())
        frames, bins = np.nonzero((highest == S) & (FLOOR * loudest < S))  # in the order of time
        peaks.append((frames + first, bins, S[frames, bins]))
    if not peaks:
        return Landmarks(np.zeros(0, np.uint64), np.zeros(0, np.int32))
    frames, bins, heights = (np.concatenate(column) for column in zip(*peaks, strict=True))
    kept = FLOOR * loudest < heights
    return _combine(frames[kept].astype(np.int64), bins[kept].astype(np.int64))


def _stretches(
    blocks: Iterable[NDArray[np.float32]], frames_at_once: int
) -> Iterator[tuple[NDArray[np.float32], int, slice]]:
    """Samples of a stretch with HALO frames on both sides, its first frame, and where its own frames are among these.

    Halo and stretches are multiples of the frames that are transformed together, so that each is transformed beside
    the same ones, which decides its last bits.
    """
    waiting, first, halo = np.zeros(0, np.float32), 0, 0
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= (halo + frames_at_once + HALO) * HOP + N_FFT:
            yield waiting[: (halo + frames_at_once + HALO) * HOP], first, slice(halo, halo + frames_at_once)
            waiting = waiting[(halo + frames_at_once - HALO) * HOP :]
            first, halo = first + frames_at_once, HALO
    if len(waiting) >= N_FFT:
        yield waiting, first, slice(halo, None)


def _combine(frames: NDArray[np.int64], bins: NDArray[np.int64]) -> Landmarks:
    """Each anchor with each two of its next FAN peaks: bin of the anchor, and how far the two are in bins and time."""
    hashes, anchors = [], []
    for one in range(1, FAN):
        for two in range(one + 1, FAN + 1):
            count = max(len(frames) - two, 0)
            first, near, far = slice(0, count), slice(one, one + count), slice(two, two + count)
            steps = frames[near] - frames[first], frames[far] - frames[first]
            parts = (bins[first], bins[near], bins[far], *(step // 3 for step in steps))
            valid = (steps[0] > 0) & (steps[1] > steps[0]) & (steps[1] < REACH)
            value = np.zeros(count, dtype=np.uint64)
            for part, bits in zip(parts, (10, 10, 10, 6, 6), strict=True):
                value = (value << np.uint64(bits)) | part.astype(np.uint64)
            hashes.append(value[valid])
            anchors.append(frames[first][valid])
    return Landmarks(np.concatenate(hashes), np.concatenate(anchors).astype(np.int32))


def find_matches(landmarks: Sequence[Landmarks]) -> list[Match]:
    """All pairs of clips that are one recording, by their place in the sequence, the surest first.

    A pair matches where at least LEAST_VOTES hashes, and LEAST_SHARE of those in the stretch of time that both
    clips hold, agree on an offset to one frame; of MANY_VOTES, a share of LOW_SHARE is enough.
    """
    first, second, offset = _agreements(landmarks)
    if not len(first):
        return []
    order = np.lexsort((offset, second, first))
    first, second, offset = first[order], second[order], offset[order]
    change = np.flatnonzero((np.diff(first) != 0) | (np.diff(second) != 0)) + 1
    found = []
    for start, end in zip([0, *change.tolist()], [*change.tolist(), len(first)], strict=True):
        if end - start >= LEAST_VOTES:
            match = _best_offset(landmarks, int(first[start]), int(second[start]), offset[start:end])
            if match.votes >= LEAST_VOTES and match.share >= (LEAST_SHARE if match.votes < MANY_VOTES else LOW_SHARE):
                found.append(match)
    return sorted(found, key=lambda match: (-match.share, match.first, match.second))


def find_groups(matches: Sequence[Match]) -> list[tuple[int, ...]]:
    """Clips that matches tie together, directly or by others.

    >>> find_groups([Match(1, 4, 0.0, 20, 0.5), Match(4, 7, 0.0, 20, 0.5), Match(2, 3, 0.0, 20, 0.5)])
    [(1, 4, 7), (2, 3)]
    """
    parent: dict[int, int] = {}

    def root(clip: int) -> int:
        while parent.setdefault(clip, clip) != clip:
            parent[clip] = parent[parent[clip]]
            clip = parent[clip]
        return clip

    for match in matches:
        one, other = sorted((root(match.first), root(match.second)))
        parent[other] = one
    members: dict[int, list[int]] = {}
    for clip in sorted(parent):
        members.setdefault(root(clip), []).append(clip)
    return [tuple(group) for group in members.values()]


def _agreements(landmarks: Sequence[Landmarks]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First clip, second clip and offset in frames of every two equal hashes of two clips, from a sorted index."""
    sizes = [len(one.hashes) for one in landmarks]
    clips = np.repeat(np.arange(len(landmarks)), sizes)
    hashes = np.concatenate([one.hashes for one in landmarks]) if landmarks else np.zeros(0, np.uint64)
    frames = np.concatenate([one.frames for one in landmarks]) if landmarks else np.zeros(0, np.int32)
    order = np.argsort(hashes, kind="stable")  # equal hashes stay in the order of the clips
    _, inverse, counts = np.unique(hashes[order], return_inverse=True, return_counts=True)
    kept = order[(counts > 1)[inverse] & (counts <= MOST_PLACES)[inverse]]
    hashes, clips, frames = hashes[kept], clips[kept], frames[kept].astype(np.int64)
    parts = []
    here = np.arange(len(hashes) - 1) if len(hashes) else np.zeros(0, np.int64)
    for step in range(1, MOST_PLACES):
        here = here[here + step < len(hashes)]
        here = here[hashes[here] == hashes[here + step]]
        if not len(here):
            break
        apart = here[clips[here] != clips[here + step]]
        parts.append((clips[apart], clips[apart + step], frames[apart] - frames[apart + step]))
    if not parts:
        return (np.zeros(0, np.int64),) * 3
    first, second, offset = (np.concatenate(column) for column in zip(*parts, strict=True))
    return first, second, offset


def _best_offset(landmarks: Sequence[Landmarks], first: int, second: int, offsets: NDArray[np.int64]) -> Match:
    """The offset on which most hashes agree to one frame, offsets being sorted."""
    low = np.searchsorted(offsets, offsets - 1, side="left")
    high = np.searchsorted(offsets, offsets + 1, side="right")
    best = int(np.argmax(high - low))
    offset, votes = int(offsets[best]), int((high - low)[best])
    one, other = landmarks[first].frames, landmarks[second].frames
    # in the second clip's time the first one's frames are `offset` earlier
    stretch = max(int(one.min()) - offset, int(other.min())), min(int(one.max()) - offset, int(other.max()))
    inside = [int(((frames >= stretch[0]) & (frames <= stretch[1])).sum()) for frames in (one - offset, other)]
    return Match(first, second, offset * HOP / SR, votes, min(1.0, votes / max(1, min(inside))))
