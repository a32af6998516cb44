"""Temperature scaling against its own formula and simulated truth, and whole experiments, with folds and without."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import log_loss, roc_auc_score
from typer.testing import CliRunner

from tables import clouds
from tonearm.cli import app
from tonearm.config import parse_config
from tonearm.errors import RunError
from tonearm.evaluation.calibration import calibrate, cross_fit, effect, fit_temperature, scale
from tonearm.experiment.experiment import run_experiment
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.records import DamagedError
from tonearm.experiment.runs import load_run
from tonearm.prediction import predict
from tonearm.report.collect import collect
from tonearm.report.coverage import calibration
from tonearm.submission import write_submission
from tonearm.unsure import sure_only, with_none

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
        probabilities, codes = every[0][start : start + 100], every[1][start : start + 100]
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


def test_temperatures_that_do_not_lower_the_loss_of_the_clips_they_were_not_fitted_to_are_left_out() -> None:
    over, under = simulated(4.0, 200), simulated(0.25, 200)
    probabilities, codes = np.concatenate([over[0], under[0]]), np.concatenate([over[1], under[1]])
    truth = np.array([LABELS[code] for code in codes], dtype=object)
    names = np.arange(400).astype(str).astype(object)
    folds = np.repeat([0, 1], 200)  # each would get the other's temperature
    assert calibrate(truth[200:], probabilities[200:], LABELS, names[200:], names[200:], 0.5).temperature < 0.5
    each, last = cross_fit(truth, probabilities, LABELS, names, names, folds, 0.5)
    assert [one.temperature for one in (*each, last)] == [1, 1, 1]
    assert each[0] == calibrate(truth[200:], probabilities[200:], LABELS, names[200:], names[200:], 0.5, False)


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
    settings = {"data": {"folder": str(table)}, "models": {"boosting": {}}, "split": {"valid": 0.25}}
    raw = run_experiment(parse_config({**settings, "train": {"calibrate": False}}), tmp_path / "raw")
    done = run_experiment(parse_config({**settings, "train": {"sure": 0.75}}), tmp_path / "out")
    assert raw.rows[0].calibration == {}
    assert raw.rows[0].score("test") == done.rows[0].score("test")

    def read(folder: Path, part: str) -> tuple[NDArray[np.float64], list[int]]:
        with (folder / "runs" / "boosting" / "holdout" / "predictions.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["part"] == part]
        labels = [column for column in rows[0] if column.startswith("p_")]
        return np.array([[float(row[p]) for p in labels] for row in rows]), [
            labels.index("p_" + row["truth"]) for row in rows
        ]

    run = load_run(tmp_path / "out" / "runs" / "boosting" / "holdout")
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


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, and an experiment with folds of it."""
    folder = tmp_path_factory.mktemp("folded")
    run_experiment(parse_config(_folds(write_table(folder / "t.csv"))), folder / "out")
    return folder


def _folds(table: Path, **train: object) -> dict[str, object]:
    return {
        "data": {"folder": str(table)},
        "models": {"logistic": {}},
        "split": {"folds": 4, "valid": 0},
        "train": {"sure": 0.75, **train},
    }


def _files(folder: Path) -> dict[str, bytes]:
    """The bytes of all files that do not say when they were made."""
    clocked = ("run.json", "leaderboard.json", "leaderboard.csv", "leaderboard.md")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in clocked and path.suffix not in (".png", ".svg")
    }


