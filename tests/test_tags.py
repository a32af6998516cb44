"""Tags as values: every format, every oddity, and what is made of genres and artists."""

from pathlib import Path

import pytest

from library_files import COVER, FORMATS, encode, music, tag
from tonearm.data.tags import Tags, read_tags

FIELDS = {
    "title": "Für Élise 🎹",
    "artist": ["Anna", "Bert"],
    "albumartist": "Various Artists",
    "album": "Größte Hits",
    "tracknumber": "7",
    "genre": ["Hip-Hop", "Rock; Pop"],
    "compilation": "1",
    "musicbrainz_artistid": ["B2B6E5F9-0000-4000-8000-000000000001", "b2b6e5f9-0000-4000-8000-000000000002"],
}


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_says_the_same(tmp_path: Path, ending: str, version: int) -> None:
    path = tmp_path / f"🎵.{ending}"
    encode(path, music("blues", 0, 1.0)[0])
    assert read_tags(path) == Tags()
    tag(path, FIELDS, version, cover=True)
    assert COVER in path.read_bytes() or ending in ("ogg", "opus")
    found = read_tags(path, with_seconds=True)
    assert found.seconds == pytest.approx(1.0, abs=0.15)
    ids = tuple(value.lower() for value in FIELDS["musicbrainz_artistid"])
    assert found.genres == ("Hip-Hop", "Rock; Pop")
    assert found.musicbrainz_artist_ids == ids
    expected = ("Für Élise 🎹", "Anna", "Various Artists", "Größte Hits", 7, True, "")
    assert (
        found.title,
        found.artist,
        found.album_artist,
        found.album,
        found.track,
        found.compilation,
        found.reason,
    ) == expected
