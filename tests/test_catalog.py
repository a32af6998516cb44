"""Every layout of folders and metadata, and what is said where they do not fit."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.data.catalog import list_files, read_catalog
from tonearm.data.metadata import match, part_name, read_metadata, stem
from tonearm.errors import CatalogError
from tonearm.settings import DataSettings


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def rows(folder: Path, **settings: str) -> list[tuple[str, str, str, str]]:
    catalog = read_catalog(DataSettings(folder=str(folder), **settings))
    return [(clip.name, clip.label, clip.group, clip.split) for clip in catalog.clips]


def test_class_folders(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "rock/b.WAV",
        "rock/a.au",
        "jazz/live/c.flac",
        "jazz/._c.flac",
        "jazz/.hidden/x.wav",
        "jazz/cover.jpg",
        "readme.txt",
        "rock/noending",
    )
    (tmp_path / "rock" / "folder.mp3").mkdir()
    catalog = read_catalog(DataSettings(folder=str(tmp_path)))
    assert [(clip.name, clip.label) for clip in catalog.clips] == [
        ("jazz/live/c.flac", "jazz"),
        ("rock/a.au", "rock"),
        ("rock/b.WAV", "rock"),
        ("rock/folder.mp3", "rock"),
    ]
    assert catalog.classes == ("jazz", "rock")
    assert catalog.ignored == {".jpg": 1, ".txt": 1, "": 1}
    assert all(Path(clip.path).exists() for clip in catalog.clips)


def test_metadata_file_names_its_own_order_and_missing_files_stay(tmp_path: Path) -> None:
    touch(tmp_path, "x/2.wav", "x/1.wav", "x/3.wav")
    (tmp_path / "metadata.csv").write_text(
        'file_name,label,artist,split\nx/2.wav,rock,"Smith, Jones",train\nx/1.wav,jazz,Ané,Validation\n'
        "x/9.wav,jazz,,\n",
        encoding="utf-8-sig",
    )
    assert rows(tmp_path) == [
        ("x/2.wav", "rock", "Smith, Jones", "train"),
        ("x/1.wav", "jazz", "Ané", "valid"),
        ("x/9.wav", "jazz", "", ""),
    ]
    assert read_catalog(DataSettings(folder=str(tmp_path))).notes == ("1 file is not listed in metadata.csv: x/3.wav",)


def test_train_and_test_folders_the_test_without_labels(tmp_path: Path) -> None:
    touch(tmp_path, "train/rock/a.wav", "train/jazz/b.wav", "test/1.wav", "test/2.wav", "stray/c.wav")
    assert rows(tmp_path) == [
        ("test/1.wav", "", "", "test"),
        ("test/2.wav", "", "", "test"),
        ("train/jazz/b.wav", "jazz", "", "train"),
        ("train/rock/a.wav", "rock", "", "train"),
    ]
    assert "1 file outside train and test" in read_catalog(DataSettings(folder=str(tmp_path))).notes[0]


def test_train_and_test_each_with_metadata(tmp_path: Path) -> None:
    touch(tmp_path, "train/a.wav", "test/b.wav")
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\na.wav,rock\n")
    (tmp_path / "test" / "metadata.csv").write_text("file_name,label,artist\nb.wav,jazz,Ann\n")
    assert rows(tmp_path) == [("test/b.wav", "jazz", "Ann", "test"), ("train/a.wav", "rock", "", "train")]


def test_a_class_called_test_is_a_class_where_there_is_no_train(tmp_path: Path) -> None:
    touch(tmp_path, "test/a.wav", "rock/b.wav")
    assert [label for _, label, _, _ in rows(tmp_path)] == ["rock", "test"]


def test_metadata_elsewhere_joins_by_name_and_reports_who_stays_alone(tmp_path: Path) -> None:
    touch(tmp_path / "g", "blues/blues.00000.au", "blues/blues.00001.au", "blues/blues.00002.au", "rock/odd.au")
    table = tmp_path / "more.csv"
    table.write_text(
        "file_name,label,performer,part\nblues.00000.wav,blues,Hooker,train\nblues.00001.wav,soul,King,valid\n"
        "blues.00002.wav,blues,King,excluded\ngone.wav,rock,Bo,test\n"
    )
    settings = DataSettings(
        folder=str(tmp_path / "g"), metadata=str(table), group_column="performer", split_column="part"
    )
    catalog = read_catalog(settings)
    assert [(clip.name, clip.label, clip.group, clip.split) for clip in catalog.clips] == [
        ("blues/blues.00000.au", "blues", "Hooker", "train"),
        ("blues/blues.00001.au", "soul", "King", "valid"),
        ("rock/odd.au", "", "", ""),
    ]
    assert catalog.notes == (
        "1 clip has no row in more.csv: rock/odd.au",
        "1 row of more.csv without a clip: gone.wav",
        "1 clip has another label in more.csv: blues/blues.00001.au",
        "1 clip has no label, since more.csv has labels and gives none here: rock/odd.au; the names of folders are not "
        "taken for labels beside it",
        "1 clip is left out by the split: blues/blues.00002.au",
    )


def test_two_possible_partners_are_an_error(tmp_path: Path) -> None:
    touch(tmp_path / "g", "a/1.wav", "b/1.wav")
    (tmp_path / "m.csv").write_text("file_name,label\n1.wav,rock\n")
    with pytest.raises(CatalogError, match="fits more than one clip or row"):
        rows(tmp_path / "g", metadata=str(tmp_path / "m.csv"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clip,label\na.wav,rock\n", "no column names the clips; expected one of file_name"),
        ("file_name,label\na.wav,rock\na.wav,jazz\n", "row 3: 'a.wav' is named twice"),
        ("file_name,label\n,rock\n", "row 2: column file_name is empty"),
        ("file_name,label\n../a.wav,rock\n", "leads out of the folder"),
        ('file_name,label\n"a.wav,rock\n', "is not CSV"),
        ("", "found nothing"),
    ],
)
def test_unusable_metadata_says_where(tmp_path: Path, text: str, says: str) -> None:
    touch(tmp_path, "a.wav")
    (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(CatalogError, match=says) as caught:
        rows(tmp_path)
    assert "metadata.csv" in str(caught.value)


def test_metadata_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes("file_name,label\nä.wav,rock\n".encode("latin-1"))
    with pytest.raises(CatalogError, match="UTF-8"):
        read_metadata(tmp_path / "m.csv", DataSettings())


@pytest.mark.parametrize("layout", ["nothing", "file", "empty", "pictures"])
def test_no_clips_says_what_was_found_and_what_is_allowed(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "g"
    if layout == "file":
        folder.touch()
    elif layout == "empty":
        folder.mkdir()
    elif layout == "pictures":
        touch(folder, "a/b.jpg")
    says = {"nothing": "no such folder", "file": "is a file", "empty": "other files: none", "pictures": "1 .jpg"}[
        layout
    ]
    with pytest.raises(CatalogError, match=says):
        rows(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps names that are not UTF-8")
def test_a_name_that_is_not_utf8_is_written_so_that_it_can_be(tmp_path: Path) -> None:
    touch(tmp_path, os.fsdecode(b"chanson fran\xe7aise/\xe9t\xe9.wav"))
    (clip,) = read_catalog(DataSettings(folder=str(tmp_path))).clips
    assert (clip.name, clip.label) == ("chanson fran\\xe7aise/\\xe9t\\xe9.wav", "chanson fran\\xe7aise")
    assert clip.name.encode()
    assert Path(clip.path).is_file()


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    touch(tmp_path, "rock/a.wav")
    (tmp_path / "rock" / "up").symlink_to(tmp_path)
    assert [name for name, *_ in rows(tmp_path)] == ["rock/a.wav"]


def test_odd_names_survive(tmp_path: Path) -> None:
    names = ["rock/a,b.wav", 'rock/quote".wav', "rock/line\nbreak.wav", "rock/Ænima ☂.wav"]
    touch(tmp_path, *names)
    assert sorted(name for name, *_ in rows(tmp_path)) == sorted(names)


def test_files_and_folders_mix_for_prediction(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "more/c.wav", "more/b.wav", "more/c.txt")
    assert list_files(tmp_path / "a.wav") == ([tmp_path / "a.wav"], ())
    assert list_files(tmp_path / "more") == ([tmp_path / "more" / "b.wav", tmp_path / "more" / "c.wav"], ())


@given(
    st.sampled_from(["blues.00000", "a", "x.y"]), st.lists(st.sampled_from([".wav", ".PNG", ".au", ".jpg"]), max_size=3)
)
def test_stem_drops_every_ending_of_sound_and_picture(base: str, endings: list[str]) -> None:
    assert stem("deep/" + base + "".join(endings)) == base


def test_parts_have_many_names() -> None:
    assert [part_name(word) for word in ("Train", "dev", "test", "", "excluded")] == [
        "train",
        "valid",
        "test",
        "",
        "left out",
    ]


def test_match_prefers_the_longest_agreement(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("file_name,label\na/1.wav,deep\n1.mp3,other\n")
    entries = read_metadata(tmp_path / "m.csv", DataSettings())
    partners, notes = match(["a/1.wav", "b/1.mp3"], entries, tmp_path / "m.csv")
    assert [partner.label if partner else "" for partner in partners] == ["deep", "other"]
    assert notes == []


def test_names_that_need_their_folders_are_not_matched_without(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("file_name,label\nrock/1.wav,rock\npop/1.wav,pop\n")
    entries = read_metadata(tmp_path / "m.csv", DataSettings())
    partners, notes = match(["rock/1.wav", "jazz/1.wav", "blues/1.wav"], entries, tmp_path / "m.csv")
    assert [partner.label if partner else "" for partner in partners] == ["rock", "", ""]
    assert notes == [
        "2 clips have no row in m.csv: jazz/1.wav, blues/1.wav",
        "1 row of m.csv without a clip: pop/1.wav",
    ]


def test_only_line_ends_end_a_metadata_row(tmp_path: Path) -> None:
    odd = "a\u2028b\x85c\x0bd"
    (tmp_path / "m.csv").write_bytes(f'file_name,label,artist\r\n1.wav,rock,{odd}\r\n2.wav,jazz,"x\ny"\r\n'.encode())
    assert [entry.group for entry in read_metadata(tmp_path / "m.csv", DataSettings())] == [odd, "x\ny"]


def test_prediction_is_asked_of_every_file_whatever_split_or_metadata_say(tmp_path: Path) -> None:
    touch(tmp_path, "c.wav", "b.wav", "a.wav", "deep/d.wav")
    (tmp_path / "metadata.csv").write_text("file_name,split\nc.wav,Public\nb.wav,test\ngone.wav,test\n")
    names = [path.relative_to(tmp_path).as_posix() for path in list_files(tmp_path)[0]]
    assert names == ["c.wav", "b.wav", "gone.wav", "a.wav", "deep/d.wav"]


def test_a_metadata_file_without_rows_says_what_it_does_not_list(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav")
    (tmp_path / "metadata.csv").write_text("file_name, label\n")
    with pytest.raises(CatalogError, match=r"no clips found .*1 file is not listed in metadata\.csv: a\.wav"):
        read_catalog(DataSettings(folder=str(tmp_path)))
    (tmp_path / "metadata.csv").write_text("file_name, label\na.wav, rock\n")
    assert read_catalog(DataSettings(folder=str(tmp_path))).classes == ("rock",)


def test_a_metadata_file_that_is_missing_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"missing\.csv: there is no such file"):
        read_metadata(tmp_path / "missing.csv", DataSettings())


def test_metadata_without_labels_leaves_the_folders_names_as_labels(tmp_path: Path) -> None:
    touch(tmp_path / "g", "blues/1.wav", "rock/2.wav")
    (tmp_path / "m.csv").write_text("file_name,artist\n1.wav,Hooker\n")
    assert rows(tmp_path / "g", metadata=str(tmp_path / "m.csv")) == [
        ("blues/1.wav", "blues", "Hooker", ""),
        ("rock/2.wav", "rock", "", ""),
    ]


def test_artists_and_genres_never_share_a_list_of_labels(tmp_path: Path) -> None:
    touch(tmp_path / "g", "Ann/1.wav", "Bob/2.wav", "Cid/3.wav")
    (tmp_path / "m.csv").write_text("file_name,label,artist\n1.wav,rock,Ann\n2.wav,,Bob\n")
    catalog = read_catalog(DataSettings(folder=str(tmp_path / "g"), metadata=str(tmp_path / "m.csv")))
    assert catalog.classes == ("rock",)
    assert any(note.startswith("2 clips have no label, since m.csv has labels") for note in catalog.notes)


ARTISTS = [f"Artist {number}/{track}.wav" for number in range(20) for track in range(3)]
DISCS = ["Blue Album/CD1/1.wav", "Blue Album/CD 2/1.wav", "Red Album/disc-1/1.wav", "Live/1.wav"]
GENRES = [f"genre {number}/{track}.wav" for number in range(19) for track in range(3)]
DEEP = [f"{genre}/Ann/Album/CD1/{track}.wav" for genre in ("rock", "jazz") for track in range(3)]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (ARTISTS, "(there are 20, half of them with at most 3 clips): Artist "),
        ([f"train/{name}" for name in ARTISTS], "(there are 20, half of them with at most 3 clips): Artist "),
        (DISCS, "(2 of 3 hold folders of discs): Blue Album, Red Album; put the clips"),
        (GENRES, ""),
        (DEEP, ""),
        (["Discovery/1.wav", "rock/2.wav"], ""),
    ],
)
def test_folders_that_look_like_artists_or_albums_are_noted(tmp_path: Path, names: list[str], says: str) -> None:
    touch(tmp_path, *names)
    notes = read_catalog(DataSettings(folder=str(tmp_path))).notes
    assert len(notes) == bool(says)
    assert not says or says in notes[0]


def test_labels_of_metadata_end_the_note_on_folders(tmp_path: Path) -> None:
    touch(tmp_path / "g", *ARTISTS)
    listed = "".join(f"{name},{'rock' if number % 2 else 'jazz'}\n" for number, name in enumerate(ARTISTS))
    (tmp_path / "m.csv").write_text("file_name,label\n" + listed)
    catalog = read_catalog(DataSettings(folder=str(tmp_path / "g"), metadata=str(tmp_path / "m.csv")))
    assert not any("look like" in note for note in catalog.notes)


def test_asking_for_the_files_of_a_folder_walks_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "rock/a.wav")
    walked: list[str] = []
    scan = os.scandir

    def note_and_scan(path: Path) -> Iterator[os.DirEntry[str]]:
        walked.append(str(path))
        return scan(path)

    monkeypatch.setattr("os.scandir", note_and_scan)
    assert list_files(tmp_path)[0] == [tmp_path / "rock" / "a.wav"]
    assert walked == [str(tmp_path), str(tmp_path / "rock")]
