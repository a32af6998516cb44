"""The search for clips of one recording as a task among others: decoded together with them, resumed like them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.sound import ClipSound
from tonearm.representations.base import digest_of
from tonearm.representations.shards import PARTS, PartsOnly, Shards
from tonearm.runtime.files import write_json
from tonearm.runtime.source import source_digest
from tonearm.scan.scan import Sound, find_duplicates, heard_of, listen
from tonearm.settings import AudioSettings

GROUPS_JSON = "groups.json"


@dataclass(frozen=True)
class ListeningTask(PartsOnly):
    """Clips to what tells copies: digests of their samples, and landmarks. Writes `folder`/groups.json."""

    folder: Path
    audio: AudioSettings

    @property
    def digest(self) -> str:
        """Of the code that listens, and of what is heard of a file."""
        heard = heard_of(self.audio).model_dump(mode="json")
        return digest_of({"code": source_digest(listen.__module__), "audio": heard})

    @property
    def parts(self) -> Path:
        """Folder of the part files."""
        return self.folder / PARTS

    def open(self) -> "Listener":
        """The reader."""
        return Listener(self.audio)

    def finish(self, shards: Shards) -> None:
        """Find the clips that are one recording and the files that contain several others, and write both."""
        heard = [(clip, Sound.from_bytes(values)) for clip, values in shards.rows()]
        recordings = find_duplicates([clip for clip, _ in heard], [sound for _, sound in heard], labelled=True)
        groups = [list(group.names) for group in recordings.duplicates]
        notes = [collection.sentence() for collection in recordings.collections]
        write_json(self.folder / GROUPS_JSON, {"groups": groups, "notes": notes})

    def load(self) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
        """Names of clips that are one recording, and notes on files that contain several others."""
        written = json.loads((self.folder / GROUPS_JSON).read_text(encoding="utf-8"))
        return [tuple(names) for names in written["groups"]], tuple(written["notes"])


class Listener:
    """Clip to what was heard of it, as bytes."""

    batch = 1

    def __init__(self, audio: AudioSettings) -> None:
        self.audio = audio

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[np.uint8]]:
        """One array of bytes a clip. Raises AudioError."""
        return [listen(sound, self.audio).to_bytes() for sound in sounds]
