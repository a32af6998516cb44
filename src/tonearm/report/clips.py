"""Short excerpts of clips, to listen to and look at within the page.

Conventions
-----------
A clip is found by its name under the folder that the experiment's config names. An excerpt is a few seconds from
the middle, mono, as MP3, which every browser plays; its picture is a mel spectrogram of the whole clip. What is
embedded in all has an upper bound, and so have the shorter sounds of their nearest training clips, which may not take
what the clips themselves need.
"""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.dsp.sound import load
from tonearm.errors import ClipError
from tonearm.runtime.remote import file_of, place
from tonearm.settings import AudioSettings, SpectrogramSettings

SECONDS = 6.0
NEIGHBOUR_SECONDS = 3.0
MOST_BYTES = 4_000_000
MOST_NEIGHBOUR_BYTES = 2_500_000


@dataclass(frozen=True)
class Excerpt:
    """Data URIs of sound and picture, "" where there is none, and then why."""

    sound: str
    picture: str
    missing: str = ""


class Excerpts:
    """Makes excerpts until they take more than MOST_BYTES in all.

    data: `[data]` of the experiment's config. audio: whether sounds are wanted.
    """

    def __init__(self, data: dict[str, Any], audio: bool = True) -> None:
        self.folder = place(data.get("folder", ""))
        self.audio = audio
        self.left = MOST_BYTES
        self.left_for_neighbours = MOST_NEIGHBOUR_BYTES

    def of(self, name: str) -> Excerpt:
        """The excerpt of a clip."""
        path = file_of(self.folder, name)
        if self.folder.is_file():
            return Excerpt("", "", "the experiment read a table, which has no sound")
        if not path.is_file():
            return Excerpt("", "", f"the clip is not at {path} any more")
        if self.left <= 0:
            return Excerpt("", "", f"left out: the page holds {MOST_BYTES // 1_000_000} MB of excerpts already")
        try:
            excerpt = _ready(path) if path.suffix.lower() in PICTURE_EXTENSIONS else _excerpt(path, self.audio)
        except ClipError as error:
            return Excerpt("", "", error.reason)
        self.left -= len(excerpt.sound) + len(excerpt.picture)
        return excerpt

    def of_neighbour(self, name: str) -> str:
        """A short sound as a data URI, "" where there is none, or the neighbours' sounds take their bytes already."""
        path = file_of(self.folder, name)
        silent = not self.audio or path.suffix.lower() in PICTURE_EXTENSIONS
        if silent or self.left_for_neighbours <= 0 or self.folder.is_file() or not path.is_file():
            return ""
        try:
            sound = _sound(load(path, AudioSettings()), NEIGHBOUR_SECONDS)
        except ClipError:
            return ""  # its name is there, and the clip was readable when the model was trained
        self.left_for_neighbours -= len(sound)
        return sound


def _ready(path: Path) -> Excerpt:
    from tonearm.data.pictures import read_picture
    from tonearm.representations.spectrogram import encode_png

    return Excerpt("", _uri("image/png", encode_png(read_picture(path, (173, 172)))))


def _excerpt(path: Path, audio: bool) -> Excerpt:
    from tonearm.representations.spectrogram import draw_pictures, encode_png

    look = SpectrogramSettings(kinds=("mel",))
    samples = load(path, AudioSettings(), look.n_fft)
    [picture] = draw_pictures(samples, AudioSettings().sr, look).values()
    return Excerpt(_sound(samples, SECONDS) if audio else "", _uri("image/png", encode_png(picture)))


def _sound(samples: NDArray[np.float32], seconds: float) -> str:
    """The middle of the samples as MP3."""
    import soundfile

    sr = AudioSettings().sr
    length = int(seconds * sr)
    start = max(0, (len(samples) - length) // 2)
    target = io.BytesIO()
    soundfile.write(target, samples[start : start + length], sr, format="MP3")
    return _uri("audio/mpeg", target.getvalue())


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
