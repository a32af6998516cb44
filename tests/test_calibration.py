"""Temperature scaling against its own formula and simulated truth, and whole experiments, with folds and without."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import log_loss, roc_auc_score

from tables import clouds
from tonearm.config import parse_config
from tonearm.evaluation.calibration import calibrate, cross_fit, effect, fit_temperature, scale
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
    own = np.array([str(row) for row in range(len(truth))], dtype=object)
    calibration = calibrate(truth, probabilities, LABELS, own, own, sure=0.9)
    after = scale(probabilities, calibration.temperature)
    found = effect(truth, probabilities, after, LABELS, after.max(axis=1) >= calibration.threshold)
    assert found["log_loss_before"] == pytest.approx(log_loss(codes, probabilities))
    assert found["log_loss_after"] == pytest.approx(log_loss(codes, after))
    assert found["log_loss_after"] < found["log_loss_before"]
    assert found["ece_after"] < found["ece_before"] / 3
    assert found["sure_right"] / found["sure_clips"] >= 0.9
    assert found["sure_clips"] / found["clips"] == calibration.coverage > 0


def test_too_few_clips_calibrate_nothing_and_make_no_answer_sure() -> None:
    probabilities, codes = simulated(3.0, 19)
    own = np.array([str(row) for row in range(19)], dtype=object)
    truth = np.array([LABELS[code] for code in codes], dtype=object)
    found = calibrate(truth, probabilities, LABELS, own, own, 0.9)
    assert found.temperature == 1
    assert found.threshold > 1


def test_a_temperature_that_gains_no_more_than_chance_is_left_out() -> None:
    fitted = []
    every = simulated(1.0)
    for start in range(0, 20_000, 100):
        probabilities, codes = (column[start : start + 100] for column in every)
        own = np.array([str(row) for row in range(100)], dtype=object)
        truth = np.array([LABELS[code] for code in codes], dtype=object)
        fitted.append(calibrate(truth, probabilities, LABELS, own, own, 0.9).temperature != 1)
    assert 0.02 <= np.mean(fitted) <= 0.09  # the level of the test, where the honest temperature is 1


def test_a_fold_is_calibrated_by_the_others_alone() -> None:
    probabilities, codes = simulated(3.0, 300)
    truth = np.array([LABELS[code] for code in codes], dtype=object)
    names = np.array([f"clip {row}" for row in range(150)] * 2, dtype=object)  # two repeats
    folds = np.concatenate([np.arange(150) // 50, 3 + np.arange(150)[::-1] // 50])
    each, last = cross_fit(truth, probabilities, LABELS, names, names, folds, 0.9)
    assert len(each) == 6
    assert last == calibrate(truth, probabilities, LABELS, names, names, 0.9)
    others = np.isin(names, names[100:150], invert=True)
    assert (
        each[2] == each[3] == calibrate(truth[others], probabilities[others], LABELS, names[others], names[others], 0.9)
    )
    changed = probabilities.copy()
    changed[~others] = changed[~others][:, ::-1]  # other answers to the fold's clips, in both repeats
    again, _ = cross_fit(truth, changed, LABELS, names, names, folds, 0.9)
    assert again[2] == each[2]
    assert again[0] != each[0]


def write_table(path: Path) -> Path:
    X, y = clouds(400, columns=4, spread=2.0)
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
    done = run_experiment(parse_config({**settings, "train": {"sure": 0.75}}), tmp_path / "out")
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

    assert f"{roc_auc_score(after[0].argmax(axis=1) == after[1], after[0].max(axis=1)):.3f}" == f"{board['auc']:.3f}"
    found = predict(run, [table])
    assert {row.sure for row in found.rows} == {True, False}
    assert run.threshold is not None
    for row in found.rows:
        assert row.sure == (row.probability >= run.threshold)
    assert found.text().count("  unsure") == sum(row.sure is False for row in found.rows)
