"""Models, feature families and encoders of installed packages: found by name, loaded only when they are asked for."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from test_experiment import FEATURES, config, music  # noqa: F401  # the fixture
from tonearm.cli.app import app
from tonearm.config import parse_config
from tonearm.errors import ConfigError, RepresentationError
from tonearm.experiment.experiment import run_experiment
from tonearm.models import MODELS
from tonearm.prediction import predict
from tonearm.representations.encoders.locate import find_encoder
from tonearm.representations.encoders.registry import ENCODERS
from tonearm.representations.features import feature_columns
from tonearm.representations.features.families import FAMILIES
from tonearm.representations.features.representation import Features
from tonearm.settings import AudioSettings, FeatureSettings

# ruff: noqa: F811  # the fixture `music` is an argument, too

PACKAGE = """
from typing import Literal
from pydantic import Field
from tonearm.dsp.spectrum import Spectrum
from tonearm.models.base import Model, ModelSettings
from tonearm.representations.encoders.registry import ENCODERS
from tonearm.representations.features.families import Family
import dataclasses

class Settings(ModelSettings):
    type: Literal["bayes-plus"] = "bayes-plus"
    smoothing: float = Field(1e-9, gt=0, description="smoothing")

def build(settings, train):
    from sklearn.naive_bayes import GaussianNB
    return GaussianNB(var_smoothing=settings.smoothing)

BAYES = Model(Settings, build)
PEAK = Family(lambda clip: abs(clip.y).max()[None, None], 1, "full scale", "largest sample", "ours", scalar=True)
_ours = next(iter(ENCODERS.values()))
ENCODER = dataclasses.replace(_ours, encoder=dataclasses.replace(_ours.encoder, name="ear-plus"))
NOT = 3
"""
POINTS = """
[tonearm.models]
bayes-plus = plus_package:BAYES
logistic = plus_package:BAYES
number = plus_package:NOT
broken = plus_broken:MODEL
misnamed = plus_package:BAYES

[tonearm.features]
peak-plus = plus_package:PEAK

[tonearm.encoders]
ear-plus = plus_package:ENCODER
musicnn = plus_package:ENCODER
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on the path with a distribution that registers entries, good and bad."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "plus_package.py").write_text(PACKAGE)
    (folder / "plus_broken.py").write_text("raise RuntimeError('half installed')\n")
    about = folder / "plus_package-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plus-package\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(POINTS)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in ("plus_package", "plus_broken"):
        sys.modules.pop(name, None)


def test_a_model_is_found_by_its_name_trained_saved_and_loaded(installed: Path, music: Path, tmp_path: Path) -> None:
    wanted = config(music, models={"bayes-plus": {"smoothing": 1e-3}, "other": {"type": "bayes-plus"}})
    experiment = run_experiment(wanted, tmp_path / "out")
    assert [row.error for row in experiment.rows] == ["", ""]
    for row in experiment.rows:
        [found] = predict(experiment.folder_of(row), [music / "treble/32.wav"]).rows
        assert found.label == "treble"
    with pytest.raises(ConfigError, match=r"models\.other\.smoothing = 0: must be a number > 0"):
        parse_config({"models": {"other": {"type": "bayes-plus", "smoothing": 0}}})


def test_a_family_gives_columns_where_it_is_chosen_and_changes_no_preset(installed: Path) -> None:
    preset = feature_columns(FeatureSettings())
    chosen = FeatureSettings(families=("rms", "peak-plus"), statistics=("mean",))
    assert feature_columns(chosen) == ("rms_mean", "peak-plus")
    assert feature_columns(FeatureSettings()) == preset
    facts = Features.of(AudioSettings(), chosen).facts()
    assert facts["packages"] == {"peak-plus": "plus-package 1.2"}
    assert Features.restore(facts).facts() == facts
    with pytest.raises(RepresentationError, match=r"plus-package 1\.1"):
        Features.restore({**facts, "packages": {"peak-plus": "plus-package 1.1"}})
    family = FAMILIES["peak-plus"]
    assert family.unit == "full scale"


def test_an_encoder_is_found_by_its_name(installed: Path) -> None:
    located, layer = find_encoder("ear-plus:hidden")
    assert (located.encoder.name, layer) == ("ear-plus", "hidden")
    assert parse_config({"models": {"mlp": {"reads": "ear-plus"}}}).models["mlp"].reads == "ear-plus"
    with pytest.raises(RepresentationError, match=r"is not an encoder; known: .*ear-plus"):
        find_encoder("nowhere")


def test_what_is_wrong_is_said_when_the_name_is_asked_for(installed: Path) -> None:
    for name, word in {
        "logistic": r"plus-package 1\.2 registers this name too \(tonearm\.models\), which is one of tonearm's",
        "number": r"plus-package 1\.2 \(plus_package:NOT\) cannot be used: TypeError: it is a int",
        "broken": r"\(plus_broken:MODEL\) cannot be used: RuntimeError: half installed",
        "misnamed": "the type of its settings is 'bayes-plus'",
        "unknown": "is not a model; .*bayes-plus.*broken",
    }.items():
        with pytest.raises(ConfigError, match=word):
            parse_config({"models": {"mine": {"type": name}}})
    with pytest.raises(ConfigError, match=r"encoder 'musicnn': the installed package plus-package 1\.2 registers"):
        parse_config({"models": {"mine": {"type": "mlp", "reads": "musicnn"}}})
    assert parse_config({"models": {"mlp": {}}}).models["mlp"].type == "mlp"


def test_listings_name_the_others_beside_a_broken_one(installed: Path) -> None:
    done = CliRunner().invoke(app, ["encoders", "--json"])
    assert '"ear-plus"' in done.stdout
    done = CliRunner().invoke(app, ["features"])
    assert "peak-plus" in done.stdout
    assert set(ENCODERS.usable()[0]) >= {"ear-plus", "mn04_as"}
    models, reasons = MODELS.usable()
    assert "bayes-plus" in models
    assert len(reasons) == 3
    assert np.all(["cannot be used" in reason for reason in reasons])


def test_names_are_read_without_importing_the_package(installed: Path) -> None:
    code = "import sys, tonearm; from tonearm.config import parse_config; parse_config({'models': {'mlp': {}}}); "
    code += "from tonearm.models import MODELS; assert 'bayes-plus' in MODELS and 'bayes-plus' in MODELS.names(); "
    code += "print(sorted({'plus_package', 'sklearn', 'torch', 'librosa'} & set(sys.modules)))"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {code}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"
