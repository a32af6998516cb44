"""`tonearm export`: what is written, what runs without tonearm, what is never left behind, and the hub."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from huggingface_hub import HfApi, ModelCard
from typer.testing import CliRunner

import tonearm
from signals import band
from tables import clouds, write_table
from tonearm.cli import app
from tonearm.errors import ExportError
from tonearm.experiment.experiment import Experiment
from tonearm.export import export_run
from tonearm.export.hub import push

pytest.importorskip("skl2onnx")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    X, y = clouds(120, 5, spread=4.0)
    return write_table(tmp_path_factory.mktemp("table") / "features.csv", X, y)


@pytest.fixture(scope="module")
def results(table: Path) -> Path:
    """An experiment with folds on a feature table."""
    out = table.parent / "results"
    tonearm.train(table, out, split={"folds": 2}, models={"logistic": {}, "trees": {"n_estimators": 10}})
    return out


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory, tiny_encoders: Path) -> Path:
    """An experiment with a hold-out on a tiny encoder's rows of short clips."""
    music, random = tmp_path_factory.mktemp("heard") / "music", np.random.default_rng(0)
    for number in range(24):
        label = ("disco", "metal")[number % 2]
        (music / label).mkdir(parents=True, exist_ok=True)
        sound = band(1.0, seed=number, sr=16_000) if number % 2 else random.normal(0, 0.1, 16_000)
        soundfile.write(music / label / f"{number}.wav", sound, 16_000)
    experiment: Experiment = tonearm.train(
        music, music.parent / "results", models={"musicnn": {"type": "logistic", "reads": "musicnn"}}
    )
    assert not experiment.rows[0].error
    return music.parent / "results"


def alone(folder: Path, given: Path) -> str:
    """What example.py prints in a Python that has no tonearm, and no more than the libraries that it names."""
    done = run_alone(folder, given)
    assert not done.returncode, done.stderr
    return done.stdout


def run_alone(folder: Path, *given: Path) -> "subprocess.CompletedProcess[str]":
    hide = "import sys; sys.modules.update(dict.fromkeys(['tonearm', 'sklearn', 'torch', 'librosa', 'scipy']))"
    script = str(folder / "example.py")
    code = f"{hide}; import runpy; sys.argv = {[script, *map(str, given)]!r}; runpy.run_path({script!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_run_of_rows_without_tonearm(results: Path, table: Path, tmp_path: Path) -> None:
    done = export_run(results / "runs" / "trees", tmp_path / "out")
    assert done.files == ("model.onnx", "card.json", "example.py")
    assert done.lines[-2].startswith("checked on 120 clips: all labels equal")
    said = [line.split() for line in alone(tmp_path / "out", table).splitlines()]
    expected = tonearm.predict(results / "runs" / "trees", table).rows
    assert [(name, label) for name, label, *_ in said] == [(row.name, row.label) for row in expected]
    assert [float(line[2]) for line in said] == pytest.approx([row.probability for row in expected], abs=1e-4)
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["input"]["columns"] == [f"c{column}" for column in range(5)]
    assert "come from tonearm (`tonearm extract`" in card["input"]["meaning"]
    for given, words in (
        ((), "python example.py TABLE.csv"),
        ((tmp_path / "song.wav",), f"song.wav: the model reads {card['input']['meaning']}"),
    ):
        refused = run_alone(tmp_path / "out", *given)
        assert refused.returncode == 1
        assert refused.stderr.strip().endswith(words)
    assert card["labels"] == ["blues", "disco", "metal"]
    assert card["scores"]["accuracy"]["low"] < card["scores"]["accuracy"]["value"]


def test_a_run_of_sound_without_tonearm(heard: Path, tmp_path: Path) -> None:
    export_run(heard, tmp_path / "out")
    clip = heard.parent / "music" / "metal" / "1.wav"
    answer = tonearm.predict(heard, clip).rows[0]
    first = alone(tmp_path / "out", clip).splitlines()[0]
    assert first == f"{answer.label} {answer.probability:.4f}"
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert (card["input"]["rate"], card["licences"]["MSD_musicnn"]["weights"]) == (16_000, "ISC")


