"""One contract for all representations: what is true of each, by itself, from the registry."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import soundfile

import crossings
import signals
from tonearm.config import Config, parse_config
from tonearm.data.catalog import read_catalog
from tonearm.dsp.sound import ClipSound
from tonearm.errors import ConfigError, RepresentationError, RunError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.inputs import read_inputs
from tonearm.prediction import predict
from tonearm.representations.base import Representation, read_in_batches
from tonearm.representations.combined import Joined
from tonearm.representations.encoders.locate import is_encoder
from tonearm.representations.extract import extract
from tonearm.representations.image_files import ImagesTask
from tonearm.representations.registry import REPRESENTATIONS, represent, restore
from tonearm.representations.row_files import RowsTask
from tonearm.representations.spectrogram import KINDS
from tonearm.settings import DataSettings, PictureKind

ENCODED = ["mn04_as", "mn04_as:hidden", "musicnn", "features + musicnn:tags"]  # with tiny networks for weights
NAMES = [*(name for name in REPRESENTATIONS if not is_encoder(name)), "crossings", "features + crossings", *ENCODED]
each = pytest.mark.parametrize("name", NAMES)
SMALL = {"features": {"families": ["rms", "mfcc"], "statistics": ["mean"]}, "spectrogram": {"width": 24, "height": 16}}


@pytest.fixture(autouse=True)
def _third(tiny_encoders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REPRESENTATIONS, "crossings", crossings.KIND)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips of two genres, and two broken ones."""
    folder = tmp_path_factory.mktemp("music")
    for number in range(12):
        label = ("low", "high")[number % 2]
        path = folder / label / f"{number:02d}.wav"
        path.parent.mkdir(exist_ok=True)
        tone = signals.tone(200.0 + 10 * number + 2_000 * (number % 2), 0.5)
        soundfile.write(path, tone + 0.01 * signals.noise(0.5, number), signals.SR, subtype="FLOAT")
    (folder / "low" / "words.wav").write_text("no music")
    soundfile.write(folder / "high" / "brief.wav", signals.tone(300.0, 0.0005), signals.SR)
    return folder


def config(music: Path, **sections: Any) -> Config:
    return parse_config({"data": {"folder": str(music)}, **SMALL, **sections})


def built(name: str, music: Path) -> Representation:
    return represent(name.split(" + "), config(music))


def task_of(representation: Representation, folder: Path) -> RowsTask | ImagesTask:
    kind = RowsTask if representation.gives == "rows" else ImagesTask
    return kind(representation, folder)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if "parts" not in path.parts}


def test_kinds_of_pictures_are_the_literals_and_the_functions() -> None:
    assert set(get_args(PictureKind)) == set(KINDS)


@each
def test_facts_survive_json_and_restore_the_same_bits(name: str, music: Path) -> None:
    first = built(name, music)
    again = restore(json.loads(json.dumps(first.facts())))
    assert again == first
    with ClipSound(music / "low" / "00.wav") as sound:
        [one], [other] = first.open().read([sound]), again.open().read([sound])
    assert one.tobytes() == other.tobytes()
    assert one.shape == ((len(first.columns),) if first.gives == "rows" else (16, 24, 3))


@each
def test_a_clip_is_the_same_bits_alone_and_among_others_and_a_broken_one_stops_none(name: str, music: Path) -> None:
    reader = built(name, music).open()
    paths = sorted(music.glob("*/*.wav"))
    together = read_in_batches(reader, [ClipSound(path) for path in paths])
    for path, result in zip(paths, together, strict=True):
        [alone] = read_in_batches(reader, [ClipSound(path)])
        assert (alone.values.tobytes(), alone.reason) == (result.values.tobytes(), result.reason)
    broken = {path.name: result.kind for path, result in zip(paths, together, strict=True) if result.kind}
    assert broken == {"words.wav": "undecodable", "brief.wav": "short"}


