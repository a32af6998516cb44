"""Features of the user's own: their numbers join the columns, and a clip that they cannot describe has its reason."""

# ruff: noqa: F811  # the fixture `music` is an argument, too

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

import signals
from test_experiment import FEATURES, config, music  # noqa: F401  # the fixture
from tonearm.api import extract_features, extract_table, load_audio, predict
from tonearm.cli import app
from tonearm.config import load_config
from tonearm.data.described import own_families
from tonearm.errors import ConfigError, RunError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.records import DamagedError
from tonearm.representations.base import digest_of
from tonearm.representations.features.representation import Features
from tonearm.runtime.owncode import UntrustedError, distrusting, read_source, trusting
from tonearm.settings import AudioSettings, FeatureSettings

CHOSEN: dict[str, Any] = dict(FEATURES)
MINE = """
import numpy as np

def peaks(samples, sr):
    samples *= 1.0  # it may change its copy
    return {"peak": float(np.abs(samples).max()), "seconds": len(samples) / sr}

def picky(samples, sr):
    if len(samples) < 5 * sr:
        raise ValueError("too short")
    return {"one": 1}

def moody(samples, sr):
    return {"one": 1} if len(samples) > 5 * sr else {"two": 2}

def endless(samples, sr):
    return {"one": 1.0 if len(samples) > 5 * sr else float("nan")}

def same(samples, sr):
    return {"rms_mean": 1}

def words(samples, sr):
    return {"mood": "sad"}

def number(samples, sr):
    return 3
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mine") / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture(scope="module")
def owned(music: Path, mine: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    features = {**CHOSEN, "extra": [f"{mine}:peaks"]}
    wanted = config(music, features=features, models={"logistic": {}})
    return run_experiment(wanted, tmp_path_factory.mktemp("out"))


def test_the_columns_are_what_the_function_gives(owned: Experiment, music: Path, mine: Path) -> None:
    namespace: dict[str, object] = {}
    exec(MINE, namespace)
    found = pd.read_csv(owned.out / "features" / "features.csv")
    assert list(found.columns[-2:]) == ["peak", "seconds"]
    for row in found.sample(5, random_state=0).itertuples():
        samples = load_audio(music / str(row.filename))
        expected = namespace["peaks"](samples.copy(), 22_050)  # type: ignore[operator]
        assert {"peak": row.peak, "seconds": row.seconds} == expected
        given = extract_features(samples, 22_050, **CHOSEN, extra=[f"{mine}:peaks"])
        assert given == {name: getattr(row, name) for name in found.columns[4:]}


def test_workers_give_the_same_table(owned: Experiment, music: Path, mine: Path, tmp_path: Path) -> None:
    data = {"metadata": str(music / "metadata.csv")}
    extract_table(music, tmp_path, workers=2, data=data, **CHOSEN, extra=[f"{mine}:peaks"])
    assert (tmp_path / "features.csv").read_bytes() == (owned.out / "features" / "features.csv").read_bytes()


def test_prediction_needs_trust_and_gives_the_bits_of_the_evaluation(
    owned: Experiment, music: Path, mine: Path, tmp_path: Path
) -> None:
    run = tmp_path / "moved"
    shutil.copytree(owned.folder_of(owned.rows[0]), run)
    with pytest.raises(RunError, match=r"needs mine\.py:peaks.*--trust .*code/mine-\w{8}\.py"):
        predict(run, music / "treble/32.wav")
    found = predict(run, music / "treble/32.wav", trust=next((run / "code").iterdir())).rows[0]
    with (run / "predictions.csv").open(newline="") as file:
        [row] = [row for row in csv.DictReader(file) if row["filename"] == "treble/32.wav"]
    assert found.probabilities == {label: float(row[f"p_{label}"]) for label in found.probabilities}
    facts = json.loads((run / "run.json").read_text())
    assert [(one["object"], one["used"]) for one in facts["own"]] == [("mine.py:peaks", "features")]
    assert facts["representation"]["extra"][0]["columns"] == ["peak", "seconds"]
    assert "extra" not in facts["representation"]["features"]


def test_processes_predict_with_what_was_trusted(owned: Experiment, music: Path, mine: Path) -> None:
    run = owned.folder_of(owned.rows[0])
    asking = ["predict", str(run), str(music / "treble"), "--trust", str(mine), "--json"]
    alone, many = (CliRunner().invoke(app, [*asking, *more]) for more in ([], ["--workers", "2"]))
    assert alone.exit_code == many.exit_code == 0
    assert json.loads(alone.stdout) == json.loads(many.stdout)


def test_a_clip_that_it_cannot_describe_has_its_reason(mine: Path, tmp_path: Path) -> None:
    for name, seconds in (("short", 0.4), ("long", 6.0)):
        soundfile.write(tmp_path / f"{name}.wav", signals.tone(440.0, seconds, 0.3), signals.SR, subtype="FLOAT")
    expected = {
        "picky": "mine.py:picky failed: ValueError: too short in line 10 of mine.py",
        "moody": "mine.py:moody gives no number 'one' here; names must be the same for every clip",
        "endless": "mine.py:endless gives one = nan, which is not finite",
    }
    for name, reason in expected.items():
        table = extract_table(tmp_path, tmp_path / "out" / name, **CHOSEN, extra=[f"{mine}:{name}"])
        assert table.names.tolist() == ["long.wav"]
        assert table.X[0, -1] == 1.0
        with (tmp_path / "out" / name / "failures.csv").open(newline="") as file:
            [failure] = csv.DictReader(file)
        assert failure == {"filename": "short.wav", "kind": "extra", "reason": reason}


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("same", "gives a number named 'rms_mean', which is a column of the preset or families too"),
        ("words", "gives a str as 'mood'; it must be a number"),
        ("number", "gives a int; it must give a dict of names to numbers"),
        ("nothing", "has no function or class 'nothing'"),
    ],
)
def test_a_function_that_does_not_fit_is_refused_before_any_clip_is_read(name: str, word: str, mine: Path) -> None:
    settings = FeatureSettings.model_validate({**CHOSEN, "extra": [f"{mine}:{name}"]})
    with pytest.raises(ConfigError, match=rf"features\.extra: .*{word}"):
        Features.of(AudioSettings(), settings)


def test_two_functions_must_not_share_a_name(mine: Path) -> None:
    settings = FeatureSettings.model_validate({**CHOSEN, "extra": [f"{mine}:picky", f"{mine}:moody"]})
    with pytest.raises(ConfigError, match=r"named 'one', which is a column of .*mine\.py:picky too"):
        Features.of(AudioSettings(), settings)


def test_a_changed_file_computes_again_and_one_without_functions_has_the_facts_of_before(mine: Path) -> None:
    plain = Features.of(AudioSettings(), FeatureSettings.model_validate(FEATURES))
    assert "extra" not in json.dumps(plain.facts())
    other = mine.with_name("other.py")
    digests = []
    for text in (MINE, MINE + "# changed"):
        other.write_text(text)
        own = Features.of(AudioSettings(), FeatureSettings.model_validate({**CHOSEN, "extra": [f"{other}:peaks"]}))
        digests.append(digest_of(own.facts()))
        assert own_families(own.facts()) == {"peak": "peaks", "seconds": "peaks"}
    assert len({*digests, digest_of(plain.facts())}) == 3


def test_the_path_is_relative_to_the_config_file(mine: Path) -> None:
    path = mine.with_name("config.toml")
    path.write_text('[features]\nextra = ["mine.py:peaks"]\n')
    assert load_config(path).features.extra == (f"{mine}:peaks",)


def test_a_config_from_a_results_folder_runs_nothing(owned: Experiment, mine: Path) -> None:
    found = load_config(owned.out / "config.toml")
    with distrusting(), pytest.raises(UntrustedError):
        Features.build("features", found)
    source = read_source(f"{mine}:peaks")
    with distrusting(), trusting([source]):
        assert Features.build("features", found).columns[-1] == "seconds"


@pytest.mark.parametrize(
    "extra",
    [3, [3], [{}], [{"object": "os:system", "sha256": "x", "columns": ["a"]}], [{"object": "os:system", "columns": 3}]],
)
def test_damaged_facts_of_functions_are_told(extra: Any, owned: Experiment, music: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(owned.folder_of(owned.rows[0]), run)
    facts = json.loads((run / "run.json").read_text())
    facts["representation"]["extra"] = extra
    (run / "run.json").write_text(json.dumps(facts))
    with pytest.raises(DamagedError, match="extra"):
        predict(run, music / "treble/32.wav")
