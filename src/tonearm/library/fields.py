"""The tags that may be written, and what each is called in every kind of file.

Conventions
-----------
A field has one name for a person (`genre`, `grouping`, `comment`, `mood`, or `TXXX:` and a name of one's own) and is
kept under the names that players look for: a frame of ID3 (mp3, wav, aiff), a key of Vorbis comments (flac, ogg, opus),
an atom of MP4, and, in wav files without ID3, an entry of RIFF INFO. Sources: id3.org (2.3 and 2.4 informal
standards), xiph.org (Vorbis comment field recommendations), and the mapping table of MusicBrainz Picard.
"""

import re
from dataclasses import dataclass
from typing import Literal

from tonearm.errors import PlanError
from tonearm.wording import did_you_mean

Only = Literal["missing", "conflicts", "all"]  # files without the tag, those whose tag says otherwise, or all
By = Literal["track", "album"]
Multi = Literal["values", ";"]
_OWN = re.compile(r"TXXX:[ -<>-}]{1,60}")  # the characters that a key of Vorbis comments may have
_FREE = "----:com.apple.iTunes:"


@dataclass(frozen=True)
class Field:
    """name: for a person. frame: of ID3, with what tells it from others of its kind. info: "" where INFO has none."""

    name: str
    frame: str
    vorbis: str
    mp4: str
    info: str = ""
    described: str | None = None

    def frame_of(self, version: int) -> tuple[str, str | None]:
        """The frame and its description in ID3v2.3 (3) or 2.4 (4); the description is None where it has none."""
        if self.frame == "TMOO" and version == 3:  # came with 2.4
            return "TXXX", "MOOD"
        return self.frame, self.described


FIELDS = {
    field.name: field
    for field in (
        Field("genre", "TCON", "GENRE", "\xa9gen", "IGNR"),
        Field("grouping", "TIT1", "GROUPING", "\xa9grp"),
        Field("comment", "COMM", "COMMENT", "\xa9cmt", "ICMT", ""),
        Field("mood", "TMOO", "MOOD", f"{_FREE}MOOD"),
    )
}
ALBUM = Field("album", "TALB", "ALBUM", "\xa9alb", "IPRD")


def field_of(name: str) -> Field:
    """The field of this name. Raises PlanError where it is none.

    >>> field_of("genre").vorbis, field_of("TXXX:style").frame_of(4)
    ('GENRE', ('TXXX', 'style'))
    """
    if name in FIELDS:
        return FIELDS[name]
    if _OWN.fullmatch(name):
        own = name.removeprefix("TXXX:")
        return Field(name, "TXXX", own.upper(), f"{_FREE}{own}", described=own)
    known = ", ".join(FIELDS)
    raise PlanError(
        f"field {name!r} is not one that tonearm writes; {did_you_mean(name, FIELDS)}allowed: {known}, and TXXX:NAME "
        "with up to 60 plain characters other than '='"
    )
