"""What is said before trainings that may take long."""

from pathlib import Path

import pytest

from tables import clouds
from tonearm.config import Config, parse_config
from tonearm.experiment import outlook
from tonearm.experiment.experiment import run_experiment
from tonearm.runtime.files import write_csv


def small(folder: Path) -> Config:
    X, y = clouds(60)
    rows = [[f"{row}.wav", label, *values.tolist()] for row, (label, values) in enumerate(zip(y, X, strict=True))]
    write_csv(folder / "t.csv", ("filename", "label", *"abcde"), rows)
    models = {"svm": {}, "trees": {"n_estimators": 5, "max_gigabytes": 2e-5}}
    split = {"folds": 2, "valid": 0.0, "method": "stratified", "leaks": "allow"}
    return parse_config({"data": {"folder": str(folder / "t.csv")}, "models": models, "split": split})


def test_what_is_short_is_not_announced_and_a_bounded_forest_is(tmp_path: Path) -> None:
    said: list[str] = []
    run_experiment(small(tmp_path), tmp_path / "out", said.append)
    assert not any("note: svm" in line for line in said)
    [trees] = [line for line in said if "note: trees" in line]
    assert trees.startswith("note: trees: 3 trainings on up to 60 rows x 5 columns x 3 classes may take about 1 second")
    assert "a leaf holds at least 3 rows" in trees
    again: list[str] = []
    run_experiment(small(tmp_path), tmp_path / "out", again.append)
    assert not any("may take" in line for line in again)  # all is there already


def test_a_long_svm_names_what_is_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlook, "LONG", 0.0)
    said: list[str] = []
    run_experiment(small(tmp_path), tmp_path / "out", said.append)
    [svm] = [line for line in said if "note: svm" in line]
    assert "(a rough guess)" in svm
    assert 'kernel = "nystroem" takes about' in svm
