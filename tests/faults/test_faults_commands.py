"""A short part of `benchmarks/faults.py`: damaged files and damaged model folders, seeds fixed."""

import shutil
from pathlib import Path

import pytest

from campaign import names, write_clips, write_config
from hostile import run
from mutations import mutate, write_mutated

FILES = 90
DAMAGES = 6
CONFIG = """
[features]
preset = "gtzan57"
[split]
method = "stratified"
leaks = "allow"
[models.trees]
n_estimators = 20
"""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Music and a trained model."""
    work = tmp_path_factory.mktemp("experiment")
    write_clips(work / "music", 12, 0.5, labels=2)
    write_config(work / "run.toml", work / "music", CONFIG)
    assert run("run", work / "run.toml", "--out", work / "out").code == 0
    return work


def test_every_damaged_file_is_accounted_for_by_every_command(experiment: Path, tmp_path: Path) -> None:
    paths = list(write_mutated(tmp_path / "in", FILES, seed=7))
    files = sorted(path.relative_to(tmp_path / "in").as_posix() for path in paths)
    pictures = tmp_path / "pictures"
    ends = {
        "extract": run("extract", tmp_path / "in", "--strict", "--preset", "gtzan57", "--out", tmp_path / "features"),
        "spectrograms": run("spectrograms", tmp_path / "in", "--kinds", "log", "--out", pictures, "--strict"),
        "scan": run("scan", tmp_path / "in", "--strict"),
        "predict": run("predict", experiment / "out", tmp_path / "in", "--out", tmp_path / "predicted.csv", "--strict"),
    }
    for command, ended in ends.items():
        assert ended.code == 3, (command, ended.noted[-2000:])
        assert not ended.traceback, (command, ended.noted[-2000:])
        assert "please report it" not in ended.said + ended.noted
    rows, failures = names(tmp_path / "features" / "features.csv"), names(tmp_path / "features" / "failures.csv")
    assert sorted(rows + failures) == files
    assert len(rows) > FILES // 10 < len(failures)
    drawn = [path.relative_to(pictures / "log").as_posix().removesuffix(".png") for path in pictures.rglob("*.png")]
    assert sorted(drawn + names(pictures / "failures.csv")) == files
    assert "please report it" not in (tmp_path / "features" / "failures.csv").read_text(encoding="utf-8")
    assert sorted(Path(name).name for name in names(tmp_path / "predicted.csv")) == sorted(path.name for path in paths)


def test_a_damaged_run_folder_gives_the_same_answers_or_one_sentence(experiment: Path, tmp_path: Path) -> None:
    wanted = run("predict", experiment / "out", experiment / "music").said
    folder = experiment / "out" / "runs" / "trees"
    [model] = folder.rglob("model.skops")
    victims = [model, model, next(folder.rglob("run.json")), next(folder.rglob("model.json"))]
    for seed in range(DAMAGES):
        victim = victims[seed % len(victims)]
        shutil.copytree(experiment / "out", tmp_path / "out")
        place = tmp_path / "out" / victim.relative_to(experiment / "out")
        place.write_bytes(mutate(victim.read_bytes(), seed))
        ended = run("predict", tmp_path / "out", experiment / "music")
        assert not ended.traceback, ended.noted
        assert (ended.code, ended.said) == (0, wanted) or (ended.code == 1 and ended.noted.startswith("tonearm: "))
        shutil.rmtree(tmp_path / "out")
