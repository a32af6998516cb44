"""Files and folders are there whole or not at all."""

import os
from pathlib import Path

import pytest

from tonearm.runtime.files import replacing, replacing_folder, write_csv, write_json
from tonearm.runtime.leftovers import TEMPORARY_PREFIX, clear_leftovers


def test_an_error_leaves_the_old_file_and_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    with replacing(path) as temporary:
        temporary.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with replacing_folder(tmp_path / "run") as temporary:
            (temporary / f"{content}.txt").write_text(content)
    assert [entry.name for entry in (tmp_path / "run").iterdir()] == ["second.txt"]
    with pytest.raises(ZeroDivisionError), replacing_folder(tmp_path / "run") as temporary:
        (temporary / "third.txt").write_text(f"half {1 / 0}")
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "second.txt").exists()


def test_leftovers_of_a_kill_are_cleared(tmp_path: Path) -> None:
    (tmp_path / f"{TEMPORARY_PREFIX}abc.csv").touch()
    (tmp_path / f"{TEMPORARY_PREFIX}folder").mkdir()
    (tmp_path / "kept.csv").touch()
    assert clear_leftovers(tmp_path) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.csv"]


def test_permissions_are_those_of_a_plain_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o027)
    monkeypatch.setattr("os.umask", lambda mask: pytest.fail("the umask is that of all threads"))
    try:
        _check_permissions(tmp_path)
    finally:
        monkeypatch.undo()
        os.umask(before)


def _check_permissions(tmp_path: Path) -> None:
    plain, folder = tmp_path / "plain", tmp_path / "folder"
    plain.touch()
    folder.mkdir()
    with replacing(tmp_path / "ours") as temporary:
        temporary.touch()
    assert (tmp_path / "ours").stat().st_mode == plain.stat().st_mode
    with replacing_folder(tmp_path / "folder of ours") as temporary:
        (temporary / "a").touch()
    assert (tmp_path / "folder of ours").stat().st_mode == folder.stat().st_mode


def test_json_refuses_what_json_has_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_csv_floats_read_back_as_the_same_number(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ("name", "x"), [('a,"b"', 0.1 + 0.2), ("c", 1)])
    assert (tmp_path / "a.csv").read_text() == 'name,x\n"a,""b""",0.30000000000000004\nc,1\n'
