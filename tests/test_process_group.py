"""Several processes that train one model: real ones, started by `accelerate launch`, on this machine's CPU."""

import csv
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.numpy import load_file

from tables import clouds, write_table
from test_training import make, parts
from tonearm.config import Config, parse_config, to_toml
from tonearm.errors import ConfigError, ModelError
from tonearm.experiment.experiment import run_experiment
from tonearm.experiment.score_files import read_scores
from tonearm.models.mlp import MLPSettings, build
from tonearm.settings import TrainSettings
from tonearm.sweep import run_sweep
from tonearm.training.batches import Batches, Rows
from tonearm.training.process_group import ProcessGroup

pytest.importorskip("accelerate", reason="the extra accelerate is not installed")
# batches of 7 rows do not divide by two, and classes that weigh differently show whether shares are weighed right
MLP = {"type": "mlp", "hidden": [12], "batch_size": 7, "epochs": 6, "dropout": 0.0, "class_weight": "balanced"}
TRAIN = {"accelerate": True, "device": "cpu"}


class Half(ProcessGroup):
    """One of two processes, whose agreement the test keeps."""

    count = 2

    def __init__(self, index: int, order: torch.Tensor) -> None:
        self.index = index
        self.order = order

    def agree(self, value: Any) -> Any:
        return self.order


@pytest.mark.parametrize("rows", [4, 20, 29, 31])
def test_two_processes_see_each_row_once_an_epoch(rows: int) -> None:
    X, y = torch.arange(rows)[:, None], np.arange(rows)
    order = torch.randperm(rows)
    shares = [list(Batches(Rows(X, y), 7, shuffle=True, processes=Half(index, order))) for index in range(2)]
    assert len(shares[0]) == len(shares[1])
    for (one, _), (other, _) in zip(*shares, strict=True):
        assert min(len(one), len(other)) >= 2
        assert abs(len(one) - len(other)) <= 1
    seen = torch.cat([truth for share in shares for _, truth in share])
    assert sorted(seen.tolist()) == list(range(rows))
    judged = [truth for _, truth in Batches(Rows(X, y), 7, processes=Half(1, order))]
    assert torch.cat(judged).tolist() == list(range(rows))


def test_one_process_with_accelerate_is_one_process() -> None:
    X, y, X_valid, _ = parts()
    settings = make().settings
    other = build(settings, TrainSettings(device="cpu", accelerate=True)).fit(X, y)
    assert np.array_equal(make().fit(X, y).predict_proba(X_valid), other.predict_proba(X_valid))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    X, y = clouds(150, spread=4.0)
    rows = np.flatnonzero((y != np.unique(y)[0]) | (np.arange(len(y)) % 3 == 0))  # a rare class
    return write_table(tmp_path_factory.mktemp("table") / "t.csv", X[rows], y[rows])


def config(table: Path, models: dict[str, Any], **train: Any) -> Config:
    return parse_config(
        {"data": {"folder": str(table)}, "split": {"valid": 0.25}, "models": models, "train": TRAIN | train}
    )


def launch(settings: Config, out: Path) -> subprocess.Popen[str]:
    """`tonearm run` in two processes."""
    out.mkdir(exist_ok=True)
    file = out / "given.toml"
    file.write_text(to_toml(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--cpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"]
    options += ["--dynamo_backend", "no", "--main_process_port", str(port), "-m"]
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        *options,
        "tonearm",
        "run",
        str(file),
        "--out",
        str(out),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*command, "--out", str(out)], text=True, env=environment, start_new_session=True, stdout=pipe, stderr=pipe
    )


def history(run: Path) -> list[dict[str, float]]:
    with (run / "history.csv").open(newline="") as file:
        return [{k: float(v) for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def weights(run: Path) -> dict[str, Any]:
    [file] = (run / "model").glob("*.safetensors")
    return dict(load_file(file))


def test_two_processes_learn_what_one_learns_and_one_of_them_writes(table: Path, tmp_path: Path) -> None:
    settings = config(table, {"mlp": MLP, "logistic": {}})
    process = launch(settings, tmp_path / "two")
    said, noted = process.communicate(timeout=300)
    assert process.returncode == 0, noted
    assert (
        noted.count("mlp, holdout: train")
        == noted.count("logistic, holdout: train")
        == said.count("classify files with")
        == 1
    )
    alone = run_experiment(config(table, {"mlp": MLP, "logistic": {}}, accelerate=False), tmp_path / "one")
    two, one = history(tmp_path / "two" / "runs" / "mlp" / "holdout"), history(alone.out / "runs" / "mlp" / "holdout")
    assert len(two) == len(one) == MLP["epochs"]
    for ours, theirs in zip(two, one, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    for name, theirs in weights(alone.out / "runs" / "mlp" / "holdout").items():
        assert_allclose(weights(tmp_path / "two" / "runs" / "mlp" / "holdout")[name], theirs, rtol=1e-3, atol=1e-5)
    assert read_scores(tmp_path / "two" / "runs" / "logistic" / "holdout") == read_scores(
        alone.out / "runs" / "logistic" / "holdout"
    )
    # started again it finds everything done, in both processes
    again = launch(settings, tmp_path / "two")
    assert again.communicate(timeout=300)[1].count("is there already") == 2
    assert again.returncode == 0


def test_a_killed_training_of_two_processes_ends_as_an_undisturbed_one(table: Path, tmp_path: Path) -> None:
    model = {"mlp": {**MLP, "dropout": 0.3, "epochs": 200, "checkpoint_epochs": 20, "patience": 0}}
    settings = config(table, model)
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    process = launch(settings, killed)
    state = killed / "unfinished" / "mlp" / "holdout" / "checkpoint.pt"
    end = time.monotonic() + 200
    while not state.is_file() and time.monotonic() < end:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert state.is_file()
    assert not (killed / "runs" / "mlp" / "holdout").exists(), "it was too quick to be killed"
    for folder in (killed, undisturbed):
        process = launch(settings, folder)
        noted = process.communicate(timeout=300)[1]
        assert process.returncode == 0, noted
    assert history(killed / "runs" / "mlp" / "holdout") == history(undisturbed / "runs" / "mlp" / "holdout")
    ours, theirs = weights(killed / "runs" / "mlp" / "holdout"), weights(undisturbed / "runs" / "mlp" / "holdout")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_what_does_not_go_together_is_told(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="workers must be 1"):
        config(table, {"mlp": MLP}, workers=2)
    with pytest.raises(ConfigError, match="a sweep trains side by side"):
        run_sweep(config(table, {"mlp": MLP}), tmp_path)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    from tonearm.training import process_group as module

    module._accelerator.cache_clear()
    with pytest.raises(ModelError, match=r"pip install \"tonearm\[accelerate\]\""):
        module.process_group(TrainSettings(accelerate=True, device="cpu"))


def test_a_batch_too_small_to_divide_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonearm.training.engine.process_group", lambda train: Half(0, torch.arange(3)))
    monkeypatch.setattr(Half, "wait", lambda self: None)
    X, y, _, _ = parts()
    with pytest.raises(ModelError, match="2 processes divide each batch"):
        build(MLPSettings(batch_size=3), TrainSettings(device="cpu")).fit(X, y)
