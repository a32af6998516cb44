"""Folders that hold what no folder of music should: none of it ends a command, and none of it is lost silently."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile

import signals
from tonearm.config import load_config
from tonearm.data.catalog import Catalog, list_files, read_catalog
from tonearm.data.metadata import match, read_metadata
from tonearm.data.pictures import is_picture_folder, read_picture
from tonearm.errors import CatalogError, PictureError
from tonearm.runtime.names import to_native, to_text
from tonearm.runtime.remote import file_of, place
from tonearm.settings import DataSettings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="links, FIFOs and names of bytes as Linux has them")


def catalog_of(folder: Path, **settings: str) -> Catalog:
    return read_catalog(DataSettings(folder=str(folder), **settings))


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@contextmanager
def without_rights() -> Iterator[None]:
    """The rights of nobody where the tests run as the superuser, whom no permission stops."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach, as pytest's are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("target", ["{self}", "a" * 4000, "a" * 300])
def test_a_link_that_leads_nowhere_is_a_clip_or_is_passed_over(tmp_path: Path, target: str) -> None:
    touch(tmp_path, "rock/a.wav")
    for name in ("x.wav", "folder"):
        (tmp_path / "rock" / name).symlink_to(target.format(self=name))
    catalog = catalog_of(tmp_path)
    assert [clip.name for clip in catalog.clips] == ["rock/a.wav", "rock/x.wav"]
    assert any("passed over" in note and note.endswith("rock/folder") for note in catalog.notes)
    files, notes = list_files(tmp_path)
    assert (files, notes) == ([tmp_path / "rock" / "a.wav", tmp_path / "rock" / "x.wav"], catalog.notes)
    assert not is_picture_folder(tmp_path)


def test_what_may_not_be_read_is_a_clip_or_is_passed_over(open_folder: Path) -> None:
    music, private = open_folder / "music", open_folder / "private"
    touch(music, "rock/a.wav", "closed/b.wav", "readme.txt")
    touch(private, "c.wav")
    (music / "rock" / "c.wav").symlink_to(private / "c.wav")
    (music / "rock" / "c").symlink_to(private / "sub")
    private.chmod(0)
    (music / "closed").chmod(0)
    with without_rights():
        catalog = catalog_of(music)
        with pytest.raises(CatalogError, match=r"private: cannot be read \(Permission denied\)"):
            catalog_of(private)
    private.chmod(0o755)
    (music / "closed").chmod(0o755)
    assert [clip.name for clip in catalog.clips] == ["rock/a.wav", "rock/c.wav"]
    assert catalog.notes == (
        "2 files or folders passed over, since the system refuses them (Permission denied): closed, rock/c",
    )


def test_a_folder_that_vanishes_or_fails_during_the_walk_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "rock/a.wav", "jazz/b.wav")
    scan = os.scandir

    def fail(path: str) -> object:
        if str(path).endswith("jazz"):
            raise OSError(5, "Input/output error")
        return scan(path)

    monkeypatch.setattr("os.scandir", fail)
    catalog = catalog_of(tmp_path)
    assert [clip.name for clip in catalog.clips] == ["rock/a.wav"]
    assert catalog.notes == ("1 file or folder passed over, since the system refuses them (Input/output error): jazz",)


def test_a_folder_reached_twice_is_read_once_and_the_link_is_noted(tmp_path: Path) -> None:
    touch(tmp_path, "rock/a.wav")
    (tmp_path / "rock" / "up").symlink_to(tmp_path)
    (tmp_path / "stone").symlink_to(tmp_path / "rock")
    catalog = catalog_of(tmp_path)
    assert [clip.name for clip in catalog.clips] == ["rock/a.wav"]
    assert catalog.notes == ("2 links lead to a folder that is read already, and no further: rock/up, stone",)