def test_the_card_is_one_that_the_hub_reads(results: Path, heard: Path, tmp_path: Path) -> None:
    options = ["--to", "card", "--to", "onnx", "--out", str(tmp_path / "both"), "--license", "cc-by-4.0"]
    both = CliRunner().invoke(app, ["export", str(results / "runs" / "logistic"), *options])
    assert both.exit_code == 0, both.output
    card = ModelCard.load(tmp_path / "both" / "README.md")
    accuracy = next(result for result in card.data.eval_results or () if result.metric_type == "accuracy")
    scores = json.loads((results / "runs" / "logistic" / "folds" / "scores.json").read_text())["test"]["scores"]
    assert accuracy.metric_value == pytest.approx(scores["accuracy"]["value"], abs=1e-4)
    assert card.data.license == "cc-by-4.0"
    assert "a model of its fold, which was not trained on it" in card.text
    assert "python example.py TABLE.csv" in card.text
    text = (export_run(heard, tmp_path / "card", ["card"]).folder / "README.md").read_text()
    assert "on which this model was not trained" in text
    assert "Licence of MSD_musicnn: code ISC, weights ISC" in text
    assert "tonearm predict RUN FILE" in text


def test_a_card_stays_where_the_model_is_written_again(results: Path, tmp_path: Path) -> None:
    export_run(results, tmp_path / "out", ["card"])
    (tmp_path / "out" / "README.md").write_text("mine")
    assert export_run(results, tmp_path / "out").files[-1] == "README.md"
    assert (tmp_path / "out" / "README.md").read_text() == "mine"


def test_what_differs_is_not_left_behind(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_run(results, tmp_path / "out")
    before = (tmp_path / "out" / "model.onnx").read_bytes()
    monkeypatch.setattr("tonearm.export.heads._standardised", lambda writer, rows, scaler: rows)
    for name in ("out", "new"):
        with pytest.raises(ExportError, match="is not kept"):
            export_run(results / "runs" / "logistic", tmp_path / name)
    assert (tmp_path / "out" / "model.onnx").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_other_things_is_left_alone(results: Path, tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_text("mine")
    with pytest.raises(ExportError, match=r"holds song\.wav, which is no file of an export"):
        export_run(results, tmp_path)
    with pytest.raises(ExportError, match="is a file"):
        export_run(results, tmp_path / "song.wav")


def test_a_copied_run_asks_for_something_to_compare_with(results: Path, table: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(results / "runs" / "logistic" / "final", copy)
    config = (copy / "config.toml").read_text()
    (copy / "config.toml").write_text(config.replace(str(table), str(tmp_path / "gone.csv")))
    with pytest.raises(ExportError, match="--check FILE_OR_FOLDER"):
        export_run(copy, tmp_path / "out")
    assert "checked on 120 clips" in export_run(copy, tmp_path / "out", check=[table]).lines[-2]
    with table.open(newline="") as file:
        rows = [row[:-1] for row in csv.reader(file)]
    with (tmp_path / "less.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(ExportError, match="lacks 1 of the run's columns, such as 'c4'"):
        export_run(copy, tmp_path / "out", check=[tmp_path / "less.csv"])


class Hub:
    """Takes what is uploaded, as the hub does."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def create_repo(self, repo_id: str, **named: Any) -> None:
        self.calls.append(("create", {"repo_id": repo_id, **named}))

    def upload_folder(self, **named: Any) -> Any:
        self.calls.append(("upload", named))
        return type("Commit", (), {"commit_url": f"https://huggingface.co/{named['repo_id']}/commit/1"})()


def test_a_repository_is_uploaded_where_it_is_named(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub()
    monkeypatch.delenv("TONEARM_OFFLINE")
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    command = ["export", str(results), "--out", str(tmp_path / "out"), "--push", "me/genres", "--private"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("https://huggingface.co/me/genres/commit/1\n")
    [(_, created), (_, uploaded)] = hub.calls
    assert created == {"repo_id": "me/genres", "private": True, "exist_ok": True}
    assert uploaded["allow_patterns"] == ["model.onnx", "card.json", "example.py"]


def test_a_hub_that_is_not_reached_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExportError, match="nothing is uploaded, since TONEARM_OFFLINE is set"):
        push(tmp_path, "me/genres", ())
    monkeypatch.delenv("TONEARM_OFFLINE")
    nobody = HfApi(endpoint="http://127.0.0.1:9", token="none")  # a port at which nothing listens
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: nobody)
    with pytest.raises(ExportError, match=r"me/genres: could not be uploaded \(.*HF_TOKEN"):
        push(tmp_path, "me/genres", ())
    assert os.environ.get("HF_TOKEN") is None
