"""Tags as values: every format, every oddity, and what is made of genres and artists."""

import os
from pathlib import Path

import numpy as np
import pytest

from library_files import COVER, FORMATS, encode, music, tag
from tonearm.data.artists import artist_of, group_artists
from tonearm.data.genres import Genres, choose
from tonearm.data.tags import Tags, read_tags
from tonearm.errors import ConfigError, TonearmError
from tonearm.settings import GenreSettings

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
    found = read_tags(path)
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


def wav(path: Path) -> Path:
    encode(path, music("blues", 0, 1.0)[0])
    return path


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["17"], ("Rock",)),
        (["(17)"], ("Rock",)),
        (["(17)Rock"], ("Rock",)),
        (["(RX)"], ("Remix",)),
        (["Trip-Hop", "Dub"], ("Trip-Hop", "Dub")),
        (["  Ænima 🎸  "], ("Ænima 🎸",)),
        (["Rock", "Rock"], ("Rock",)),
    ],
)
def test_numbers_of_id3_are_genres(tmp_path: Path, written: list[str], read: tuple[str, ...]) -> None:
    from mutagen.id3 import ID3, TCON

    path = wav(tmp_path / "a.mp3")
    frame = TCON(encoding=1)
    frame.text = written  # as it is, and not as mutagen would put it
    tags = ID3()
    tags.add(frame)
    tags.save(path, v2_version=3, v23_sep=None)
    assert read_tags(path).genres == read


def test_the_last_128_bytes_of_an_old_mp3_are_tags(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.mp3")
    fields = (b"Title".ljust(30, b"\0"), "Bj\u00f6rk".encode("latin-1").ljust(30), b"Album".ljust(30, b"\0"))
    path.write_bytes(path.read_bytes() + b"TAG" + b"".join(fields) + b"1999" + b"\0" * 28 + b"\0\x05" + bytes([17]))
    found = read_tags(path)
    assert (found.title, found.artist, found.album, found.track, found.genres) == (
        "Title",
        "Björk",
        "Album",
        5,
        ("Rock",),
    )


def test_bytes_that_are_no_text_do_not_stop_the_reader(tmp_path: Path) -> None:
    """Cyrillic in a Windows code page that calls itself Latin 1, and lone surrogates."""
    from mutagen.id3 import ID3, TALB, TPE1

    path = wav(tmp_path / "a.mp3")
    tags = ID3()
    tags.add(TPE1(encoding=0, text=["\xcc\xf3\xec\xe8\xe9"]))
    tags.add(TALB(encoding=1, text=["x"]))
    tags.save(path)
    data = path.read_bytes().replace("x\0".encode("utf-16-le"), b"\x00\xd8\x00\x00")  # half a character
    path.write_bytes(data)
    found = read_tags(path)
    assert (found.artist, found.reason) == ("Ìóìèé", "")
    assert found.album.encode() is not None


@pytest.mark.parametrize("ending", ["mp3", "flac", "ogg", "m4a", "wav", "aiff", "au", "ape"])
def test_a_file_that_cannot_be_read_has_a_reason(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    assert read_tags(path).reason == "it cannot be read (No such file or directory)"
    path.write_bytes(b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(range(256)) * 8)
    assert read_tags(path).genres == ()
    os.mkfifo(tmp_path / "fifo.mp3")
    assert "FIFO" in read_tags(tmp_path / "fifo.mp3").reason


def test_damaged_files_give_tags_or_a_reason_and_never_an_error(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for ending in FORMATS:
        path = wav(tmp_path / f"a.{ending}")
        tag(path, FIELDS)
        whole = path.read_bytes()
        for _ in range(25):
            data = bytearray(whole[: int(random.integers(1, len(whole)))])
            for place in random.integers(0, min(len(data), 400), 6):
                data[place] = int(random.integers(256))
            path.write_bytes(data)
            read_tags(path)


def test_without_the_reader_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TonearmError, match=r'pip install "tonearm\[tags\]"'):
        read_tags(tmp_path / "a.mp3")


@pytest.mark.parametrize(
    ("tags", "artist"),
    [
        (Tags(artist="Ann feat. Bob", album_artist="Ann"), "Ann"),
        (Tags(artist="Ann (ft. Bob)", album_artist="Various Artists"), "Ann"),
        (Tags(artist="Ann", album_artist="DJ Set", compilation=True), "Ann"),
        (Tags(artist="Ann featuring Bob"), "Ann"),
        (Tags(album_artist="Earth, Wind & Fire"), "Earth, Wind & Fire"),
        (Tags(artist="Various", album_artist="VA"), ""),
        (Tags(), ""),
    ],
)
def test_the_artist_is_found_by_one_rule(tags: Tags, artist: str) -> None:
    assert artist_of(tags) == (artist, "")


def test_one_artist_is_one_group_however_it_is_written() -> None:
    """By name, or by an id, and by what ties both; never by the id of a guest."""
    tracks = [("The Band", ""), ("band, the", "1"), ("Band (live)", "1"), ("Other", "2"), ("", ""), ("!!!", "")]
    assert group_artists(tracks) == ["The Band", "The Band", "The Band", "Other", "", "!!!"]
    guest = Tags(artist="Ann feat. Bob", musicbrainz_artist_ids=("ann", "bob"))
    assert artist_of(guest) == ("Ann", "ann")


def test_genres_are_told_apart_by_one_rule() -> None:
    genres = Genres(GenreSettings(alias={"Hip-Hop/Rap": "Hip-Hop", "rap": "hip hop", "Drum/Bass": "dnb"}))
    assert genres.values(["hip-hop / rap"]) == ("Hip-Hop",)
    assert genres.values(["Rap; HIP HOP"]) == ("Hip-Hop",)
    assert genres.values(["Rock/Pop", "R&B/Soul"]) == ("rock", "pop", "r&b/soul")
    assert genres.values(["drum/bass|Other;;", " "]) == ("dnb",)
    with pytest.raises(ConfigError, match="two names"):
        Genres(GenreSettings(alias={"DnB": "a", "dnb": "b"}))
    with pytest.raises(ConfigError, match="circle: a → b → a"):
        Genres(GenreSettings(alias={"a": "b", "b": "a"}))


def test_a_rare_genre_gives_its_tracks_to_their_next_one() -> None:
    tracks = [("trap", "hip hop")] * 2 + [("hip hop",)] * 2 + [("gamelan",)] + [("rock",)] * 4
    artists = ["a", "b", "c", "d", "e", "f", "f", "f", "f"]
    chosen = choose(tracks, artists, GenreSettings(min_clips=4, min_artists=2))
    assert chosen.labels == ["hip hop"] * 4 + [""] * 5
    assert chosen.left_out == {"rock": (4, 1), "trap": (2, 2), "gamelan": (1, 1)}
    first = choose(tracks, artists, GenreSettings(min_clips=2, min_artists=2, several="first"))
    assert first.labels[:4] == ["trap", "trap", "hip hop", "hip hop"]
    none = choose(tracks, artists, GenreSettings(min_clips=1, min_artists=1, several="none"))
    assert (none.labels[:2], none.undecided) == (["", ""], 2)