def test_a_tree_that_is_deeper_than_a_path_may_be_long_ends(tmp_path: Path) -> None:
    touch(tmp_path, "rock/a.wav")
    here = os.open(tmp_path / "rock", os.O_RDONLY)
    for _ in range(2_500):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    catalog = catalog_of(tmp_path)
    assert [clip.name for clip in catalog.clips] == ["rock/a.wav"]
    assert "File name too long" in catalog.notes[0]
    subprocess.run(["rm", "-rf", str(tmp_path / "rock")], check=True)  # shutil calls itself for each level


def test_class_folders_without_clips_are_noted(tmp_path: Path) -> None:
    touch(tmp_path, "rock/a.wav", "jazz/b.txt")
    (tmp_path / "pop").mkdir()
    assert catalog_of(tmp_path).notes == ("2 folders hold no clip, and no class: jazz, pop",)


def test_names_that_print_alike_are_two_clips_and_lead_back_to_their_files(tmp_path: Path) -> None:
    names = [b"x\xe9.wav", b"x\\xe9.wav", b"x\\x5cxe9.wav", b"x\\y.wav", "xé.wav".encode(), b"x\\\xe9.wav"]
    touch(tmp_path, *(os.fsdecode(b"rock/" + name) for name in names))
    clips = catalog_of(tmp_path).clips
    assert len({clip.name.encode() for clip in clips}) == len(names)
    assert {os.fsencode(file_of(tmp_path, clip.name).name) for clip in clips} == set(names)
    assert "rock/x\\y.wav" in {clip.name for clip in clips}  # what cannot be mistaken is written as it is
    listed = "".join(f'"{clip.name}",pop\n' for clip in clips)
    (tmp_path / "metadata.csv").write_text("file_name,label\n" + listed, encoding="utf-8")
    assert [(clip.path, clip.label) for clip in catalog_of(tmp_path).clips] == [(clip.path, "pop") for clip in clips]
    (tmp_path / "metadata.csv").rename(tmp_path / "m.csv")
    joined = catalog_of(tmp_path, metadata=str(tmp_path / "m.csv"))
    assert {clip.label for clip in joined.clips} == {"pop"}


@pytest.mark.parametrize("name", [b"a", b"\\", b"\\x2f..", b"\xff\\xff", b"\\x5c", b"\xc3\xa9\\xe9\xe9", b"\\\\x80"])
def test_every_name_has_a_text_of_its_own(name: bytes) -> None:
    native = os.fsdecode(name)
    assert os.fsencode(to_native(to_text(native))) == name
    assert to_text(native).encode()
    assert to_native("..\\x2f..\\x2fetc") == "..\\x2f..\\x2fetc"  # no text makes a path of a name


def test_metadata_that_is_no_file_is_refused_and_never_opened(tmp_path: Path) -> None:
    touch(tmp_path, "rock/a.wav")
    os.mkfifo(tmp_path / "metadata.csv")
    with pytest.raises(CatalogError, match=r"metadata\.csv: is a FIFO"):
        catalog_of(tmp_path)
    (tmp_path / "metadata.csv").rename(tmp_path / "t.csv")
    with pytest.raises(CatalogError, match=r"t\.csv: is a FIFO"):
        catalog_of(tmp_path / "t.csv")
    with pytest.raises(CatalogError, match="null: is a device"):
        catalog_of(tmp_path, metadata="/dev/null")
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(PictureError, match="is a FIFO"):
        read_picture(tmp_path / "x.png")


def test_a_pipe_of_the_shell_is_read(tmp_path: Path) -> None:
    receiver, sender = os.pipe()
    os.write(sender, b"file_name,label\na.wav,rock\n")
    os.close(sender)
    [entry] = read_metadata(Path(f"/dev/fd/{receiver}"), DataSettings())
    os.close(receiver)
    assert (entry.name, entry.label) == ("a.wav", "rock")


