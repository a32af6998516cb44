"""Changed copies of training clips: trained on and never judged."""

# ruff: noqa: F811  # the fixture `music` is an argument, too

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from test_experiment import FEATURES, config, music  # noqa: F401  # the fixture
from tonearm.api import extract_features, load_audio
from tonearm.config import Config
from tonearm.errors import ConfigError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.inputs import ModelInputs, read_inputs
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.runs import load_run
from tonearm.models import MODELS
from tonearm.settings import TrainSettings
from tonearm.training.engine import TorchClassifier

MINE = """
import numpy as np

def same(samples, sr, generator):
    return samples

def louder(samples, sr, generator):
    samples *= generator.uniform(0.3, 3.0)
    return samples

def longer(samples, sr, generator):
    return np.repeat(samples, 2)

def picky(samples, sr, generator):
    if len(samples) < sr and np.abs(np.diff(samples)).mean() > 0.05:
        raise ValueError("too shrill")
    return samples

def text(samples, sr, generator):
    return "samples"
"""
LOGISTIC: dict[str, Any] = {"logistic": {}}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mine") / "mine.py"
    path.write_text(MINE)
    return path


def wanted(music: Path, mine: Path, name: str, copies: int = 1, **sections: Any) -> Config:
    return config(music, augment={"object": f"{mine}:{name}", "copies": copies}, **{"models": LOGISTIC, **sections})


@pytest.fixture(scope="module")
def doubled(music: Path, mine: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Experiment, list[str]]:
    """Two folds, with each clip's copy unchanged."""
    said: list[str] = []
    models = {"logistic": {}, "cnn": {"epochs": 1, "reads": "mel", "layers": 2}}
    spectrogram = {"width": 32, "height": 32}
    asked = wanted(music, mine, "same", models=models, spectrogram=spectrogram, split={"folds": 2, "keep": "folds"})
    return run_experiment(asked, tmp_path_factory.mktemp("out"), said.append), said


def test_copies_that_are_the_clips_are_each_row_twice(
    doubled: tuple[Experiment, list[str]], music: Path, tmp_path: Path
) -> None:
    experiment, said = doubled
    data = read_inputs(config(music, models=LOGISTIC), tmp_path).clips
    for split in experiment.division.splits:
        rows = np.concatenate([split.train, split.train])
        model: Any = MODELS["logistic"].build(MODELS["logistic"].settings.model_validate({}), TrainSettings())
        expected = model.fit(data.X[rows], data.labels[rows])
        run = load_run(experiment.out / "runs" / "logistic" / split.name)
        assert_array_equal(run.classifier.predict_proba(data.X), expected.predict_proba(data.X))
        assert run.facts.copies == len(split.train)
        assert f"accuracy with {len(split.train)} copies" in next(
            one for one in said if one.startswith(f"logistic, {split.name}")
        )


def test_no_copy_is_judged_or_counted(doubled: tuple[Experiment, list[str]], music: Path) -> None:
    experiment, said = doubled
    names = [
        f"{label}/{band}{take}.wav" for label in ("bass", "middle", "treble") for band in range(4) for take in range(4)
    ]
    judged: list[str] = []
    for split in experiment.division.splits:
        for model in ("logistic", "cnn"):
            table = read_predictions(experiment.out / "runs" / model / split.name)
            assert len(set(table.names)) == len(table.names) == len(names)
            judged += table.of_part("test").names.tolist() if model == "cnn" else []
    assert sorted(judged) == names
    assert len((experiment.out / "splits.csv").read_text().splitlines()) == 1 + len(names)
    assert experiment.unusable == 1
    assert any("48 copies are there, changed by augment.object" in line for line in said)
    facts = json.loads((experiment.out / "runs/logistic/fold1/run.json").read_text())
    assert [(one["object"], one["used"]) for one in facts["own"]] == [("mine.py:same", "augment")]
    assert "augment" not in facts["representation"]


def copied(music: Path, mine: Path, out: Path, name: str, seed: int = 0, copies: int = 1) -> ModelInputs:
    return read_inputs(wanted(music, mine, name, copies, train={"seed": seed}), out)


def test_the_seed_decides_and_each_copy_has_numbers_of_its_own(music: Path, mine: Path, tmp_path: Path) -> None:
    first = copied(music, mine, tmp_path / "a", "louder", copies=2).copies["features"]
    assert first.names.tolist() == 2 * first.names[:48].tolist()
    again = copied(music, mine, tmp_path / "b", "louder", copies=2).copies["features"]
    assert_array_equal(first.X, again.X)
    other = copied(music, mine, tmp_path / "b", "louder", seed=1).copies["features"]
    one, two = first.X[:48], first.X[48:]
    for pair in ((one, two), (one, other.X)):
        assert not np.isclose(*pair).all(axis=1).any()


def test_features_are_those_of_the_changed_samples(music: Path, mine: Path, tmp_path: Path) -> None:
    copies = copied(music, mine, tmp_path, "longer").copies["features"]
    name = "middle/21.wav"
    expected = extract_features(np.repeat(load_audio(music / name), 2), 22_050, **FEATURES)  # type: ignore[arg-type]
    row = copies.X[copies.names.tolist().index(name)]
    assert dict(zip(copies.columns, row.tolist(), strict=True)) == expected


def test_a_copy_that_cannot_be_made_is_left_out_and_its_clip_stays(music: Path, mine: Path, tmp_path: Path) -> None:
    data = copied(music, mine, tmp_path, "picky")
    left_out = set(data.clips.names) - set(data.copies["features"].names)
    assert 0 < len(left_out) < 48
    assert len(data.clips) == 48
    assert any(
        f"{len(left_out)} copies were not made: mine.py:picky failed: ValueError: too shrill" in one
        for one in data.notes
    )


def test_copies_of_rows_held_out_for_validation_are_not_trained_on(
    doubled: tuple[Experiment, list[str]], music: Path, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that stops early splits its own rows where it is given no validation clips."""
    seen: list[Any] = []
    fit = TorchClassifier.fit

    def watched(self: Any, *rows: Any) -> Any:
        seen.append(rows)
        return fit(self, *rows)

    monkeypatch.setattr(TorchClassifier, "fit", watched)
    models = {"mlp": {"epochs": 2, "patience": 1}}
    run_experiment(wanted(music, mine, "same", models=models, split={"valid": 0.0, "test": 0.25}), tmp_path)
    [(X, _, held, _)] = seen
    assert len(X) % 2 == 0
    assert not {row.tobytes() for row in X} & {row.tobytes() for row in held}


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("text", "gives a str; it must give samples of one channel"),
        ("nothing", "has no function or class 'nothing'"),
    ],
)
def test_a_function_that_does_not_fit_is_refused(name: str, word: str, music: Path, mine: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"augment\.object = .*{word}"):
        read_inputs(wanted(music, mine, name), tmp_path)


def test_a_table_has_no_sound_to_change(doubled: tuple[Experiment, list[str]], mine: Path, tmp_path: Path) -> None:
    table = doubled[0].out / "features" / "features.csv"
    with pytest.raises(ConfigError, match=r"augment\.object: changes the sound of clips, and .* is a table"):
        read_inputs(wanted(table, mine, "same"), tmp_path)
