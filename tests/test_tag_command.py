"""`tonearm tag` from the tags of a library to the undo, and what else a plan can become."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

import library_files
import signals
import tagged_files
from tagged_files import answer, contents
from tonearm.cli import app
from tonearm.errors import PlanError
from tonearm.library.exports import write_beets, write_playlists, write_table
from tonearm.library.fields import field_of
from tonearm.library.plan import Policy, make_plan
from tonearm.library.plan_file import Plan, read_plan
from tonearm.library.writer import read_fields
from tonearm.runtime.files import read_csv


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Two low and two high tones, one of each with a genre, and a file that is no music."""
    folder = tmp_path / "Music"
    for name, hertz, genre in (
        ("a/1.mp3", 222, ""),
        ("a/2.flac", 223, "Low"),
        ("b/1.m4a", 1770, ""),
        ("b/2.ogg", 1780, "X"),
    ):
        library_files.encode(folder / name, signals.tone(hertz, 0.4, 0.3) + signals.noise(0.4, 0.01))
        if genre:
            library_files.tag(folder / name, {"genre": genre})
    (folder / "broken.mp3").write_bytes(b"no music")
    return folder


def tonearm(*arguments: object, code: int = 0) -> str:
    ended = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert ended.exit_code == code, ended.output
    return ended.output


def genre(path: Path) -> tuple[str, ...]:
    return read_fields(path, [field_of("genre")])[0]


def test_from_tags_to_tags_and_back(small: Path, library: Path, tmp_path: Path, decoded: list[str]) -> None:
    before = contents(library)
    out = tmp_path / "plan.jsonl"
    said = tonearm("tag", "plan", library, "--run", small / "out", "--out", out)
    assert "5 files, of which 0 would get a genre" in said
    assert "2 files would be planned if answers that are not sure were taken, too: --unsure does that" in said
    said = tonearm("tag", "plan", library, "--run", small / "out", "--out", out, "--unsure", "--strict", code=3)
    assert sorted(decoded) == ["1.m4a", "1.mp3"]  # those without a genre, and once for both plans
    assert "a/1.mp3:  – → Low" in said
    assert "b/1.m4a:  – → high" in said
    assert contents(library) == before
    assert "waiting      2" in tonearm("tag", "status", out)
    said = tonearm("tag", "apply", out)
    assert "2 files were written" in said
    assert (genre(library / "a" / "1.mp3"), genre(library / "b" / "1.m4a")) == (("Low",), ("high",))
    assert '"written": 2' in tonearm("tag", "status", out, "--json")
    assert "is a file, not a folder; name" in tonearm("tag", "plan", out, "--run", small / "out", code=1)
    refused = tonearm("tag", "plan", library, "--run", small / "out", "--out", out, code=1)
    assert "has a journal beside it" in refused
    assert "2 files are what they were before" in tonearm("tag", "undo", tmp_path / "plan.journal")
    assert "0 files are what they were before, 2 were already" in tonearm("tag", "undo", tmp_path / "plan.journal")
    assert contents(library) == before
    tonearm("tag", "plan", library, "--run", small / "out", "--out", out, "--unsure", "--field", "mood")
    assert "4 files were written" in tonearm("tag", "apply", out)


