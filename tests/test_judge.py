"""Answers made anywhere are judged as ours are; an experiment hands its answers on and tests any two models."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from typer.testing import CliRunner

import tonearm
from tables import clouds, write_table
from tonearm.cli import app
from tonearm.config import parse_config
from tonearm.errors import RunError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.leaderboard import Row
from tonearm.experiment.notebook import leaderboard_html
from tonearm.experiment.score_files import read_scores


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Two models on a table of 15 artists a label, by two folds that are repeated once."""
    folder = tmp_path_factory.mktemp("judge")
    write_table(folder / "table.csv", *clouds(150, spread=4.0))
    models = {"good": {"type": "logistic"}, "poor": {"type": "logistic", "C": 1e-6}}
    split = {"folds": 2, "repeats": 2, "valid": 0.0}
    config = parse_config({"data": {"folder": str(folder / "table.csv")}, "models": models, "split": split})
    return run_experiment(config, folder / "out")


def shares_of(frame: pd.DataFrame) -> list[str]:
    """The columns of probabilities."""
    return [column for column in map(str, frame.columns) if column.startswith("p_")]


def truth_of(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of each of two models, once for each clip."""
    once = frame.drop_duplicates(["model", "filename"])
    first, second = (once[once.model == name].reset_index(drop=True) for name in ("good", "poor"))
    assert first.filename.tolist() == second.filename.tolist()
    return first, second


def test_answers_are_a_data_frame_with_the_scores_of_the_leaderboard(experiment: Experiment) -> None:
    frame = experiment.predictions()
    assert frame.groupby(["model", "filename"]).size().unique().tolist() == [2]
    for row in experiment.rows:
        own = frame[frame.model == row.model]
        assert (own.truth == own.prediction).mean() == pytest.approx(row.score("test"))
    labels = shares_of(frame)
    assert np.allclose(frame[labels].sum(axis=1), 1.0)
    assert list(map(str, frame[labels].idxmax(axis=1))) == [f"p_{said}" for said in frame.prediction]
    assert set(frame.group) == {f"{label} {artist}" for label in set(frame.truth) for artist in range(15)}


def test_two_models_of_an_experiment_are_tested_as_the_command_does(experiment: Experiment) -> None:
    pair = experiment.compare("poor", "good")
    assert pair == experiment.compare().pair("good", "poor")
    printed = CliRunner().invoke(app, ["compare", str(experiment.out)], catch_exceptions=False).stdout
    assert pair.sentence() in printed
    with pytest.raises(RunError, match="'bad' is not one of the runs that were compared: good, poor"):
        experiment.compare("bad", "poor")


def test_a_notebook_shows_the_leaderboard_with_every_name_escaped(experiment: Experiment) -> None:
    html = experiment._repr_html_()
    assert f"<th>good</th><td>{experiment.rows[0].score('train'):.3f}</td><td>–</td>" in html
    assert experiment.compare().sentence().replace("<", "&lt;") in html
    failed = Row("a", "svm", {}, (None, None), "", 0.0, 0.0, "<script>")
    assert "<script>" not in leaderboard_html([failed], "<script>", "<script>")


def test_judged_anywhere_the_numbers_are_the_same(experiment: Experiment) -> None:
    first, second = truth_of(experiment.predictions())
    labels = shares_of(first)
    found = tonearm.judge(
        first.filename,
        first.truth,
        first.group,
        {"labels": first.prediction, "shares": second[labels].rename(columns=lambda name: name[2:])},
    )
    for name, rows in (("labels", first), ("shares", second)):
        values = found.scores[name].values
        assert values["accuracy"] == pytest.approx((rows.truth == rows.prediction).mean())
        assert values["f1"] == pytest.approx(sklearn.metrics.f1_score(rows.truth, rows.prediction, average="macro"))
    assert set(found.scores["labels"].values) == {"accuracy", "precision", "recall", "f1", "kappa"}
    loss = sklearn.metrics.log_loss(second.truth, second[labels].to_numpy())
    assert found.scores["shares"].values["log_loss"] == pytest.approx(loss)
    assert found.table().loc["labels", "accuracy"] == found.scores["labels"].values["accuracy"]
    assert found.compare("labels", "shares") == found.comparison.pairs[0]
    assert found.comparison.groups == len(set(first.group))
    assert str(found).endswith(found.comparison.sentence())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"names": ["a", "a"]}, "more than one clip: a"),
        ({"groups": ["x"]}, "2 names, 2 labels and 1 groups"),
        ({"predictions": {"m": ["jazz"]}}, r"m: its answers have shape \(1,\); expected \(2,\) or \(2, classes\)"),
        ({"predictions": {"m": [[0.5, 0.6], [1.0, 0.0]]}}, "m: each row of probabilities must sum to 1"),
        ({"predictions": {"m": [[1.0], [1.0]]}}, "the columns are the classes: jazz, rock"),
        ({"predictions": {}}, "2 clips and 0 models"),
        ({"labels": ["jazz", ""]}, "1 clips have no label"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, Any], says: str) -> None:
    given = {"names": ["a", "b"], "labels": ["jazz", "rock"], "groups": None, "predictions": {"m": ["jazz", "jazz"]}}
    with pytest.raises(RunError, match=says):
        tonearm.judge(**{**given, **change})


def test_a_table_of_answers_is_compared_with_a_run(experiment: Experiment, tmp_path: Path) -> None:
    first, _ = truth_of(experiment.predictions())
    run = str(experiment.out / "runs" / "poor")
    rows = [f"x,{Path(name).stem},{said}" for name, said in zip(first.filename, first.prediction, strict=True)]
    (tmp_path / "mine.csv").write_text("\ufeff" + "\n".join(["file,name,class", *reversed(rows)]))
    found = CliRunner().invoke(app, ["compare", run, str(tmp_path / "mine.csv")], catch_exceptions=False)
    gain = (first.truth == first.prediction).mean() - experiment.rows[1].score("test")
    assert f"mine - poor: {100 * gain:+.1f} points" in found.stdout
    assert "which clips its model learned from is not known here" in found.stderr
    for text, says in (
        ("name,class\n1,blue\n", "did you mean 'blues'? classes: blues, disco, metal"),
        ("name,class\n1,blues\n", "lacks 149 of the 150 clips on which poor was judged"),
        ("name,class\n1,blues\n1,disco\n", "1 row more than clips"),
        ("song,genre\n1,blues\n", "expected a column of names (file_name, filename, path, name, id)"),
    ):
        (tmp_path / "bad.csv").write_text(text)
        assert says in CliRunner().invoke(app, ["compare", run, str(tmp_path / "bad.csv")]).stderr
    alone = CliRunner().invoke(app, ["compare", str(tmp_path / "mine.csv")])
    assert "name a run or an experiment before it" in alone.stderr


def test_scores_of_an_experiment_are_what_judging_its_answers_gives(experiment: Experiment) -> None:
    frame = experiment.predictions()
    own = frame[(frame.model == "poor")].iloc[:150]
    labels = shares_of(frame)
    found = tonearm.judge(own.filename, own.truth, own.group, {"poor": own[labels].rename(columns=lambda c: c[2:])})
    folds = [read_scores(experiment.out / path)["test"]["confusion"] for path in experiment.runs["poor"].evaluated[:2]]
    assert found.scores["poor"].confusion.tolist() == np.sum([fold["counts"] for fold in folds], axis=0).tolist()
