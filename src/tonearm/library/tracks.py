"""The tracks of a library as an audit sees them: files with what their tags, or their folders, say of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tonearm.config import Config
from tonearm.data.artists import is_various
from tonearm.data.catalog import Clip, read_catalog
from tonearm.data.genres import Genres
from tonearm.data.tags import Tags, read_tags


@dataclass(frozen=True)
class Track:
    """A file. name: relative to the library. genres: as the settings call them, in order. artist: by the rule of
    `data.artists`, or as metadata gives it. album, title: "" where unknown; so is all of a file without tags.
    album_artist: who the album is by, "" on a compilation.
    """

    path: str
    name: str
    genres: tuple[str, ...] = ()
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    title: str = ""

    def genre(self, classes: tuple[str, ...]) -> str:
        """The first of its genres that is a class, else its first, "" where it has none."""
        return next((genre for genre in self.genres if genre in classes), next(iter(self.genres), ""))

    @property
    def folder(self) -> str:
        """The folder that it lies in, relative to the library."""
        return PurePosixPath(self.name).parent.as_posix()


def read_tracks(config: Config) -> tuple[list[Track], tuple[str, ...]]:
    """The tracks of the library `config.data.folder`, and notes for a person. Raises CatalogError, TonearmError."""
    catalog = read_catalog(config.data, genres=config.genres)
    tagged = config.data.labels == "tags"
    tracks = _by_tags(catalog.clips, Genres(config.genres)) if tagged else [*map(_by_folder, catalog.clips)]
    return tracks, catalog.notes


def _by_folder(clip: Clip) -> Track:
    return Track(clip.path, clip.name, (clip.label,) if clip.label else (), clip.group)


def _by_tags(clips: Sequence[Clip], genres: Genres) -> list[Track]:
    """The tracks with all that their tags say; their artists are those that the catalog found."""
    return [_by_own_tags(clip, read_tags(clip.path), genres) for clip in clips]


def _by_own_tags(clip: Clip, tags: Tags, genres: Genres) -> Track:
    by = "" if tags.compilation or is_various(tags.album_artist) else tags.album_artist or clip.group
    return Track(clip.path, clip.name, genres.values(tags.genres), clip.group, tags.album, by, tags.title)
