"""Windows and macOS, as far as they can be played on any system."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from multiprocessing import resource_tracker
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile

import signals
from tonearm.config import parse_config
from tonearm.data.catalog import Catalog, Clip
from tonearm.errors import CatalogError, ConfigError, OutputError
from tonearm.representations.image_files import ImagesTask
from tonearm.representations.registry import represent
from tonearm.runtime import files, stopping, system, workers

PATIENT = len(system.PAUSES)

# what a Windows build of Python lacks; libraries are loaded first, since they have halves of their own
AS_ON_WINDOWS = """
import importlib, os, pkgutil, signal, sys
import filelock, joblib, matplotlib.pyplot, numba, pandas, pyarrow.parquet, scipy.fft, sklearn.pipeline
import skops.io, soundfile, soxr, threadpoolctl, typer, asyncio, multiprocessing.resource_tracker, subprocess
from joblib.externals.loky.backend import resource_tracker
networks = "torch torchvision skorch accelerate transformers distributed onnxruntime optuna".split()  # load slowly
for name in ["fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", *networks]:
    sys.modules[name] = None
for name in (
    "fork forkpty getuid geteuid getgid getegid getpgid getpgrp getsid setsid setpgid killpg mkfifo mknod statvfs "
    "fstatvfs sched_getaffinity sched_setaffinity sysconf nice chown lchown fchown fchmod getloadavg set_blocking "
    "register_at_fork O_NONBLOCK O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_SYNC O_NOCTTY"
).split():
    if hasattr(os, name):
        delattr(os, name)
for name in (
    "SIGHUP SIGKILL SIGQUIT SIGALRM SIGCHLD SIGPIPE SIGUSR1 SIGUSR2 pthread_sigmask sigwait alarm setitimer pause"
).split():
    if hasattr(signal, name):
        delattr(signal, name)
