"""Spectrogram pictures as a representation, and ready pictures, of which only the size is known.

Conventions
-----------
A picture that was drawn earlier replaces its clip: a run that reads pictures takes picture files as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.data.pictures import READY, read_picture
from tonearm.dsp.sound import ClipSound
from tonearm.dsp.sources import Source, suffix_of
from tonearm.errors import PictureError, RepresentationError
from tonearm.representations.base import Facts, Gives, Sections
from tonearm.settings import AudioSettings, SpectrogramSettings

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """Pictures of one kind, the only one in `settings.kinds`."""

    audio: AudioSettings
    settings: SpectrogramSettings
    gives: Gives = "images"
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The kind of picture."""
        return self.settings.kinds[0]

    @classmethod
    def build(cls, name: str, sections: Sections) -> "Pictures":
        """Pictures of the kind `name`. Raises ConfigError for an unknown colour map."""
        return cls.of(name, sections.audio, sections.spectrogram)

    @classmethod
    def of(cls, kind: str, audio: AudioSettings, settings: SpectrogramSettings) -> "Pictures":
        """Pictures of a kind with these settings. Raises ConfigError for an unknown kind or colour map."""
        from tonearm.representations.spectrogram import check_spectrogram

        settings = settings.model_copy(update={"kinds": (kind,)})
        check_spectrogram(settings)
        return cls(audio, settings)

    @classmethod
    def restore(cls, facts: Facts) -> "Pictures":
        """The same pictures. Raises RepresentationError if this tonearm draws different ones."""
        from tonearm.representations.spectrogram import DEFINITION

        if facts["definition"] != DEFINITION:
            raise RepresentationError(
                f"uses definition {facts['definition']} of the pictures; this tonearm draws definition {DEFINITION}"
            )
        return cls(AudioSettings(**facts["audio"]), SpectrogramSettings(**facts["spectrogram"]))

    def facts(self) -> Facts:
        """Settings, including the kind."""
        from tonearm.representations.spectrogram import DEFINITION

        return {
            "kind": "pictures",
            "definition": DEFINITION,
            "audio": self.audio.model_dump(mode="json"),
            "spectrogram": self.settings.model_dump(mode="json"),
        }

    def open(self, device: str = "cpu") -> "PictureReader":
        """The reader; no network runs, so the device is not used."""
        return PictureReader(self)


class PictureReader:
    """Clip to its picture."""

    batch = 1

    def __init__(self, representation: Pictures) -> None:
        self.representation = representation

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[Any]]:
        """One picture per clip. Raises AudioError or PictureError."""
        return [self._picture(sound) for sound in sounds]

    def _picture(self, sound: ClipSound) -> Picture:
        from tonearm.representations.spectrogram import draw

        representation = self.representation
        settings = representation.settings
        if is_picture_file(sound.source):
            picture = read_picture(sound.source)
            if len(picture) != settings.height:
                reason = f"is {len(picture)} pixels high; the run was trained on pictures of {settings.height}"
                raise PictureError(sound.path, "height", reason)
            return picture
        spectrum = sound.spectrum(representation.audio, settings.n_fft, settings.hop_length, n_mels=settings.n_mels)
        return draw(spectrum, representation.name, settings)


@dataclass(frozen=True)
class ReadyPictures:
    """Picture files from elsewhere, resized to one size."""

    width: int
    height: int
    name: str = READY
    gives: Gives = "images"
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def restore(cls, facts: Facts) -> "ReadyPictures":
        """Pictures of the same size."""
        return cls(facts["width"], facts["height"])

    def facts(self) -> Facts:
        """The size."""
        return {"kind": READY, "width": self.width, "height": self.height}

    def open(self, device: str = "cpu") -> "ReadyPictureReader":
        """The reader."""
        return ReadyPictureReader((self.width, self.height))


class ReadyPictureReader:
    """Picture file to pixels."""

    batch = 1

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[Any]]:
        """One picture per file. Raises PictureError, also for audio: how the run's pictures were made is not known."""
        return [self._picture(sound.source) for sound in sounds]

    def _picture(self, file: str | Source) -> Picture:
        if not is_picture_file(file):
            reason = "is music, and the run was trained on ready pictures, whose making is not known; give it pictures"
            raise PictureError(str(file), "undecodable", reason)
        return read_picture(file, self.size)


def is_picture_file(file: str | Source) -> bool:
    """Whether the file extension is that of a picture."""
    return suffix_of(file) in PICTURE_EXTENSIONS
