"""The picture models through the whole road: beside the feature models, from music and from ready pictures."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_array_equal
from PIL import Image

import drawings
import signals
from test_experiment import music, sound  # noqa: F401  # the fixture
from tonearm.config import Config, parse_config
from tonearm.errors import ConfigError, RunError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.importance import measure_importance
from tonearm.experiment.inputs import read_inputs
from tonearm.experiment.muted import muted_inputs
from tonearm.experiment.neighbours import near_clips, pixels, training_clips
from tonearm.experiment.reopened import reopen
from tonearm.experiment.runs import load_run
from tonearm.experiment.score_files import read_scores
from tonearm.prediction import predict
from tonearm.representations.muting import BANDS, TIMES
from tonearm.runtime.progress import quietly

SMALL = {"width": 32, "height": 32}
MODELS: dict[str, dict[str, Any]] = {
    "logistic": {},
    "cnn": {"layers": 2, "channels": [8], "epochs": 2, "patience": 0, "schedule": "none"},
    "cnn-mel": {"channels": [8, 16], "epochs": 2},
    "transfer": {"type": "resnet", "backbone": "efficientnet_lite0", "unfreeze": 0, "epochs": 2},
}
FEATURES = {"families": ["rms"], "statistics": ["mean"]}


def config(folder: Path, **sections: Any) -> Config:
    given = {"data": {"folder": str(folder)}, "features": FEATURES, "spectrogram": SMALL, "split": {"valid": 0.25}}
    return parse_config({**given, "models": MODELS, **sections})


@pytest.fixture(scope="module")
def experiment(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:  # noqa: F811
    return run_experiment(config(music), tmp_path_factory.mktemp("pictures"))


def evaluated(folder: Path) -> dict[str, list[float]]:
    with (folder / "predictions.csv").open(newline="") as file:
        return {
            row["filename"]: [float(row[key]) for key in row if key.startswith("p_")] for row in csv.DictReader(file)
        }


def test_all_models_are_judged_on_the_same_clips(experiment: Experiment) -> None:
    assert {row.model for row in experiment.rows} == set(MODELS)
    assert not any(row.error for row in experiment.rows)
    clips = [set(evaluated(experiment.out / "runs" / name / "holdout")) for name in MODELS]
    assert all(names == clips[0] for names in clips)
    assert len(clips[0]) == 48
    assert not (experiment.out / "unfinished" / "cnn" / "holdout").exists()


@pytest.mark.parametrize("name", ["cnn", "cnn-mel", "transfer"])
def test_predicting_a_training_file_is_its_evaluation(experiment: Experiment, music: Path, name: str) -> None:  # noqa: F811
    rows = evaluated(experiment.out / "runs" / name / "holdout")
    some = list(rows)[::9]
    found = predict(experiment.out / "runs" / name, [music / clip for clip in some])
    for clip, prediction in zip(some, found.rows, strict=True):
        assert list(prediction.probabilities.values()) == rows[clip]


def test_a_drawn_picture_is_taken_for_its_clip_and_another_height_refused(
    experiment: Experiment,
    music: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    drawn = experiment.out / "pictures" / "mel" / "bass" / "00.wav.png"
    [of_picture] = predict(experiment.out / "runs" / "cnn-mel", [drawn]).rows
    [of_music] = predict(experiment.out / "runs" / "cnn-mel", [music / "bass" / "00.wav"]).rows
    assert of_picture.probabilities == of_music.probabilities
    Image.fromarray(drawings.stripes(0, 0, height=40)).save(tmp_path / "high.png")
    [refused] = predict(experiment.out / "runs" / "cnn-mel", [tmp_path / "high.png"]).rows
    assert refused.error == "is 40 pixels high; the run was trained on pictures of 32"


@pytest.mark.parametrize("name", ["cnn", "transfer"])
def test_neighbours_of_pictures_are_near_in_what_the_last_layer_reads(
    experiment: Experiment,
    music: Path,  # noqa: F811
    name: str,
) -> None:
    opened = reopen(experiment.out)
    job, data = opened.job(name, f"runs/{name}/holdout"), opened.inputs(name)
    opened.check(job, data)
    train = training_clips(job, data)
    fitted: Any = load_run(job.folder).classifier
    assert_array_equal(train.values, fitted.embed(pixels(data, job, job.split.train)))
    tested = opened.clips.names[job.split.test]
    near, _ = near_clips(opened, name, list(tested), 2)
    [row] = predict(job.folder, [music / tested[0]], neighbours=2).rows
    assert [one.name for one in row.neighbours] == [one.name for one in near[tested[0]]]
    assert [one.distance for one in row.neighbours] == pytest.approx([one.distance for one in near[tested[0]]])


def test_muted_pictures_are_drawn_from_muted_sound(experiment: Experiment, music: Path) -> None:  # noqa: F811
    opened = reopen(experiment.out)
    job, data = opened.job("cnn", "runs/cnn/holdout"), opened.inputs("cnn")
    rows = job.split.test[:2]
    muted = muted_inputs(opened, job, data, rows, quietly, 1).inputs
    assert list(muted) == ["", *TIMES, *BANDS]
    whole, last = muted[""][0], muted["last quarter"][0]
    assert np.array_equal(whole[:, :20], last[:, :20])
    assert (last[:, 31] == last[0, 31]).all()  # silence has one colour
    assert not (whole[:, 31] == whole[0, 31]).all()


def test_networks_of_folds_that_were_not_kept_are_compared_by_probabilities_and_left_out(
    music: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    done = run_experiment(config(music, models={"cnn": MODELS["cnn"]}, split={"folds": 2, "valid": 0.25}), tmp_path)
    opened = reopen(done.out)
    run = "runs/cnn/fold1"
    rows = evaluated(done.out / run)
    job = opened.job("cnn", run)
    clip = str(opened.clips.names[job.split.test[0]])
    near, space = near_clips(opened, "cnn", [clip], 1)
    assert "logarithms of the run's probabilities" in space
    train = [str(name) for name in opened.clips.names[job.split.train]]
    distances = [np.linalg.norm(np.log(rows[name]) - np.log(rows[clip])) for name in train]
    assert near[clip][0].name == train[int(np.argmin(distances))]
    assert near[clip][0].distance == pytest.approx(min(distances))
    told: list[str] = []
    assert measure_importance(done.out, tell=told.append) == ()
    assert "cnn is left out, since the networks of its folds are not kept" in told[0]
    [found] = measure_importance(done.out, ["cnn"])
    assert found.accuracy == pytest.approx(
        read_scores(done.out / "runs" / "cnn" / "folds")["test"]["scores"]["accuracy"]["value"]
    )
    assert not (done.out / "unfinished").exists()


def test_a_run_of_another_definition_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    shutil.copytree(experiment.out / "runs" / "cnn" / "holdout", tmp_path / "run")
    facts = (tmp_path / "run" / "run.json").read_text()
    (tmp_path / "run" / "run.json").write_text(facts.replace('"definition": 1', '"definition": 0'))
    with pytest.raises(RunError, match="uses definition 0 of the pictures"):
        predict(tmp_path / "run", [tmp_path])


def test_folds_side_by_side_are_those_one_after_the_other(music: Path, tmp_path: Path) -> None:  # noqa: F811
    split = {"folds": 2, "valid": 0.25}
    models = {"cnn": MODELS["cnn"], "transfer": MODELS["transfer"]}
    run_experiment(config(music, models=models, split=split), tmp_path / "one")
    run_experiment(config(music, models=models, split=split, train={"workers": 2}), tmp_path / "two", workers=2)
    for name in models:
        assert (tmp_path / "one" / "runs" / name / "folds" / "predictions.csv").read_bytes() == (
            tmp_path / "two" / "runs" / name / "folds" / "predictions.csv"
        ).read_bytes()


def test_a_tree_of_ready_pictures_is_trained_on_and_predicted(tmp_path: Path) -> None:
    drawings.write_tree(tmp_path / "tree", 36, height=50, width=70)
    Path(tmp_path / "tree" / "blues" / "bad.png").write_text("words")
    models = {"cnn-mel": {"channels": [8, 16], "epochs": 30, "learning_rate": 0.01, "masks": 0}}
    done = run_experiment(config(tmp_path / "tree", models=models), tmp_path / "out")
    assert done.unusable == 1
    assert "1 picture cannot be used: blues/bad.png; the first one cannot be read as a picture" in done.notes[-1]
    assert done.rows[0].score("test") >= 0.8
    rows = evaluated(tmp_path / "out" / "runs" / "cnn-mel" / "holdout")
    found = predict(tmp_path / "out" / "runs" / "cnn-mel" / "holdout", [tmp_path / "tree"])
    assert len(found.rows) == 37
    assert len(found.failed) == 1
    for prediction in found.rows:
        name = Path(prediction.name).relative_to(tmp_path / "tree").as_posix()
        assert prediction.error or list(prediction.probabilities.values()) == rows[name]
    soundfile.write(tmp_path / "a.wav", signals.tone(300.0), signals.SR)
    [refused] = predict(tmp_path / "out" / "runs" / "cnn-mel" / "holdout", [tmp_path / "a.wav"]).rows
    assert "the run was trained on ready pictures" in refused.error


@pytest.mark.parametrize(
    ("kind", "model", "says"),
    [
        (
            "table",
            "cnn",
            r"models\.cnn: reads pictures \(layl\), but .* is a table of features; models for it: log",
        ),
        ("tree", "logistic", r"models\.logistic: reads features, but .* holds pictures; models for it: cnn, cnn-mel"),
    ],
)
def test_a_model_that_cannot_read_what_is_there_is_refused(tmp_path: Path, kind: str, model: str, says: str) -> None:
    drawings.write_tree(tmp_path / "tree")
    (tmp_path / "table.csv").write_text("filename,label,a\nx,blues,1\ny,rock,2\n")
    folder = tmp_path / ("table.csv" if kind == "table" else "tree")
    with pytest.raises(ConfigError, match=says):
        run_experiment(config(folder, models={model: {}}), tmp_path / "out")


def test_an_unknown_kind_of_picture_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"models\.cnn\.reads: 'melody' is not a representation; did you mean 'mel'"):
        parse_config({"models": {"cnn": {"reads": "melody"}}})


def test_a_clip_that_one_representation_cannot_use_is_left_out_of_all(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / "music" / label).mkdir(parents=True)
        for take in range(4):
            soundfile.write(tmp_path / "music" / label / f"{take}.wav", sound(1, 0, take), signals.SR, subtype="FLOAT")
    short = signals.tone(300.0, 3000 / signals.SR)
    soundfile.write(tmp_path / "music" / "a" / "short.wav", short, signals.SR, subtype="FLOAT")
    spectrogram = {**SMALL, "n_fft": 4096}
    models: dict[str, dict[str, Any]] = {"logistic": {}, "cnn-mel": {}}
    blind = {"recordings": False}
    data = read_inputs(
        config(tmp_path / "music", models=models, spectrogram=spectrogram, split=blind), tmp_path / "out"
    )
    assert_array_equal(data.datasets["features"].names, data.datasets["mel"].names)
    assert len(data.clips) == 8
    assert data.unusable == 1
    assert "pictures/failures.csv says why" in data.notes[-1]


def test_clips_of_one_class_may_have_one_name_in_two_folders(music: Path, tmp_path: Path) -> None:  # noqa: F811
    copy = Path(shutil.copytree(music, tmp_path / "music"))
    rows = (copy / "metadata.csv").read_text().replace("bass/00.wav,bass", "bass/00.wav,middle")
    (copy / "metadata.csv").write_text(rows)
    data = read_inputs(config(copy, models={"cnn-mel": {}}), tmp_path / "out")
    both = {"bass/00.wav", "middle/00.wav"}
    found = {name: path for name, path in zip(data.clips.names, data.clips.X, strict=True) if name in both}
    assert set(found) == both
    assert Path(found["bass/00.wav"]).read_bytes() != Path(found["middle/00.wav"]).read_bytes()


def test_a_long_clip_is_judged_by_the_mean_over_its_windows(tmp_path: Path) -> None:
    for label, hertz in (("low", 200.0), ("high", 3000.0)):
        (tmp_path / "music" / label).mkdir(parents=True)
        for take in range(6):
            clip = signals.tone(hertz, 1.0 + take) + signals.noise(1.0 + take, 0.01, seed=take)
            soundfile.write(tmp_path / "music" / label / f"{take}.wav", clip, signals.SR, subtype="FLOAT")
    models = {"cnn-mel": {**MODELS["cnn-mel"], "window": 32}}
    spectrogram = {**SMALL, "seconds": 1.0}
    run_experiment(config(tmp_path / "music", models=models, spectrogram=spectrogram), tmp_path / "out")
    run = load_run(tmp_path / "out" / "runs" / "cnn-mel" / "holdout")
    path = tmp_path / "music" / "low" / "5.wav"
    [whole] = predict(run, [path]).rows
    with Image.open(tmp_path / "out" / "pictures" / "mel" / "low" / "5.wav.png") as image:
        assert image.size == (6 * 32, 32)
        pixels = np.asarray(image)
    windows = np.empty(11, dtype=object)
    windows[:] = [pixels[:, start : start + 32] for start in range(0, 161, 16)]
    mean = run.classifier.predict_proba(windows).mean(axis=0)
    assert list(whole.probabilities.values()) == pytest.approx(mean.tolist(), abs=1e-12)
