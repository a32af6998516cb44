"""Tags are written so that nothing else in a file changes, in each of the seven formats."""

import re
import struct
from pathlib import Path

import av
import mutagen
import pytest
from mutagen.id3 import ID3

import signals
import tagged_files
from tonearm.errors import PlanError, TagError
from tonearm.library.delta import difference, rebuild
from tonearm.library.fields import field_of
from tonearm.library.writer import check_written, read_fields, shown, write_field

GENRE = field_of("genre")
SRC = Path(__file__).parents[1] / "src"


def written(path: Path, field: str, *values: str) -> Path:
    """The file with these texts in the field."""
    copy = path.with_name(f"written{path.suffix}")
    write_field(path, copy, field_of(field), values)
    check_written(path, copy, field_of(field), values)
    return copy


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("kind", tagged_files.FORMATS)
def test_a_field_is_written_and_the_sound_stays(tmp_path: Path, kind: str, version: int) -> None:
    path = tagged_files.write(tmp_path / f"a.{kind}", "Old", version)
    sound = tagged_files.sound(path)
    for field in ("genre", "grouping", "comment", "mood", "TXXX:My Style"):
        for values in (("Höhe",), ("Rock 🎸", "Pop"), ()):
            copy = written(path, field, *values)
            assert read_fields(copy, [field_of(field)])[0] == values
            assert tagged_files.sound(copy) == sound
    assert read_fields(path, [GENRE])[0] == ("Old",)


@pytest.mark.parametrize("kind", [kind for kind in tagged_files.FORMATS if kind not in tagged_files.ID3])
def test_other_tags_and_the_cover_stay(tmp_path: Path, kind: str) -> None:
    path = tagged_files.write(tmp_path / f"a.{kind}", "Old")
    before, after = mutagen.File(path), mutagen.File(written(path, "genre", "New"))
    key = "\xa9gen" if kind == "m4a" else "genre"
    assert before.tags.pop(key) if kind == "m4a" else before.tags[key] == ["Old"]
    assert after.tags[key] == ["New"]
    del after.tags[key]
    if kind != "m4a":
        del before.tags[key]
    assert sorted(before.tags.items()) == sorted(after.tags.items())
    assert getattr(before, "pictures", []) == getattr(after, "pictures", [])


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("kind", tagged_files.ID3)
def test_every_other_frame_keeps_its_bytes_and_its_place(tmp_path: Path, kind: str, version: int) -> None:
    path = tagged_files.write(tmp_path / f"a.{kind}", "Old", version)
    before = tagged_files.frames(path)
    after = tagged_files.frames(written(path, "genre", "New and longer"))
    place = next(number for number, frame in enumerate(before) if frame.startswith(b"TCON"))
    assert after[:place] + after[place + 1 :] == before[:place] + before[place + 1 :]
    assert {frame[:4] for frame in after} >= {b"POPM", b"GEOB", b"PRIV", b"APIC", b"ZZZZ", b"XSOP", b"TSOP", b"TYER"}
    assert after[place].startswith(b"TCON")
    data = written(path, "genre", "x" * 5000).read_bytes()  # more than the padding has room for
    assert data[tagged_files.id3_start(tmp_path / f"written.{kind}") + 3] == version


def test_the_mood_of_id3_has_the_frame_of_its_version(tmp_path: Path) -> None:
    old = tagged_files.write(tmp_path / "a.mp3", version=3)
    assert b"MOOD" in b"".join(tagged_files.frames(written(old, "mood", "calm")))
    new = tagged_files.write(tmp_path / "b.mp3", version=4)
    assert any(frame.startswith(b"TMOO") for frame in tagged_files.frames(written(new, "mood", "calm")))


def test_a_comment_is_written_where_a_person_reads_it(tmp_path: Path) -> None:
    path = tagged_files.write(tmp_path / "a.mp3")
    assert read_fields(path, [field_of("comment")])[0] == ("first",)
    after = b"".join(tagged_files.frames(written(path, "comment", "mine")))
    assert b"iTunNORM" in after
    assert b"first" not in after


def test_id3v1_keeps_all_but_its_genre(tmp_path: Path) -> None:
    path = tagged_files.write(tmp_path / "a.mp3", "Old")
    v1 = b"TAG" + b"A title of its own".ljust(30, b"\0") + b"x" * 94 + b"\x0c"
    path.write_bytes(path.read_bytes() + v1)
    assert written(path, "genre", "Blues").read_bytes()[-128:] == v1[:-1] + b"\0"
    assert written(path, "genre", "Gqom").read_bytes()[-128:] == v1[:-1] + b"\xff"
    assert written(path, "mood", "calm").read_bytes()[-128:] == v1


def test_a_file_with_id3v1_alone_keeps_its_title_for_those_who_read_the_new_tag(tmp_path: Path) -> None:
    path = tagged_files.write(tmp_path / "a.mp3", tagged=False)
    bare = path.read_bytes()
    start = 10 + tagged_files.seven_bits(bare[6:10]) if bare[:3] == b"ID3" else 0
    v1 = b"TAG" + b"Title".ljust(30, b"\0") + b"Artist".ljust(30, b"\0") + bytes(64) + b"\x11"
    path.write_bytes(bare[start:] + v1)
    assert shown(read_fields(path, [GENRE])[0], GENRE) == ("Rock",)
    tags = ID3(written(path, "genre", "Jazz"), load_v1=False)
    assert tags.version == (2, 3, 0)
    assert (str(tags["TIT2"]), str(tags["TPE1"])) == ("Title", "Artist")