def test_folds_are_calibrated_by_the_pooled_answers_of_the_others(folded: Path) -> None:
    runs = folded / "out" / "runs" / "logistic"
    tests = [read_predictions(runs / f"fold{number}").of_part("test") for number in range(1, 5)]
    labels = tests[0].labels
    pooled = read_predictions(runs / "folds")
    for number, test in enumerate(tests):
        others = [one for place, one in enumerate(tests) if place != number]
        truth = np.concatenate([one.truth for one in others])
        names = np.concatenate([one.names for one in others])
        expected = calibrate(truth, np.concatenate([one.probabilities for one in others]), labels, names, names, 0.75)
        found = json.loads((runs / f"fold{number + 1}" / "calibration.json").read_text())
        assert {name: found[name] for name in expected.to_json()} == expected.to_json()
        rows = np.isin(pooled.names, test.names)
        assert (pooled.probabilities[rows] == scale(test.probabilities, expected.temperature)).all()
    assert json.loads((runs / "final" / "calibration.json").read_text())["clips"] == 400
    board = json.loads((folded / "out" / "leaderboard.json").read_text())["models"][0]
    codes = [labels.index(truth) for truth in pooled.truth]
    assert board["scores"]["test"]["log_loss"] == pytest.approx(log_loss(codes, pooled.probabilities))
    assert board["calibration"]["log_loss_after"] == pytest.approx(board["scores"]["test"]["log_loss"])
    assert board["calibration"]["sure_accuracy"] >= 0.75
    assert board["calibration"]["sure_share"] > 0.2


def test_another_promise_trains_nothing_and_a_command_that_was_killed_ends_with_the_same_bytes(
    folded: Path, tmp_path: Path
) -> None:
    outs = folded / "out", shutil.copytree(folded / "out", tmp_path / "out")
    whole = _files(tmp_path / "out")
    runs = tmp_path / "out" / "runs" / "logistic"
    (runs / "final" / "calibration.json").unlink()
    (runs / "fold2" / "calibration.json").write_text("{")
    shutil.rmtree(runs / "folds")
    said: list[str] = []
    run_experiment(parse_config(_folds(folded / "t.csv")), tmp_path / "out", said.append)
    assert _files(tmp_path / "out") == whole
    run_experiment(parse_config(_folds(folded / "t.csv", sure=0.6)), tmp_path / "out", said.append)
    coverage = [json.loads((out / "runs/logistic/final/calibration.json").read_text())["coverage"] for out in outs]
    assert coverage[1] > coverage[0]
    run_experiment(parse_config(_folds(folded / "t.csv", calibrate=False)), tmp_path / "out", said.append)
    assert load_run(runs / "final").threshold is None
    assert sum("is there already" in line for line in said) == 3 * 5


def test_a_copied_run_carries_its_calibration_and_one_of_another_run_is_refused(folded: Path, tmp_path: Path) -> None:
    runs = folded / "out" / "runs" / "logistic"
    copied = shutil.copytree(runs / "final", tmp_path / "copied")
    assert load_run(copied).calibration == load_run(runs / "final").calibration
    path = copied / "calibration.json"
    kept = path.read_text()
    shutil.copy(runs / "final" / "calibration.json", path)
    path.write_text(kept.replace(json.loads(kept)["run"], "0" * 64))
    with pytest.raises(DamagedError, match="of another run"):
        load_run(copied)
    for damage in ("{", kept.replace('"threshold": 0.', '"threshold": 7.')):
        path.write_text(damage)
        with pytest.raises(DamagedError, match=r"calibration\.json"):
            load_run(copied)


def test_none_stands_for_labels_that_are_not_sure_and_nothing_is_lost(folded: Path, tmp_path: Path) -> None:
    found = predict(folded / "out", [folded / "t.csv"])
    unsure_rows = [row for row in found.rows if not row.sure]
    assert 0 < len(unsure_rows) < len(found.rows)
    rejected = with_none(found)
    assert {row.label for row in rejected.rows if not row.sure} == {"none"}
    assert [row.best or row.label for row in rejected.rows] == [row.label for row in found.rows]
    assert [row.probabilities for row in rejected.rows] == [row.probabilities for row in found.rows]
    first = next(row for row in rejected.rows if row.best).to_json()
    assert (first["label"], first["best"], first["sure"]) == ("none", unsure_rows[0].label, False)
    rejected.to_csv(tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["best"] for row in rows] == [row.label for row in found.rows]
    assert [row["label"] == "none" for row in rows] == [not row.sure for row in found.rows]
    assert rejected.text().count("  none  (") == len(unsure_rows)
    assert "best" not in found.header()
    with pytest.raises(RunError, match="one of the classes"):
        with_none(found, "metal")


