"""Tags that music files carry: read by tinytag (extra `tags`, MIT), and never written here.

Conventions
-----------
A text is what the file says in Unicode's composed form (NFC), without zero bytes and other control characters, without
white space around it; "" where the file says nothing. What a number stands for in ID3 (`17`, `(17)`, `(17)Rock`, the
last byte of ID3v1) is the genre of that number. A file that cannot be read, or whose kind the reader does not know, has
empty tags and a `reason`; no file raises an error.
"""

import importlib.util
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm.errors import TonearmError
from tonearm.runtime.regular import describe_irregular
from tonearm.runtime.remote import place

if TYPE_CHECKING:
    from tinytag import TinyTag

INSTALL = 'pip install "tonearm[tags]"'
MOST_CHARACTERS = 10_000  # of one text; a tag may hold a book
# where the formats keep what tinytag has no field for, in lower case
_COMPILATION = ("compilation", "tcmp", "cpil", "tcp", "itunescompilation", "wm/iscompilation")
_ALBUM_ARTIST = ("album artist", "album_artist", "albumartist")
_ARTIST_IDS = ("musicbrainz artist id", "musicbrainz_artistid", "musicbrainz/artist id")
_ALBUM_ARTIST_IDS = ("musicbrainz album artist id", "musicbrainz_albumartistid", "musicbrainz/album artist id")
_NUMBERED = {"RX": "Remix", "CR": "Cover"}  # the two genres of ID3 that have letters for a number


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says of itself.

    track: its number on the album, None where unknown. genres: each value as it is written, in order, with several
    in one text not told apart yet (`genres.Genres`). compilation: whether the file says that its album is one.
    musicbrainz_artist_ids, musicbrainz_album_artist_ids: in order, the main artist first. reason: why nothing could be
    read, "" where it could.
    """

    title: str = ""
    artist: str = ""
    album_artist: str = ""
    album: str = ""
    track: int | None = None
    genres: tuple[str, ...] = ()
    compilation: bool = False
    musicbrainz_artist_ids: tuple[str, ...] = ()
    musicbrainz_album_artist_ids: tuple[str, ...] = ()
    reason: str = ""


def check_reader() -> None:
    """Raise TonearmError where the extra `tags` is not installed."""
    if importlib.util.find_spec("tinytag") is None:
        raise TonearmError(f"tags are read by tinytag, which is not installed: {INSTALL}")


def read_tags(path: str | Path) -> Tags:
    """The tags of a file or URL; of one that cannot be read, the reason.

    Raises TonearmError where the extra `tags` is not installed.
    """
    check_reader()
    from tinytag import TinyTag, TinyTagException, UnsupportedFormatError

    if irregular := describe_irregular(path):
        return Tags(reason=f"it is {irregular}, not a file")
    try:
        with place(path).open("rb") as file:
            found = TinyTag.get(
                filename=str(path), file_obj=file, tags=True, duration=False
            )  # for which some formats are read whole
    except UnsupportedFormatError:
        ending = Path(path).suffix.lower() or "without ending"
        return Tags(reason=f"its kind of file ({ending}) is none whose tags can be read")
    except (OSError, ValueError) as error:
        return Tags(reason=f"it cannot be read ({getattr(error, 'strerror', None) or error})")
    except TinyTagException as error:
        return Tags(reason=f"its tags are damaged ({str(error) or type(error).__name__})")
    except RecursionError:  # atoms within atoms of a hostile file
        return Tags(reason="its tags are damaged (they are nested too deep)")
    return _tags(found)


def _tags(found: "TinyTag") -> Tags:
    """Our view of what the reader found."""
    other = {key.lower(): values for key, values in found.other.items()}
    compilation = _first(_values(other, _COMPILATION))
    genres = [found.genre, *other.get("genre", [])]
    return Tags(
        title=_first([found.title]),
        artist=_first([found.artist]),
        album_artist=_first([found.albumartist, *_values(other, _ALBUM_ARTIST)]),
        album=_first([found.album]),
        track=found.track if isinstance(found.track, int) and found.track > 0 else None,
        genres=tuple(dict.fromkeys(map(_named, _texts(genres)))),
        compilation=compilation.casefold() in ("1", "true", "yes"),
        musicbrainz_artist_ids=_ids(_values(other, _ARTIST_IDS)),
        musicbrainz_album_artist_ids=_ids(_values(other, _ALBUM_ARTIST_IDS)),
    )


def _values(other: dict[str, list[str]], names: Iterable[str]) -> list[str]:
    """The values of the first of these fields that there is."""
    return next((texts for name in names if (texts := _texts(other.get(name, [])))), [])


def _first(values: Iterable[str | None]) -> str:
    """The first value that says something, "" if none does."""
    return next(iter(_texts(values)), "")


def _texts(values: Iterable[str | None]) -> list[str]:
    """The values that zero bytes tell apart, clean; a byte order mark may stand before each."""
    return [text for value in values for part in (value or "").split("\0") if (text := _clean(part))]


def _ids(values: Iterable[str]) -> tuple[str, ...]:
    """Identifiers, several of which may stand in one value, in lower case."""
    return tuple(
        dict.fromkeys(part for value in values for part in value.lower().replace("/", " ").replace(";", " ").split())
    )


def _clean(text: str) -> str:
    r"""The text in Unicode's composed form, on one line, without control characters.

    >>> _clean("  Bjo\u0308rk\0 "), _clean("a\r\nb")
    ('Björk', 'a b')
    """
    text = unicodedata.normalize("NFC", text[:MOST_CHARACTERS].replace("\ufeff", ""))
    if text.isprintable():  # as nearly all are; a library has a hundred thousand texts
        return " ".join(text.split())
    shown = (" " if character.isspace() else character for character in text)
    return " ".join("".join(c for c in shown if unicodedata.category(c) not in ("Cc", "Cs")).split())


def _named(genre: str) -> str:
    """The genre without what ID3v2.3 puts around it.

    >>> _named("(RX)"), _named("((I mean it) Rock"), _named("(Live) Rock")
    ('Remix', '(I mean it) Rock', '(Live) Rock')
    """
    if genre.startswith("(("):
        return genre[1:]
    return _NUMBERED.get(genre.strip("()").upper(), genre)
