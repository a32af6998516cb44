"""What works in an installation without any extra: everything but networks, which say what they need."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

import signals

EXTRAS = (
    "torch",
    "torchvision",
    "skorch",
    "safetensors",
    "av",
    "optuna",
    "distributed",
    "accelerate",
    "upath",
    "fsspec",
    "librosa",  # of the tests alone
    "fastapi",
    "starlette",
    "uvicorn",
    "jinja2",
    "mutagen",
    "tinytag",
)
WITHOUT = f"""
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.split(".")[0] in {EXTRAS} else find(name, *rest)
from tonearm.cli import main
for command in sys.argv[1].split(";"):
    sys.argv = ["tonearm", *command.split()]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, (command, ended.code)
"""


def tonearm(folder: Path, *commands: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, ";".join(commands)], cwd=folder, capture_output=True, text=True, check=False
    )


def test_everything_about_rows_works_without_extras(tmp_path: Path) -> None:
    for number in range(8):
        path = tmp_path / "music" / f"genre{number % 2}" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = signals.tone(300.0 * (1 + number % 2), 1.0) + signals.noise(1.0, 0.05, number)
        soundfile.write(path, sound.astype(np.float32), signals.SR)
    settings = '[data]\nfolder = "music"\n[features]\npreset = "gtzan57"\n[split]\nmethod = "stratified"\nfolds = 2\n'
    (tmp_path / "rows.toml").write_text(
        settings + "[models.logistic]\n[models.svm]\n[models.trees]\nn_estimators = 10\n"
    )
    done = tonearm(
        tmp_path,
        "run rows.toml --out out",
        "predict out music",
        "submit out music",
        "compare out",
        "report out --no-audio",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "submission.csv").is_file()
    folder = tonearm(tmp_path, "run music --out default --set features.preset=gtzan57 --set split.method=stratified")
    assert folder.returncode == 0, folder.stderr
    assert "logistic" in folder.stdout
    (tmp_path / "network.toml").write_text(settings + "[models.mlp]\n")
    refused = tonearm(tmp_path, "run network.toml --out out2")
    assert 'pip install "tonearm[deep]"' in refused.stderr
    assert 'pip install "tonearm[ui]"' in tonearm(tmp_path, "ui out --no-browser").stderr
