"""What pretrained networks know from elsewhere is said wherever their models' scores stand; leaks in their rows too."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import encoder_files
import signals
from tonearm import demo
from tonearm.config import parse_config
from tonearm.data.dataset import Dataset
from tonearm.errors import ConfigError, RepresentationError, SplitError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.pretrained import pretrained
from tonearm.models.logistic import LogisticSettings
from tonearm.report import write_report
from tonearm.representations.encoders.registry import ENCODERS
from tonearm.representations.encoders.representation import Embeddings
from tonearm.representations.encoders.weights import get_weights

HEARD = "it may have heard the very recordings of this test, which no split can keep apart"


@pytest.fixture(scope="module")
def experiment(tiny_encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Models that read two encoders, one of them by two layers; one clip is broken, one silent."""
    folder = tmp_path_factory.mktemp("encoded")
    for number in range(12):
        path = folder / "music" / ("low", "high")[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, signals.tone(200.0 + 10 * number + 2_000 * (number % 2), 0.5), signals.SR)
    (folder / "music" / "low" / "words.wav").write_text("no music")
    soundfile.write(folder / "music" / "low" / "silent.wav", np.zeros(8_000), 8_000)
    models = {
        "tagged": {"type": "logistic", "reads": "musicnn"},
        "one": {"type": "logistic", "reads": "mn04_as"},
        "two": {"type": "logistic", "reads": ["mn04_as:hidden", "musicnn"]},
    }
    split = {"method": "random", "test": 0.4, "valid": 0, "recordings": False}
    config = parse_config({"data": {"folder": str(folder / "music")}, "models": models, "split": split})
    return run_experiment(config, folder / "out")


def test_the_leaderboard_says_what_each_encoder_was_trained_on(experiment: Experiment) -> None:
    board = json.loads((experiment.out / "leaderboard.json").read_text())
    said = {one["name"]: one for one in board["encoders"]}
    assert {name: one["models"] for name, one in said.items()} == {
        "MSD_musicnn": ["tagged", "two"],
        "mn04_as": ["one", "two"],
    }
    text = (experiment.out / "leaderboard.md").read_text()
    for name, one in said.items():
        card = ENCODERS[name].encoder.card
        assert one["trained_on"] == card.trained_on
        assert f"trained on {card.trained_on}: {card.genres}; {HEARD}" in one["sentence"]
        assert one["sentence"] in text.splitlines()
        assert text.index("| two |") < text.index(one["sentence"]) < text.index(board["verdict"])


def test_the_report_says_it_too_and_names_the_clips_that_no_encoder_could_read(experiment: Experiment) -> None:
    html = write_report(experiment.out, audio=False).read_text()
    trained_on = ENCODERS["mn04_as"].encoder.card.trained_on
    assert f"<p>The encoder mn04_as, which one, two read, was trained on {trained_on}: " in html
    assert HEARD in html
    assert "2 clips could not be used" in html
    assert "<li>low/words.wav: " in html
    assert "<li>low/silent.wav: " in html


def test_models_of_features_alone_say_nothing_of_encoders() -> None:
    assert pretrained({"logistic": ["features"]}) == ()


def test_an_encoder_that_does_not_say_what_it_was_trained_on_may_know_everything(tmp_path: Path) -> None:
    (tmp_path / "encoder.toml").write_text("sr = 16000\nwindow = 1.0\nlayers = { out = 5 }\n")
    [mine] = pretrained({"mine": [f"onnx:{tmp_path}"]})
    assert mine.sentence().endswith(
        "which mine reads, does not say what it was trained on: it may know genres, and the recordings of this test"
    )
    [gone] = pretrained({"mine": [f"onnx:{tmp_path}/gone"]})
    assert "does not say what it was trained on" in gone.sentence()
    with (tmp_path / "encoder.toml").open("a") as file:
        file.write('[card]\ntrained_on = "birdsong"\n')
    [birds] = pretrained({"mine": [f"onnx:{tmp_path}"]})
    assert birds.sentence().endswith("which mine reads, was trained on birdsong")


def test_sliced_songs_are_seen_in_the_rows_of_an_encoder(tiny_encoders: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    songs = np.repeat(np.arange(90), 8)
    config = parse_config({"models": {"one": {"type": "logistic", "reads": "mn04_as"}}, "split": {"valid": 0.2}})
    encoder = Embeddings.of("mn04_as", config.audio, config.encoders)
    X = np.zeros((len(songs), len(encoder.columns)))
    centres = random.normal(size=(90, 30)) + 0.08 * (np.arange(90) % 3)[:, None]
    X[:, :30] = centres[songs] + 0.05 * random.normal(size=(len(songs), 30))
    names = np.array([f"{song}.{number}.wav" for number, song in enumerate(songs)], dtype=object)
    labels = np.array(["xyz"[song % 3] for song in songs], dtype=object)
    unknown = np.full(len(songs), "", dtype=object)
    rows = Dataset(X, names, labels, unknown, unknown, encoder.columns, encoder.facts())
    with pytest.raises(
        SplitError, match=r"the nearest training clip by mn04_as alone tells \d+% of .*slices of one song"
    ):
        run_experiment(config, tmp_path / "out", data=ModelInputs({"mn04_as": rows}, {}, (), 0))
    apart = dataclasses.replace(rows, groups=songs.astype(str).astype(object))
    run_experiment(config, tmp_path / "apart", data=ModelInputs({"mn04_as": apart}, {}, (), 0))


def test_the_demo_shows_an_encoder_whose_weights_are_here_and_says_why_it_leaves_one_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEARM_CACHE", str(tmp_path))
    said: list[str] = []
    assert demo.encoder_models(said.append) == {}
    assert said.pop().startswith("musicnn, a pretrained network, is left out: musicnn==0.1.0: is not fetched")
    for name in ("MSD_musicnn", "MTT_musicnn"):
        encoder_files.keep_tiny(name, tmp_path)
    models = demo.encoder_models(said.append)
    assert parse_config({"models": models}).models == {"musicnn": LogisticSettings(reads="musicnn")}
    assert said == []
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert demo.encoder_models(said.append) == {}
    assert 'pip install "tonearm[encoders]"' in said.pop()


def test_nothing_is_fetched_where_that_is_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONEARM_CACHE", str(tmp_path))
    for name, place in (("mn04_as", "https://github.com/"), ("musicnn", "musicnn==0.1.0: ")):
        with pytest.raises(RepresentationError, match=f"^{place}.*is not fetched, since TONEARM_OFFLINE is set"):
            get_weights(name)


def test_a_table_of_an_encoder_says_how_a_model_reads_it(experiment: Experiment, tmp_path: Path) -> None:
    table = experiment.out / "mn04_as" / "mn04_as.parquet"
    config = parse_config({"data": {"folder": str(table)}, "models": {"logistic": {}}})
    with pytest.raises(ConfigError, match=r'is a table of mn04_as; set models\.logistic\.reads = "mn04_as"'):
        run_experiment(config, tmp_path / "out")
