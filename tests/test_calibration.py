"""Temperature scaling against its own formula, against simulated truth, and through a whole experiment."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import log_loss

from tables import clouds
from tonearm.config import parse_config
from tonearm.evaluation.calibration import calibrate, effect, fit_temperature, scale, sure_threshold
from tonearm.experiment.experiment import run_experiment
from tonearm.experiment.runs import load_run
from tonearm.prediction import predict

LABELS = ("a", "b", "c")


def simulated(temperature: float, clips: int = 20_000) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Probabilities that are too sure by a temperature, and labels drawn from the honest ones."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, size=(clips, 3))
    honest = softmax(logits, axis=1)
    codes = (honest.cumsum(axis=1) < generator.random((clips, 1))).sum(axis=1)
    return softmax(logits * temperature, axis=1), codes


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_distorted_honest_probabilities_is_found_again(temperature: float) -> None:
    probabilities, codes = simulated(temperature)
    assert fit_temperature(probabilities, codes) == pytest.approx(temperature, rel=0.03)


def test_scaling_is_a_softmax_of_divided_logits_and_keeps_every_order() -> None:
    logits = np.random.default_rng(1).normal(0, 5, size=(200, 4))
    scaled = scale(softmax(logits, axis=1), 2.5)
    assert scaled == pytest.approx(softmax(logits / 2.5, axis=1), rel=1e-9)
    assert (scaled.argsort(axis=1) == logits.argsort(axis=1)).all()
    assert scale(np.array([[0.0, 1.0]]), 3.0).tolist() == [[0.0, 1.0]]


def test_a_model_that_is_always_right_or_never_stays_within_bounds() -> None:
    sure = np.array([[0.9, 0.1]] * 30)
    assert 0.05 <= fit_temperature(sure, np.zeros(30, int)) < 0.3
    assert 19 < fit_temperature(sure, np.ones(30, int)) <= 20


def test_what_is_said_of_the_effect_agrees_with_scikit_learn() -> None:
    probabilities, codes = simulated(3.0, 500)
    truth = np.array([LABELS[code] for code in codes], dtype=object)
    calibration = calibrate(truth, probabilities, LABELS, sure=0.9)
    assert calibration is not None
    after = scale(probabilities, calibration.temperature)
    found = effect(truth, probabilities, after, LABELS, calibration.threshold)
    assert found["log_loss_before"] == pytest.approx(log_loss(codes, probabilities))
    assert found["log_loss_after"] == pytest.approx(log_loss(codes, after))
    assert found["log_loss_after"] < found["log_loss_before"]
    assert found["ece_after"] < found["ece_before"] / 3
    assert found["sure_right"] / found["sure_clips"] >= 0.9
    assert found["sure_clips"] / found["clips"] == calibration.coverage


def test_too_few_clips_calibrate_nothing() -> None:
    probabilities, codes = simulated(3.0, 19)
    assert calibrate(np.array([LABELS[code] for code in codes], dtype=object), probabilities, LABELS, 0.9) is None


def test_the_threshold_is_the_lowest_that_holds_and_never_divides_equals() -> None:
    right = np.array([True, True, False, True, False])
    assert sure_threshold(np.array([0.9, 0.8, 0.8, 0.7, 0.2]), right, 0.75) == (0.7, 0.8)
    assert sure_threshold(np.array([0.9, 0.8, 0.8, 0.7, 0.2]), right, 0.9) == (0.9, 0.2)
    threshold, coverage = sure_threshold(np.array([0.9, 0.1]), np.array([False, True]), 0.9)
    assert threshold > 1
    assert coverage == 0


def write_table(path: Path) -> Path:
    X, y = clouds(400, columns=4, spread=4.0)
    rows = ["filename,label," + ",".join(f"c{i}" for i in range(4))]
    rows += [
        f"{number},{label}," + ",".join(map(repr, row.tolist()))
        for number, (row, label) in enumerate(zip(X, y, strict=True))
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_validation_clips_that_judge_are_not_fitted_to(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv")
    split = {"valid": 0.25, "test": 0}
    run_experiment(parse_config({"data": {"folder": str(table)}, "models": {"trees": {}}, "split": split}), tmp_path)
    run = load_run(tmp_path / "runs" / "trees" / "holdout")
    assert run.temperature == 1
    assert run.threshold is None
    assert predict(run, [table]).rows[0].sure is None


def test_an_experiment_calibrates_on_validation_clips_alone_and_prediction_says_who_is_unsure(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv")
    settings = {"data": {"folder": str(table)}, "models": {"trees": {}}, "split": {"valid": 0.25}}
    raw = run_experiment(parse_config({**settings, "train": {"calibrate": False}}), tmp_path / "raw")
    done = run_experiment(parse_config(settings), tmp_path / "out")
    assert raw.rows[0].calibration == {}
    assert raw.rows[0].score("test") == done.rows[0].score("test")

    def read(folder: Path, part: str) -> tuple[NDArray[np.float64], list[int]]:
        with (folder / "runs" / "trees" / "holdout" / "predictions.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["part"] == part]
        labels = [column for column in rows[0] if column.startswith("p_")]
        return np.array([[float(row[p]) for p in labels] for row in rows]), [
            labels.index("p_" + row["truth"]) for row in rows
        ]

    run = load_run(tmp_path / "out" / "runs" / "trees" / "holdout")
    probabilities, codes = read(tmp_path / "raw", "valid")
    assert run.temperature == fit_temperature(probabilities, np.array(codes))
    assert run.temperature != 1
    before, after = read(tmp_path / "raw", "test"), read(tmp_path / "out", "test")
    assert (after[0] == scale(before[0], run.temperature)).all()
    board = json.loads((tmp_path / "out" / "leaderboard.json").read_text())["models"][0]["calibration"]
    assert board["log_loss_before"] == pytest.approx(log_loss(before[1], before[0]))
    assert board["log_loss_after"] == pytest.approx(log_loss(after[1], after[0]))
    assert f"{board['log_loss_before']:.3f}, {board['log_loss_after']:.3f}" in (done.out / "leaderboard.md").read_text()

    found = predict(run, [table])
    assert {row.sure for row in found.rows} == {True, False}
    assert run.threshold is not None
    for row in found.rows:
        assert row.sure == (row.probability >= run.threshold)
    assert found.text().count("  unsure") == sum(row.sure is False for row in found.rows)
