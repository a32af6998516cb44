"""Code of the user's own in curves, importance and neighbours: it runs only where it is trusted."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from typer.testing import CliRunner

from tables import clouds, write_table
from tonearm.cli import app
from tonearm.config import parse_config
from tonearm.curve import run_curve
from tonearm.errors import RunError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.importance import measure_importance
from tonearm.experiment.neighbours import near_clips
from tonearm.experiment.reopened import reopen

MINE = """
import pathlib
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

pathlib.Path({marker!r}).write_text("run")

def lda():
    return LinearDiscriminantAnalysis()
"""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """LDA of mine.py beside a model of tonearm, on two folds by artist."""
    folder = tmp_path_factory.mktemp("together")
    write_table(folder / "table.csv", *clouds(120, spread=5.0))
    (folder / "mine.py").write_text(MINE.format(marker=str(folder / "marker")))
    models = {"mine": {"type": "python", "object": f"{folder}/mine.py:lda"}, "ours": {"type": "logistic"}}
    curve = {"sizes": [0.3, 1.0], "repeats": 2, "by": ["artist"]}
    data, split = {"folder": str(folder / "table.csv")}, {"folds": 2, "valid": 0.0}
    config = parse_config({"data": data, "models": models, "split": split, "curve": curve})
    return run_experiment(config, folder / "out")


def ran(experiment: Experiment) -> bool:
    """Whether mine.py was run since this was asked before."""
    marker = experiment.out.parent / "marker"
    there = marker.exists()
    marker.unlink(missing_ok=True)
    return there


def test_importance_runs_own_code_only_where_it_is_named(experiment: Experiment, tmp_path: Path) -> None:
    other = Path(shutil.copytree(experiment.out, tmp_path / "out"))
    mine = experiment.out.parent / "mine.py"
    notes: list[str] = []
    ran(experiment)
    # a process that has run it would not run it again
    code = f"from tonearm.experiment.importance import measure_importance\nmeasure_importance({str(other)!r}, ['mine'])"
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "nothing of it was executed; read the file, and if you trust it, add --trust" in alone.stderr
    assert not ran(experiment)
    [ours] = measure_importance(other, tell=notes.append)
    assert ours.model == "ours"
    assert "mine is left out" in notes[0]
    both = measure_importance(other, trust=[mine])
    accuracy = {row.model: row.score("test") for row in experiment.rows}
    assert {one.model: pytest.approx(one.accuracy) for one in both} == accuracy
    told = CliRunner().invoke(app, ["importance", str(other), "--trust", str(mine)], catch_exceptions=False)
    assert "mine" in told.stdout


def test_neighbours_need_nothing_of_the_code(experiment: Experiment) -> None:
    own, _ = near_clips(reopen(experiment.out), "mine", ["0.wav", "7.wav"], 3)
    ours, _ = near_clips(reopen(experiment.out), "ours", ["0.wav", "7.wav"], 3)
    assert own == ours
    assert len(own["0.wav"]) == 3


def test_a_curve_of_own_models_ends_at_the_plain_run(experiment: Experiment) -> None:
    assert experiment.config is not None
    found = run_curve(experiment.config, experiment.out)
    assert found.failed == 0
    full = found.table.groupby("model").accuracy.last()
    assert full.to_dict() == {row.model: pytest.approx(row.score("test")) for row in experiment.rows}


def test_an_added_estimator_is_compared_and_looked_at_like_the_others(experiment: Experiment, tmp_path: Path) -> None:
    assert experiment.config is not None
    copy = run_experiment(experiment.config, tmp_path / "out")
    more = copy.add("added", LinearDiscriminantAnalysis())
    score: dict[str, Any] = {row.model: row.score("test") for row in more.rows}
    assert score["added"] == score["mine"]
    assert more.compare("added", "mine").difference == 0.0
    assert set(more.predictions().model) == {"added", "mine", "ours"}
    near, _ = near_clips(reopen(more.out), "added", ["0.wav"], 3)
    assert near == near_clips(reopen(more.out), "mine", ["0.wav"], 3)[0]


def test_a_run_with_copies_says_that_its_neighbours_are_not_known(experiment: Experiment) -> None:
    opened = reopen(experiment.out)
    job, data = opened.job("ours", "runs/ours/fold1"), opened.inputs("ours")
    opened.check(job, data)
    facts = job.folder / "run.json"
    text = facts.read_text()
    try:
        facts.write_text(text.replace('"kept"', '"copies": 3, "kept"', 1))
        with pytest.raises(RunError, match=r"trained on changed copies of clips \(\[augment\]\), which only"):
            opened.check(job, data)
    finally:
        facts.write_text(text)
