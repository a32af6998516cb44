"""Progress as a log reads it, and as a terminal shows it."""

import logging
import sys
from pathlib import Path

import pytest

from tonearm.cli import progress
from tonearm.runtime import logs


def test_lines_are_few_and_end_with_the_last(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with logs.shown(logs.Shown()), progress.counting("features", "clips") as report:
        for done in range(0, 101):
            now[0] = 0.1 * done
            report(done, 100, done // 50)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "features: 0/100 clips",
        "features: 50/100 clips, 10.0 clips/s, 5 s left, 1 failed",
        "features: 100/100 clips, 10.0 clips/s, 0 s left, 2 failed",
    ]


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with logs.shown(logs.Shown()), progress.counting("features", "clips") as report:
        report(0, 4, 0)
        report(4, 4, 1)
    said = capsys.readouterr().err
    assert "4/4" in said
    assert "1 failed" in said


def test_a_terminal_gets_no_bar_where_it_is_to_be_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with logs.shown(logs.Shown(logging.ERROR)), progress.counting("features", "clips") as report:
        report(4, 4, 1)
    assert capsys.readouterr().err == ""


def test_behind_a_bar_the_log_file_gets_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with logs.shown(logs.Shown(file=tmp_path / "log.txt")), progress.counting("features", "clips") as report:
        report(4, 4, 1)
    [line] = (tmp_path / "log.txt").read_text().splitlines()
    assert "INFO features: 4/4 clips" in line