def test_an_unsynchronised_tag_stays_one(tmp_path: Path) -> None:
    path = tagged_files.write(tmp_path / "a.mp3", "Old", 3)
    data = path.read_bytes()
    size = 10 + tagged_files.seven_bits(data[6:10])
    body = re.sub(rb"\xff(?=[\x00\xe0-\xff])", b"\xff\x00", data[10:size].rstrip(b"\0") + b"\0")
    header = b"ID3\3\0\x80" + tagged_files.in_seven_bits(len(body))
    path.write_bytes(header + body + data[size:])
    copy = written(path, "genre", "Ünü 🎸")
    assert copy.read_bytes()[5] == 0x80
    before, after = ID3(path), ID3(copy)
    assert after["TCON"].text == ["Ünü 🎸"]
    assert {key for key in before if before[key] != after[key]} == {"TCON"}


def test_a_wav_with_info_alone_keeps_its_genre_there(tmp_path: Path) -> None:
    path = tagged_files.write(tmp_path / "a.wav", tagged=False)
    entries = (
        b"INFO" + b"INAM" + struct.pack("<L", 6) + b"Title\0" + b"IGNR" + struct.pack("<L", 5) + b"B\xe9op\0" + b"\0"
    )
    data = path.read_bytes() + b"LIST" + struct.pack("<L", len(entries)) + entries
    path.write_bytes(data[:4] + struct.pack("<L", len(data) - 8) + data[8:])
    assert read_fields(path, [GENRE])[0] == ("Béop",)
    copy = written(path, "genre", "Bebop", "Jazz")
    assert read_fields(copy, [GENRE])[0] == ("Bebop; Jazz",)
    assert b"Title\0" in copy.read_bytes()
    assert b"id3 " not in copy.read_bytes()
    assert tagged_files.sound(copy) == tagged_files.sound(path)


def test_a_number_of_a_genre_in_mp4_gives_way_to_its_text(tmp_path: Path) -> None:
    path = tagged_files.write(tmp_path / "a.m4a", "x" * 30)
    data = path.read_bytes()
    old = data.index(b"\xa9gen") - 4
    number = struct.pack(">L4sL4sLLH", 26, b"gnre", 18, b"data", 0, 0, 18)  # counted from 1
    further = struct.pack(">L4sL4sLL", 28, b"cprt", 20, b"data", 1, 0) + b"mine"
    assert int.from_bytes(data[old : old + 4], "big") == len(number) + len(further)
    path.write_bytes(data[:old] + number + further + data[old + 54 :])
    assert read_fields(path, [GENRE])[0] == ("Rock",)
    copy = written(path, "genre", "Jazz")
    assert read_fields(copy, [GENRE])[0] == ("Jazz",)
    assert b"gnre" not in copy.read_bytes()
    assert further in copy.read_bytes()


def encode_mp4(path: Path, **options: str) -> Path:
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream = container.add_stream("aac", rate=signals.SR, layout="mono")
        frame = av.AudioFrame.from_ndarray(signals.band(2.0)[None, :], format="fltp", layout="mono")
        frame.sample_rate = signals.SR
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def test_an_mp4_whose_tags_come_first_finds_its_sound_again(tmp_path: Path) -> None:
    path = encode_mp4(tmp_path / "a.m4a", movflags="faststart")
    copy = written(path, "genre", "x" * 20_000)
    assert tagged_files.sound(copy) == tagged_files.sound(path)
    data = bytearray(copy.read_bytes())
    data[data.index(b"stco") + 15] ^= 1  # the place of the first piece of sound
    copy.write_bytes(data)
    with pytest.raises(TagError, match="its sound would have changed"):
        check_written(path, copy, GENRE, ["x" * 20_000])


def test_a_fragmented_mp4_is_not_written(tmp_path: Path) -> None:
    path = encode_mp4(tmp_path / "a.m4a", movflags="frag_keyframe+empty_moov")
    with pytest.raises(TagError, match="is a fragmented MP4"):
        written(path, "genre", "New")


def damaged(tmp_path: Path, kind: str, how: str) -> Path:
    path = tagged_files.write(tmp_path / f"a.{kind}", "Old")
    data = path.read_bytes()
    match how:
        case "empty":
            data = b""
        case "text":
            data = b"this is no music at all, but a text that somebody gave the ending of music"
        case "half":
            data = data[: len(data) // 2]
        case "head":
            data = data[:30]
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ["empty", "text", "half", "head"])
@pytest.mark.parametrize("kind", tagged_files.FORMATS)
def test_a_damaged_file_is_a_reason(tmp_path: Path, kind: str, how: str) -> None:
    path = damaged(tmp_path, kind, how)
    before = path.read_bytes()
    if how == "half" and kind in ("mp3", "flac"):  # what is there can be played, and is kept
        assert written(path, "genre", "New").read_bytes().endswith(before[-1000:])
        return
    with pytest.raises(TagError):
        written(path, "genre", "New")
    assert path.read_bytes() == before


