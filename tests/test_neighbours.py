"""The nearest training clips against scikit-learn, and against the scalers of the models themselves."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from typer.testing import CliRunner

from tables import clouds
from test_experiment import config, experiment, music  # noqa: F401  # the fixtures
from tonearm.api import predict
from tonearm.cli import app
from tonearm.config import parse_config
from tonearm.errors import RunError
from tonearm.evaluation.nearest import Standardised, nearest, usual_distance
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.neighbours import near_clips, training_clips, training_clips_of
from tonearm.experiment.reopened import reopen
from tonearm.experiment.runs import load_run


def test_the_nearest_are_those_of_scikit_learn_even_where_they_differ_in_the_last_digits() -> None:
    generator = np.random.default_rng(0)
    rows = 1e4 + generator.normal(size=(300, 40))
    rows[7] = rows[200]
    rows[250] = rows[200] + 1e-7  # a matrix product alone does not tell these apart
    queries = np.concatenate([rows[195:205], 1e4 + generator.normal(size=(50, 40))])
    found, distances = nearest(queries, rows, 5)
    oracle = NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(rows)
    expected, _ = oracle.kneighbors(queries)
    assert distances == pytest.approx(expected, abs=1e-9)
    assert found[5].tolist()[:3] == [7, 200, 250]  # of equals the first comes first
    assert np.linalg.norm(rows[found] - queries[:, None], axis=2) == pytest.approx(distances)
    pairs, _ = oracle.kneighbors(rows, n_neighbors=2)
    assert usual_distance(rows) == pytest.approx(np.median(pairs[:, 1]))
    assert nearest(queries, rows[:2], 5)[0].shape == (len(queries), 2)


def test_the_points_are_the_columns_as_the_models_scale_them(experiment: Experiment) -> None:  # noqa: F811
    opened = reopen(experiment.out)
    for model in ("logistic", "svm", "mlp"):
        run = opened.runs[model].evaluated[0]
        job, data = opened.job(model, run), opened.inputs(model)
        opened.check(job, data)
        train, X = training_clips(job, data), data.of(job.settings).X
        fitted = load_run(experiment.out / run).classifier
        if model == "mlp":
            expected = (X[job.split.train] - fitted.inputs_.mean) / fitted.inputs_.scale  # type: ignore[attr-defined]
        else:
            expected = fitted.named_steps["scale"].transform(X[job.split.train])  # type: ignore[attr-defined]
        assert train.values == pytest.approx(expected, abs=1e-12)


def test_what_the_last_layer_reads_gives_the_probabilities_when_the_layer_is_applied(experiment: Experiment) -> None:  # noqa: F811
    opened = reopen(experiment.out)
    fitted = load_run(experiment.out / opened.runs["mlp"].predict).classifier
    X = opened.inputs("mlp").of(opened.settings("mlp")).X
    layer = fitted.module_[-1]  # type: ignore[attr-defined]
    weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    logits = fitted.embed(X) @ weight.T + bias  # type: ignore[attr-defined]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert powers / powers.sum(axis=1, keepdims=True) == pytest.approx(fitted.predict_proba(X), abs=1e-5)


def test_neighbours_are_training_clips_of_the_part_that_tested_the_clip(experiment: Experiment) -> None:  # noqa: F811
    with (experiment.out / "splits.csv").open(newline="") as file:
        clips = {row["filename"]: row for row in csv.DictReader(file)}
    tested = [name for name, row in clips.items() if row["holdout"] == "test"]
    found, space = near_clips(reopen(experiment.out), "svm", tested, 3)
    assert set(found) == set(tested)
    assert "standardised" in space
    with (experiment.out / "features" / "features.csv").open(newline="") as file:
        rows = {row["filename"]: np.array(list(row.values())[4:], dtype=float) for row in csv.DictReader(file)}
    train = [name for name, row in clips.items() if row["holdout"] == "train"]
    scaler = Standardised.fit(np.array([rows[name] for name in train]))
    space_of = NearestNeighbors(n_neighbors=3).fit(scaler(np.array([rows[name] for name in train])))
    for name, near in found.items():
        distances, places = space_of.kneighbors(scaler(rows[name][None]))
        assert [one.name for one in near] == [train[place] for place in places[0]]
        assert [one.distance for one in near] == pytest.approx(distances[0].tolist())
        assert all(one.group == clips[one.name]["group"] != clips[name]["group"] for one in near)
        assert all(one.label == clips[one.name]["label"] for one in near)


def test_predict_names_them_in_text_json_and_table(experiment: Experiment, music: Path, tmp_path: Path) -> None:  # noqa: F811
    run = experiment.out / "runs" / "svm"
    with (run / "holdout" / "predictions.csv").open(newline="") as file:
        [name, *_] = [row["filename"] for row in csv.DictReader(file) if row["part"] == "train"]
    [row] = predict(run, music / name, neighbours=3).rows
    assert (row.neighbours[0].name, row.neighbours[0].distance) == (name, 0.0)
    assert predict(run, music / name).rows[0].neighbours == ()
    arguments = ["predict", str(run), str(music / name), "--neighbours", "3"]
    text = CliRunner().invoke(app, arguments).stdout
    assert f"near: {name} (" in text
    [entry] = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [one["name"] for one in entry["neighbours"]] == [one.name for one in row.neighbours]
    CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "p.csv")])
    with (tmp_path / "p.csv").open(newline="") as file:
        [cells] = csv.DictReader(file)
    assert [cells[f"neighbour{rank}"] for rank in (1, 2, 3)] == [one.name for one in row.neighbours]
    assert float(cells["neighbour2_distance"]) == row.neighbours[1].distance


def test_what_is_missing_for_neighbours_is_said(experiment: Experiment, music: Path, tmp_path: Path) -> None:  # noqa: F811
    shutil.copytree(experiment.out / "runs" / "svm" / "holdout", tmp_path / "copied")
    with pytest.raises(RunError, match="needs the rows of the training clips, and a copied run folder does not hold"):
        predict(tmp_path / "copied", music / "bass", neighbours=3)
    moved = Path(shutil.copytree(experiment.out, tmp_path / "moved"))
    shutil.rmtree(moved / "features")
    with pytest.raises(RunError, match=r"moved/features: the rows that the models read are not there"):
        predict(moved / "runs" / "svm", music / "bass", neighbours=3)
    relabelled = Path(shutil.copytree(experiment.out, tmp_path / "relabelled"))
    splits = relabelled / "splits.csv"
    splits.write_text(splits.read_text().replace("bass/00.wav,bass", "bass/00.wav,treble"))
    with pytest.raises(RunError, match="was not trained on the features that are there now"):
        predict(relabelled / "runs" / "svm", music / "bass", neighbours=3)


def test_a_table_has_neighbours_as_long_as_it_is_there(tmp_path: Path) -> None:
    X, y = clouds(60)
    table = tmp_path / "table.csv"
    rows = [
        f"{number},{label}," + ",".join(map(str, row)) for number, (row, label) in enumerate(zip(X, y, strict=True))
    ]
    table.write_text("\n".join(["filename,label," + ",".join(f"x{i}" for i in range(X.shape[1])), *rows]) + "\n")
    done = run_experiment(
        parse_config({"data": {"folder": str(table)}, "models": {"trees": {"n_estimators": 5}}, "split": {"folds": 2}}),
        tmp_path / "out",
    )
    run = done.folder_of(done.rows[0])
    found = predict(run, table, neighbours=2).rows
    known = {str(row.name) for row in found}
    assert len(known) == 60
    assert {one.name for row in found for one in row.neighbours} <= known
    table.rename(tmp_path / "elsewhere.csv")
    training_clips_of.cache_clear()
    with pytest.raises(RunError, match=r"table\.csv: the table that .* was trained on is not there"):
        predict(run, tmp_path / "elsewhere.csv", neighbours=2)


def test_a_network_without_a_linear_layer_is_seen_by_its_logits() -> None:
    torch = pytest.importorskip("torch")
    from tonearm.training.layers import last_layer_reads, points

    batches = torch.ones(2, 3, 4)
    for module in (torch.nn.Flatten(0), torch.nn.Linear(4, 2)):
        with last_layer_reads(module) as read:
            logits = np.concatenate([module(batch).detach().reshape(3, -1).double().numpy() for batch in batches])
        assert points(read, logits[:5]).shape == (5, 4)
        assert (points(read, logits[:5]) == 1.0).all()
