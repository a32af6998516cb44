"""Short excerpts of clips, to listen to and look at within the page.

Conventions
-----------
A clip is found by its name under the folder that the experiment's config names. An excerpt is a few seconds from
the middle, mono, as MP3, which every browser plays; its picture is a mel spectrogram of the whole clip. What is
embedded in all has an upper bound.
"""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.errors import ClipError
from tonearm.runtime.remote import file_of, place
from tonearm.settings import AudioSettings, SpectrogramSettings

SECONDS = 6.0
MOST_BYTES = 4_000_000


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


def _ready(path: Path) -> Excerpt:
    from tonearm.data.pictures import read_picture
    from tonearm.representations.spectrogram import encode_png

    return Excerpt("", _uri("image/png", encode_png(read_picture(path, (173, 172)))))


def _excerpt(path: Path, audio: bool) -> Excerpt:
    import soundfile

    from tonearm.dsp.sound import load
    from tonearm.representations.spectrogram import draw_pictures, encode_png

    settings, look = AudioSettings(), SpectrogramSettings(kinds=("mel",))
    samples = load(path, settings, look.n_fft)
    [picture] = draw_pictures(samples, settings.sr, look).values()
    sound = ""
    if audio:
        length = int(SECONDS * settings.sr)
        start = max(0, (len(samples) - length) // 2)
        target = io.BytesIO()
        soundfile.write(target, samples[start : start + length], settings.sr, format="MP3")
        sound = _uri("audio/mpeg", target.getvalue())
    return Excerpt(sound, _uri("image/png", encode_png(picture)))


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
