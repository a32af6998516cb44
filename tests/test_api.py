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
