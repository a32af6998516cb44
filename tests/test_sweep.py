"""Sweeps: the grid, trials that are kept, the test that no trial sees, and a winner that is a plain run."""

import csv
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from typer.testing import CliRunner

import signals
from tables import clouds, write_table
from tonearm.cli import app
from tonearm.config import Config, load_config, parse_config
from tonearm.data.tables import read_table
from tonearm.errors import ConfigError, RunError, SplitError
from tonearm.evaluation.compare import Answers, compare
from tonearm.experiment.comparison import read_groups
from tonearm.experiment.experiment import run_experiment
from tonearm.experiment.jobs import fit_job
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.runs import load_run, probabilities
from tonearm.experiment.score_files import read_scores
from tonearm.models import MODELS
from tonearm.models.cnn import CNNSettings, map_sizes
from tonearm.reference.plan import TABLES_FOLDER
from tonearm.report import write_report
from tonearm.settings import SweepSettings
from tonearm.splits.divide import divide
from tonearm.sweep import run_sweep
from tonearm.sweep.grid import check_paths, expand, show, swept_model, with_values
from tonearm.sweep.trials import Trial

RATE, EPOCHS, C = "models.logistic.learning_rate", "models.logistic.epochs", "models.logistic.C"
DESCENT = {"logistic": {"solver": "gradient-descent"}}
GRID = {RATE: [0.01, 0.3], EPOCHS: [10, 100, 400]}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "t.csv", *clouds(150, spread=4.0))


def config(table: Path, sweep: dict[str, Any], **sections: Any) -> Config:
    return parse_config({"data": {"folder": str(table)}, "models": DESCENT, "sweep": sweep, **sections})


