"""From a folder to a leaderboard and back to predictions: the same bits, resumable, honest, movable."""

import csv
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import signals
from tonearm.config import Config, parse_config
from tonearm.errors import CatalogError, ConfigError, RunError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.runs import load_run
from tonearm.experiment.score_files import read_scores
from tonearm.models import MODELS
from tonearm.prediction import predict
from tonearm.report import write_report
from tonearm.submission import write_submission

FEATURES = {"families": ["rms", "mfcc", "spectral_centroid"], "statistics": ["mean", "std"]}
FAST = {"logistic": {}, "mlp": {"epochs": 3}, "svm": {}}


def sound(genre: int, band: int, take: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A genre is a register and an amount of noise, a band a small shift of it, a take another seed."""
    hertz = 200.0 * 2**genre * (1 + 0.02 * band)
    return signals.tone(hertz, 0.4, 0.3) + signals.noise(0.4, 0.002 * 4**genre, seed=1000 * genre + 100 * band + take)


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three genres of four bands with four takes each, and one broken clip."""
    folder = tmp_path_factory.mktemp("music")
    rows = ["file_name,label,artist"]
    for genre, label in enumerate(("bass", "middle", "treble")):
        (folder / label).mkdir()
        for band in range(4):
            for take in range(4):
                name = f"{label}/{band}{take}.wav"
                soundfile.write(folder / name, sound(genre, band, take), signals.SR, subtype="FLOAT")
                rows.append(f"{name},{label},{label} band {band}")
    (folder / "bass" / "broken.wav").write_text("words")
    rows.append("bass/broken.wav,bass,bass band 0")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return folder


def config(folder: Path, **sections: object) -> Config:
    return parse_config(
        {"data": {"folder": str(folder)}, "features": FEATURES, "models": FAST, "split": {"valid": 0.25}, **sections}
    )


@pytest.fixture(scope="session")
def experiment(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return run_experiment(config(music), tmp_path_factory.mktemp("out"))


def test_it_leaves_everything_a_person_and_a_machine_need(experiment: Experiment) -> None:
    found = {path.relative_to(experiment.out).as_posix() for path in experiment.out.rglob("*") if path.is_file()}
    assert {
        "config.toml",
        "splits.csv",
        "leaderboard.json",
        "leaderboard.csv",
        "leaderboard.md",
        "learning_curves.png",
        "learning_curves.svg",
        "features/features.csv",
        "features/failures.csv",
        "runs/mlp/holdout/run.json",
        "runs/mlp/holdout/config.toml",
        "runs/mlp/holdout/history.csv",
        "runs/mlp/holdout/predictions.csv",
        "runs/mlp/holdout/scores.json",
        "runs/mlp/holdout/scores.csv",
        "runs/mlp/holdout/classes.csv",
        "runs/mlp/holdout/confusion.csv",
        "runs/mlp/holdout/confusion.png",
        "runs/mlp/holdout/confusion.svg",
    } <= found
    assert experiment.division.method == "group"
    assert experiment.unusable == 1
    assert any("1 clip cannot be used" in note for note in experiment.notes)


def test_easy_genres_are_told_apart(experiment: Experiment) -> None:
    scores = {row.model: row.score("test") for row in experiment.rows}
    assert scores["logistic"] >= 0.95
    assert scores["svm"] >= 0.95


def test_predicting_a_file_gives_the_bits_of_its_evaluation(experiment: Experiment, music: Path) -> None:
    for row in experiment.rows:
        folder = experiment.folder_of(row)
        with (folder / "predictions.csv").open(newline="") as file:
            evaluated = {entry["filename"]: entry for entry in csv.DictReader(file)}
        names = ["treble/32.wav", "bass/00.wav", "middle/11.wav"]
        for found, name in zip(predict(folder, [music / name for name in names]).rows, names, strict=True):
            assert found.label == evaluated[name]["prediction"], (row.model, name)
            for label, probability in found.probabilities.items():
                assert probability == float(evaluated[name][f"p_{label}"]), (row.model, name)


def test_a_run_folder_moved_elsewhere_predicts_the_same(experiment: Experiment, music: Path, tmp_path: Path) -> None:
    folder = experiment.folder_of(experiment.rows[0])
    shutil.copytree(folder, tmp_path / "moved")
    assert predict(tmp_path / "moved", [music / "bass"]) == predict(folder, [music / "bass"])


def test_processes_that_predict_see_a_run_that_was_trained_anew(music: Path, tmp_path: Path) -> None:
    files = [music / "bass", music / "treble"]
    answers = []
    for C in (1.0, 0.001):
        done = run_experiment(config(music, models={"logistic": {"C": C}}), tmp_path)
        run = load_run(done.folder_of(done.rows[0]))
        answers.append(predict(run, files, workers=2).rows)
        assert answers[-1] == predict(run, files).rows
    assert answers[0] != answers[1]


def test_no_band_stands_in_two_parts(experiment: Experiment) -> None:
    with (experiment.out / "splits.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    parts: dict[str, set[str]] = {}
    for row in rows:
        parts.setdefault(row["group"], set()).add(row["holdout"])
    assert len(rows) == 48
    assert all(len(found) == 1 for found in parts.values())


def test_scalers_see_training_rows_only(music: Path, tmp_path: Path) -> None:
    done = run_experiment(config(music, models={"logistic": {}}), tmp_path)
    from tonearm.representations.extract import load_features

    dataset = load_features(tmp_path / "features")
    with (tmp_path / "splits.csv").open(newline="") as file:
        training = np.array([row["holdout"] == "train" for row in csv.DictReader(file)])
    pipeline: Any = load_run(done.folder_of(done.rows[0])).classifier
    scaler = pipeline.named_steps["scale"]
    assert scaler.mean_ == pytest.approx(dataset.X[training].mean(axis=0), rel=1e-9)
    assert not np.allclose(scaler.mean_, dataset.X.mean(axis=0), rtol=1e-6)


def test_shuffled_labels_score_chance(music: Path, tmp_path: Path) -> None:
    done = run_experiment(config(music, models={"logistic": {}}), tmp_path / "first")
    from tonearm.representations.extract import load_features

    dataset = load_features(done.out / "features")
    order = np.random.default_rng(5).permutation(len(dataset))
    table = tmp_path / "shuffled.csv"
    rows = [
        f"{name},{dataset.labels[other]}," + ",".join(map(repr, row.tolist()))
        for name, other, row in zip(dataset.names, order, dataset.X, strict=True)
    ]
    table.write_text("\n".join([",".join(["filename", "label", *dataset.columns]), *rows]))
    chance = run_experiment(
        config(table, models={"logistic": {}, "svm": {}}, split={"folds": 4, "method": "stratified"}),
        tmp_path / "second",
    )
    for row in chance.rows:
        assert row.score("test") < 0.6, row.model  # chance is one in three; 48 clips scatter around it


def test_the_same_seed_gives_the_same_bits_and_workers_change_nothing(music: Path, tmp_path: Path) -> None:
    settings = {"split": {"folds": 2, "valid": 0.25}, "models": {"logistic": {}, "mlp": {"epochs": 3}}}
    first = run_experiment(config(music, **settings), tmp_path / "one")
    second = run_experiment(config(music, train={"workers": 2}, **settings), tmp_path / "two", workers=2)
    for row in first.rows:
        for path in sorted((first.out / "runs" / row.model).rglob("predictions.csv")):
            assert path.read_bytes() == (second.out / path.relative_to(first.out)).read_bytes()
    assert [row.scores for row in first.rows] == [row.scores for row in second.rows]


def test_folds_are_pooled_so_that_every_clip_is_judged_once(music: Path, tmp_path: Path) -> None:
    done = run_experiment(config(music, models={"logistic": {}}, split={"folds": 3, "valid": 0.25}), tmp_path)
    [row] = done.rows
    with (tmp_path / "runs" / "logistic" / "folds" / "predictions.csv").open(newline="") as file:
        judged = [entry["filename"] for entry in csv.DictReader(file)]
    assert len(judged) == len(set(judged)) == 48
    assert read_scores(tmp_path / "runs" / "logistic" / "folds")["test"]["clips"] == 48
    low, high = row.interval
    assert low is not None
    assert high is not None
    assert low <= row.score("test") <= high
    board = json.loads((tmp_path / "leaderboard.json").read_text())
    assert board["models"][0]["scores"]["test"]["accuracy"] == row.score("test")


def test_what_is_finished_is_taken_and_what_changed_is_done_anew(music: Path, tmp_path: Path) -> None:
    said: list[str] = []
    run_experiment(config(music), tmp_path, said.append)
    stamp = (tmp_path / "runs" / "mlp" / "holdout" / "run.json").read_bytes()
    said.clear()
    run_experiment(config(music), tmp_path, said.append)
    assert sum("is there already" in line for line in said) == 3
    assert (tmp_path / "runs" / "mlp" / "holdout" / "run.json").read_bytes() == stamp
    said.clear()
    run_experiment(config(music, models={**FAST, "mlp": {"epochs": 4}}), tmp_path, said.append)
    assert sum("is there already" in line for line in said) == 2


def test_a_model_whose_code_was_corrected_is_trained_anew_and_its_run_predicts_all_the_same(
    music: Path, tmp_path: Path, corrected: Callable[[str, str, str], None]
) -> None:
    said: list[str] = []
    settings = config(music, models={"logistic": {}, "svm": {}})
    experiment = run_experiment(settings, tmp_path)
    corrected("tonearm.models.margins", "self.sharpness_ * ", "1.01 * self.sharpness_ * ")
    assert len(predict(experiment.folder_of(experiment.rows[0]), [music]).rows) > 0
    run_experiment(settings, tmp_path, said.append)
    assert [line.split(",")[0] for line in said if "is there already" in line] == ["logistic"]


INTERRUPTED = """
import sys
from collections.abc import Callable
from pathlib import Path
from tonearm.config import load_config
from tonearm.experiment.experiment import run_experiment
run_experiment(load_config(sys.argv[1]), Path(sys.argv[2]))
"""


def test_killed_in_the_middle_and_started_again_it_ends_the_same(music: Path, tmp_path: Path) -> None:
    from tonearm.config import to_toml

    settings = config(music, models={"logistic": {}, "svm": {}, "mlp": {"epochs": 200}})
    (tmp_path / "c.toml").write_text(to_toml(settings))
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(tmp_path / "c.toml"), str(out)])
    while not (out / "runs" / "logistic" / "holdout" / "run.json").exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "leaderboard.json").exists()
    said: list[str] = []
    done = run_experiment(settings, out, said.append)
    assert "logistic, holdout: is there already, with the same settings and data" in said
    undisturbed = run_experiment(settings, tmp_path / "undisturbed")
    assert [row.scores for row in done.rows] == [row.scores for row in undisturbed.rows]
    assert not [path for path in out.iterdir() if path.name.startswith(".tonearm-")]


