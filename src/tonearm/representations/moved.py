"""Files that were moved or renamed since their rows were computed: known by their contents, they keep their rows.

Conventions
-----------
What a file holds is its size and the SHA-256 of its bytes, joined with the digest of the task, so that rows of other
settings are never taken. Only files of a size that the parts know are read for it. Files at URLs are not, since they
would have to be fetched; nor are files that changed while they were read.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tonearm.data.catalog import Clip
from tonearm.dsp.sound import ClipSound
from tonearm.representations.parts import ContentKey, copy_rows, find_content_keys, part_files
from tonearm.runtime.remote import is_url

UNKNOWN = ContentKey(-1, "")


def content_key(sound: ClipSound, digest: str) -> ContentKey:
    """What the clip's file holds, for a task with this digest; UNKNOWN where it cannot be told."""
    if is_url(sound.path):
        return UNKNOWN
    try:
        size = sound.file().stat().st_size
        return ContentKey(size, hashlib.sha256(f"{digest}\0{sound.digest()}".encode()).hexdigest()[:32])
    except OSError:
        return UNKNOWN


def adopt_moved(parts: Path, digest: str, new: Iterable[tuple[Clip, str]]) -> bool:
    """Give the clips whose files were only moved their rows, under their new keys; whether there are any.

    digest: of the task whose parts they are. new: clips that the parts do not know by their keys, and these.
    """
    known = find_content_keys(paths := part_files(parts))
    known.pop(UNKNOWN, None)
    sizes = {one.size for one in known}
    moved = {}
    for clip, key in new:
        with ClipSound(clip.path) as sound:
            if _size(sound) in sizes and (found := content_key(sound, digest)) in known:
                moved[key] = (found, known[found])
    if moved:
        copy_rows(parts, paths, moved)
    return bool(moved)


def _size(sound: ClipSound) -> int:
    """Size of a local file in bytes; -1 where it cannot be told."""
    try:
        return -1 if is_url(sound.path) else sound.file().stat().st_size
    except OSError:
        return -1