def rows_of(out: Path) -> list[dict[str, str]]:
    """sweep.csv without the times, which no two sweeps share."""
    with (out / "sweep.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if key != "train_seconds"} for row in csv.DictReader(file)]


def written(out: Path) -> dict[str, int]:
    """The trials that are kept and when they were written; a kill may leave a temporary file beside them."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("trials/[!.]*.json")}


def test_a_grid_is_every_combination_in_the_order_of_a_printed_table() -> None:
    cells = expand(SweepSettings(grid={"a": [1, 2], "b": ["x", "y", "z"], "c": [True]}))
    assert [tuple(cell.values.values()) for cell in cells] == list(itertools.product([1, 2], ["x", "y", "z"], [True]))
    assert [cell.number for cell in cells] == [1, 2, 3, 4, 5, 6]


def test_zipped_settings_go_in_step_and_are_crossed_with_the_others() -> None:
    cells = expand(SweepSettings(grid={"a": [1, 2], "b": [[5], [6]], "c": [3, 4]}, zipped=[["a", "c"]]))
    assert [(cell.values["a"], cell.values["c"], cell.values["b"]) for cell in cells] == [
        (1, 3, [5]),
        (1, 3, [6]),
        (2, 4, [5]),
        (2, 4, [6]),
    ]


def test_skip_names_cells_by_some_of_their_values() -> None:
    cells = expand(SweepSettings(grid={"a": [1, 2, 3], "b": [1, 2]}, skip=[{"a": 1}, {"a": [2, 3], "b": 2}]))
    assert [(cell.values["a"], cell.values["b"]) for cell in cells if not cell.skipped] == [(2, 1), (3, 1)]


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        ({"grid": {"models.logistic.learning_rat": [1]}}, "did you mean 'learning_rate'"),
        ({"grid": {"modles.logistic.epochs": [1]}}, "did you mean 'models'"),
        ({"grid": {"models.logistc.epochs": [1]}}, "did you mean 'logistic'"),
        ({"grid": {"epochs": [1]}}, "write table.setting"),
        ({"grid": {"models.logistic.epochs.x": [1]}}, "'epochs' is not a table"),
        ({"grid": {EPOCHS: [0]}}, "must be a whole number >= 1"),
        ({"grid": {EPOCHS: [5, 5]}}, "is listed twice"),
        ({"grid": {"split.seed": [1, 2]}}, "judged alike"),
        ({"grid": {"train.workers": [1, 2]}}, "judged alike"),
        ({"grid": {"spectrogram.width": [10]}}, "logistic does not read it"),
        ({"grid": {"features.preset": ["basic"]}}, "holds what models read"),
        ({"grid": GRID, "zipped": [[RATE, EPOCHS]]}, "learning_rate has 2, models.logistic.epochs has 3"),
        ({"grid": GRID, "zipped": [["models.logistic.rate", EPOCHS]]}, "did you mean 'models.logistic.learning_rate'"),
        ({"grid": GRID, "zipped": [[EPOCHS], [EPOCHS]]}, "is listed twice"),
        ({"grid": GRID, "skip": [{"models.logistic.epoch": 10}]}, "did you mean 'models.logistic.epochs'"),
        ({"grid": GRID, "skip": [{EPOCHS: 11}]}, "no cell has epochs = 11"),
        ({"grid": GRID, "skip": [{EPOCHS: [10, 100, 400]}]}, "leaves no cell"),
        ({"grid": {"models": {"logistic": {"epochs": [1]}}}}, "write it in quotes"),
        ({"grid": GRID, "search": {C: {"low": 1, "high": 2}}}, "a grid or a search, not both"),
        ({"search": {C: {"low": 1}}}, "low and high, or choices"),
        ({"search": {C: {"low": 0, "high": 1, "log": True}}}, "above 0 where log"),
        ({"search": {C: {"low": -1.0, "high": 1.0}}}, "models.logistic.C = -1.0: must be a number > 0"),
        ({"grid": GRID, "model": "logistik"}, "did you mean 'logistic'"),
        ({"grid": GRID, "folds": 1}, "at least 2 folds"),
        ({}, "nothing is swept"),
    ],
)
def test_a_mistake_is_told_with_the_nearest_setting_before_anything_is_trained(
    sweep: dict[str, Any], says: str, table: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=says.replace("[", "\\[")):
        run_sweep(config(table, sweep), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_of_several_models_the_swept_one_is_named(table: Path) -> None:
    two: dict[str, Any] = {"logistic": {}, "svm": {}}
    with pytest.raises(ConfigError, match="say which model is swept; known: logistic, svm"):
        swept_model(config(table, {"grid": GRID}, models=two))
    named = config(table, {"grid": GRID, "model": "svm"}, models=two)
    assert swept_model(named) == "svm"
    assert list(with_values(named, "svm", {"models.svm.C": 3}).models) == ["svm"]
    with pytest.raises(ConfigError, match="the model that is swept is svm"):
        check_paths([EPOCHS], named, "svm", ready=False)


def test_a_sweep_needs_a_test_to_put_aside_and_clips_that_choose(table: Path, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="no clip chooses"):
        run_sweep(config(table, {"grid": GRID}, split={"valid": 0}), tmp_path)


@pytest.fixture(scope="module")
def swept(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("swept")
    run_sweep(config(table, {"grid": GRID, "skip": [{RATE: 0.3, EPOCHS: 400}]}), out)
    return out


def test_a_skipped_cell_is_a_row_and_is_not_run(swept: Path) -> None:
    rows = rows_of(swept)
    assert len(rows) == 6
    assert len(written(swept)) == 5
    [skipped] = [row for row in rows if row["state"] == "skipped"]
    assert (skipped["learning_rate"], skipped["epochs"], skipped["rank"], skipped["valid_accuracy"]) == (
        "0.3",
        "400",
        "",
        "",
    )
    assert "| 0.3 | " in (swept / "sweep.md").read_text()
    assert (swept / "sweep.md").read_text().count("skipped |") == 2


def test_rows_are_ranked_by_validation_accuracy_and_then_by_log_loss(swept: Path) -> None:
    done = [row for row in rows_of(swept) if row["state"] == "done"]
    keys = [(-float(row["valid_accuracy"]), float(row["valid_log_loss"])) for row in done]
    assert keys == sorted(keys)
    assert all(float(row["low"]) <= float(row["valid_accuracy"]) <= float(row["high"]) for row in done)


def test_csv_and_parquet_hold_the_same_numbers(swept: Path) -> None:
    import pyarrow.parquet

    stored = pyarrow.parquet.read_table(swept / "sweep.parquet").to_pylist()
    for row, kept in zip(rows_of(swept), stored, strict=True):
        assert {key: "" if kept[key] is None else str(kept[key]) for key in row} == row


def test_a_trial_scores_what_a_run_with_its_settings_scores(table: Path, swept: Path, tmp_path: Path) -> None:
    [row] = [row for row in rows_of(swept) if (row["learning_rate"], row["epochs"]) == ("0.3", "10")]
    models = {"logistic": {"solver": "gradient-descent", "learning_rate": 0.3, "epochs": 10}}
    run_experiment(config(table, {}, models=models), tmp_path)
    scores = read_scores(tmp_path / "runs" / "logistic" / "holdout")
    for part, score in itertools.product(("train", "valid"), ("accuracy", "precision", "recall", "f1")):
        assert float(row[f"{part}_{score}"]) == scores[part]["scores"][score]["value"]


def test_the_winner_is_the_run_that_its_config_gives(swept: Path, tmp_path: Path) -> None:
    run_experiment(load_config(swept / "winner" / "config.toml"), tmp_path)
    assert read_scores(swept / "winner") == read_scores(tmp_path / "runs" / "logistic" / "holdout")
    for name in ("predictions.csv", "config.toml"):
        assert (swept / "winner" / name).read_bytes() == (
            tmp_path / "runs" / "logistic" / "holdout" / name
        ).read_bytes()
    test = read_scores(swept / "winner")["test"]["scores"]["accuracy"]["value"]
    said = (swept / "sweep.md").read_text()
    assert f"**test accuracy {test:.3f}**" in said
    assert "The test was used once" in said
    assert load_run(swept / "winner").labels == ("blues", "disco", "metal")
    with (swept / "splits.csv").open(newline="") as file:
        assert read_groups(swept / "winner") == {row["filename"]: row["group"] for row in csv.DictReader(file)}


def test_no_trial_sees_the_test(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two roads: test rows that are made nonsense change no trial, and the numbers that trials read hold none."""
    settings = config(table, {"grid": GRID})
    dataset, _ = read_table(settings.data)
    [split] = divide(dataset, settings.split).splits
    seen: list[NDArray[Any]] = []
    fit, score = fit_job, probabilities

    def watched(job: Any, data: Any, *rest: Any) -> Any:
        seen.extend(every.X for every in data.datasets.values())
        return fit(job, data, *rest)

    def scored(classifier: Any, X: NDArray[Any], labels: Any) -> Any:
        seen.append(X)
        return score(classifier, X, labels)

    with monkeypatch.context() as patch:
        patch.setattr("tonearm.sweep.trials.fit_job", watched)
        patch.setattr("tonearm.sweep.trials.probabilities", scored)
        run_sweep(settings, tmp_path)
    rows = {row.tobytes() for X in seen for row in X}
    assert rows == {row.tobytes() for row in dataset.X[np.concatenate([split.train, split.valid])]}
    before, kept = rows_of(tmp_path), written(tmp_path)
    assert read_scores(tmp_path / "winner")["test"]["clips"] == len(split.test)

    X = dataset.X.copy()
    X[split.test] = np.random.default_rng(0).normal(size=X[split.test].shape)
    spoilt = write_table(tmp_path / "spoilt.csv", X, dataset.labels)
    run_sweep(config(spoilt, {"grid": GRID}), tmp_path)
    assert written(tmp_path) == kept
    assert rows_of(tmp_path) == before
    assert "The test was used 2 times" in (tmp_path / "sweep.md").read_text()


def test_a_killed_sweep_goes_on_and_ends_with_the_same_table(table: Path, tmp_path: Path) -> None:
    values = {"models.logistic.learning_rate": [0.01, 0.02, 0.03, 0.04, 0.05, 0.06], EPOCHS: [15_000]}
    (tmp_path / "c.toml").write_text(
        f'[data]\nfolder = "{table.as_posix()}"\n[models.logistic]\nsolver = "gradient-descent"\n[sweep.grid]\n'
        + "".join(f'"{path}" = {list_}\n' for path, list_ in values.items())
    )
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "tonearm", "sweep", str(tmp_path / "c.toml"), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
    deadline = time.monotonic() + 60
    while len(written(out)) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = written(out)
    assert not (out / "sweep.csv").exists()
    said: list[str] = []
    run_sweep(load_config(tmp_path / "c.toml"), out, said.append)
    assert kept.items() <= written(out).items()
    assert 2 <= sum("is there already" in line for line in said) < 6
    run_sweep(load_config(tmp_path / "c.toml"), tmp_path / "whole")
    assert rows_of(out) == rows_of(tmp_path / "whole")
    assert set(written(out)) == set(written(tmp_path / "whole"))


def test_a_trial_that_fails_is_a_row_with_its_reason_and_is_tried_again(table: Path, tmp_path: Path) -> None:
    settings = config(table, {"grid": {RATE: [0.3, 1.7e308], EPOCHS: [400]}})
    results = run_sweep(settings, tmp_path)
    assert results.failed == 1
    good, bad = rows_of(tmp_path)
    assert (good["state"], bad["state"], bad["rank"]) == ("done", "failed", "")
    assert "diverged" in bad["reason"]
    assert "diverged" in (tmp_path / "sweep.md").read_text()
    before = written(tmp_path)
    run_sweep(settings, tmp_path)
    assert sum(before[name] == stamp for name, stamp in written(tmp_path).items()) == 1


def test_where_every_trial_fails_there_is_no_winner(table: Path, tmp_path: Path) -> None:
    assert run_sweep(config(table, {"grid": {RATE: [1.7e308], EPOCHS: [400]}}), tmp_path).winner is None
    assert "No trial could be trained" in (tmp_path / "sweep.md").read_text()
    assert not (tmp_path / "winner").exists()


def test_two_workers_give_the_same_table_as_one(table: Path, swept: Path, tmp_path: Path) -> None:
    sweep = {"grid": GRID, "skip": [{RATE: 0.3, EPOCHS: 400}]}
    run_sweep(config(table, sweep, train={"workers": 2}), tmp_path)
    assert rows_of(tmp_path) == rows_of(swept)


def test_inner_folds_judge_every_clip_outside_the_test_once(table: Path, tmp_path: Path) -> None:
    """The other road: cross-validation by `tonearm run` of a table that has only those clips."""
    settings = config(table, {"grid": {EPOCHS: [50]}, "folds": 3}, split={"seed": 5})
    results = run_sweep(settings, tmp_path / "sweep")
    dataset, _ = read_table(settings.data)
    [split] = divide(dataset, settings.split).splits
    rest = np.sort(np.concatenate([split.train, split.valid]))
    lines = table.read_text().splitlines()
    (tmp_path / "rest.csv").write_text("\n".join([lines[0], *(lines[row + 1] for row in rest)]) + "\n")
    models = {"logistic": {"solver": "gradient-descent", "epochs": 50}}
    other = config(tmp_path / "rest.csv", {}, models=models, split={"folds": 3, "valid": 0, "seed": 5})
    run_experiment(other, tmp_path / "run")
    assert results.judged_clips == len(rest)
    expected = read_scores(tmp_path / "run" / "runs" / "logistic" / "folds")["test"]["scores"]
    [row] = rows_of(tmp_path / "sweep")
    for score in ("accuracy", "f1", "log_loss"):
        assert float(row[f"valid_{score}"]) == pytest.approx(expected[score]["value"], rel=1e-12)
    assert "3 folds of the 120 clips outside the test" in (tmp_path / "sweep" / "sweep.md").read_text()


def test_a_search_that_is_given_more_trials_goes_on_as_if_it_had_never_stopped(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    search = {
        C: {"low": 1e-4, "high": 10.0, "log": True},
        "models.logistic.class_weight": {"choices": ["none", "balanced"]},
    }

    def settings(count: int, **more: Any) -> Config:
        return config(table, {"search": search, "trials": count, **more}, models={"logistic": {}})

    run_sweep(settings(5), tmp_path / "steps")
    first = written(tmp_path / "steps")
    run_sweep(settings(14), tmp_path / "steps")
    run_sweep(settings(14), tmp_path / "whole")
    # the second batch of the short search has one trial, so only the first one is sure to be shared
    assert len(first.items() & written(tmp_path / "steps").items()) >= 4
    assert rows_of(tmp_path / "steps") == rows_of(tmp_path / "whole")
    found = {float(row["C"]) for row in rows_of(tmp_path / "whole")}
    assert len(found) == 14
    assert min(found) < 0.1 < max(found) <= 10.0
    assert (tmp_path / "whole" / "parallel.svg").is_file()


def test_a_search_over_few_choices_tries_each_once(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    search = {"models.logistic.max_iter": {"low": 500, "high": 501}, C: {"choices": [0.1, 1.0]}}
    sweep = {"search": search, "trials": 40, "sampler": "random"}
    run_sweep(config(table, sweep, models={"logistic": {}}), tmp_path)
    tried = [(row["max_iter"], row["C"]) for row in rows_of(tmp_path)]
    assert sorted(tried) == [("500", "0.1"), ("500", "1.0"), ("501", "0.1"), ("501", "1.0")]


def test_a_search_ends_when_its_minutes_are_over(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    sweep = {"search": {C: {"low": 0.1, "high": 1.0}}, "trials": 100_000, "minutes": 1e-9}
    settings = config(table, sweep, models={"logistic": {}})
    results = run_sweep(settings, tmp_path)
    assert len(results.trials) == settings.sweep.batch


def test_a_training_that_lags_behind_the_median_is_ended(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    pytest.importorskip("skorch")
    rate = "models.mlp.learning_rate"
    search = {rate: {"low": 1e-6, "high": 0.1, "log": True}}
    models = {"mlp": {"epochs": 8, "hidden": [8], "dropout": 0, "schedule": "none"}}

    def states(out: Path, prune: bool) -> dict[str, str]:
        sweep = {"search": search, "trials": 12, "sampler": "random", "prune": prune}
        run_sweep(config(table, sweep, models=models), out)
        return {row["learning_rate"]: row["state"] for row in rows_of(out)}

    pruned, free = states(tmp_path / "pruned", True), states(tmp_path / "free", False)
    assert set(pruned) == set(free)
    assert set(free.values()) == {"done"}
    ended = [float(value) for value, state in pruned.items() if state == "pruned"]
    kept = [float(value) for value, state in pruned.items() if state == "done"]
    assert ended
    assert max(kept) > max(ended)
    reason = next(row["reason"] for row in rows_of(tmp_path / "pruned") if row["state"] == "pruned")
    assert "ended at epoch 6: its lowest validation loss" in reason
    best = [next(row for row in rows_of(tmp_path / name)) for name in ("pruned", "free")]
    assert best[0] == best[1]
    again = written(tmp_path / "pruned")
    assert states(tmp_path / "pruned", True) == pruned
    assert written(tmp_path / "pruned") == again


def test_settings_of_features_are_swept_on_audio(tmp_path: Path) -> None:
    for label, hertz in (("low", 220.0), ("high", 1760.0)):
        (tmp_path / "music" / label).mkdir(parents=True)
        for take in range(8):
            sound = signals.tone(hertz * (1 + 0.01 * take), 0.4, 0.3) + signals.noise(0.4, 0.01, take)
            soundfile.write(tmp_path / "music" / label / f"{take}.wav", sound, signals.SR)
    features = {"families": ["rms"], "statistics": ["mean"]}
    sweep = {"grid": {"features.families": [["rms"], ["rms", "spectral_centroid"]]}}
    settings = config(tmp_path / "music", sweep, features=features, models={"logistic": {}}, split={"valid": 0.25})
    run_sweep(settings, tmp_path / "out")
    best, other = rows_of(tmp_path / "out")
    assert best["families"] == '["rms", "spectral_centroid"]'
    assert float(best["valid_accuracy"]) == 1.0 > float(other["valid_accuracy"])
    assert load_run(tmp_path / "out" / "winner").representation["features"]["families"] == ["rms", "spectral_centroid"]


def test_the_command_prints_the_table_and_tells_of_a_trial_that_failed_where_asked(table: Path, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[models.logistic]\nsolver = "gradient-descent"\nepochs = 400\n')
    arguments = ["sweep", str(tmp_path / "c.toml"), "--out", str(tmp_path / "out"), "--set", f"data.folder={table}"]
    arguments += ["--set", f'sweep.grid."{RATE}"=[0.1, 1.7e308]', "--strict"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1] == "done; left out: 1 trial"
    assert "**Winner: learning_rate = 0.1**" in result.stdout
    assert f"tonearm predict {tmp_path / 'out' / 'winner'}" in result.stdout


def test_trials_are_tested_against_the_winner_as_models_are_against_each_other(table: Path, tmp_path: Path) -> None:
    values = {"a": 1e-6, "b": 1e-3, "c": 1.0, "d": 1000.0}
    models = {name: {"type": "logistic", "C": value} for name, value in values.items()}
    sections: dict[str, Any] = {"split": {"valid": 0.5}}
    settings = config(table, {"grid": {C: list(values.values())}}, models={"logistic": {}}, **sections)
    found = run_sweep(settings, tmp_path / "out")
    run_experiment(config(table, {}, models=models, **sections), tmp_path / "plain")
    answers = []
    for name in values:
        valid = read_predictions(tmp_path / "plain" / "runs" / name / "holdout").of_part("valid")
        answers.append(Answers(name, tuple(valid.names), (valid.truth == valid.predictions)[:, None]))
    whole = compare(answers, read_groups(tmp_path / "plain" / "runs" / "a" / "holdout"))
    name_of = {value: name for name, value in values.items()}
    ranked = [name_of[trial.values[C]] for trial in found.ranked]
    assert found.p == (1.0, *(whole.pair(ranked[0], other).p for other in ranked[1:]))
    alike = sum(p >= 0.05 for p in found.p[1:])
    assert 0 < alike < 3
    said = f"{alike} of the 3 other trials {'is' if alike == 1 else 'are'} not distinguishable from it"
    assert said in (tmp_path / "out" / "sweep.md").read_text()
    assert said in write_report(tmp_path / "out").read_text()
    assert [float(row["p_against_winner"]) for row in rows_of(tmp_path / "out")] == list(found.p)


def test_whatever_a_trial_raises_is_its_own_failure(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(settings: Any, classifier: Any, X: Any, y: Any) -> None:
        if settings.C > 1:
            raise ValueError("C is too large")
        classifier.fit(X, y)

    monkeypatch.setitem(MODELS, "svm", MODELS["svm"]._replace(fit=refuse))
    found = run_sweep(config(table, {"grid": {"models.svm.C": [1.0, 2.0]}}, models={"svm": {}}), tmp_path / "out")
    assert [(trial.state, trial.reason) for trial in found.trials] == [
        ("done", ""),
        ("failed", "ValueError: C is too large"),
    ]


def test_values_are_shown_as_a_person_writes_them() -> None:
    assert [show(value) for value in (0.1, 1_000_000, False, "tanh", (8,), 0.5e-9)] == [
        "0.1",
        "1,000,000",
        "false",
        "tanh",
        "8",
        "5e-10",
    ]
    assert np.isnan(Trial({}, "failed").score("accuracy"))


@pytest.mark.parametrize(
    ("name", "cells", "run"),
    [
        ("logistic", 30, 25),
        ("mlp", 4, 4),
        ("cnn-shape", 6, 6),
        ("cnn-activation", 6, 6),
        ("cnn-optimiser", 5, 5),
        ("resnet", 5, 5),
    ],
)
def test_the_reference_tables_have_their_cells_and_each_can_be_built(name: str, cells: int, run: int) -> None:
    settings = load_config(TABLES_FOLDER / f"{name}.toml")
    model = swept_model(settings)
    found = expand(settings.sweep)
    assert (len(found), sum(not cell.skipped for cell in found)) == (cells, run)
    for cell in found:
        built = with_values(settings, model, cell.values).models[model]
        if isinstance(built, CNNSettings):
            assert min(map_sizes(172, 173, built)[-1]) >= 1


def test_an_axis_of_two_settings_in_step_is_one_side_of_the_printed_table(table: Path, tmp_path: Path) -> None:
    weight = "models.logistic.class_weight"
    grid = {RATE: [0.1, 0.2], EPOCHS: [10, 20], weight: ["none", "balanced"]}
    run_sweep(config(table, {"grid": grid, "zipped": [[RATE, EPOCHS]]}), tmp_path)
    said = (tmp_path / "sweep.md").read_text()
    assert "| learning_rate / epochs \\ class_weight | none | balanced |" in said
    scores = {(row["epochs"], row["class_weight"]): float(row["valid_accuracy"]) for row in rows_of(tmp_path)}
    assert set(scores) == {("10", "none"), ("10", "balanced"), ("20", "none"), ("20", "balanced")}
    [line] = [line for line in said.splitlines() if line.startswith("| 0.2 / 20 |")]
    shown = [float(cell.strip(" *")) for cell in line.strip("|").split("|")[1:]]
    assert shown == pytest.approx([scores["20", "none"], scores["20", "balanced"]], abs=5e-4)
    assert (tmp_path / "heatmap.svg").is_file()


def test_a_trial_whose_clips_are_others_is_no_match_for_the_rest(tmp_path: Path) -> None:
    """Half a second into a clip of 0.4 seconds there is nothing left of it."""
    for label, hertz in (("low", 220.0), ("high", 1760.0)):
        (tmp_path / "music" / label).mkdir(parents=True)
        for take in range(8):
            seconds = 0.4 if take == 0 else 1.0
            sound = signals.tone(hertz * (1 + 0.01 * take), seconds, 0.3) + signals.noise(seconds, 0.01, take)
            soundfile.write(tmp_path / "music" / label / f"{take}.wav", sound, signals.SR)
    features = {"families": ["rms"], "statistics": ["mean"]}
    sweep = {"grid": {"audio.offset": [0.0, 0.5]}}
    settings = config(tmp_path / "music", sweep, features=features, models={"logistic": {}}, split={"valid": 0.25})
    run_sweep(settings, tmp_path / "out")
    good, bad = rows_of(tmp_path / "out")
    assert (good["offset"], good["state"], bad["offset"], bad["state"]) == ("0.0", "done", "0.5", "failed")
    assert "14 usable ones, the others have 16" in bad["reason"]


def test_listed_parts_keep_their_test_and_inner_folds_judge_all_others(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    parts = ["split", *("test" if line.split(",")[2].endswith((" 3", " 4")) else "train" for line in lines[1:])]
    listed = tmp_path / "listed.csv"
    listed.write_text("\n".join(f"{line},{part}" for line, part in zip(lines, parts, strict=True)) + "\n")
    results = run_sweep(config(listed, {"grid": {EPOCHS: [20]}, "folds": 3}, split={"valid": 0}), tmp_path / "out")
    assert results.division.method == "listed"
    assert results.judged_clips == parts.count("train")
    assert read_scores(tmp_path / "out" / "winner")["test"]["clips"] == parts.count("test")


def test_without_a_test_the_output_says_that_nothing_judges(table: Path, tmp_path: Path) -> None:
    run_sweep(config(table, {"grid": {EPOCHS: [20]}}, split={"test": 0}), tmp_path)
    assert "There is no test part (split.test = 0)" in (tmp_path / "sweep.md").read_text()


def test_with_outer_folds_each_fold_chooses_without_its_test_and_all_clips_make_the_model(
    table: Path, tmp_path: Path
) -> None:
    settings = config(table, {"grid": {EPOCHS: [5, 200]}, "folds": 2}, split={"folds": 3, "valid": 0.2})
    results = run_sweep(settings, tmp_path / "out")
    assert results.nested is not None
    assert [fold for fold, _ in results.nested.chosen] == ["fold1", "fold2", "fold3"]
    clips = read_table(settings.data)[0]
    splits = divide(clips, settings.split).splits
    for split in splits:
        with (tmp_path / "out" / split.name / "winner" / "predictions.csv").open(newline="") as file:
            tested = {row["filename"] for row in csv.DictReader(file) if row["part"] == "test"}
        assert tested == set(clips.names[split.test])
        # as a sweep whose test part is this fold's: the same trials, to the last bit
        alone = tmp_path / f"{split.name}.csv"
        lines = table.read_text().splitlines()
        part = {clips.names[row]: name for name in ("train", "valid", "test") for row in getattr(split, name)}
        alone.write_text("\n".join(f"{line},{part.get(line.split(',')[0], 'split')}" for line in lines) + "\n")
        other = config(alone, {"grid": {EPOCHS: [5, 200]}, "folds": 2}, split={"valid": 0.2})
        run_sweep(other, tmp_path / f"alone-{split.name}")
        assert rows_of(tmp_path / f"alone-{split.name}") == rows_of(tmp_path / "out" / split.name)
    for folder, left in [*((split.name, len(split.test)) for split in splits), ("", 0)]:
        calibration = load_run(tmp_path / "out" / folder / "winner").calibration
        assert calibration is not None
        assert calibration.clips == len(clips) - left  # the clips that the others test
    right = (tmp_path / "out" / "nested" / "predictions.csv").read_text().splitlines()[1:]
    assert len(right) == 150
    share = np.mean([line.split(",")[2] == line.split(",")[3] for line in right])
    assert results.nested.scores.values["accuracy"] == pytest.approx(share)
    said = (tmp_path / "out" / "sweep.md").read_text()
    assert f"Judged by nested folds: **test accuracy {share:.3f}**" in said
    assert "2 folds of all 150 clips; they chose the winner" in said
    assert results.winner is not None
    parts = load_run(results.winner).facts.split
    assert parts is not None
    assert sum(parts.clips.values()) == 150


def test_the_report_of_a_sweep_shows_every_trial_and_the_winner(swept: Path, table: Path, tmp_path: Path) -> None:
    path = write_report(swept, tmp_path / "report")
    html = path.read_text()
    assert "data:image/svg+xml" in html
    assert not re.search(r"https?:", html.replace("http://www.w3.org", ""))
    for row in rows_of(swept):
        if row["state"] == "done":
            assert f"<td>{float(row['valid_accuracy']):.3f}</td>" in html
            assert f"<td>{row['rank']}</td>" in html
    said = read_scores(swept / "winner")["test"]["scores"]["accuracy"]["value"]
    assert f"test accuracy {said:.3f}" in html
    assert "**" not in html
    with pytest.raises(RunError, match="is a sweep"):
        write_report(swept, tmp_path / "report", against=swept)
    shutil.copytree(swept, tmp_path / "old")
    (tmp_path / "old" / "sweep.json").write_text("{}")
    with pytest.raises(RunError, match=r"sweep\.json.* is damaged"):
        write_report(tmp_path / "old", tmp_path / "report")


def test_the_report_names_trials_that_failed_and_why(table: Path, tmp_path: Path) -> None:
    sweep = {"grid": {"models.mlp.learning_rate": [0.01, 100.0], "models.mlp.optimizer": ["sgd"]}}
    models = {"mlp": {"epochs": 40, "weight_decay": 10.0}}
    run_sweep(config(table, sweep, models=models), tmp_path)
    html = write_report(tmp_path, tmp_path / "report").read_text()
    assert "learning_rate = 100.0, optimizer = sgd: failed, training diverged" in html


def test_what_others_published_stands_beside_ours(table: Path, tmp_path: Path) -> None:
    published = [
        {"cell": {RATE: 0.3, EPOCHS: 10}, "accuracy": 0.68},
        {"cell": {RATE: 0.01, EPOCHS: 100}, "epochs": 26, "test_seconds": "1 to 3"},
    ]
    grid = {RATE: [0.01, 0.3], EPOCHS: [10, 100]}
    skip = [{RATE: 0.3, EPOCHS: 100}]
    run_sweep(config(table, {"grid": grid, "published": published, "skip": skip}), tmp_path)
    rows = rows_of(tmp_path)
    ours = {(row["learning_rate"], row["epochs"]): row["valid_accuracy"] for row in rows}
    html = write_report(tmp_path, tmp_path / "report").read_text()
    with_theirs = f"{float(ours['0.3', '10']):.3f} (0.68)"
    cell = f"<strong>{with_theirs}</strong>" if rows[0]["learning_rate"] == "0.3" else with_theirs
    assert f"<tr><td>0.3</td><td>{cell}</td><td>skipped</td></tr>" in html
    text = (tmp_path / "sweep.md").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("| 0.3 | ")]
    assert line.replace("*", "") == f"| 0.3 | {with_theirs} | skipped |"
    assert "Validation accuracy; in brackets what was published:" in text
    picture = (tmp_path / "heatmap.svg").read_text()
    assert "(0.68)" in picture
    assert ">skipped<" in picture
    assert "In brackets: what was published. Hatched: skipped." in html
    assert {(row["learning_rate"], row["epochs"]): row["published epochs"] for row in rows}["0.01", "100"] == "26.0"
    [line] = [line for line in text.splitlines() if line.endswith("| – | 26 | 1 to 3 |")]
    assert line.split("|")[2:4] == [" 0.01 ", " 100 "]
    assert "<td>–</td><td>26</td><td>1 to 3</td>" in html
    facts = json.loads((tmp_path / "sweep.json").read_text())
    facts["crossed"]["rows"][0]["cells"] = []
    (tmp_path / "sweep.json").write_text(json.dumps(facts))
    with pytest.raises(RunError, match=r"sweep\.json: is damaged \(its rows and columns do not fit together\)"):
        write_report(tmp_path, tmp_path / "report")


def test_a_published_column_is_only_where_something_was_published(table: Path, tmp_path: Path) -> None:
    published = [{"cell": {RATE: 0.3, EPOCHS: 10}, "accuracy": 0.68}]
    grid = {RATE: [0.01, 0.3], EPOCHS: [10, 100]}
    run_sweep(config(table, {"grid": grid, "published": published}), tmp_path)
    rows = rows_of(tmp_path)
    assert {(row["learning_rate"], row["epochs"]): row["published"] for row in rows} == {
        ("0.01", "10"): "",
        ("0.01", "100"): "",
        ("0.3", "10"): "0.68",
        ("0.3", "100"): "",
    }
    ranked = [line for line in (tmp_path / "sweep.md").read_text().splitlines() if line.startswith("| ")]
    assert sum(line.endswith("| published |") for line in ranked) == 1
    [line] = [line for line in ranked if line.endswith("| 0.68 |")]
    assert line.split("|")[2:4] == [" 0.3 ", " 10 "]
    html = write_report(tmp_path, tmp_path / "report").read_text()
    assert html.count("<td>0.68</td>") == 1
    assert "<th>published</th>" in html
    for wrong, said in (
        ({RATE: 7.0}, "no cell has learning_rate = 7"),
        ({"models.mlp.epochs": 3}, "is not in sweep.grid"),
    ):
        with pytest.raises(ConfigError, match=f"sweep.published: .*{said}"):
            run_sweep(config(table, {"grid": grid, "published": [{"cell": wrong, "accuracy": 0.5}]}), tmp_path)