def id3_with(tmp_path: Path, header: bytes, body: bytes) -> Path:
    path = tagged_files.write(tmp_path / "a.mp3", tagged=False)
    size = tagged_files.in_seven_bits(len(body))
    path.write_bytes(header + size + body + path.read_bytes())
    return path


@pytest.mark.parametrize(
    ("header", "body", "reason"),
    [
        (b"ID3\2\0\0", b"TT2\0\0\5\0abcd", "ID3v2.2, which is not written"),
        (b"ID3\3\0\x40", b"\0\0\0\6\0\0\0\0\0\0TIT2\0\0\0\2\0\0\0a", "an extended header, which is not written"),
        (b"ID3\3\0\0", b"TIT2\0\0\x0f\0\0\0\0a", "is damaged, so that not all of it could be kept"),
        (b"ID3\3\0\0", b"TIT2\0\0\0\2\0\0\0a\xff\xff\xff\xff", "is damaged, so that not all of it could be kept"),
    ],
)
def test_a_tag_that_could_not_be_kept_is_not_written(tmp_path: Path, header: bytes, body: bytes, reason: str) -> None:
    with pytest.raises(TagError, match=reason):
        written(id3_with(tmp_path, header, body), "genre", "New")


def test_sizes_as_itunes_wrote_them_into_2_4_are_understood(tmp_path: Path) -> None:
    long = b"TIT2" + struct.pack(">L", 201) + b"\0\0\3" + b"t" * 200
    path = id3_with(tmp_path, b"ID3\4\0\0", long + b"TCON\0\0\0\4\0\0\3Old" + bytes(20))
    assert read_fields(path, [GENRE])[0] == ("Old",)
    assert long in written(path, "genre", "New").read_bytes()


def test_a_comment_that_is_not_utf8_is_not_lost_without_a_word(tmp_path: Path) -> None:
    path = tagged_files.write(tmp_path / "a.flac", "Old")
    path.write_bytes(path.read_bytes().replace("Größe".encode(), b"Gr\xf6\xdfe!!"))
    with pytest.raises(TagError, match="another tag would have changed"):
        written(path, "genre", "New")


def test_texts_in_a_charset_that_nobody_names_keep_their_bytes(tmp_path: Path) -> None:
    title, old = (b"\0" + word.encode("cp1251") for word in ("Земфира", "Рок"))
    body = b"TPE1\0\0\0\x08\0\0" + title + b"TCON\0\0\0\4\0\0" + old
    path = id3_with(tmp_path, b"ID3\3\0\0", body + bytes(30))
    assert len(read_fields(path, [GENRE])[0][0]) == 3
    assert tagged_files.frames(written(path, "genre", "Рок"))[0].endswith(title)


@pytest.mark.parametrize("kind", tagged_files.FORMATS)
def test_the_recipe_gives_back_every_byte_and_is_short(tmp_path: Path, kind: str) -> None:
    path = tagged_files.write(tmp_path / f"a.{kind}", "Old")
    back = tmp_path / "back"
    for value in ("New", "x" * 70_000 if kind != "wav" else "y"):
        copy = written(path, "genre", value)
        recipe = difference(path, copy)
        rebuild(recipe, copy, back)
        assert back.read_bytes() == path.read_bytes()
        assert len(recipe) < 5_000


def test_a_recipe_of_anything_is_exact_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    old, new, back = tmp_path / "old", tmp_path / "new", tmp_path / "back"
    noise = bytes(range(256)) * 40
    for first, second in ((b"", noise), (noise, b""), (noise, noise[100:]), (noise[5_000:] + b"x" * 30 + noise, noise)):
        old.write_bytes(first)
        new.write_bytes(second)
        recipe = difference(old, new)
        rebuild(recipe, new, back)
        assert back.read_bytes() == first
    with pytest.raises(TagError, match="recipe is damaged"):
        rebuild(recipe[:-5], new, back)


def test_mutagen_is_imported_by_one_module_alone() -> None:
    found = [
        path.relative_to(SRC).as_posix()
        for path in SRC.rglob("*.py")
        if re.search(r"^\s*(import|from) mutagen", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert found == ["tonearm/library/writer.py"]


def test_without_mutagen_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib
    import sys

    monkeypatch.setitem(sys.modules, "mutagen", None)
    monkeypatch.delitem(sys.modules, "tonearm.library.writer")
    with pytest.raises(TagError, match=re.escape('pip install "tonearm[tagwriter]"')):
        importlib.import_module("tonearm.library.writer")


def test_a_field_that_is_none_says_which_there_are() -> None:
    with pytest.raises(
        PlanError, match=r"'gerne' is not one that tonearm writes; did you mean 'genre'\? allowed: genre"
    ):
        field_of("gerne")
    with pytest.raises(PlanError, match="plain characters other than '='"):
        field_of("TXXX:a=b")
