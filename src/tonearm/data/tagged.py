"""A library's files by their tags: the label and the artist of each, and a table of all genres for a person.

Conventions
-----------
Genres are brought to names by `genres`, artists by `artists`. Files are read one at a time, and only their genres and
artists are kept. A track without a genre, or of a genre that is too rare to be a class, has no label: it is no
training clip, and `tonearm predict` says what it is.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tonearm.data.artists import artist_of, group_artists
from tonearm.data.genres import Choice, Genres, choose
from tonearm.data.metadata import name_some
from tonearm.data.proposals import Proposal, propose_aliases
from tonearm.data.tags import check_reader, read_tags
from tonearm.settings import GenreSettings
from tonearm.wording import count

SHOWN_REASONS = 3


@dataclass(frozen=True)
class GenreRow:
    """A genre of the library.

    tracks, artists: that carry it, beside others or alone. labelled: tracks whose label it is, 0 where it is no class.
    spellings: how it is written in tags, and how often, the most frequent first.
    """

    name: str
    tracks: int
    artists: int
    labelled: int
    spellings: dict[str, int]


@dataclass(frozen=True)
class GenreTable:
    """All genres of a library, the largest first. without: tracks without a genre. proposals: which may be one."""

    rows: tuple[GenreRow, ...]
    without: int
    proposals: tuple[Proposal, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The table as JSON-ready values."""
        return {**asdict(self), "proposals": [proposal._asdict() for proposal in self.proposals]}

    def lines(self) -> list[str]:
        """The table for a person."""
        width = max((len(row.name) for row in self.rows), default=0)
        lines = [f"{'genre':<{max(width, 5)}}  tracks  artists  labelled"]
        lines += [
            f"{row.name:<{max(width, 5)}}  {row.tracks:>6}  {row.artists:>7}  {row.labelled or '–':>8}{_written(row)}"
            for row in self.rows
        ]
        return [*lines, f"without a genre: {count(self.without, 'track')}"]

    def proposed(self) -> list[str]:
        """The proposals for a person, ready to paste into a config."""
        if not self.proposals:
            return []
        aliases = [f"{quoted(alias)} = {quoted(name)}" for alias, name, _ in self.proposals]
        return ["some genres may be one; what is right of this belongs into the config:", "[genres.alias]", *aliases]


@dataclass(frozen=True)
class Tagged:
    """The label and the artist of each file, "" where unknown; the table of genres; and notes for a person."""

    labels: list[str]
    artists: list[str]
    table: GenreTable
    notes: tuple[str, ...]


def read_tagged(files: Iterable[tuple[str, str]], settings: GenreSettings) -> Tagged:
    """Read the tags of the files, by name and path. Raises TonearmError where no reader of tags is installed."""
    check_reader()
    genres = Genres(settings)
    names: list[str] = []
    tracks: list[tuple[str, ...]] = []
    artists: list[tuple[str, str]] = []
    written: Counter[tuple[str, ...]] = Counter()
    known: dict[tuple[str, ...], tuple[str, ...]] = {}  # most tracks have the genres of another
    unread: dict[str, str] = {}
    for name, path in files:
        tags = read_tags(path)
        if tags.reason:
            unread[name] = tags.reason
        if tags.genres not in known:
            known[tags.genres] = genres.values(tags.genres)
        written[tags.genres] += 1
        names.append(name)
        tracks.append(known[tags.genres])
        artist, mbid = artist_of(tags)
        artists.append((sys.intern(artist), sys.intern(mbid)))
    groups = group_artists(artists)
    choice = choose(tracks, groups, settings)
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for values, times in written.items():
        for genre, spelling in genres.spelled(values):
            spellings[genre][spelling] += times
    table = _table(tracks, groups, choice, spellings)
    return Tagged(choice.labels, groups, table, tuple(_notes(names, tracks, choice, unread, settings)))


def _table(
    tracks: Sequence[tuple[str, ...]], artists: Sequence[str], choice: Choice, spellings: dict[str, Counter[str]]
) -> GenreTable:
    members: defaultdict[str, list[int]] = defaultdict(list)
    for track, genres in enumerate(tracks):
        for genre in genres:
            members[genre].append(track)
    labelled = Counter(choice.labels)
    rows = [
        GenreRow(
            genre,
            len(those),
            len({artists[track] or track for track in those}),
            labelled[genre],
            dict(spellings[genre].most_common()),
        )
        for genre, those in members.items()
    ]
    rows.sort(key=lambda row: (-row.tracks, row.name))
    without = sum(not genres for genres in tracks)
    return GenreTable(tuple(rows), without, propose_aliases({row.name: row.tracks for row in rows}))


def _notes(
    names: Sequence[str],
    tracks: Sequence[tuple[str, ...]],
    choice: Choice,
    unread: dict[str, str],
    settings: GenreSettings,
) -> Iterable[str]:
    """What a person should know of tracks that have no label."""
    without = [name for name, genres in zip(names, tracks, strict=True) if not genres and name not in unread]
    if unread:
        alike: defaultdict[str, list[str]] = defaultdict(list)
        for name, reason in unread.items():
            alike[reason].append(name)
        reasons = [f"{reason}: {name_some(those)}" for reason, those in alike.items()]
        more = f"; and {count(len(reasons) - SHOWN_REASONS, 'other reason')}" if len(reasons) > SHOWN_REASONS else ""
        files = count(len(unread), "file", "has", "have")
        yield f"{files} no tags that can be read, and no label: {'; '.join(reasons[:SHOWN_REASONS])}{more}"
    if without:
        yield (
            f"{count(len(without), 'track', 'has', 'have')} no genre and no label; `tonearm predict` says what they "
            f"are: {name_some(without)}"
        )
    if choice.left_out:
        small = [
            f"{genre} ({count(clips, 'track')}, {count(artists, 'artist')})"
            for genre, (clips, artists) in choice.left_out.items()
        ]
        lost = sum(bool(genres) and not label for genres, label in zip(tracks, choice.labels, strict=True))
        unlabelled = count(lost - choice.undecided, "track", "has", "have")
        yield (
            f"{count(len(small), 'genre', 'is', 'are')} left out, below genres.min_clips = {settings.min_clips} or "
            f"min_artists = {settings.min_artists}: {name_some(small)}; {unlabelled} no label for that"
        )
    if choice.undecided:
        yield f'{count(choice.undecided, "track", "has", "have")} several genres, and none by genres.several = "none"'


def _written(row: GenreRow) -> str:
    """The other spellings of a genre, where there are any."""
    others = [spelling for spelling in row.spellings if spelling != row.name]
    return f"  written {name_some(others)}" if others else ""


def quoted(text: str) -> str:
    """The text as a string of TOML."""
    return json.dumps(text, ensure_ascii=False)