@each
def test_two_workers_write_what_one_writes_and_a_second_call_computes_nothing(
    name: str, music: Path, tmp_path: Path
) -> None:
    catalog, representation = read_catalog(DataSettings(folder=str(music))), built(name, music)
    [one] = extract(catalog, [task_of(representation, tmp_path / "one")])
    [two] = extract(catalog, [task_of(representation, tmp_path / "two")], workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert (one.usable, one.computed, two.computed) == (12, 14, 14)
    [again] = extract(catalog, [task_of(representation, tmp_path / "one")])
    assert (again.computed, again.reused) == (2, 12)  # what failed is tried again


RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import crossings, tonearm.runtime.files as files, tonearm.representations.shards as shards
from test_representations import built, read_catalog, task_of, REPRESENTATIONS, DataSettings, extract
REPRESENTATIONS["crossings"] = crossings.KIND
shards.CLIPS_A_SHARD = 1, 1
task = task_of(built(sys.argv[1], Path(sys.argv[2])), Path(sys.argv[4]))
extract(read_catalog(DataSettings(folder=sys.argv[2])), [task])
"""


@pytest.mark.parametrize("name", ["features", "mel", "crossings", "mn04_as"])
def test_killed_and_started_again_it_ends_with_the_same_bytes(name: str, music: Path, tmp_path: Path) -> None:
    catalog, representation = read_catalog(DataSettings(folder=str(music))), built(name, music)
    extract(catalog, [task_of(representation, tmp_path / "whole")])
    task = task_of(representation, tmp_path / "killed")
    command = [sys.executable, "-c", RUN, name, str(music), str(Path(__file__).parent), str(task.folder)]
    process = subprocess.Popen(command)
    for _ in range(4_000):
        if len(list(task.parts.glob("[0-9a-f]*.npz"))) >= 2 or process.poll() is not None:
            break
        time.sleep(0.01)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    [done] = extract(catalog, [task])
    assert done.reused >= 2
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_representations_that_go_together_decode_each_clip_once(
    music: Path, tmp_path: Path, decoded: list[str]
) -> None:
    models = {
        "svm": {"reads": ["features", "crossings"]},
        "cnn": {"reads": "mel", "layers": 2},
        "cnn-mel": {"reads": "log"},
    }
    read_inputs(config(music, models=models), tmp_path)
    assert sorted(decoded) == sorted(path.name for path in music.glob("*/*.wav"))


@pytest.fixture(scope="module")
def experiment(music: Path, tiny_encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """A model of each way to read rows, and one of images."""
    models = {
        "alone": {"type": "logistic", "reads": "crossings"},
        "beside": {"type": "logistic", "reads": ["features", "crossings"]},
        "encoded": {"type": "logistic", "reads": ["mn04_as", "musicnn:tags"]},
        "image": {"type": "cnn-mel", "reads": "mel", "epochs": 1, "channels": [4], "patience": 0},
    }
    split = {"method": "random", "test": 0.4, "valid": 0, "recordings": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REPRESENTATIONS, "crossings", crossings.KIND)
        return run_experiment(config(music, models=models, split=split), tmp_path_factory.mktemp("out"))


@pytest.mark.parametrize("model", ["alone", "beside", "encoded", "image"])
@pytest.mark.parametrize("workers", [1, 2])
def test_predicting_a_file_gives_the_bits_of_its_evaluation(
    experiment: Experiment, music: Path, model: str, workers: int
) -> None:
    from tonearm.experiment.runs import load_run

    row = next(row for row in experiment.rows if row.model == model)
    folder = experiment.folder_of(row)
    import csv

    with (folder / "predictions.csv").open(newline="") as file:
        evaluated = {line["filename"]: line for line in csv.DictReader(file)}
    found = predict(load_run(folder), [music / name for name in evaluated], workers)
    assert len(found.rows) == 12
    for answer, line in zip(found.rows, evaluated.values(), strict=True):
        assert {f"p_{label}": repr(value) for label, value in answer.probabilities.items()} == {
            key: value for key, value in line.items() if key.startswith("p_")
        }


@pytest.mark.parametrize("model", ["alone", "beside", "encoded", "image"])
def test_a_run_that_was_moved_predicts_the_same(
    experiment: Experiment, music: Path, tmp_path: Path, model: str
) -> None:
    row = next(row for row in experiment.rows if row.model == model)
    moved = shutil.copytree(experiment.folder_of(row), tmp_path / "moved")
    files = sorted((music / "low").glob("0*.wav"))
    assert predict(moved, files).rows == predict(experiment.folder_of(row), files).rows


def test_joined_rows_are_the_parts_side_by_side(music: Path, tmp_path: Path) -> None:
    models = {"svm": {"reads": ["features", "crossings"]}, "trees": {"reads": "features"}}
    settings = config(music, models=models)
    data = read_inputs(settings, tmp_path)
    joined, features = data.of(settings.models["svm"]), data.of(settings.models["trees"])
    assert np.array_equal(joined.X, np.hstack([features.X, data.datasets["crossings"].X]))
    assert joined.columns == represent(["features", "crossings"], settings).columns
    assert len(set(joined.columns)) == joined.X.shape[1]
    assert isinstance(restore(joined.representation), Joined)


def test_a_run_of_a_representation_that_is_not_here_is_refused_in_a_sentence(
    experiment: Experiment, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(REPRESENTATIONS, "crossings")
    row = next(row for row in experiment.rows if row.model == "alone")
    with pytest.raises(RunError, match="'crossings', which this tonearm does not have"):
        predict(experiment.folder_of(row), [music])


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ({"svm": {"reads": "mel"}}, "svm takes rows, and 'mel' gives images"),
        ({"cnn": {"reads": "features"}}, "cnn takes images, and 'features' gives rows"),
        ({"svm": {"reads": "featurs"}}, "did you mean 'features'"),
        ({"cnn": {"reads": "lyal"}}, "did you mean 'layl'"),
        ({"svm": {"reads": ["features", "features"]}}, "several different ones"),
        ({"svm": {"reads": []}}, "name one representation"),
    ],
)
def test_a_model_that_cannot_read_what_it_names_is_refused(models: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_config({"models": models})


def test_picture_is_still_understood_as_the_former_name_of_reads() -> None:
    assert parse_config({"models": {"cnn": {"picture": "mel"}}}).models["cnn"].reads == "mel"
    with pytest.raises(ConfigError, match="former name"):
        parse_config({"models": {"cnn": {"picture": "mel", "reads": "mel"}}})


def test_facts_that_make_no_sense_are_told() -> None:
    with pytest.raises(RepresentationError, match="do not describe 'features'"):
        restore({"kind": "features", "definition": 1, "audio": {"sr": -1}, "features": {}, "columns": []})


def test_a_preset_that_has_gained_a_family_still_computes_a_saved_runs_columns(
    music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonearm.representations.features import presets
    from tonearm.representations.features.families import FAMILIES

    facts = represent(["features"], parse_config({"features": {"preset": "basic"}})).facts()
    with ClipSound(music / "low" / "00.wav") as sound:
        [before] = restore(facts).open().read([sound])
        presets.plan.cache_clear()
        presets.choose.cache_clear()
        monkeypatch.setitem(FAMILIES, "another", FAMILIES["rms"])
        grown = represent(["features"], parse_config({"features": {"preset": "basic"}}))
        assert len(grown.columns) > len(facts["columns"])
        [after] = restore(facts).open().read([sound])
    presets.plan.cache_clear()
    presets.choose.cache_clear()
    assert after.tobytes() == before.tobytes()
