"""What a shell completes, as bash itself asks for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture
def bash(tmp_path: Path) -> dict[str, str]:
    """An environment with a home of its own, in which `tonearm` is a command."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "tonearm"
    program.write_text(f"#!{sys.executable}\nfrom tonearm.__main__ import main\nmain()\n")
    program.chmod(0o755)
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    return {**os.environ, "HOME": str(tmp_path), "PATH": path}


def run_bash(script: str, environment: dict[str, str]) -> str:
    script += "\nexit $?"  # else bash becomes its last command, and typer finds whatever shell started the tests
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_bash_completes_what_it_was_taught(bash: dict[str, str], tmp_path: Path) -> None:
    assert "completion installed" in run_bash("tonearm --install-completion", bash)
    taught = next((tmp_path / ".bash_completions").iterdir())
    assert str(taught) in (tmp_path / ".bashrc").read_text()
    ask = (
        f'source {taught}; COMP_CWORD=$1; shift; COMP_WORDS=("$@"); _tonearm_completion tonearm; echo ${{COMPREPLY[@]}}'
    )
    for words, completed in (
        (("tonearm", "pre"), "predict"),
        (("tonearm", "encoders", "g"), "get"),
        (("tonearm", "scan", "--str"), "--strict"),
        (("tonearm", "jam", "--format", "fl"), "flac"),
        (("tonearm", "run", "--log"), "--log-file"),
    ):
        told = run_bash(f"set -- {len(words) - 1} {' '.join(words)}; {ask}", bash)
        assert told.split() == [completed]
