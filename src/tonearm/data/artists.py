"""One artist a track, by one rule: what a split keeps together.

Conventions
-----------
1. The album's artist; on a compilation (its flag, or an album artist such as "Various Artists") the track's artist.
   Where the one is missing, the other.
2. Of several values the first. Guests are cut off: what follows "feat.", "ft." or "featuring" in the artist, in
   brackets or not. "&", "and", ",", "x", "vs." and "with" stay: they are in the names of bands.
3. Names are one artist where they are equal in lower case, without accents' variants (NFKC), a leading or trailing
   "The", punctuation and white space; and where they share a MusicBrainz artist id (the first of the track's, or of
   the album's where the album's artist counts). The name is written as it occurs first.
"""

import re
import unicodedata
from collections.abc import Iterable

from tonearm.data.tags import Tags

_VARIOUS = frozenset(
    {"various artists", "various", "va", "v a", "v/a", "multi interprètes", "verschiedene", "verschiedene interpreten"}
    | {
        "varios artistas",
        "varios",
        "artisti vari",
        "divers",
        "artistes divers",
        "diverse",
        "compilation",
        "unknown artist",
    }
)
_GUESTS = re.compile(r"\s*[(\[]?\b(?:(?:feat|ft)\.|(?:feat|ft|featuring)\s).*$", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[^\w/&+]+")


def artist_of(tags: Tags) -> tuple[str, str]:
    """The artist's name and MusicBrainz id by the rule, "" where unknown.

    >>> artist_of(Tags(artist="Anna feat. Bert", album_artist="Various Artists")), artist_of(Tags(artist="The Who"))
    (('Anna', ''), ('The Who', ''))
    """
    by_album = tags.album_artist and not tags.compilation and not is_various(tags.album_artist)
    ids = tags.musicbrainz_album_artist_ids if by_album else tags.musicbrainz_artist_ids
    name = tags.album_artist if by_album else tags.artist
    name = without_guests(name)
    return ("" if is_various(name) else name), next(iter(ids), "")


def is_various(artist: str) -> bool:
    """Whether it stands for several artists, or for nobody."""
    return key_of(artist) in _VARIOUS


def without_guests(artist: str) -> str:
    """The artist without guests; a name that is nothing but guests stays.

    >>> without_guests("Anna (ft. Bert)"), without_guests("Simon & Garfunkel"), without_guests("Ft. Worth")
    ('Anna', 'Simon & Garfunkel', 'Ft. Worth')
    """
    return _GUESTS.sub("", artist).strip() or artist


def key_of(artist: str) -> str:
    """The name as it is compared.

    >>> key_of("The Beatles"), key_of("beatles, the"), key_of("AC/DC"), key_of("N.W.A.")
    ('beatles', 'beatles', 'ac/dc', 'n w a')
    """
    key = _PUNCTUATION.sub(" ", unicodedata.normalize("NFKC", artist).casefold()).strip()
    return key.removeprefix("the ").removesuffix(" the") or artist.casefold()


def group_artists(tracks: Iterable[tuple[str, str]]) -> list[str]:
    """The group of each track by its artist's name and id (`artist_of`), "" where neither is known.

    >>> group_artists([("Prince", "a"), ("The Artist", "a"), ("prince", ""), ("", ""), ("", "a")])
    ['Prince', 'Prince', 'Prince', '', 'Prince']
    """
    found = list(tracks)
    leader: dict[str, str] = {}  # of keys of names and ids, each to another one of its artist

    def root(key: str) -> str:
        while (above := leader.setdefault(key, key)) != key:
            leader[key] = leader[above]
            key = above
        return key

    keys = [tuple(filter(None, (name and f"name {key_of(name)}", mbid and f"id {mbid}"))) for name, mbid in found]
    for key in keys:
        for other in key[1:]:
            leader[root(other)] = root(key[0])
    names: dict[str, str] = {}
    for key, (name, _) in zip(keys, found, strict=True):
        if name:
            names.setdefault(root(key[0]), name)
    return [names.get(root(key[0]), key[0].removeprefix("id ")) if key else "" for key in keys]
