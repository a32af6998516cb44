"""Every rung of the library gives what the rung below gives."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import signals
import tonearm

CHEAP: dict[str, Any] = {"families": ("rms", "mfcc"), "statistics": ("mean",)}


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for label, hertz in (("low", 220.0), ("high", 1760.0)):
        (tmp_path / "music" / label).mkdir(parents=True)
        for take in range(8):
            sound = signals.tone(hertz * (1 + 0.01 * take), 0.4, 0.3) + signals.noise(0.4, 0.01, take)
            soundfile.write(tmp_path / "music" / label / f"{take}.wav", sound, signals.SR, subtype="FLOAT")
    return tmp_path / "music"


def test_all_rungs_meet(music: Path, tmp_path: Path) -> None:
    path = music / "low" / "0.wav"
    by_samples = tonearm.extract_features(tonearm.load_audio(path), 22_050, **CHEAP)
    assert tonearm.extract_file_features(path, **CHEAP) == by_samples
    table = tonearm.extract_table(music, tmp_path / "table", **CHEAP)
    row = table.X[table.names.tolist().index("low/0.wav")]
    assert np.array_equal(row, list(by_samples.values()))
    done = tonearm.train(
        tmp_path / "table" / "features.parquet", tmp_path / "runs", models={"logistic": {}}, split={"test": 0.25}
    )
    found = tonearm.predict(done.folder_of(done.rows[0]), path)
    assert found.rows[0].label == "low"
    assert found.rows[0].probability == max(found.rows[0].probabilities.values())


def test_wrong_settings_are_config_errors() -> None:
    with pytest.raises(tonearm.ConfigError, match="gtzan57"):
        tonearm.extract_features(signals.tone(300.0), 22_050, preset="gtzan")
    with pytest.raises(tonearm.ConfigError, match="hop_length"):
        tonearm.extract_features(signals.tone(300.0), 22_050, hop_lenght=3)


def test_importing_tonearm_is_quick() -> None:
    check = "import sys, tonearm; print(sorted({'numpy', 'librosa', 'torch', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout.strip() == "[]"


def test_no_rung_is_hidden_by_a_module_of_its_name() -> None:
    import importlib
    import pkgutil

    for module in pkgutil.iter_modules(tonearm.__path__, "tonearm."):
        if module.name != "tonearm.__main__":
            importlib.import_module(module.name)
    for name in tonearm.__all__:
        assert callable(getattr(tonearm, name)), name


def test_the_former_name_of_the_module_still_works_for_one_release() -> None:
    from tonearm import api, ladder

    with pytest.warns(DeprecationWarning, match=r"tonearm\.api"):
        assert ladder.train is api.train
    with pytest.raises(AttributeError):
        ladder.trian


SECTIONS: dict[str, Any] = {
    "data": {"group_column": "band"},
    "audio": {"duration": 0.3},
    "features": {"families": ["rms"], "statistics": ["mean"]},
    "spectrogram": {"height": 32},
    "split": {"test": 0.25, "seed": 3},
    "train": {"calibrate": False},
    "track": {"tensorboard": False},
    "report": {"published": {"logistic": 0.5}},
    "sweep": {"trials": 7},
    "curve": {"repeats": 2},
    "encoders": {"pool": "mean+max"},
    "genres": {"min_artists": 3},
    "augment": {"copies": 2},
    "models": {"logistic": {"C": 0.5}},
}


def test_every_section_of_the_config_can_be_set_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonearm.config import Config, parse_config

    assert set(SECTIONS) == set(Config.model_fields)
    given: list[Config] = []
    monkeypatch.setattr(
        "tonearm.experiment.experiment.run_experiment", lambda config, out, workers: given.append(config)
    )
    for name, section in SECTIONS.items():
        tonearm.train("jam", tmp_path, **{name: section})
        values = {"data": {"folder": "jam"}}
        values[name] = {**values.get(name, {}), **section}
        assert given.pop() == parse_config(values), name
    with pytest.raises(tonearm.ConfigError, match=r"data\.folder = 'other': the folder is the first argument, 'jam'"):
        tonearm.train("jam", tmp_path, data={"folder": "other"})


def test_a_table_can_be_told_about_its_data_and_audio(music: Path, tmp_path: Path) -> None:
    rows = "".join(f"low/{take}.wav,low,band{take % 2}\n" for take in range(8))
    (tmp_path / "bands.csv").write_text("file_name,label,band\n" + rows)
    table = tonearm.extract_table(
        music,
        tmp_path / "table",
        "basic",
        data={"metadata": str(tmp_path / "bands.csv"), "group_column": "band"},
        audio={"duration": 0.2},
        **CHEAP,
    )
    row = table.names.tolist().index("low/3.wav")
    assert table.groups[row] == "band1"
    samples = tonearm.load_audio(music / "low" / "3.wav", duration=0.2)
    assert np.array_equal(table.X[row], list(tonearm.extract_features(samples, 22_050, "basic", **CHEAP).values()))
