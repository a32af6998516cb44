"""The config: what a file and overrides give, and what a mistake is told."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from encoder_files import keep_tiny
from tonearm.config import Config, load_config, parse_config, template, to_toml
from tonearm.errors import ConfigError
from tonearm.models import MODELS
from tonearm.models.logistic import LogisticSettings
from tonearm.settings import PictureKind


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_given_is_all_defaults() -> None:
    config = load_config()
    assert config == Config()
    assert list(config.models) == ["logistic", "mlp"]


def test_the_type_of_a_model_defaults_to_its_name(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, '[models.logistic]\n[models.weak]\ntype = "logistic"\nC = 0.01\n'))
    assert config.models == {"logistic": LogisticSettings(), "weak": LogisticSettings(C=0.01)}


def test_overrides_stand_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[train]\nseed = 1\nworkers = 2\n[models.svm]\n")
    overrides = ["train.seed=3", "split.method=group", "models.svm.C = 2.5", 'features.families=["rms", "tempo"]']
    config = load_config(path, overrides)
    assert (config.train.seed, config.train.workers, config.split.method) == (3, 2, "group")
    assert config.features.families == ("rms", "tempo")
    assert config.models["svm"].model_dump()["C"] == 2.5


def test_data_paths_are_relative_to_the_config_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, '[data]\nfolder = "music"\nmetadata = "/somewhere/m.csv"\n'))
    assert config.data.folder == str(tmp_path / "music")
    assert config.data.metadata == "/somewhere/m.csv"


def test_an_override_of_a_path_is_relative_to_where_it_is_typed(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, ""), ["data.folder=music"]).data.folder == "music"


def test_written_settings_load_as_the_same_config(tmp_path: Path) -> None:
    values = {name: {"type": name} for name in MODELS} | {"deep": {"type": "mlp", "hidden": [8], "dropout": 0.5}}
    config = parse_config({"models": values, "audio": {"duration": 2.5}, "features": {"statistics": ["mean"]}})
    assert load_config(write(tmp_path, to_toml(config))) == config


def test_template_lists_every_setting_and_loads_as_the_defaults(tmp_path: Path) -> None:
    text = template()
    assert load_config(write(tmp_path, text)) == Config()
    for model in MODELS.values():
        assert all(f"\n# {key} = " in text or f"\n{key} = " in text for key in model.settings.model_fields)
    uncommented = re.sub(r"^# (\w+ = \S|\[)", r"\1", text, flags=re.MULTILINE)
    assert set(load_config(write(tmp_path, uncommented)).models) == {*MODELS, "musicnn"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[trian]\nseed = 1", ["trian", "did you mean 'train'?"]),
        ("[train]\nsede = 1", ["train.sede", "did you mean 'seed'?"]),
        ("[train]\nseed = -1", ["train.seed = -1", ">= 0"]),
        ("[train]\nseed = 'x'", ["train.seed = 'x'", "a whole number"]),
        ("train = 3", ["train = 3", "a table"]),
        ("[split]\nmethod = 'groups'", ["split.method = 'groups'", "'group'", "'listed'"]),
        ("[audio]\nduration = 0", ["audio.duration = 0", "a number > 0 and <= 1000000 or absent"]),
        ("[models.logistc]", ["models.logistc", "did you mean 'logistic'?"]),
        ("[models.a]\ntype = 'tree'", ["models.a.type = 'tree'", "did you mean 'trees'?", "boosting"]),
        ("[models.a]\ntype = 3", ["models.a.type = 3", "is not a model"]),
        ("[models.mlp]\nhiden = [3]", ["models.mlp.hiden", "did you mean 'hidden'?"]),
        ("[models.mlp]\nlearning_rate = inf", ["models.mlp.learning_rate = inf", "> 0"]),
        ("[models.mlp]\nhidden = [0]", ["models.mlp.hidden = 0", ">= 1"]),
        ("[models.svm]\ngamma = 'auto'", ["models.svm.gamma", "'auto'", "'scale'"]),
        ("[models]\nlogistic = 3", ["models.logistic = 3", "[models.logistic]"]),
        ("[models]", ["at least one model"]),
        ("[models.'a/b']\ntype = 'svm'", ["models.a/b", "folder"]),
        ("[features]\nfamilies = ['mfc']", ["'mfc'", "did you mean 'mfcc'?"]),
        ("[features]\nn_mfcc = 100\nn_mels = 40\npreset = 'full'", ["features.n_mfcc = 100", "40"]),
        ("[spectrogram]\ncolour_map = 'viridsi'", ["spectrogram.colour_map = 'viridsi'", "did you mean 'viridis'?"]),
        ("[spectrogram]\nkinds = ['mel', 'lin']", ["spectrogram.kinds = 'lin'", "'linear'"]),
        ("[spectrogram]\nkinds = ['liner']", ["spectrogram.kinds = 'liner'", "did you mean 'linear'?"]),
        ("[features]\nstatistics = ['meen']", ["features.statistics = 'meen'", "did you mean 'mean'?"]),
        ("[models.mlp]\nepochs = '10'", ["models.mlp.epochs = '10': must be a whole number >= 1"]),
        ("[models.mlp]\nhidden = [8, '4']", ["models.mlp.hidden = [8, '4']: must be a list, each a whole number >= 1"]),
        ("[split]\nfolds = true", ["split.folds = True: must be a whole number"]),
        ("[split]\nrecordings = 'yes'", ["split.recordings = 'yes': must be true or false"]),
        ("[train]\ncalibrate = 1", ["train.calibrate = 1: must be true or false"]),
        ("[audio]\nduration = '3'", ["audio.duration = '3': must be a number > 0"]),
        ("[split]\nleaks = 'alow'", ["did you mean 'allow'? must be one of 'refuse', 'allow'"]),
        ("[models.mlp]\noptimizer = 'adamv'", ["models.mlp.optimizer = 'adamv'", "did you mean 'adam"]),
        ("[models.svm]\ngamma = 'scal'", ["did you mean 'scale'?"]),
        ("[models.cnn]\npicture = 'mell'", ["models.cnn.reads: 'mell'", "did you mean 'mel'?"]),
        ("x = ", ["is not TOML", "Invalid value"]),
    ],
)
def test_a_mistake_is_told_with_file_key_value_and_remedy(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert all(line.startswith(str(path)) for line in str(caught.value).splitlines())
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("override", "word"),
    [
        ("split.metod=random", "did you mean 'method'?"),
        ("train.seed", "a key, =, and a value"),
        ("=3", "a key, =, and a value"),
        ("a b=3", "a key, =, and a value"),
        ("a={}\nb=3", "is not a setting"),
        ("data.folder.x=3", "not a table"),
    ],
)
def test_a_wrong_override_is_told_as_it_was_typed(tmp_path: Path, override: str, word: str) -> None:
    with pytest.raises(ConfigError, match=r"--set ") as caught:
        load_config(write(tmp_path, "[data]\nfolder = 'x'"), [override])
    assert word in str(caught.value)


def test_all_mistakes_of_a_model_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, "[models.logistic]\nC = -1\nsolver = 'x'"))
    assert "models.logistic.C" in str(caught.value)
    assert "models.logistic.solver" in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such config file"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(tmp_path / "latin.toml")


def test_kinds_of_pictures_are_declared_as_they_are_drawn() -> None:
    from tonearm.representations.spectrogram import KINDS

    assert get_args(PictureKind) == tuple(KINDS)


def test_a_wrong_word_is_refused_whichever_way_it_is_set() -> None:
    for values in ({"colour_map": "viridsi"}, {"kinds": ("liner",)}):
        with pytest.raises(ConfigError, match=r"did you mean '(viridis|linear)'"):
            parse_config({"spectrogram": values})
        with pytest.raises(ConfigError, match=r"did you mean '(viridis|linear)'"):
            load_config(None, (), {"spectrogram": values})
    with pytest.raises(ConfigError) as caught:
        parse_config({"spectrogram": {"kinds": ("liner",)}})
    assert len(str(caught.value).splitlines()) == 1  # and not too short as well
    with pytest.raises(ConfigError, match="did you mean 'viridis'"):
        load_config(None, ["spectrogram.colour_map=viridsi"])
    assert parse_config({"spectrogram": {"colour_map": "viridis_r"}}).spectrogram.colour_map == "viridis_r"


def test_reading_a_config_loads_no_heavy_library() -> None:
    code = (
        "import sys, tonearm.config as c; c.Config(); c.template();"
        "print([m for m in ('torch', 'sklearn', 'librosa', 'scipy', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_encoder_at_hand_is_among_the_default_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONEARM_CACHE", str(tmp_path / "cache"))
    absent = template()
    assert "# [models.musicnn]" in absent
    assert "tonearm encoders get musicnn" in absent
    keep_tiny("MSD_musicnn", tmp_path / "cache")
    assert list(Config().models) == ["logistic", "mlp", "musicnn"]
    assert Config().models["musicnn"] == LogisticSettings(reads="musicnn")
    assert load_config(write(tmp_path, template())) == Config()
    assert load_config(write(tmp_path, absent)).models == parse_config({"models": {"logistic": {}, "mlp": {}}}).models
    keep_tiny("mn04_as", tmp_path / "cache")
    assert list(Config().models) == ["logistic", "mlp", "mn04_as"]
    assert list(load_config(overrides=["encoders.layer=tags"]).models) == ["logistic", "mlp", "musicnn"]
    assert list(load_config(overrides=["encoders.layer=hidden"]).models) == ["logistic", "mlp", "mn04_as"]


def test_a_table_or_a_missing_onnxruntime_leaves_the_encoder_out_of_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEARM_CACHE", str(tmp_path))
    keep_tiny("MSD_musicnn", tmp_path)
    (tmp_path / "table.csv").write_text("filename,label,a\n")
    assert list(parse_config({"data": {"folder": str(tmp_path / "table.csv")}}).models) == ["logistic", "mlp"]
    assert list(parse_config({"data": {"folder": str(tmp_path)}}).models) == ["logistic", "mlp", "musicnn"]
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert list(Config().models) == ["logistic", "mlp"]
