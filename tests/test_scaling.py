"""Speed-up and efficiency by hand, and a measurement that counts what it says."""

import csv
from itertools import count
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

import signals
from tonearm.cli import app
from tonearm.config import load_config
from tonearm.data.catalog import read_catalog
from tonearm.errors import CatalogError, ConfigError
from tonearm.runtime.locks import LOCK
from tonearm.runtime.machine import describe_machine
from tonearm.scaling import Measurement, Scaling, measure_scaling

FAST = ["features.preset=basic", 'spectrogram.kinds=["log"]']


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    (folder / "low").mkdir()
    for take in range(6):
        soundfile.write(folder / "low" / f"{take}.wav", signals.noise(0.4, 0.1, take), signals.SR)
    (folder / "low" / "broken.wav").write_text("words")
    return folder


def test_half_the_seconds_by_twice_the_processes_is_perfect() -> None:
    two, four, eight = (Measurement("features", *each, 100) for each in ((2, 12.0), (4, 6.0), (8, 4.0)))
    other = Measurement("pictures", 1, 1.0, 100)
    scaling = Scaling((eight, two, other, four))
    assert [scaling.speed_up(one) for one in (two, four, eight)] == [1.0, 2.0, 3.0]
    assert [scaling.efficiency(one) for one in (two, four, eight)] == [1.0, 1.0, 0.75]
    assert scaling.speed_up(other) == scaling.efficiency(other) == 1.0
    assert "| features | 8 | 4.00 | 25.0 | 3.00 | 75 % |" in scaling.text()


def test_every_clip_is_measured_once_and_nothing_is_left_behind(music: Path, tmp_path: Path) -> None:
    seconds = count(step=2.5)
    config = load_config(None, [f"data.folder={music}", *FAST])
    said: list[str] = []
    found = measure_scaling(read_catalog(config.data), config, [2, 1], tmp_path, said.append, lambda: next(seconds))
    assert {one.start_up for one in found.measurements} == {2.5}
    assert found.text().startswith(f"{describe_machine()}; start-up is measured apart.\n\n| task |")
    assert "core" in describe_machine()
    each = [(one.task, one.workers, one.seconds, one.clips) for one in found.measurements]
    assert each == [(task, workers, 2.5, 6) for task in ("features", "pictures") for workers in (1, 2)]
    with (tmp_path / "scaling.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["workers"], float(row["speed_up"]), float(row["efficiency"])) for row in rows[:2]] == [
        ("1", 1.0, 1.0),
        ("2", 1.0, 0.5),
    ]
    assert {path.name for path in tmp_path.iterdir() if path.name != LOCK} == {
        f"scaling.{end}" for end in ("csv", "md", "png", "svg")
    }
    assert len(said) == 4


def test_numbers_of_processes_that_are_none_are_refused(music: Path, tmp_path: Path) -> None:
    config = load_config(None, [f"data.folder={music}"])
    for workers in ([], [0, 1], [2, 2]):
        with pytest.raises(ConfigError, match="each once"):
            measure_scaling(read_catalog(config.data), config, workers, tmp_path)


def test_clips_that_cannot_be_read_measure_nothing(tmp_path: Path) -> None:
    (tmp_path / "m" / "rock").mkdir(parents=True)
    (tmp_path / "m" / "rock" / "a.wav").write_text("words")
    config = load_config(None, [f"data.folder={tmp_path / 'm'}", *FAST])
    with pytest.raises(CatalogError, match="none of its 1 clips can be read"):
        measure_scaling(read_catalog(config.data), config, [1], tmp_path / "out")


def test_the_command_prints_the_table(music: Path, tmp_path: Path) -> None:
    arguments = ["bench", "scaling", str(music), "--workers", "1", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, [*arguments, *(part for one in FAST for part in ("--set", one))])
    assert result.exit_code == 0, result.output
    assert "| pictures | 1 |" in result.stdout
    wrong = CliRunner().invoke(app, ["bench", "scaling", str(music), "--workers", "one"])
    assert "--workers one: write whole numbers, as in 1,2,4" in wrong.stderr
