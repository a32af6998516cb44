"""Answers of many files: written as they come, kept when the command ends early, continued by the same command."""

import json
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import soundfile
from typer.testing import CliRunner, Result

import signals
from tonearm.answers import ANSWER, SCHEMA, Prediction
from tonearm.bulk.kept import keeping
from tonearm.bulk.watching import STILL_SECONDS, arriving
from tonearm.cli import app
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.errors import OutputError
from tonearm.prediction import predict

NAMES = [f"{take}.wav" for take in range(6)]


class Signal(Exception):  # noqa: N818
    """What a signal raises, as the runner of commands catches it."""


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


@pytest.fixture
def music(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small / "music" / "low", tmp_path / "music"))


def plain(line: str) -> dict[str, Any]:
    """The answer of a line without what only lines have."""
    return {name: value for name, value in json.loads(line).items() if name not in ("run", "state")}


def stop_after(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let a signal come as soon as the answer of this file has been made."""
    to_json = Prediction.to_json

    def stopping(self: Prediction) -> dict[str, Any]:
        if Path(self.name).name > name:
            raise Signal
        return to_json(self)

    monkeypatch.setattr(Prediction, "to_json", stopping)


def test_lines_are_the_answers_and_the_same_command_asks_only_for_what_has_changed(
    small: Path, music: Path, tmp_path: Path, decoded: list[str]
) -> None:
    (music / "broken.wav").write_text("words")
    lines = tmp_path / "answers.jsonl"
    assert "7 files" in call(small / "out", music, "--jsonl", lines).stdout
    expected = [row.to_json() for row in predict(small / "out", [music]).rows]
    written = lines.read_text().splitlines()
    assert [plain(line) for line in written] == expected
    for line in written:
        jsonschema.validate(json.loads(line), SCHEMA)
    with lines.open("a") as file:
        file.write(written[0][:50])  # a kill in the middle of a line
    soundfile.write(music / "3.wav", signals.tone(1760.0, 0.4, 0.3), signals.SR)
    soundfile.write(music / "new.wav", signals.tone(1760.0, 0.4, 0.3), signals.SR)
    (music / "5.wav").unlink()
    decoded.clear()
    again = call(small / "out", music, "--jsonl", lines)
    assert "7 files, 4 of them answered before" in again.stdout
    assert "predict: 3/3 files" in again.stderr  # the pace is that of the new ones
    assert sorted(decoded) == ["3.wav", "broken.wav", "new.wav"]  # what could not be used is tried again
    now = [row.to_json() for row in predict(small / "out", [music]).rows]
    assert sorted(map(str, map(plain, lines.read_text().splitlines()))) == sorted(map(str, now))
    decoded.clear()
    call(small / "out", music / "0.wav", "--jsonl", lines, "--neighbours", "1")
    assert decoded == ["0.wav"]  # another question has other answers
    assert len(lines.read_text().splitlines()) == 1


@pytest.mark.parametrize("way", ["--jsonl", "--out"])
def test_what_was_answered_before_a_signal_is_kept(
    way: str, small: Path, music: Path, tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    call(small / "out", music, way, whole)
    with monkeypatch.context() as patched:
        stop_after(patched, "2.wav")
        assert isinstance(call(small / "out", music, way, stopped).exception, Signal)
    kept = stopped if way == "--jsonl" else tmp_path / "stopped.part"
    assert [Path(plain(line)["file"]).name for line in kept.read_text().splitlines()] == NAMES[:3]
    assert (way == "--jsonl") == stopped.exists()
    decoded.clear()
    assert "6 files, 3 of them answered before" in call(small / "out", music, way, stopped).stdout
    assert decoded == NAMES[3:]
    assert stopped.read_bytes() == whole.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"music", "whole", "stopped"}


def test_a_list_is_whole_json_even_where_a_signal_ends_it(
    small: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = json.loads(call(small / "out", music, "--json").stdout)
    assert every == [row.to_json() for row in predict(small / "out", [music]).rows]
    lines = call(small / "out", music, "--jsonl", "-").stdout.splitlines()
    assert list(map(json.loads, lines)) == every
    stop_after(monkeypatch, "1.wav")
    assert json.loads(call(small / "out", music, "--json").stdout) == every[:2]


def test_any_damage_of_a_line_costs_that_line_alone(small: Path, music: Path, tmp_path: Path) -> None:
    lines = tmp_path / "answers.jsonl"
    call(small / "out", music, "--jsonl", lines)
    whole = lines.read_bytes()
    for damage in (
        whole[:-1],
        whole + b"\0" * 100,
        whole.replace(b'"label"', b'"lable"', 1),
        whole + whole,
        b"".join(reversed(whole.splitlines(keepends=True))),
    ):
        lines.write_bytes(damage)
        call(small / "out", music, "--jsonl", lines)
        assert sorted(lines.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_files_of_others_and_files_in_use_are_left_alone(small: Path, music: Path, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("words\n")
    failed = call(small / "out", music, "--jsonl", other)
    assert (failed.exit_code, "does not hold answers of tonearm" in failed.stderr) == (1, True)
    assert other.read_text() == "words\n"
    with (
        keeping(tmp_path / "a.jsonl", "run", lambda name, state: True),
        pytest.raises(OutputError, match="another tonearm is writing there"),
        keeping(tmp_path / "a.jsonl", "run", lambda name, state: True),
    ):
        pass


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.wav", "--json", "--jsonl", "-"], "choose one of them"),
        ([], "name files or folders to predict, or one folder to --watch"),
        (["a.wav", "--watch", "."], "name files or folders to predict, or one folder to --watch"),
        (["--watch", ".", "--out", "a.csv"], "what --watch finds has no end"),
        (["a.wav", "--jsonl", "a.jsonl", "--sure-only"], "leave out --sure-only"),
    ],
)
def test_what_does_not_go_together_is_said_before_the_work(small: Path, arguments: list[str], said: str) -> None:
    failed = call(small / "out", *arguments)
    assert failed.exit_code != 0
    assert said in " ".join(failed.stderr.replace("│", " ").split())


def test_the_schema_is_printed() -> None:
    assert json.loads(call("--schema").stdout) == SCHEMA


def ticks(folder: Path, changes: dict[int, Any], known: Any = lambda file: False) -> Iterator[list[str]]:
    """What arrives in each of some looks a second apart. changes: what happens to the folder before a look."""
    seconds = count()
    looks = arriving(folder, EXTENSIONS, known, clock=lambda: float(next(seconds)) / 2, sleep=lambda _: None)
    for look in range(12):
        changes.get(look, lambda: None)()
        yield [path.name for path in next(looks)]


def test_a_file_is_taken_once_when_it_has_stood_still_and_again_when_it_has_changed(tmp_path: Path) -> None:
    growing, late = tmp_path / "growing.wav", tmp_path / "late.mp3"
    (tmp_path / "there.wav").write_bytes(b"1")
    (tmp_path / "known.wav").write_bytes(b"1")
    (tmp_path / "words.txt").write_bytes(b"1")
    changes = {
        0: lambda: growing.write_bytes(b"1"),
        1: lambda: growing.write_bytes(b"12"),
        2: lambda: growing.write_bytes(b"123"),
        4: lambda: late.write_bytes(b"1"),
        8: lambda: growing.write_bytes(b"1234"),
    }
    found = list(ticks(tmp_path, changes, lambda file: file.name == "known.wav"))
    assert STILL_SECONDS == 2.0
    expected = {2: ["there.wav"], 4: ["growing.wav"], 6: ["late.mp3"], 10: ["growing.wav"]}
    assert {look: names for look, names in enumerate(found) if names} == expected


def test_a_watched_folder_is_answered_until_a_signal_and_continued(
    small: Path, music: Path, tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks(folder: Path, endings: frozenset[str], known: Any) -> Iterator[list[Path]]:
        there = sorted(folder.iterdir())
        yield [path for path in there if not known(path)]
        (folder / "late.wav").write_text("words")
        yield [folder / "late.wav"]
        os.utime(folder / "1.wav")
        yield [folder / "1.wav"]
        raise Signal

    monkeypatch.setattr("tonearm.cli.answers.arriving", looks)
    lines = tmp_path / "answers.jsonl"
    assert isinstance(call(small / "out", "--watch", music, "--jsonl", lines).exception, Signal)
    assert decoded == [*NAMES, "late.wav", "1.wav"]
    names = [Path(ANSWER.validate_json(line).file).name for line in lines.read_text().splitlines()]
    assert names == [*NAMES, "late.wav", "1.wav"]
    (music / "0.wav").unlink()  # put away, as whoever reads the answers may do
    decoded.clear()
    call(small / "out", "--watch", music, "--jsonl", lines)
    assert decoded == ["late.wav", "late.wav", "1.wav"]  # tried again, changed, changed
    names = [Path(ANSWER.validate_json(line).file).name for line in lines.read_text().splitlines()]
    assert names == ["0.wav", *NAMES[2:], "1.wav", "late.wav", "late.wav", "1.wav"]
    text = call(small / "out", "--watch", music).stdout.splitlines()
    assert [Path(line.split("  ")[0]).name for line in text] == [*NAMES[1:], "late.wav", "late.wav", "1.wav"]
