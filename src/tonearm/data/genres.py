"""Genres as people write them, brought to classes: folded, told apart, renamed, and counted.

Conventions
-----------
Two genres are one where they are equal *folded*: in lower case, with hyphens, underscores, dots of abbreviation and
white space as one space. Several values of a track are told apart by zero bytes (repeated fields), by `;` and `|`,
and by `/`: with spaces around it always, without them unless the whole is in `genres.alias` or one of the names that
are written with it (`WRITTEN_WITH_SLASH`, such as "Hip-Hop/Rap"). `genres.alias` then says what a value is called: its
target as it is written there; what it does not name is called what it is folded.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tonearm.errors import ConfigError
from tonearm.settings import GenreSettings

# genres that stores and players write with a slash, folded
WRITTEN_WITH_SLASH = frozenset(
    {
        "hip hop/rap",
        "rap/hip hop",
        "r&b/soul",
        "soul/r&b",
        "soul/funk",
        "funk/soul",
        "singer/songwriter",
        "pop/rock",
        "folk/rock",
        "folk/country",
        "country/folk",
        "dance/electronic",
        "electronic/dance",
        "dance/edm",
        "christian/gospel",
        "gospel/christian",
        "new age/ambient",
        "ska/punk",
        "n/a",
    }
)
_SPACE = re.compile(r"[\s_\-‐‑‒–—]+")
_APART = re.compile(r"[\0;|]")
_SPACED_SLASH = re.compile(r"\s+/\s+")


def fold(genre: str) -> str:
    """The genre as it is compared.

    >>> fold("Hip-Hop"), fold("hip  hop"), fold("Drum & Bass"), fold(" R&B / Soul ")
    ('hip hop', 'hip hop', 'drum & bass', 'r&b/soul')
    """
    text = unicodedata.normalize("NFKC", genre).casefold()
    return re.sub(r"\s*/\s*", "/", _SPACE.sub(" ", text)).strip()


class Genres:
    """The names of genres by a section of settings; raises ConfigError where its aliases contradict each other."""

    def __init__(self, settings: GenreSettings) -> None:
        self.settings = settings
        self._ignored = {fold(genre) for genre in settings.ignore}
        self._alias: dict[str, str] = {}
        for written, target in settings.alias.items():
            key = fold(written)
            if fold(self._alias.get(key, target)) != fold(target):
                raise ConfigError(
                    f"genres.alias: {written!r} is given two names, {self._alias[key]!r} and {target!r}; case, hyphens "
                    "and white space make no difference"
                )
            self._alias.setdefault(key, target)
        self._names = {fold(genre): genre for genre in reversed(settings.alias.values())}  # the first spelling counts
        for key in self._alias:
            self._follow(key)

    def values(self, written: Iterable[str]) -> tuple[str, ...]:
        """The genres of a track as they are called, in order, each once; those that are ignored left out.

        >>> Genres(GenreSettings(alias={"Hip-Hop/Rap": "hip hop"})).values(["Rock; Pop / Jazz", "hip-hop/RAP", "Other"])
        ('rock', 'pop', 'jazz', 'hip hop')
        """
        return tuple(dict.fromkeys(name for name, _ in self.spelled(written)))

    def spelled(self, written: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Each value of a track: what the genre is called, and how it is written."""
        for part in (part for text in written for part in self._split(text)):
            key = fold(part)
            if key and key not in self._ignored:
                yield self.name(part), part.strip()

    def name(self, genre: str) -> str:
        """What the genre is called."""
        key = self._follow(fold(genre))
        return self._names.get(key, key)

    def _follow(self, key: str) -> str:
        """The end of the chain of aliases that begins with the folded genre."""
        seen = [key]
        while seen[-1] in self._alias and (following := fold(self._alias[seen[-1]])) != seen[-1]:
            if following in seen:
                raise ConfigError(f"genres.alias goes round in a circle: {' → '.join([*seen, following])}")
            seen.append(following)
        return seen[-1]

    def _split(self, text: str) -> Iterator[str]:
        for part in _APART.split(text):
            if fold(part) in self._alias:
                yield part
                continue
            for piece in _SPACED_SLASH.split(part):
                whole = fold(piece)
                yield from [piece] if whole in self._alias or whole in WRITTEN_WITH_SLASH else piece.split("/")


class Choice(NamedTuple):
    """The classes that tracks were given.

    labels: of each track, "" for none. left_out: of each genre that is no class, how many tracks and artists it has,
    the largest first. undecided: how many tracks have several genres where `genres.several` is "none".
    """

    labels: list[str]
    left_out: dict[str, tuple[int, int]]
    undecided: int


def choose(tracks: Sequence[tuple[str, ...]], artists: Sequence[str], settings: GenreSettings) -> Choice:
    """The class of each track, by its genres in order and its artist ("" where unknown: an artist of its own).

    A genre is a class if the tracks that it labels, and their artists, are as many as `genres.min_clips` and
    `min_artists` ask. Of those that are not, the one that the fewest tracks carry is left out first, and its tracks go
    to their next genre, which may then have enough.
    """
    undecided = 0
    if settings.several == "none":
        undecided = sum(len(genres) > 1 for genres in tracks)
        tracks = [genres if len(genres) == 1 else () for genres in tracks]
    elif settings.several == "first":
        tracks = [genres[:1] for genres in tracks]
    carriers: defaultdict[str, list[int]] = defaultdict(list)
    members: defaultdict[str, list[int]] = defaultdict(list)
    for track, genres in enumerate(tracks):
        for genre in genres:
            carriers[genre].append(track)
        for genre in genres[:1]:
            members[genre].append(track)
    left_out: dict[str, tuple[int, int]] = {}
    sizes = {genre: _size(members[genre], artists) for genre in members}
    while small := [genre for genre, size in sizes.items() if _is_small(size, settings)]:
        genre = min(small, key=lambda genre: (len(carriers[genre]), genre))
        del sizes[genre]
        left_out[genre] = _size(carriers[genre], artists)
        gaining = set()
        for track in members.pop(genre):
            following = next((each for each in tracks[track] if each not in left_out), "")
            if following:
                members[following].append(track)
                gaining.add(following)
        sizes |= {genre: _size(members[genre], artists) for genre in gaining}
    labels = [""] * len(tracks)
    for genre, those in members.items():
        for track in those:
            labels[track] = genre
    return Choice(labels, dict(sorted(left_out.items(), key=lambda item: (-item[1][0], item[0]))), undecided)


def _size(members: Sequence[int], artists: Sequence[str]) -> tuple[int, int]:
    return len(members), len({artists[track] or track for track in members})


def _is_small(size: tuple[int, int], settings: GenreSettings) -> bool:
    return size[0] < settings.min_clips or size[1] < settings.min_artists
