"""Commands that are stopped, killed, or started twice: one sentence, the right exit code, nobody left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import hostile
from tonearm.errors import OutputError
from tonearm.jam import render_jam
from tonearm.runtime import stopping
from tonearm.runtime.locks import HOLDER_JSON, hold
from tonearm.runtime.pool import run_tasks
from tonearm.runtime.workers import begin

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips enough to be interrupted at."""
    return hostile.write_noise(tmp_path_factory.mktemp("music"), 120, 4.0)


def pictures(out: Path) -> int:
    return len(list(out.glob("log/*/[!.]*.png")))


@pytest.mark.parametrize(("workers", "how"), [(1, signal.SIGTERM), (2, signal.SIGINT)])
def test_a_stopped_command_says_what_is_kept_and_goes_on(
    workers: int, how: signal.Signals, music: Path, tmp_path: Path
) -> None:
    command = ["spectrograms", music, "--out", tmp_path / "out", "--kinds", "log", "--workers", workers]
    ended = hostile.interrupt(hostile.start(*command), lambda: pictures(tmp_path / "out") > 20, how)
    assert ended.code == 128 + how
    assert ended.noted.count("stopped;") == 1
    assert ended.noted.splitlines()[-1] == (
        f"tonearm: stopped; what is finished is kept in {tmp_path / 'out'}: start the same command again to go on"
    )
    assert not ended.traceback
    assert ended.left == ()
    with hold(tmp_path / "out"):  # the workers were ended in mid-file
        assert hostile.leftovers(tmp_path) == []
    assert not (tmp_path / "out" / HOLDER_JSON).exists()


def test_before_anything_is_loaded_it_is_the_same_sentence() -> None:
    process = hostile.start("scan", "nowhere")
    ended = hostile.interrupt(process, lambda: hostile.catches(process.pid, signal.SIGTERM))
    assert (ended.code, ended.said, ended.noted) == (130, "", "\ntonearm: stopped; start the same command again\n")


def test_a_leader_that_is_killed_takes_its_workers_along_and_its_traces_go(music: Path, tmp_path: Path) -> None:
    command = ["spectrograms", music, "--out", tmp_path / "out", "--kinds", "log", "--workers", 2]
    killed = hostile.interrupt(
        hostile.start(*command), lambda: pictures(tmp_path / "out") > 20, signal.SIGKILL, group=False, patience=20
    )
    assert killed.code == -signal.SIGKILL
    assert killed.left == ()
    assert (tmp_path / "out" / HOLDER_JSON).exists()
    half = tmp_path / "out" / "mel" / "a" / ".tonearm-of-the-killed.png"  # of a kind that is not drawn again
    half.parent.mkdir(parents=True)
    half.touch()
    with hold(tmp_path / "out"):
        assert hostile.leftovers(tmp_path) == []


SWALLOWING = """
import sys, time
from tonearm.runtime import stopping
stopping._course.seconds = float(sys.argv[1])
def work():
    print("started", flush=True)
    for _ in range(10):
        try:
            time.sleep(10)
        except BaseException:  # as a library may
            if sys.argv[2] == "return":
                return
stopping.guarded(work)
print("not reached")
"""


@pytest.mark.parametrize("then", ["return", "go on"])
def test_a_signal_that_a_library_swallows_ends_the_process_nevertheless(then: str) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", SWALLOWING, "0.2", then]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)  # an impatient one changes nothing
        assert process.wait(60) == 143
        assert process.stdout.read() == ""
        assert process.stderr.read() == "\ntonearm: stopped; start the same command again\n"


CALLED_FROM_C = """
import io, sys, time
import numpy, soundfile
from tonearm.runtime import stopping
writing = []
class Slow(io.BytesIO):
    def write(self, data):
        if not writing:
            writing.append(True)
            print("writing", flush=True)
            time.sleep(0.5)  # the signal comes in here
        return super().write(data)
def work():
    try:
        while True:
            try:
                soundfile.write(Slow(), numpy.zeros(1000), 8000, format="WAV")
            except AssertionError:  # soundfile's, of a function that did not write
                pass
            time.sleep(0.1)
    finally:
        print("unwound", flush=True)
stopping.guarded(work)
"""


def test_a_signal_in_a_function_that_is_called_from_c_is_not_lost() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", CALLED_FROM_C], stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        assert process.stdout.read() == "unwound\n"
        assert process.stderr.read() == "\ntonearm: stopped; start the same command again\n"


def test_the_library_leaves_signals_alone(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in stopping.SIGNALS]
    with hold(tmp_path):
        assert list(run_tasks(abs, [(-1,), (-2,), (-3,)], 2)) == [1, 2, 3]
    assert [signal.getsignal(number) for number in stopping.SIGNALS] == before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def blocked(_: int) -> bool:
    """Whether Ctrl-C reaches this process."""
    time.sleep(0.05)
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_workers_ignore_a_ctrl_c_from_their_first_instruction_on() -> None:
    assert all(run_tasks(blocked, [(number,) for number in range(6)], 3))


def test_a_process_ends_when_its_parent_has_ended() -> None:
    child = "import os, time; from tonearm.runtime.workers import begin; begin(os.getppid())"
    child += "; print(os.getpid(), flush=True); time.sleep(90)"
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]).wait()"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        os.kill(number, 0)
        process.kill()

        def gone() -> bool:
            try:
                state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
            except (OSError, IndexError):
                return True
            return state == "Z"

        hostile.wait_for(gone)


def test_a_worker_of_a_living_parent_lives() -> None:
    threads = threading.active_count()
    thread = threading.Thread(target=begin, args=(os.getppid(),))
    thread.start()
    thread.join()
    assert threading.active_count() == threads + 1


def test_a_second_command_on_music_that_is_being_rendered_stops(tmp_path: Path) -> None:
    pytest.importorskip("midirenderer", reason="the extra demo is not installed")
    from tonearm.demo import run_demo
    from tonearm.errors import TonearmError

    with hold(tmp_path):
        for start in (
            lambda: render_jam(tmp_path, clips_per_genre=4, seconds=1.0),
            lambda: run_demo(tmp_path, print, lambda *_: None, 4, 2.0),  # type: ignore[arg-type]
        ):
            with pytest.raises(TonearmError, match=rf"another tonearm \(process {os.getpid()} on .*since"):
                start()
        assert sorted(path.name for path in tmp_path.iterdir()) == [HOLDER_JSON, ".lock"]


def test_large_arrays_that_no_temporary_folder_takes_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hostile.can_mount():
        pytest.skip("mounts a small disk, as only root on Linux may")
    import numpy as np

    with hostile.small_disk(tmp_path / "shm", 1000) as disk:
        monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(disk))
        with pytest.raises(OutputError, match=r"No space left on device; large arrays .* set JOBLIB_TEMP_FOLDER"):
            list(run_tasks(len, [(np.zeros(400_000),), (np.zeros(400_000),)], 2))
