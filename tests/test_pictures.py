"""Trees of pictures and their pixels, against Pillow."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import drawings
from tonearm.data.pictures import is_picture_folder, open_pack, pack_arrays, pack_files, read_picture, read_pictures
from tonearm.errors import PictureError, TonearmError
from tonearm.settings import DataSettings


def tree(folder: Path, **shape: int) -> list[str]:
    drawings.write_tree(folder, **shape)
    return sorted(str(path) for path in folder.rglob("*.png"))


def test_a_folder_of_pictures_is_one_unless_music_lies_in_it(tmp_path: Path) -> None:
    assert not is_picture_folder(tmp_path)
    tree(tmp_path)
    assert is_picture_folder(tmp_path)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.wav").touch()
    assert is_picture_folder(tmp_path)
    (tmp_path / "blues" / "song.MP3").touch()  # the pictures are covers
    assert not is_picture_folder(tmp_path)


def test_a_tree_is_a_data_set_and_takes_metadata_by_the_name_of_the_clip(tmp_path: Path) -> None:
    paths = tree(tmp_path / "tree")
    (tmp_path / "m.csv").write_text("file_name,artist\nblues.00000.wav,B. B.\n")
    settings = DataSettings(folder=str(tmp_path / "tree"), metadata=str(tmp_path / "m.csv"))
    dataset, notes = read_pictures(settings, (173, 172))
    assert dataset.X.tolist() == paths
    assert dataset.names[0] == "blues/blues.00000.wav.png"
    assert dataset.classes == drawings.LABELS
    assert dataset.groups.tolist() == ["B. B."] + [""] * 11
    assert "11 clips have no row in m.csv" in notes[0]


def test_pixels_are_pillows_resized_where_asked(tmp_path: Path) -> None:
    path = tree(tmp_path, height=40, width=60)[0]
    with Image.open(path) as image:
        assert_array_equal(read_picture(path), np.asarray(image))
        assert_array_equal(read_picture(path, (20, 10)), np.asarray(image.resize((20, 10), Image.Resampling.BILINEAR)))
    Image.fromarray(np.full((4, 5), 7, np.uint8)).save(tmp_path / "grey.png")
    assert_array_equal(read_picture(tmp_path / "grey.png"), np.full((4, 5, 3), 7))


@pytest.mark.parametrize(
    ("content", "kind"), [(None, "missing"), (b"words", "undecodable"), (b"\x89PNG\r\n\x1a\n", "undecodable")]
)
def test_what_is_no_picture_says_so(tmp_path: Path, content: bytes | None, kind: str) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PictureError) as caught:
        read_picture(path)
    assert (caught.value.kind, caught.value.path) == (kind, str(path))


def test_a_picture_cut_off_in_the_middle_is_undecodable(tmp_path: Path) -> None:
    path = Path(tree(tmp_path)[0])
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(PictureError, match="cannot be read as a picture"):
        read_picture(path)


def test_a_pack_holds_the_pixels_of_every_picture_whatever_its_width(tmp_path: Path) -> None:
    wide, narrow = drawings.stripes(0, 1, width=50), drawings.stripes(1, 2, width=9)
    names = [str(tmp_path / name) for name in ("wide.png", "narrow.png", "bad.png", "high.png")]
    Image.fromarray(wide).save(names[0])
    Image.fromarray(narrow).save(names[1])
    Path(names[2]).write_text("words")
    Image.fromarray(drawings.stripes(0, 3, height=40)).save(names[3])
    pack = pack_files(names, tmp_path / "pack")
    in_memory = pack_arrays([wide, narrow])
    for one in (pack, in_memory):
        assert_array_equal(one.picture(0), wide)
        assert_array_equal(one.picture(1), narrow)
    assert isinstance(pack.pixels, np.memmap)
    assert pack.places == {names[0]: 0, names[1]: 1}
    assert set(pack.failures) == {names[2], names[3]}
    assert pack.failures[names[3]] == "is 40 pixels high and the others 32; a model sees pictures of one height"


def test_a_pack_is_made_anew_only_where_files_or_sizes_have_changed(tmp_path: Path) -> None:
    paths = tree(tmp_path / "tree")
    first = pack_files(paths, tmp_path / "pack")
    made = (tmp_path / "pack" / "index.json").stat().st_mtime_ns
    assert pack_files(paths, tmp_path / "pack").digest == first.digest
    assert (tmp_path / "pack" / "index.json").stat().st_mtime_ns == made
    assert pack_files(paths, tmp_path / "pack", (16, 16)).picture(11).shape == (16, 16, 3)
    Image.fromarray(drawings.stripes(2, 99)).save(paths[0])
    again = pack_files(paths, tmp_path / "pack")
    assert_array_equal(again.picture(0), drawings.stripes(2, 99))
    (tmp_path / "pack" / "index.json").write_text("{")
    assert pack_files(paths, tmp_path / "pack").digest == again.digest
    assert open_pack(tmp_path / "pack").places == again.places


def test_a_disk_too_small_for_the_pixels_is_said_before_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = tree(tmp_path / "tree")
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(TonearmError, match=r"the pixels of 12 pictures would take 36\.9 kB .* choose another disk"):
        pack_files(paths, tmp_path / "pack")
    assert not list((tmp_path / "pack").glob("*"))


def test_heights_that_differ_are_refused_in_memory() -> None:
    with pytest.raises(ValueError, match=r"one height, found \[32, 40\]"):
        pack_arrays([drawings.stripes(0, 0), drawings.stripes(0, 0, height=40)])


def test_sixteen_bits_of_grey_are_those_of_eight(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "8.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "16.png")
    assert_array_equal(read_picture(tmp_path / "16.png"), read_picture(tmp_path / "8.png"))
    assert_array_equal(read_picture(tmp_path / "16.png")[..., 1], grey)


def test_linked_class_folders_are_looked_into(tmp_path: Path) -> None:
    tree(tmp_path / "elsewhere")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "blues").symlink_to(tmp_path / "elsewhere" / "blues")
    assert is_picture_folder(tmp_path / "links")
    (tmp_path / "elsewhere" / "blues" / "up").symlink_to(tmp_path / "links")  # and a circle ends
    assert is_picture_folder(tmp_path / "links")
    (tmp_path / "elsewhere" / "blues" / "song.wav").touch()
    assert not is_picture_folder(tmp_path / "links")


def test_no_folder_is_not_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawings.write_tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert is_picture_folder(".")
    assert not is_picture_folder("")