def test_only_sure_rows_are_left_and_the_others_are_counted(folded: Path, tmp_path: Path) -> None:
    found = predict(folded / "out", [folded / "t.csv"])
    left = sure_only(found)
    assert left.rows == tuple(row for row in found.rows if row.sure)
    assert left.notes[-1].startswith(f"{400 - len(left.rows)} of 400 files left out")
    left.check_any()
    nothing = sure_only(replace(found, rows=tuple(row for row in found.rows if not row.sure)))
    assert not nothing.rows
    nothing.check_any()  # they could be classified, and are not sure
    runner = CliRunner()
    arguments = ["predict", str(folded / "out"), str(folded / "t.csv"), "--json"]
    shown = json.loads(runner.invoke(app, [*arguments, "--sure-only"]).stdout)
    assert [row["file"] for row in shown] == [row.name for row in left.rows]
    shown = json.loads(runner.invoke(app, [*arguments, "--none"]).stdout)
    assert [row["label"] for row in shown] == [row.label for row in with_none(found).rows]
    write_submission(folded / "out", folded / "t.csv", tmp_path / "s.csv", none="other")
    with (tmp_path / "s.csv").open(newline="") as file:
        said = [row["class"] for row in csv.DictReader(file)]
    assert said == [row.label if row.sure else "other" for row in found.rows]
    uncalibrated = replace(found, rows=tuple(replace(row, sure=None) for row in found.rows))
    for change in (with_none, sure_only):
        with pytest.raises(RunError, match="not calibrated"):
            change(uncalibrated)


def test_where_no_answer_is_sure_the_leaderboard_and_prediction_say_so(folded: Path, tmp_path: Path) -> None:
    shutil.copytree(folded / "out", tmp_path / "out")
    experiment = run_experiment(parse_config(_folds(folded / "t.csv", sure=0.999)), tmp_path / "out")
    said = "the answers to 400 clips do not prove 99.9 % right"
    board = (tmp_path / "out" / "leaderboard.md").read_text()
    assert f"in prediction the model logistic will call no answer sure: {said}" in board
    found = predict(experiment.out, [folded / "t.csv"])
    assert {row.sure for row in found.rows} == {False}
    assert said in found.notes[-1]


def test_a_run_of_an_earlier_version_predicts_as_it_did(folded: Path, tmp_path: Path) -> None:
    run = shutil.copytree(folded / "out" / "runs" / "logistic" / "final", tmp_path / "run")
    (run / "calibration.json").unlink()
    facts = json.loads((run / "run.json").read_text())
    facts["calibration"] = {"temperature": 2.0, "threshold": 0.5, "coverage": 0.4, "clips": 31, "parts": {}}
    (run / "run.json").write_text(json.dumps(facts))
    own = predict(folded / "out", [folded / "t.csv"])
    found = predict(run, [folded / "t.csv"])
    now = load_run(folded / "out" / "runs" / "logistic" / "final").temperature
    ours = np.array([list(row.probabilities.values()) for row in own.rows])
    theirs = np.array([list(row.probabilities.values()) for row in found.rows])
    assert theirs == pytest.approx(scale(ours, 2.0 / now))
    assert [row.sure for row in found.rows] == [row.probability >= 0.5 for row in found.rows]
    assert not found.notes


def test_the_report_shows_the_table_and_a_curve_with_its_band(folded: Path) -> None:
    record = collect(folded / "out")
    [model] = record.trained
    assert model.coverage is not None
    assert model.coverage.accuracy[-1] == pytest.approx(model.score("test"))
    html = calibration(record.trained)
    assert html.count("<polygon") == 1
    numbers = model.row["calibration"]
    for name, form in (("auc", ".3f"), ("covered", ".0%"), ("sure_share", ".0%"), ("sure_accuracy", ".0%")):
        assert f"<td>{numbers[name]:{form}}</td>" in html
    board = (folded / "out" / "leaderboard.md").read_text()
    assert f"| {numbers['auc']:.3f} | {numbers['covered']:.0%} | {numbers['sure_share']:.0%} |" in board