import tonearm
for module in pkgutil.walk_packages(tonearm.__path__, "tonearm."):
    if module.name not in ("tonearm.__main__", "tonearm.ladder"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            assert error.name.split(".")[0] in networks, error
from tonearm.runtime import leftovers, system
assert leftovers.fcntl is None and system.fcntl is None
system.WINDOWS = True
from tonearm.runtime.stopping import guarded
from tonearm.cli import main
filelock.FileLock = filelock.SoftFileLock  # its own choice without fcntl
signal.set_wakeup_fd = lambda handle, **options: None  # which has to be non-blocking on all other systems
def work():
    for command in sys.argv[1].split(";"):
        sys.argv = ["tonearm", *command.split()]
        try:
            main()
        except SystemExit as ended:
            assert not ended.code, (command, ended.code)
guarded(work)
"""


def test_commands_need_nothing_that_windows_lacks(tmp_path: Path) -> None:
    for number in range(8):
        path = tmp_path / "music" / ("low", "high")[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, signals.tone(200.0 + 20 * number + 2_000 * (number % 2), 0.5), signals.SR)
    (tmp_path / "c.toml").write_text(
        f"data.folder = {json.dumps(str(tmp_path / 'music'))}\nmodels.logistic = {{}}\n"
        'features = { families = ["rms", "spectral_centroid"], statistics = ["mean"] }\n'
        'split = { method = "random", test = 0.5, valid = 0 }\n'
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".tonearm-left").touch()  # by a killed command; nobody can lock it there
    run = f"run {tmp_path / 'c.toml'} --out {tmp_path / 'out'}"
    command = ";".join([run, run, f"predict {tmp_path / 'out'} {tmp_path / 'music'}"])
    done = subprocess.run([sys.executable, "-c", AS_ON_WINDOWS, command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "is there already" in done.stdout + done.stderr
    assert not (tmp_path / "out" / ".tonearm-left").exists()


def busy(monkeypatch: pytest.MonkeyPatch, times: int) -> list[float]:
    """Let Windows refuse to rename so many times; the pauses that were made."""
    pauses: list[float] = []
    replace = Path.replace
    refused = iter([True] * times)

    def refuse(self: Path, target: Path) -> Path:
        if next(refused, False):
            raise PermissionError(13, "The process cannot access the file because it is being used", str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(system, "sleep", pauses.append)  # and not that of threads of other tests
    return pauses


def test_a_file_that_a_scanner_has_open_for_a_moment_is_replaced_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "WINDOWS", True)
    pauses = busy(monkeypatch, 3)
    files.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert pauses == list(system.PAUSES[:3])


def test_a_file_that_stays_open_is_one_sentence_and_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scores.csv").write_text("old")
    monkeypatch.setattr(system, "WINDOWS", True)
    busy(monkeypatch, PATIENT + 1)
    with pytest.raises(OutputError, match=r"scores\.csv: cannot be replaced, since another program has it"):
        files.write_text(tmp_path / "scores.csv", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]
    assert (tmp_path / "scores.csv").read_text() == "old"


def test_a_folder_of_which_a_file_stays_open_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("old")
    monkeypatch.setattr(system, "WINDOWS", True)
    busy(monkeypatch, PATIENT + 1)
    with pytest.raises(OutputError, match="run: cannot be replaced"), files.replacing_folder(tmp_path / "run") as new:
        (new / "run.json").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "run.json").read_text() == "old"


def test_elsewhere_a_refusal_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "WINDOWS", False)
    pauses = busy(monkeypatch, 1)
    with pytest.raises(PermissionError):
        files.write_text(tmp_path / "a.txt", "new")
    assert pauses == []


def test_names_that_windows_does_not_allow_are_those_that_python_calls_reserved() -> None:
    names = ["con", "NUL", "com1", "lpt9.txt", "aux.d.e", "com10", "console", "nully", "a", "a.b", "x-1_2", "nul_"]
    for name in names:
        assert bool(system.unfit(name)) == PureWindowsPath(name).is_reserved(), name
    for name in ("a:b", "a?", 'a"', "a.", "a ", "tab\t"):
        assert system.unfit(name)


@pytest.mark.parametrize("name", ["con", "nul.mel", "model."])
def test_a_models_name_can_be_a_folders_everywhere(name: str) -> None:
    with pytest.raises(ConfigError, match="Windows allows none"):
        parse_config({"models": {name: {"type": "logistic"}}})


def test_models_that_differ_in_case_alone_would_share_a_folder() -> None:
    with pytest.raises(ConfigError, match=r"models\.SVM: another model is called svm"):
        parse_config({"models": {"svm": {}, "SVM": {"type": "svm"}}})


def catalog(tmp_path: Path, *labels: str) -> Catalog:
    clips = [Clip(str(tmp_path / f"{n}" / "1.wav"), f"{n}/1.wav", label) for n, label in enumerate(labels)]
    return Catalog(str(tmp_path), tuple(clips), {})


def test_pictures_of_labels_that_differ_in_case_alone_are_told_where_they_would_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = ImagesTask(represent(["mel"], parse_config({})), tmp_path / "pictures")
    task.check(catalog(tmp_path, "Rock", "rock"))
    monkeypatch.setattr("tonearm.representations.image_files.ignores_case", lambda folder: True)
    with pytest.raises(CatalogError, match=r"0/1\.wav and 1/1\.wav would both become rock/1\.wav\.png"):
        task.check(catalog(tmp_path, "Rock", "rock"))
    task.check(catalog(tmp_path, "rock", "pop"))


def test_a_label_that_cannot_be_a_folder_on_windows_is_told_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = ImagesTask(represent(["mel"], parse_config({})), tmp_path / "pictures")
    task.check(catalog(tmp_path, "Drum: Bass"))
    monkeypatch.setattr("tonearm.representations.image_files.WINDOWS", True)
    with pytest.raises(CatalogError, match="on Windows, which each genre has among pictures, since it has"):
        task.check(catalog(tmp_path, "Drum: Bass"))


def test_whether_case_is_ignored_is_asked_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = tmp_path / "a"
    twice.touch()
    assert system.ignores_case(tmp_path / "not" / "yet") == (tmp_path / "A").exists()
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda self: exists(self.with_name(self.name.lower())))
    assert system.ignores_case(tmp_path / "not" / "yet")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_is_brought_to_the_disk_itself_where_fsync_would_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def refuse(handle: int, command: int) -> None:
        asked.append(command)
        raise OSError(45, "Operation not supported")

    monkeypatch.setattr(os, "fsync", lambda handle: asked.append("fsync"))
    for mac in (SimpleNamespace(F_FULLFSYNC=51, fcntl=lambda handle, command: asked.append(command)), None):
        monkeypatch.setattr(system, "fcntl", mac)
        system.flush(0)
    monkeypatch.setattr(system, "fcntl", SimpleNamespace(F_FULLFSYNC=51, fcntl=refuse))
    system.flush(0)
    assert asked == [51, "fsync", 51, "fsync"]


def test_workers_are_started_where_there_are_no_signal_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ModuleNotFoundError("No module named '_posixsubprocess'")

    monkeypatch.delattr(signal, "pthread_sigmask")
    monkeypatch.setattr(resource_tracker, "ensure_running", refuse)
    with workers.sparing_children():
        assert "PYTHONWARNINGS" not in os.environ or "resource_tracker" not in os.environ["PYTHONWARNINGS"]


def test_workers_end_with_their_leader_on_windows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []

    class OpenProcess:
        restype: Any = None

        def __call__(self, rights: int, inherit: bool, process: int) -> int:
            called.append(("open", rights, process))
            return 7

    kernel32 = SimpleNamespace(
        OpenProcess=OpenProcess(), WaitForSingleObject=lambda handle, time: called.append(("wait", handle.value, time))
    )
    monkeypatch.setattr(ctypes, "WinDLL", lambda name: kernel32, raising=False)
    monkeypatch.setattr(workers, "WINDOWS", True)
    monkeypatch.setattr(os, "_exit", lambda code: called.append(("exit", code)))
    workers._end_with(1234)
    assert called == [("open", 0x100000, 1234), ("wait", 7, 0xFFFFFFFF), ("exit", 1)]


def test_the_signals_that_end_a_command_are_those_of_the_system() -> None:
    asks = {"SIGINT", "SIGTERM", "SIGBREAK" if os.name == "nt" else "SIGHUP"}
    assert {number.name for number in stopping.SIGNALS} == asks
