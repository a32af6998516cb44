"""Clips with a part muted: a quarter of the time set to silence, or a quarter of a picture's height to its least.

Conventions
-----------
The sound is muted before its representation reads it, so that everything that a reader derives from the whole clip
(levels below the loudest, means over windows) is derived from what is left. Only the part of a file that is read at all
counts as the clip. A band of frequencies is muted in the picture, by the pixel of its least brightness: low
frequencies are at the bottom.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonearm.data.pictures import LUMINANCE
from tonearm.dsp.audio import Waveform
from tonearm.dsp.sound import ClipSound
from tonearm.representations.base import Representation, Result, digest_of, opened_once, read_clips
from tonearm.runtime.threads import one_thread
from tonearm.settings import Part

TIMES = ("first quarter", "second quarter", "third quarter", "last quarter")
BANDS = ("lowest band", "second band", "third band", "highest band")


class MutedSound(ClipSound):
    """The sound of another `ClipSound`, which is decoded once, with one of so many equal parts of it silent."""

    def __init__(self, sound: ClipSound, part: int, parts: int) -> None:
        super().__init__(sound.source)
        self._sound = sound
        self._share = part, parts

    def waveform(self, part: Part = Part()) -> Waveform:
        """As `ClipSound.waveform`, with the share silent."""
        whole = self._sound.waveform(part)
        share, shares = self._share
        samples = whole.samples.copy()
        samples[len(samples) * share // shares : len(samples) * (share + 1) // shares] = 0.0
        return replace(whole, samples=samples)


def read_muted(representation: Representation, path: Path) -> tuple[Result, ...]:
    """A clip read with each quarter of its time silent, in the order of TIMES."""
    reader = opened_once(digest_of(representation.facts()), representation.open)
    with one_thread(), ClipSound(path) as sound:
        return tuple(read_clips(reader, [MutedSound(sound, part, len(TIMES))])[0] for part in range(len(TIMES)))


def without_band(picture: NDArray[np.uint8], band: int) -> NDArray[np.uint8]:
    """The picture, shape (height, width, 3), with a quarter of its height at its least brightness; 0: the lowest."""
    height = len(picture)
    bottom, top = height - height * band // len(BANDS), height - height * (band + 1) // len(BANDS)
    return _filled(picture, slice(top, bottom), slice(None))


def without_time(picture: NDArray[np.uint8], part: int) -> NDArray[np.uint8]:
    """The picture with a quarter of its width at its least brightness, for pictures whose sound is not known."""
    width = picture.shape[1]
    return _filled(picture, slice(None), slice(width * part // len(TIMES), width * (part + 1) // len(TIMES)))


def _filled(picture: NDArray[np.uint8], rows: slice, columns: slice) -> NDArray[np.uint8]:
    brightness = picture @ np.array(LUMINANCE)
    least = picture[np.unravel_index(np.argmin(brightness), brightness.shape)]
    muted = picture.copy()
    muted[rows, columns] = least
    return muted
