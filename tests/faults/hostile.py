"""What the tests of faults do to a command: small disks, kills at chosen or random moments, and what must hold after.

A command runs in a session of its own, so that a signal reaches what Ctrl-C in a terminal would reach, and so that
whatever it leaves running can be counted. Nothing here reads a clock to judge speed: seconds only bound a wait.
"""

import contextlib
import functools
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import soundfile

import signals

SRC = Path(__file__).resolve().parents[2] / "src"
LONGEST = 300.0  # seconds that any wait may take
OURS = ".tonearm-"


@dataclass(frozen=True)
class Ended:
    """How a command ended. code: negative for a signal. left: processes of its session that outlived it."""

    code: int
    said: str
    noted: str
    left: tuple[int, ...] = ()

    @property
    def traceback(self) -> bool:
        """Whether a person was shown a traceback, or a complaint of the interpreter or a library."""
        return bool(re.search(r"Traceback|Exception ignored|\wWarning:", self.said + self.noted))  # not libmpg123's


def start(*arguments: object, before: Sequence[str] = (), **variables: str) -> subprocess.Popen[str]:
    """`tonearm` with the arguments, in a new session. before: a program that starts it, such as prlimit."""
    pythonpath = os.pathsep.join(filter(None, (str(SRC), os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, "PYTHONPATH": pythonpath, "OMP_NUM_THREADS": "1", **variables}
    command = [*before, sys.executable, "-m", "tonearm", *map(str, arguments)]
    # files and not pipes, which would be open for as long as a process that outlives the command
    out, err = (tempfile.TemporaryFile("w+") for _ in range(2))  # noqa: SIM115
    process = subprocess.Popen(command, text=True, env=environment, start_new_session=True, stdout=out, stderr=err)
    process.stdout, process.stderr = out, err
    return process


def finish(process: subprocess.Popen[str], patience: float = 5.0) -> Ended:
    """Wait for the command's end, then up to `patience` seconds for its last process. Raises TimeoutExpired."""
    try:
        process.wait(LONGEST)
        end = time.monotonic() + patience
        while (left := session(process.pid)) and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return Ended(process.returncode, _written(process.stdout), _written(process.stderr), left)


def _written(stream: IO[str] | None) -> str:
    assert stream is not None
    with stream:
        stream.seek(0)
        return stream.read()


def measured(*arguments: object, seconds: float = 1_800, **variables: str) -> tuple[Ended, float, bool]:
    """The command, undisturbed; the peak memory of one of its processes in MB, and whether it had to be killed."""
    process = start(*arguments, **variables)
    late = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
    late.start()
    _, status, usage = os.wait4(process.pid, 0)
    hung = not late.is_alive()
    late.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return finish(process), usage.ru_maxrss / 1e3, hung


def run(*arguments: object, before: Sequence[str] = (), **variables: str) -> Ended:
    """The command, undisturbed."""
    return finish(start(*arguments, before=before, **variables))


def interrupt(
    process: subprocess.Popen[str],
    when: float | Callable[[], bool],
    how: int = signal.SIGINT,
    group: bool = True,
    patience: float = 5.0,
) -> Ended:
    """Signal the command after some seconds, or once `when()` holds; to its whole group, or to the leader alone."""
    if callable(when):
        wait_for(lambda: when() or process.poll() is not None)
    else:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(when)
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(process.pid, how)
    return finish(process, patience)


def wait_for(true: Callable[[], bool]) -> None:
    """Return once it holds. Raises TimeoutError."""
    end = time.monotonic() + LONGEST
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


def session(leader: int) -> tuple[int, ...]:
    """Processes of the session that are alive, the leader and zombies left out; () where there is no /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, _, _, belongs = stat.read_text().rpartition(")")[2].split()[:4]
            if int(belongs) == leader and state not in "ZX" and int(stat.parent.name) != leader:
                found.append(int(stat.parent.name))
    return tuple(sorted(found))


def catches(process: int, number: int) -> bool:
    """Whether the process has a handler of its own for the signal, as Linux tells."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def killed_at_random(
    command: Sequence[object], moments: int, seconds: float, seed: int, how: int = signal.SIGKILL
) -> Iterator[Ended]:
    """The command, started `moments` times and killed between 0 and `seconds` each time, then undisturbed."""
    draw = random.Random(seed)
    for _ in range(moments):
        yield interrupt(start(*command), draw.uniform(0.0, seconds), how)
    yield run(*command)


def contents(folder: Path, *volatile: str) -> dict[str, str]:
    """SHA-256 of every file below the folder by its relative name, but those that match a pattern of `volatile`."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.match(pattern) for pattern in (".lock", ".holder.json", *volatile))
    }


def leftovers(folder: Path) -> list[str]:
    """Our temporary files and folders, anywhere below the folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob(f"{OURS}*"))


def write_noise(folder: Path, count: int, seconds: float) -> Path:
    """Clips of noise in two class folders, a and b."""
    for number in range(count):
        (folder / "ab"[number % 2]).mkdir(exist_ok=True)
        sound = signals.noise(seconds, 0.1, seed=number)
        soundfile.write(folder / "ab"[number % 2] / f"{number}.wav", sound, signals.SR)
    return folder


@functools.cache
def can_mount() -> bool:
    """Whether this process may mount a tmpfs; root in a container often may not."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder) / "disk", 100):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int, inodes: int = 0) -> Iterator[Path]:
    """A file system of so many kilobytes in the folder, which is created. inodes: how many files, 0 for any number."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={kilobytes}k" + (f",nr_inodes={inodes}" if inodes else "")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tonearm-test", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def enlarge(folder: Path, kilobytes: int) -> None:
    """Give the small disk more room, as a person does who has read the message."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(folder)], check=True)