def test_a_model_that_fails_is_a_row_and_the_others_go_on(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name == "skorch" else found(name, *more)
    )
    done = run_experiment(config(music, models={"mlp": {}, "logistic": {}}), tmp_path)
    assert [row.model for row in done.rows] == ["logistic", "mlp"]
    assert 'pip install "tonearm[deep]"' in done.rows[1].error
    assert "- mlp failed: mlp needs skorch" in (tmp_path / "leaderboard.md").read_text()


def test_whatever_a_model_raises_is_its_own_failure(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("30 neighbours of\n18 rows")

    monkeypatch.setitem(MODELS, "svm", MODELS["svm"]._replace(fit=refuse))
    table = config(experiment.out / "features" / "features.csv", models={"svm": {}, "logistic": {}})
    done = run_experiment(table, tmp_path)
    assert {row.model: row.error for row in done.rows} == {
        "logistic": "",
        "svm": "ValueError: 30 neighbours of 18 rows",
    }


def test_a_folder_without_labels_says_how_to_give_them(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", signals.tone(300.0, 0.4), signals.SR)
    with pytest.raises(CatalogError, match="none of its 1 clips has a label; put them into one folder a class"):
        run_experiment(config(tmp_path), tmp_path / "out")


def test_a_file_that_cannot_be_used_is_a_row_with_its_reason(
    experiment: Experiment, music: Path, tmp_path: Path
) -> None:
    found = predict(
        experiment.folder_of(experiment.rows[0]), [music / "bass" / "broken.wav", music / "bass" / "01.wav"]
    )
    assert (found.rows[0].label, found.rows[1].label) == ("", "bass")
    assert "cannot be decoded" in found.rows[0].error
    assert "cannot be used" in found.text().splitlines()[0]
    found.to_csv(tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["error"]
    assert float(rows[1]["p_bass"]) == found.rows[1].probability
    assert json.dumps([row.to_json() for row in found.rows], allow_nan=False)


def test_a_submission_has_one_row_for_each_file_in_order(experiment: Experiment, music: Path, tmp_path: Path) -> None:
    test = tmp_path / "test"
    test.mkdir()
    for name, source in (("b.wav", "bass/00.wav"), ("c.wav", "bass/broken.wav"), ("a.wav", "treble/00.wav")):
        shutil.copy(music / source, test / name)
    run = load_run(experiment.folder_of(experiment.rows[0]))
    count, warnings, _ = write_submission(run, test, tmp_path / "s.csv", "name", "genre")
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert count == 3
    assert lines == ["name,genre", "a.wav,treble", "b.wav,bass", f"c.wav,{run.facts.majority}"]
    assert len(warnings) == 1
    assert "c.wav" in warnings[0]


def test_a_table_is_predicted_by_its_columns(experiment: Experiment, tmp_path: Path) -> None:
    folder = experiment.folder_of(experiment.rows[0])
    table = experiment.out / "features" / "features.csv"
    with (folder / "predictions.csv").open(newline="") as file:
        evaluated = {row["filename"]: row["prediction"] for row in csv.DictReader(file)}
    found = predict(folder, [table])
    assert {row.name: row.label for row in found.rows} == evaluated
    (tmp_path / "t.csv").write_text("filename,rms_mean\na,1\n")
    with pytest.raises(RunError, match="lacks 43 of the 44 columns"):
        predict(folder, [tmp_path / "t.csv"])
    with pytest.raises(RunError, match="predicted alone"):
        predict(folder, [table, tmp_path / "t.csv"])


def damage(folder: Path, kind: str) -> None:
    run = folder / "run.json"
    facts = json.loads(run.read_text())
    if kind == "newer":
        run.write_text(json.dumps({**facts, "format": 99}))
    elif kind == "cut":
        run.write_text(run.read_text()[:40])
    elif kind == "list":
        run.write_text("[]")
    elif kind == "labels":
        del facts["labels"]
        run.write_text(json.dumps(facts))
    elif kind == "model":
        path = next(iter((folder / "model").glob("model.s*")))
        path.write_bytes(path.read_bytes()[:-20] + b"x" * 20)
    elif kind == "gone":
        shutil.rmtree(folder / "model")
    elif kind == "definition":
        facts["representation"]["definition"] = 0
        run.write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("newer", r"has format 99, written by tonearm .*: upgrade tonearm"),
        ("cut", r"run\.json: is damaged"),
        ("list", r"run\.json: is damaged \(it is not an object\); train the model again"),
        ("labels", "labels: Field required"),
        ("model", "model"),
        ("gone", "model"),
        ("definition", "uses definition 0 of the features"),
    ],
)
def test_a_damaged_or_newer_run_says_what_is_wrong(
    experiment: Experiment, music: Path, tmp_path: Path, kind: str, says: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(experiment.out / "runs" / "logistic" / "holdout", folder)
    damage(folder, kind)
    with pytest.raises(RunError, match=says) as caught:
        predict(folder, [music / "bass" / "00.wav"])
    assert str(folder) in str(caught.value)


def test_a_folder_that_is_no_run_names_those_it_holds(experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="it holds these runs: runs/logistic/holdout, runs/mlp/holdout"):
        load_run(experiment.out)
    with pytest.raises(RunError, match="no such run folder"):
        load_run(tmp_path / "nothing")
    with pytest.raises(RunError, match="`tonearm run` makes one"):
        load_run(tmp_path)


def test_a_run_of_the_public_columns_reads_audio_by_their_preset(music: Path, tmp_path: Path) -> None:
    features = {"preset": "gtzan57"}
    first = run_experiment(config(music, models={"logistic": {}}, features=features), tmp_path / "audio")
    table = first.out / "features" / "features.csv"
    second = run_experiment(config(table, models={"logistic": {}}), tmp_path / "table")
    by_table = predict(second.folder_of(second.rows[0]), [music / "treble" / "00.wav"])
    by_audio = predict(first.folder_of(first.rows[0]), [music / "treble" / "00.wav"])
    assert "preset gtzan57" in by_table.notes[0]
    assert by_table.rows == by_audio.rows
    other = run_experiment(config(music, models={"logistic": {}}), tmp_path / "own")
    shutil.copy(other.out / "features" / "features.csv", tmp_path / "own.csv")
    own = run_experiment(config(tmp_path / "own.csv", models={"logistic": {}}), tmp_path / "own table")
    with pytest.raises(RunError, match="columns are not those of any preset"):
        predict(own.folder_of(own.rows[0]), [music / "treble" / "00.wav"])


@pytest.mark.shared
def test_stratified_and_artist_folds_of_the_public_table(shared: Path, tmp_path: Path) -> None:
    """The numbers that tonearm exists for: 0.75 by a random split, about 0.5 by artists, and another order."""
    data = {"folder": str(shared / "features_30_sec.csv"), "metadata": str(shared / "metadata.csv")}
    models: dict[str, object] = {"logistic": {}, "svm": {}}
    found = {}
    for method, folds in (("stratified", 10), ("group", 5)):
        settings = parse_config(
            {
                "data": {**data, "split_column": "none"},
                "models": models,
                "split": {"method": method, "folds": folds, "valid": 0, "leaks": "allow"},
            }
        )
        done = run_experiment(settings, tmp_path / method)
        found[method] = {row.model: row.score("test") for row in done.rows}
    assert found["stratified"]["logistic"] >= 0.73
    assert found["stratified"]["svm"] >= 0.76
    for model in models:
        assert 0.40 <= found["group"][model] <= 0.60
        assert found["stratified"][model] - found["group"][model] > 0.15


def test_of_folds_a_final_model_of_all_clips_is_kept_and_the_folds_are_named_as_judges(
    music: Path, tmp_path: Path
) -> None:
    settings = {"models": {"logistic": {}}, "split": {"folds": 3, "valid": 0.25}}
    done = run_experiment(config(music, **settings), tmp_path / "out")
    final = done.folder_of(done.rows[0])
    assert final == tmp_path / "out" / "runs" / "logistic" / "final"
    facts = json.loads((final / "run.json").read_text())
    assert sum(facts["split"]["clips"].values()) == 48
    assert set(facts["split"]["clips"]) == {"train", "valid"}
    assert not list((tmp_path / "out").glob("runs/*/fold*/model"))
    assert predict(final, [music / "bass" / "00.wav"]).rows[0].label == "bass"
    with pytest.raises(RunError, match=r"models of folds are not kept .*predict with .*final"):
        load_run(tmp_path / "out" / "runs" / "logistic" / "fold1")
    # asked for afterwards, the folds' models are made: none is there
    settings["split"]["keep"] = "folds"  # type: ignore[index]
    again = run_experiment(config(music, **settings), tmp_path / "out")
    assert load_run(tmp_path / "out" / "runs" / "logistic" / "fold2").labels == ("bass", "middle", "treble")
    assert again.rows[0].scores == done.rows[0].scores


def test_repeated_folds_judge_every_clip_once_a_repeat_and_resample_its_answers_together(
    music: Path, tmp_path: Path
) -> None:
    split = {"folds": 3, "valid": 0.25, "keep": "folds"}
    once = run_experiment(config(music, split=split), tmp_path / "once")
    thrice = run_experiment(config(music, split={**split, "repeats": 3}), tmp_path / "thrice")
    with (tmp_path / "thrice" / "runs" / "logistic" / "folds" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 48
    shares = [row["truth"] == row["prediction"] for row in rows]
    [row] = [row for row in thrice.rows if row.model == "logistic"]
    assert row.score("test") == pytest.approx(np.mean(shares))
    assert read_scores(tmp_path / "thrice" / "runs" / "logistic" / "folds")["test"]["groups"] == 12
    first = (tmp_path / "once" / "runs" / "mlp" / "fold2" / "predictions.csv").read_text()
    assert (tmp_path / "thrice" / "runs" / "mlp" / "fold2" / "predictions.csv").read_text() == first
    from tonearm.experiment.comparison import compare_folders

    assert not compare_folders([tmp_path / "thrice"]).refused
    assert "1 prediction for each clip and" in compare_folders([tmp_path / "once", tmp_path / "thrice"]).refused
    assert once.division.method == thrice.division.method == "group"


def test_what_others_published_stands_beside_ours(music: Path, tmp_path: Path) -> None:
    models: dict[str, object] = {"logistic": {}, "svm": {}}
    run_experiment(config(music, models=models, report={"published": {"svm": 0.55}}), tmp_path)
    lines = (tmp_path / "leaderboard.md").read_text().splitlines()
    assert next(line for line in lines if line.startswith("| model")).endswith("| published |")
    assert next(line for line in lines if line.startswith("| svm")).endswith("| 0.550 |")
    assert next(line for line in lines if line.startswith("| logistic")).endswith("| – |")
    with (tmp_path / "leaderboard.csv").open(newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert (rows["svm"]["published"], rows["logistic"]["published"]) == ("0.55", "")
    html = write_report(tmp_path, tmp_path / "report", audio=False).read_text()
    assert '<th class="c">published</th>' in html
    assert html.count('<td class="c">0.550</td>') == 1
    parts = {"accuracy": 0.55, "train": {"accuracy": 0.9395, "f1": 0.94}, "test_seconds": "1 to 3"}
    run_experiment(config(music, models=models, report={"published": {"svm": parts}}), tmp_path)
    board = json.loads((tmp_path / "leaderboard.json").read_text())["models"]
    ours = {row["model"]: row["scores"] for row in board}
    text = (tmp_path / "leaderboard.md").read_text()
    html = write_report(tmp_path, tmp_path / "report", audio=False).read_text()
    for part, theirs in (("train", ("0.9395", "", "", "0.94")), ("test", ("0.55", "", "", ""))):
        cells = [
            f"{ours['svm'][part][score]:.3f}" + (f" ({one})" if one else "")
            for score, one in zip(("accuracy", "precision", "recall", "f1"), theirs, strict=True)
        ]
        assert f"| svm | {part} | {' | '.join(cells)} |" in text
        assert f'<td>svm</td><td class="text">{part}</td>' + "".join(f"<td>{cell}</td>" for cell in cells) in html
    assert f"| logistic | valid | {ours['logistic']['valid']['accuracy']:.3f} | " in text
    assert "Published besides: svm: seconds of classifying the test 1 to 3." in text
    assert "Published besides: svm: seconds of classifying the test 1 to 3." in html
    for wrong, said in (
        ({"svm": {"acuracy": 0.5}}, r"published\.svm\.acuracy: is not a setting; did you mean 'accuracy'"),
        ({"svm": {"train": {"f1": 2}}}, r"published\.svm\.train\.f1 = 2: must be a number >= 0 and <= 1 or absent"),
        ({"svm": 1.5}, r"svm.* = 1\.5: must be a number >= 0 and <= 1 or absent"),
        ({"svm": {}}, "no figure is given; known: accuracy, "),
        ({"svm": {"epochs": "10"}}, r"svm\.epochs = '10': must be a number >= 0 or absent"),
    ):
        with pytest.raises(ConfigError, match=said):
            config(music, models=models, report={"published": wrong})
    with pytest.raises(ConfigError, match=r"report\.published: 'smv' is not a model of \[models\]; did you mean 'svm'"):
        config(music, models=models, report={"published": {"smv": 0.5}})


def test_a_submission_of_files_of_one_name_tells_them_apart_by_their_folders(
    experiment: Experiment, music: Path, tmp_path: Path
) -> None:
    for album, source in (("x", "bass/00.wav"), ("y", "treble/00.wav")):
        (tmp_path / "test" / album).mkdir(parents=True)
        shutil.copy(music / source, tmp_path / "test" / album / "1.wav")
    run = load_run(experiment.folder_of(experiment.rows[0]))
    count, [warning], _ = write_submission(run, tmp_path / "test", tmp_path / "s.csv")
    assert count == 2
    assert "id holds the folders" in warning
    assert (tmp_path / "s.csv").read_text().splitlines() == ["id,class", "x/1.wav,bass", "y/1.wav,treble"]
    with pytest.raises(RunError, match="no such folder or table"):
        write_submission(run, tmp_path / "tets", tmp_path / "s.csv")


def test_a_row_of_a_table_that_cannot_be_used_is_a_row_with_its_reason(experiment: Experiment, tmp_path: Path) -> None:
    lines = (experiment.out / "features" / "features.csv").read_text().splitlines()
    first = lines[1].split(",")
    first[-1] = ""
    # a column that the run does not read decides nothing
    broken = [lines[0] + ",more", ",".join(first) + ",1", *(f"{line}," for line in lines[2:])]
    (tmp_path / "t.csv").write_text("\n".join(broken) + "\n")
    folder = experiment.folder_of(experiment.rows[0])
    found = predict(folder, [tmp_path / "t.csv"])
    whole = predict(folder, [experiment.out / "features" / "features.csv"])
    assert "non-finite values" in found.rows[0].error
    assert found.rows[1:] == whole.rows[1:]


def test_when_no_clip_can_be_used_one_is_named_with_its_reason(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / "g" / label).mkdir(parents=True)
        (tmp_path / "g" / label / "1.wav").write_text("words")
    with pytest.raises(CatalogError, match=r"none of its 2 clips can be used, such as a/1\.wav: it cannot be decoded"):
        run_experiment(config(tmp_path / "g"), tmp_path / "out")
