"""TensorBoard and MLflow are told the numbers of the run folder, and nothing else changes."""

import csv
import sys
from pathlib import Path
from typing import Any

import pytest

from test_experiment import config, music  # noqa: F401  # the fixture
from tonearm.errors import ConfigError, TonearmError
from tonearm.experiment.experiment import run_experiment
from tonearm.experiment.score_files import read_scores
from tonearm.experiment.tracking import check_tracking
from tonearm.settings import TrackSettings

MODELS = {"mlp": {"epochs": 3, "patience": 0}, "logistic": {}}
ANSWERS = "predictions.csv"
pytestmark = pytest.mark.filterwarnings("ignore")  # what these tools and their database say of each other
EPOCH = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "learning_rate")


def history(run: Path) -> list[dict[str, float]]:
    with (run / "history.csv").open(newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def same_answers(one: Path, other: Path) -> bool:
    answers = [Path("runs") / model / "holdout" / "predictions.csv" for model in MODELS]
    return all((one / path).read_bytes() == (other / path).read_bytes() for path in answers)


@pytest.fixture(scope="module")
def plain(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    out = tmp_path_factory.mktemp("plain")
    run_experiment(config(music, models=MODELS), out)
    return out


def test_tensorboard_has_every_epoch_and_the_scores(music: Path, plain: Path, tmp_path: Path) -> None:  # noqa: F811
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run_experiment(config(music, models=MODELS, track={"tensorboard": True}), tmp_path)
    assert same_answers(tmp_path, plain)
    log = EventAccumulator(str(tmp_path / "tensorboard" / "mlp" / "holdout"))
    log.Reload()
    rows = history(tmp_path / "runs" / "mlp" / "holdout")
    charts = ("loss/train", "accuracy/train", "loss/valid", "accuracy/valid", "training/learning_rate")
    for name, chart in zip(EPOCH, charts, strict=True):
        told = log.Scalars(chart)
        assert [event.step for event in told] == [1, 2, 3]
        assert [event.value for event in told] == pytest.approx([row[name] for row in rows], rel=1e-6)
    accuracy = read_scores(tmp_path / "runs" / "logistic" / "holdout")["test"]["scores"]["accuracy"]["value"]
    other = EventAccumulator(str(tmp_path / "tensorboard" / "logistic" / "holdout"))
    other.Reload()
    assert other.Scalars("score/test_accuracy")[0].value == pytest.approx(accuracy)


def test_mlflow_has_settings_epochs_and_scores(music: Path, plain: Path, tmp_path: Path) -> None:  # noqa: F811
    mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    out = tmp_path / "genres"
    run_experiment(config(music, models=MODELS, track={"mlflow": store}), out)
    assert same_answers(out, plain)
    client = mlflow.MlflowClient(tracking_uri=store)
    runs = client.search_runs([client.get_experiment_by_name("genres").experiment_id])
    told = {run.info.run_name: run for run in runs}
    assert set(told) == {"mlp/holdout", "logistic/holdout"}
    assert all(run.info.status == "FINISHED" for run in runs)
    mlp = told["mlp/holdout"]
    assert mlp.data.params["epochs"] == "3"
    rows = history(out / "runs" / "mlp" / "holdout")
    for name in EPOCH:
        points = client.get_metric_history(mlp.info.run_id, name)
        assert [point.step for point in points] == [1, 2, 3]
        assert [point.value for point in points] == pytest.approx([row[name] for row in rows])
    scores = read_scores(out / "runs" / "logistic" / "holdout")["test"]["scores"]
    assert told["logistic/holdout"].data.metrics["score/test_f1"] == pytest.approx(scores["f1"]["value"])


def test_a_training_that_fails_is_marked(music: Path, tmp_path: Path) -> None:  # noqa: F811
    mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    models = {"mlp": {"epochs": 50, "learning_rate": 100.0, "optimizer": "sgd", "weight_decay": 10.0}}
    found = run_experiment(config(music, models=models, track={"mlflow": store}), tmp_path / "x")
    assert "diverged" in found.rows[0].error
    client = mlflow.MlflowClient(tracking_uri=store)
    [run] = client.search_runs([client.get_experiment_by_name("x").experiment_id])
    assert run.info.status == "FAILED"


@pytest.mark.parametrize("package", ["tensorboard", "mlflow"])
def test_a_missing_package_is_told_before_anything_is_done(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {package: True if package == "tensorboard" else "sqlite:///x.db"}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=rf'track\.{package} needs {package}: pip install "tonearm\[{package}\]"'):
        check_tracking(TrackSettings(**settings))


def test_a_server_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TonearmError, match="MLflow cannot be used there"):
        check_tracking(TrackSettings(mlflow="http://127.0.0.1:9"))
    assert "mlflow" in sys.modules
