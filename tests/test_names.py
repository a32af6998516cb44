"""Folders with any name that the file system allows, by the command line as a user types it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

import signals
from tonearm.config import load_config, parse_config, to_toml
from tonearm.runtime.remote import path_text, place
from tonearm.settings import DataSettings

NAMES = ["🎵 music", os.fsdecode(b"caf\xe9")]
CHEAP = 'features = { families = ["rms"], statistics = ["mean"] }\nmodels.logistic = {}\n'


def tonearm(folder: Path, *arguments: str) -> str:
    """What the command prints, run in the folder."""
    command = [sys.executable, "-m", "tonearm", *arguments]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    encoded = [os.fsencode(argument) for argument in command]
    done = subprocess.run(encoded, cwd=folder, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are not Unicode")
def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    name = " ".join(NAMES)  # one walk through the commands, since each of them starts Python
    for label, hertz in (("low", 220.0), ("high", 1760.0)):
        (tmp_path / name / label).mkdir(parents=True)
        for take in range(6):
            sound = signals.tone(hertz * (1 + 0.01 * take), 0.4, 0.3) + signals.noise(0.4, 0.01, take)
            soundfile.write(os.fsencode(tmp_path / name / label / f"{take}.wav"), sound, signals.SR)
    (tmp_path / "c.toml").write_text(CHEAP)
    out = f"{name} out"
    assert "12 clips in 2 classes" in tonearm(tmp_path, "scan", name)
    assert "12 clips in 2 classes" in tonearm(tmp_path, "scan", "nowhere", "--set", f"data.folder={name}")
    tonearm(tmp_path, "run", "c.toml", "--set", f"data.folder={tmp_path / name}", "--out", out)
    stored = tmp_path / out / "config.toml"
    config = load_config(stored)  # UTF-8, and TOML
    assert place(config.data.folder).samefile(tmp_path / name)
    again = tmp_path / "again.toml"
    again.write_text(to_toml(config), encoding="utf-8")
    assert load_config(again) == config
    tonearm(tmp_path, "run", str(again), "--out", "again")  # by the config file
    answers = (tmp_path / "again" / "runs" / "logistic" / "holdout" / "predictions.csv").read_bytes()
    assert answers == (tmp_path / out / "runs" / "logistic" / "holdout" / "predictions.csv").read_bytes()
    tonearm(tmp_path, "predict", f"{out}/runs/logistic", name, "--out", f"{name}.csv")
    assert len((tmp_path / f"{name}.csv").read_bytes().splitlines()) == 13
    assert "12 rows" in tonearm(tmp_path, "submit", f"{out}/runs/logistic", name, "--out", f"{name}.csv")
    tonearm(tmp_path, "report", out)


@pytest.mark.parametrize("name", [*NAMES, "a\nb", 'a"b', "a\\b", "a\x7fb", "a%41#?", "1999", "true", "file:x"])
def test_a_path_is_the_same_after_being_stored(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    config = parse_config({"data": {"folder": str(folder), "metadata": str(folder / "m.csv")}})
    (tmp_path / "c.toml").write_text(to_toml(config), encoding="utf-8")
    loaded = load_config(tmp_path / "c.toml")
    assert loaded == config
    assert (place(loaded.data.folder), place(loaded.data.metadata)) == (folder, folder / "m.csv")
    typed = load_config(None, [f"data.folder={name}"]).data.folder
    assert place(typed).absolute() == Path(name).absolute()


def test_a_file_uri_is_a_path_of_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "a b%"
    assert DataSettings(folder=folder.as_uri()).folder == str(folder)
    assert path_text(folder.as_uri().replace("file://", "FILE://localhost")) == str(folder)
    (tmp_path / "c.toml").write_text(f'data.folder = "{folder.as_uri()}"\n')
    assert load_config(tmp_path / "c.toml").data.folder == str(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="sets the locale by the environment")
def test_text_that_a_terminal_cannot_show_is_written_with_backslashes(tmp_path: Path) -> None:
    (tmp_path / "music" / "é – ß").mkdir(parents=True)
    (tmp_path / "music" / "é – ß" / "✗.wav").touch()
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "tonearm", "extract", "music", "--out", "out", "--log-file", "log.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, env={**os.environ, **plain})
    assert done.returncode == 1
    assert b"  \xe9 \\u2013 \xdf/\\u2717.wav: the file has 0 bytes\n" in done.stderr
    assert "é – ß/✗.wav: the file has 0 bytes\n" in (tmp_path / "log.txt").read_text(encoding="utf-8")
