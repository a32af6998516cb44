"""One owner of a results folder: only runs of the last command count, whatever an earlier one left."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.naive_bayes import GaussianNB
from typer.testing import CliRunner

from tables import clouds, write_table
from tonearm.cli import app
from tonearm.config import Config, parse_config
from tonearm.errors import ModelError, RunError, TonearmError
from tonearm.experiment.comparison import compare_folders
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.folder import ExperimentFolder
from tonearm.experiment.runs import load_run, read_facts
from tonearm.models import MODELS
from tonearm.models.base import Model, ModelSettings
from tonearm.prediction import predict
from tonearm.report import write_report
from tonearm.report.collect import collect
from tonearm.runtime.locks import HOLDER_JSON, hold
from tonearm.submission import write_submission
from tonearm.sweep import run_sweep


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "t.csv", *clouds(90, spread=4.0))


def config(table: Path, **sections: Any) -> Config:
    return parse_config({"data": {"folder": str(table)}, "models": {"logistic": {}}, **sections})


def figures(done: Experiment) -> Any:
    return [(row.model, row.scores, row.interval) for row in done.rows]


def test_a_hold_out_after_folds_is_the_hold_out(table: Path, tmp_path: Path) -> None:
    said: list[str] = []
    first = run_experiment(config(table), tmp_path)
    answers = predict(first.folder_of(first.rows[0]), [table]).rows
    folded = run_experiment(config(table, split={"folds": 3}), tmp_path)
    assert figures(folded) != figures(first)
    assert predict(tmp_path / "runs" / "logistic", [table]).rows != answers
    with pytest.raises(RunError, match=r"holdout: is not a run of the last .*; use .*final"):
        predict(tmp_path / "runs" / "logistic" / "holdout", [table])
    again = run_experiment(config(table), tmp_path, said.append)
    assert any("is there already" in line for line in said)
    assert figures(again) == figures(first)
    assert set(again.rows[0].scores) == {"train", "valid", "test"}
    for path in (tmp_path, tmp_path / "runs" / "logistic"):
        assert predict(path, [table]).rows == answers
        [compared] = compare_folders([path]).answers
        assert compared.accuracy == first.rows[0].score("test")
    for name in ("folds", "final", "fold1"):
        with pytest.raises(RunError, match="is not a run of the last"):
            compare_folders([tmp_path / "runs" / "logistic" / name])


def test_the_model_of_earlier_settings_is_never_the_one_to_use(table: Path, tmp_path: Path) -> None:
    run_experiment(config(table, split={"folds": 3}), tmp_path)
    strict = {"models": {"logistic": {"C": 0.001}}, "split": {"folds": 3, "keep": "folds"}}
    done = run_experiment(config(table, **strict), tmp_path)
    folder = done.folder_of(done.rows[0])
    assert folder == tmp_path / "runs" / "logistic" / "fold1"
    assert read_facts(folder).model.settings["C"] == 0.001
    assert predict(tmp_path, [table]) == predict(folder, [table])
    with pytest.raises(RunError, match=r"final: is not a run of the last `tonearm run` in .*; use .*fold1"):
        predict(tmp_path / "runs" / "logistic" / "final", [table])
    shutil.copytree(tmp_path / "runs" / "logistic" / "final", tmp_path / "copied")
    assert predict(tmp_path / "copied", [table]).rows


def test_a_run_of_other_settings_than_the_manifests_is_refused(table: Path, tmp_path: Path) -> None:
    run_experiment(config(table), tmp_path / "one")
    run_experiment(config(table, models={"logistic": {"C": 0.001}}), tmp_path / "two")
    stale = tmp_path / "one" / "runs" / "logistic" / "holdout"
    shutil.rmtree(stale)
    shutil.copytree(tmp_path / "two" / "runs" / "logistic" / "holdout", stale)
    with pytest.raises(RunError, match="has other settings or data than the last `tonearm run`"):
        predict(tmp_path / "one", [table])


def test_an_experiment_is_compared_and_reported_by_what_its_last_run_made(table: Path, tmp_path: Path) -> None:
    run_experiment(config(table, models={"logistic": {}, "trees": {}}, split={"folds": 3}), tmp_path)
    run_experiment(config(table, models={"logistic": {}, "svm": {}}), tmp_path)
    found = compare_folders([tmp_path])
    assert {answers.run for answers in found.answers} == {"logistic", "svm"}
    assert not found.refused
    assert {model.name for model in collect(tmp_path).models} == {"logistic", "svm"}
    with pytest.raises(RunError, match="has no such model; its models are: logistic, svm"):
        predict(tmp_path / "runs" / "trees", [table])


def test_any_name_of_a_model_works(table: Path, tmp_path: Path) -> None:
    names = ("features", "report", "runs", "unfinished", "layout.json", "final", "winner")
    models = {name: {"type": "logistic"} for name in names}
    done = run_experiment(config(table, models=models), tmp_path)
    assert {row.model for row in done.rows} == set(names)
    assert len({row.score("test") for row in done.rows}) == 1
    for name in names:
        assert len(predict(tmp_path / "runs" / name, [table]).rows) == 90


def test_a_command_that_was_stopped_is_neither_compared_nor_reported(table: Path, tmp_path: Path) -> None:
    done = run_experiment(config(table), tmp_path)
    ExperimentFolder(tmp_path).begin(done.runs)
    for ask in (lambda: compare_folders([tmp_path]), lambda: collect(tmp_path), lambda: predict(tmp_path, [table])):
        with pytest.raises(RunError, match="is still running or was stopped"):
            ask()
    assert predict(tmp_path / "runs" / "logistic", [table]).rows  # which is as the manifest wants it


def test_a_second_command_says_who_holds_the_folder_and_touches_nothing(table: Path, tmp_path: Path) -> None:
    done = run_experiment(config(table), tmp_path)
    (tmp_path / ".tonearm-half").write_text("of the first command")
    holder = "import sys, pathlib; from tonearm.runtime.locks import hold\nwith hold(pathlib.Path(sys.argv[1])):"
    holder += "\n    print('held', flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], stdin=pipe, stdout=pipe, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        with pytest.raises(TonearmError, match=rf"tonearm \(process {first.pid} on .*, since 20.*\) is writing"):
            run_experiment(config(table), tmp_path)
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
        assert first.stdin is not None
        first.stdin.close()
        first.wait()
    assert not (tmp_path / HOLDER_JSON).exists()
    assert figures(run_experiment(config(table), tmp_path)) == figures(done)
    assert not (tmp_path / ".tonearm-half").exists()


def test_the_folder_holds_what_its_leaderboard_says(table: Path, tmp_path: Path) -> None:
    """Of a model that left the config, and of folds that became a hold-out, only whole runs stay, as a cache."""
    learner = {"mlp": {"epochs": 2}, "logistic": {}}
    (tmp_path / "unfinished" / "mlp" / "fold1").mkdir(parents=True)
    run_experiment(config(table, models=learner, split={"folds": 2}, track={"tensorboard": True}), tmp_path)
    assert (tmp_path / "learning_curves.png").is_file()
    assert (tmp_path / "runs" / "logistic" / "folds" / "confusion.png").is_file()
    (tmp_path / "runs" / "trees" / "holdout").mkdir(parents=True)
    (tmp_path / "unfinished" / "mlp" / "holdout").mkdir(parents=True)
    (tmp_path / "unfinished" / "mlp" / "holdout" / "checkpoint.pt").write_bytes(b"of a training that was killed")
    run_experiment(config(table), tmp_path)
    assert not list(tmp_path.rglob("learning_curves.*"))
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("runs/*/*")) == [
        *(f"runs/logistic/{split}" for split in ("final", "fold1", "fold2", "holdout")),
        *(f"runs/mlp/{split}" for split in ("final", "fold1", "fold2")),
    ]
    assert [path.name for path in (tmp_path / "tensorboard").iterdir()] == ["logistic"]
    assert [path.name for path in tmp_path.glob("unfinished/*/*")] == ["holdout"]
    said: list[str] = []
    run_experiment(
        config(table, models=learner, split={"folds": 2}, track={"tensorboard": True}), tmp_path, said.append
    )
    assert sum("is there already" in line for line in said) == 6
    assert (tmp_path / "runs" / "mlp" / "folds" / "predictions.csv").is_file()


def test_a_sweep_holds_its_folder(table: Path, tmp_path: Path) -> None:
    swept = config(table, sweep={"grid": {"models.logistic.C": [1.0]}})
    with hold(tmp_path), pytest.raises(TonearmError, match="is writing there"):
        run_sweep(swept, tmp_path)
    assert not (tmp_path / "trials").exists()


def test_other_layouts_and_kinds_are_refused_in_one_sentence(table: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "leaderboard.json").write_text("{}")
    swept = config(table, sweep={"grid": {"models.logistic.C": [1.0]}})
    for ask in (
        lambda: run_experiment(config(table), old),
        lambda: run_sweep(swept, old),
        lambda: write_report(old),
        lambda: compare_folders([old]),
        lambda: predict(old, [table]),
    ):
        with pytest.raises(RunError, match=r"was written by an older tonearm \(layout 1; this one has layout 2\)"):
            ask()
    assert [path.name for path in old.iterdir()] == ["leaderboard.json"]
    done = run_experiment(config(table), tmp_path / "new")
    with pytest.raises(RunError, match="was written by `tonearm run`, and `tonearm sweep` does not"):
        run_sweep(swept, done.out)
    shutil.copytree(done.out / "runs" / "logistic" / "holdout", old / "logistic")
    assert len(predict(old / "logistic", [table]).rows) == 90
    manifest = done.out / "layout.json"
    manifest.write_text(manifest.read_text().replace('"layout": 2', '"layout": 3'))
    with pytest.raises(RunError, match=r"has layout 3, written by tonearm .*: upgrade tonearm"):
        run_experiment(config(table), done.out)


def test_a_sweep_is_predicted_with_and_compared_by_its_winner(table: Path, tmp_path: Path) -> None:
    sweep = {"grid": {"models.logistic.C": [0.001, 1.0]}}
    results = run_sweep(config(table, sweep=sweep), tmp_path / "sweep")
    assert results.winner is not None
    assert predict(tmp_path / "sweep", [table]) == predict(results.winner, [table])
    best = results.ranked[0].values["models.logistic.C"]
    run_experiment(config(table, models={"logistic": {"C": best}, "svm": {}}), tmp_path / "run")
    found = compare_folders([tmp_path / "sweep", tmp_path / "run"])
    assert not found.refused
    assert len(found.pairs) == 3
    assert found.answers[0].accuracy in {row.accuracy for row in compare_folders([tmp_path / "run"]).answers}


def test_runs_of_other_divisions_are_shown_and_not_tested(table: Path, tmp_path: Path) -> None:
    for method in ("stratified", "group"):
        split = {"folds": 3, "method": method, "leaks": "allow"}
        run_experiment(config(table, split=split), tmp_path / method)
    folders = [str(tmp_path / method) for method in ("stratified", "group")]
    found = CliRunner().invoke(app, ["compare", *folders])
    assert found.exit_code == 1
    assert "nothing is tested" in found.stdout
    assert "p = " not in found.stdout
    assert found.stdout.count("logistic  ") == 2
    run_experiment(config(table, split={"folds": 3}, models={"svm": {}}), tmp_path / "other")
    alike = compare_folders([tmp_path / "group", tmp_path / "other"])
    assert not alike.refused
    assert len(alike.pairs) == 1
    facts = tmp_path / "copy" / "run.json"
    shutil.copytree(tmp_path / "group" / "runs" / "logistic" / "fold1", tmp_path / "copy")
    facts.write_text(
        json.dumps({key: value for key, value in json.loads(facts.read_text()).items() if key != "division"})
    )
    unknown = compare_folders([tmp_path / "copy", tmp_path / "other" / "runs" / "svm" / "fold1"])
    assert "is not known, since an older tonearm made it: nothing is tested" in unknown.refused


class BayesSettings(ModelSettings):
    """A model that is registered while the program runs."""

    type: str = "bayes"


def test_a_model_registered_at_run_time_is_trained_in_other_processes(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "bayes", Model(BayesSettings, lambda settings, train: GaussianNB()))
    models: dict[str, Any] = {"bayes": {}, "logistic": {}}
    one = run_experiment(config(table, models=models), tmp_path / "one")
    two = run_experiment(config(table, models=models, train={"workers": 2}), tmp_path / "two")
    assert not any(row.error for row in one.rows)
    assert figures(one) == figures(two)
    handle = (tmp_path / "open").open("w")

    def build(settings: Any, train: Any) -> Any:
        return GaussianNB() if handle else None  # which holds what cannot be pickled

    monkeypatch.setitem(MODELS, "bayes", Model(BayesSettings, build))
    with handle, pytest.raises(ModelError, match=r"models\.bayes: a model of type 'bayes' cannot be sent to another"):
        run_experiment(config(table, models=models, train={"workers": 2}), tmp_path / "three")


def test_the_time_of_a_prediction_holds_no_bootstrap(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from tonearm.evaluation.scores import evaluate

    def slow(*arguments: Any) -> Any:
        time.sleep(1.0)
        return evaluate(*arguments)

    monkeypatch.setattr("tonearm.experiment.jobs.evaluate", slow)
    done = run_experiment(config(table), tmp_path)
    assert done.rows[0].predict_milliseconds_a_clip < 1000 * 3 / 90  # a second for each part, over all clips
    facts = load_run(done.folder_of(done.rows[0])).facts
    assert facts.seconds.predict_a_clip * 1000 == done.rows[0].predict_milliseconds_a_clip


def test_a_submission_of_a_table_whose_base_names_repeat_has_its_names(table: Path, tmp_path: Path) -> None:
    done = run_experiment(config(table), tmp_path / "out")
    header, *lines = table.read_text().splitlines()
    renamed = [f"{'ab'[row % 2]}/{row // 2}.wav,{line.split(',', 1)[1]}" for row, line in enumerate(lines)]
    (tmp_path / "t.csv").write_text("\n".join([header, *renamed]) + "\n")
    count, [warning], _ = write_submission(done.folder_of(done.rows[0]), tmp_path / "t.csv", tmp_path / "s.csv")
    assert count == 90
    assert "id holds the folders" in warning
    ids = [line.split(",")[0] for line in (tmp_path / "s.csv").read_text().splitlines()[1:]]
    assert ids == [line.split(",")[0] for line in renamed]


def test_an_experiment_with_a_relative_folder_is_found_from_anywhere(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_experiment(config(table), Path("out"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert done.out == tmp_path / "out"
    assert len(done.predictions())
    assert load_run(done.folder_of(done.rows[0])).labels
