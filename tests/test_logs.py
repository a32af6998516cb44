"""What is told through `logging`: nothing by the library itself, and on the command line as much as is asked for."""

import logging
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

import signals
import tonearm
from tonearm.cli import app
from tonearm.cli.notes import note
from tonearm.runtime import logs
from tonearm.runtime.pool import run_tasks

RUNNER = CliRunner()
OPTIONS = ["--set", 'features.families=["rms"]']


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two clips and a broken one."""
    for take in range(2):
        (tmp_path / "music" / "low").mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "music" / "low" / f"{take}.wav", signals.tone(300.0, 0.3), signals.SR)
    (tmp_path / "music" / "low" / "bad.wav").touch()
    return tmp_path / "music"


def extract(music: Path, *options: object, before: tuple[str, ...] = ()) -> tuple[str, str]:
    """Results and messages of `tonearm extract`."""
    arguments = [*before, "extract", music, "--out", music.parent / "out", *OPTIONS, *options]
    done = RUNNER.invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_quiet_leaves_the_result_and_verbose_adds_what_was_read_and_reused(music: Path) -> None:
    said, noted = extract(music)
    assert "features: 3/3 clips" in noted
    assert "bad.wav: the file has 0 bytes" in noted
    assert "0.wav" not in noted
    for before, after in ((("--quiet",), ()), ((), ("--quiet",))):
        again, quiet = extract(music, *after, before=before)
        assert quiet == ""
        assert again.replace("0 computed, 2 reused", "2 computed, 0 reused") == said
    _, verbose = extract(music, "--verbose")
    assert "out: 2 of 3 clips reused" in verbose
    assert re.search(r"computing what is read of the clips: \d+\.\d\d s", verbose)
    soundfile.write(music / "low" / "2.wav", signals.tone(400.0, 0.3), signals.SR)
    assert f"{music / 'low' / '2.wav'}: read\n" in extract(music, "--verbose")[1]


def test_errors_are_said_however_quiet(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["scan", str(tmp_path / "none"), "--quiet"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"tonearm: {tmp_path / 'none'}: there is no such folder\n"


def test_a_log_file_gets_lines_with_time_version_and_command(music: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    _, quiet = extract(music, "--quiet", "--log-file", log)
    assert quiet == ""
    extract(music, before=("--log-file", str(log)))
    lines = log.read_text(encoding="utf-8").splitlines()
    time, named = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", re.escape(f"tonearm {version('tonearm')}")
    head = re.compile(rf"{time} {named}( extract)?\[\d+\] [A-Z]+ ")
    assert all(head.match(line) for line in lines), lines
    told = [line[match.end() :] for line in lines if (match := head.match(line))]
    assert sum(line.startswith("features: 3/3 clips") for line in told) == 2
    assert sum(line.startswith("tonearm extract ") or line.startswith("tonearm --log-file ") for line in told) == 2
    assert told.count("done; left out: 1 clip") == 2
    assert sum(line.startswith("ended with exit code 0 after") for line in told) == 2
    done = RUNNER.invoke(app, ["scan", "nowhere", "--log-file", str(log)])
    assert " ERROR tonearm: nowhere: there is no such folder\n" in log.read_text(encoding="utf-8")
    assert done.exit_code == 1
    done = RUNNER.invoke(app, ["features", "--log-file", str(tmp_path / "no" / "log.txt")])
    assert done.exit_code == 1
    assert "cannot be written (No such file or directory)" in done.stderr


def test_a_log_file_that_fills_its_disk_is_told_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with logs.shown(logs.Shown(file=tmp_path / "log.txt")):
        [handler] = [one for one in logs.ROOT.handlers if isinstance(one, logging.FileHandler)]

        def full(_: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(handler.stream, "write", full, raising=False)
        note("first", "second")
    first, warned, second = capsys.readouterr().err.splitlines()
    assert (first, second) == ("first", "second")
    assert "log.txt: cannot be written (No space left on device)" in warned


def test_the_library_prints_nothing_and_a_program_may_listen(
    music: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    tonearm.extract_table(music, music.parent / "silent", families=("rms",))
    assert capfd.readouterr() == ("", "")
    with caplog.at_level(logging.DEBUG, logger="tonearm"):
        tonearm.extract_table(music, music.parent / "heard", families=("rms",))
    assert f"{music / 'low' / '0.wav'}: read" in caplog.messages
    assert capfd.readouterr() == ("", "")


def told_by_a_process(_: int) -> bool:
    logs.FILES.debug("from a process")
    return True


def test_worker_processes_do_as_their_leader_does(tmp_path: Path) -> None:
    with logs.shown(logs.Shown(logging.ERROR, tmp_path / "log.txt", logging.DEBUG, "tonearm 1 test")):
        assert all(run_tasks(told_by_a_process, [(number,) for number in range(4)], 2))
    assert (tmp_path / "log.txt").read_text().count(" DEBUG from a process\n") == 4


def test_every_command_has_the_options_once() -> None:
    from typer.main import get_command

    commands = [get_command(app)]
    while commands:
        command = commands.pop()
        flags = [flag for option in command.params for flag in option.opts]
        assert [flags.count(flag) for flag in ("--quiet", "--verbose", "--log-file")] == [1, 1, 1], command.name
        commands += getattr(command, "commands", {}).values()


def test_a_fault_of_ours_is_in_the_log_with_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonearm.config.template", lambda: 1 / 0)
    done = RUNNER.invoke(app, ["config", "--log-file", str(tmp_path / "log.txt")])
    assert isinstance(done.exception, ZeroDivisionError)
    assert " CRITICAL ZeroDivisionError: division by zero\n" in (tmp_path / "log.txt").read_text()


def test_quiet_and_verbose_are_one_choice() -> None:
    done = RUNNER.invoke(app, ["--quiet", "features", "--verbose"])
    assert done.exit_code == 1
    assert "choose one" in done.stderr


def test_importing_tonearm_configures_no_logging() -> None:
    check = "import logging, tonearm; print(logging.root.handlers, logging.getLogger('tonearm').level)"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout == "[] 0\n"