def test_of_many_listed_files_that_are_not_there_the_number_is_said(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", ".hidden.wav", "b.xyz")
    listed = ["a.wav", ".hidden.wav", "b.xyz", *(f"gone/{number}.wav" for number in range(1_001))]
    (tmp_path / "metadata.csv").write_text("file_name,label\n" + "".join(f"{name},rock\n" for name in listed))
    catalog = catalog_of(tmp_path)
    assert [clip.name for clip in catalog.clips] == listed[:3]
    assert catalog.notes == (
        f"1001 rows of {tmp_path / 'metadata.csv'} name files that are not there: gone/0.wav, gone/1.wav, gone/2.wav, "
        "gone/3.wav, gone/4.wav and 996 more",
    )
    partners, notes = match(["a.wav"], read_metadata(tmp_path / "metadata.csv", DataSettings()), Path("m.csv"))
    assert partners[0] is not None
    assert notes[0].startswith("1003 rows of m.csv without a clip: .hidden.wav, b.xyz, gone/0.wav")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"file_name,label,artist\na.wav,rock,Smith, Jones\n", "row 2: has 4 fields, and the header 3"),
        (b"file_name,label,label\na.wav,rock,pop\n", "2 columns are called 'label'"),
        (b"file_name,name,label,file_name\na.wav,x,pop,b.wav\n", "2 columns are called 'file_name'"),
        (b"file_name,label\na.wav\0,rock\n", "line 2: holds zero bytes, as UTF-16 text does"),
        ("file_name,label\na.wav,rock\n".encode("utf-16"), "cannot be read as UTF-8"),
        ("file_name,label\na.wav,rock\n".encode("utf-16-be"), "save the file as UTF-8"),
        (b"file_name,label\na.wav," + b"r" * 10_000_000, "is not CSV"),
        (b",".join([b"x" * 100_000] * 9), "no column names the clips"),
    ],
)
def test_metadata_of_a_wrong_shape_is_refused_in_a_short_sentence(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / "m.csv").write_bytes(text)
    with pytest.raises(CatalogError, match=says) as caught:
        read_metadata(tmp_path / "m.csv", DataSettings())
    assert len(str(caught.value)) < 3_000


def test_empty_fields_behind_the_last_column_mean_nothing(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes("\ufefffile_name,label\na.wav,rock,, \n\nb.wav\n".encode())
    entries = read_metadata(tmp_path / "m.csv", DataSettings())
    assert [(entry.name, entry.label) for entry in entries] == [("a.wav", "rock"), ("b.wav", "")]


def tonearm(folder: Path, locale: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **locale}
    command = [sys.executable, "-m", "tonearm", *arguments]
    return subprocess.run([*map(os.fsencode, command)], cwd=folder, capture_output=True, check=False, env=environment)


def test_a_config_in_utf8_names_its_files_in_the_locale_c_too(tmp_path: Path) -> None:
    folder = tmp_path / "café"
    for label, hertz in (("grün", 220.0), ("high", 1760.0)):
        (folder / label).mkdir(parents=True)
        for take in range(5):
            sound = signals.tone(hertz * (1 + 0.01 * take), 0.4, 0.3) + signals.noise(0.4, 0.01, take)
            soundfile.write(os.fsencode(folder / label / f"é{take}.wav"), sound, signals.SR)
    listed = "".join(f"{label}/é{take}.wav,{label}\n" for label in ("grün", "high") for take in range(5))
    (folder / "metadata.csv").write_text("file_name,label\n" + listed, encoding="utf-8")
    cheap = 'features = { families = ["rms"], statistics = ["mean"] }\nsplit.recordings = false\nmodels.logistic = {}\n'
    (tmp_path / "c.toml").write_text('data.folder = "café"\n' + cheap, encoding="utf-8")
    done = tonearm(
        tmp_path, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "run", "c.toml", "--out", "é"
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    written = (tmp_path / "é" / "runs" / "logistic" / "holdout" / "predictions.csv").read_text(encoding="utf-8")
    assert sum(name in written for name in listed.replace(",grün", "").replace(",high", "").split()) == 10
    assert place(load_config(tmp_path / "é" / "config.toml").data.folder).name == "café"