def test_what_trained_is_answered_by_models_that_did_not(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.jsonl"
    tonearm("tag", "plan", small / "music", "--run", small / "out", "--out", out, "--unsure", "--only", "all")
    rows = read_plan(out).rows
    reasons = [row.reason for row in rows if row.new is None]
    assert len(rows) == 12
    assert len(reasons) == 9  # the training part; the test part, a quarter, has its answers
    assert all("the run was trained on it" in reason for reason in reasons)


@pytest.fixture
def made(tmp_path: Path) -> Plan:
    """A plan of files with names of every kind."""
    folder = tmp_path / "My $Music"
    names = ['#1\'s "hits"/a b.flac', "50% {x}/$HOME `id`.mp3", "ü 🎸.ogg", "A/Rock.flac", "A/rock.mp3"]
    for number, name in enumerate(names):
        tagged_files.write(folder / name, "Hip-Hop/Rap" if number == 2 else "Rock" if number == 3 else "")
    labels = ["rock", "metal & $co}re%", "rock", "rock", "rock"]
    answers = [answer(folder / name, label) for name, label in zip(names, labels, strict=True)]
    answers[1] = answer(folder / names[1], "metal & $co}re%")
    return make_plan(folder, answers, Policy())


def test_playlists_hold_what_the_files_would_by_relative_paths(made: Plan, tmp_path: Path) -> None:
    written, left = write_playlists(made, tmp_path / "Lists")
    assert left == []
    assert {path.name for path in written} == {"Rock.m3u8", "Hip-Hop-Rap.m3u8", "metal & $co}re%.m3u8"}
    lines = (tmp_path / "Lists" / "Rock.m3u8").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["#EXTM3U", "#PLAYLIST:Rock"]
    paths = [(tmp_path / "Lists" / line).resolve() for line in lines if not line.startswith("#")]
    assert [path.name for path in paths] == ["a b.flac", "Rock.flac", "rock.mp3"]
    assert all(path.is_file() for path in paths)
    inside, _ = write_playlists(made, Path(made.header.library))
    assert "./#1's" in next(path for path in inside if path.name == "Rock.m3u8").read_text(encoding="utf-8")
    write_playlists(made, tmp_path / "Lists")  # what tonearm wrote it may replace
    (tmp_path / "Lists" / "Rock.m3u8").write_text("#EXTM3U\nmine.mp3\n")
    with pytest.raises(PlanError, match="is not a playlist that tonearm wrote"):
        write_playlists(made, tmp_path / "Lists")


def test_a_playlist_is_one_genre_in_its_commonest_spelling(tmp_path: Path) -> None:
    folder = tmp_path / "Music"
    genres = ["BLUES; Live", "Blues", "Blues", "Jazz / Blues", "Unknown", "R&B/Soul", ""]
    for number, genre in enumerate(genres):
        tagged_files.write(folder / f"{number}.mp3", genre)
    answers = [answer(folder / f"{number}.mp3", "AC/DC") for number in range(len(genres))]
    written, _ = write_playlists(make_plan(folder, answers, Policy()), tmp_path / "Lists")
    lists = {path.stem: [line[-5] for line in path.read_text(encoding="utf-8").splitlines()[3:]] for path in written}
    assert lists == {"Blues": list("0123"), "Live": ["0"], "Jazz": ["3"], "R&B-Soul": ["5"], "AC-DC": ["4", "6"]}


def test_the_table_has_a_row_a_file(made: Plan, tmp_path: Path) -> None:
    write_table(made, tmp_path / "plan.csv")
    header, *rows = read_csv(tmp_path / "plan.csv")
    assert header == ["file", "old", "new", "probability", "sure", "reason"]
    assert [row[:3] for row in rows] == [
        [row.file, "; ".join(row.old), row.new or ""] for row in made.rows if not isinstance(row.new, tuple)
    ]


def test_the_script_for_beets_says_exactly_these_files_to_a_shell(made: Plan, tmp_path: Path) -> None:
    script = tmp_path / "beets.sh"
    write_beets(made, script)
    program = tmp_path / "beet"
    program.write_text('#!/bin/sh\nfor each in "$@"; do printf "%s\\n" "$each"; done\n')
    program.chmod(0o755)
    said = subprocess.run(
        ["/bin/sh", str(script)], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folder = Path(made.header.library)
    commands = [said[start : start + 5] for start in range(0, len(said), 5)]
    assert [command[:3] for command in commands] == [["modify", "--yes", "--nomove"]] * len(made.planned)
    assert [command[3] for command in commands] == [f"path:{folder / row.file}" for row in made.planned]
    assert "genre=metal & $$co$}re$%" in [command[4] for command in commands]
    with pytest.raises(PlanError, match="beets can have no field"):
        write_beets(make_plan(folder, [], Policy(field="TXXX:a b")), script)
