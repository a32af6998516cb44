"""What predicting with a run needs, found by predicting."""

import importlib.metadata
import re
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

import signals
import tonearm
from tonearm.cli import app
from tonearm.errors import RunError
from tonearm.freezing import _requirements, freeze


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model on features."""
    folder = tmp_path_factory.mktemp("frozen")
    for number in range(12):
        clip = folder / "music" / "ab"[number % 2] / f"{number}.wav"
        clip.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(clip, signals.noise(0.4, 0.1, number), signals.SR)
    families = {"families": ["rms"], "statistics": ["mean"]}
    split = {"method": "stratified", "leaks": "allow"}
    tonearm.train(folder / "music", out=folder / "out", models={"logistic": {}}, features=families, split=split)
    return folder / "out"


def test_the_packages_are_those_that_are_imported_and_asked_for(run: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["freeze", str(run), "--out", str(tmp_path / "r.txt")], catch_exceptions=False)
    assert done.stdout == f"{tmp_path / 'r.txt'}\n"
    lines = [line for line in (tmp_path / "r.txt").read_text().splitlines() if not line.startswith("#")]
    assert re.fullmatch(rf"{len(lines)} packages, \d+\.\d [MG]B\n", done.stderr)
    pinned = dict(line.split("==") for line in lines)
    assert {"numpy", "scikit-learn", "soundfile", "soxr", "typer"} <= set(pinned)
    assert not {"torch", "optuna", "matplotlib", "pandas", "pytest", "tonearm"} & set(pinned)
    assert all(importlib.metadata.version(name).partition("+")[0] == version for name, version in pinned.items())


def test_a_run_that_cannot_predict_here_is_told_apart(run: Path, tmp_path: Path) -> None:
    model = next(run.glob("runs/logistic/holdout/model/model.skops"))
    whole = model.read_bytes()
    model.write_bytes(whole[:100])
    try:
        with pytest.raises(RunError, match=r"cannot predict here, so nothing can be said of what it needs: .*skops"):
            freeze(run)
    finally:
        model.write_bytes(whole)


def test_requirements_are_read_with_the_extras_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "numpy>=1.21",
        "Cuda_Toolkit[cublas,cudart]==13.0.2; platform_system == 'Linux'",
        'optree>=0.13; extra == "optree"',
        "zipp (>=1) ; extra == 'other'",
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda package: lines)
    none, some = frozenset[str](), frozenset(("optree",))
    plain = [("numpy", none), ("cuda-toolkit", frozenset(("cublas", "cudart")))]
    assert list(_requirements("torch", none)) == plain
    assert list(_requirements("torch", some)) == [*plain, ("optree", none)]
