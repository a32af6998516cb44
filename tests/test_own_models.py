"""Models of the user's own: judged like ours, saved without pickle, and never run for a stranger."""

import json
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from typer.testing import CliRunner

from tables import clouds
from tonearm.api import predict
from tonearm.cli import app
from tonearm.config import load_config, parse_config
from tonearm.errors import ConfigError, ModelError, RunError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.inputs import read_inputs
from tonearm.experiment.predictions import read_predictions
from tonearm.models import MODELS
from tonearm.models.python import running_own_code
from tonearm.models.storage import load_classifier, save_classifier
from tonearm.runtime.owncode import Source, UntrustedError, read_source, trusting
from tonearm.settings import TrainSettings
from tonearm.sweep import run_sweep

MINE = """
import pathlib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.ensemble import AdaBoostClassifier, ExtraTreesClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

pathlib.Path({marker!r}).write_text("run")

def lda(solver="svd"):
    return LinearDiscriminantAnalysis(solver=solver)

def forest():
    return ExtraTreesClassifier(5)

def near():
    return KNeighborsClassifier(algorithm="kd_tree")

def ada():
    return AdaBoostClassifier(n_estimators=3)

def ridge():
    return RidgeClassifier()

def wrong():
    raise ValueError("not today")

def nothing():
    pass

class Centres(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.centres_ = np.array([X[y == label].mean(axis=0) for label in self.classes_])
        return self

    def predict_proba(self, X):
        near = np.exp(-((np.asarray(X)[:, None] - self.centres_) ** 2).mean(axis=2) / 1e6)
        return near / near.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

class Hidden(Centres):
    def fit(self, X, y):
        self.rule = lambda: 1
        return super().fit(X, y)

class Twice(Centres):
    def predict_proba(self, X):
        return 2 * super().predict_proba(X)

def net(shape, classes, width=4):
    from torch import nn
    return nn.Sequential(nn.Linear(*shape, width), nn.Tanh(), nn.Linear(width, classes))

def narrow(shape, classes):
    from torch import nn
    return nn.Linear(*shape, classes - 1)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 120 rows and 5 columns of known use, and mine.py, which writes `marker` when it is run."""
    folder = tmp_path_factory.mktemp("own")
    X, y = clouds(spread=5.0)
    lines = [
        f"clip{row}.wav,{label},{','.join(map(repr, values.tolist()))}"
        for row, (label, values) in enumerate(zip(y, X, strict=True))
    ]
    (folder / "table.csv").write_text("filename,label,a,b,c,d,e\n" + "\n".join(lines) + "\n")
    (folder / "mine.py").write_text(MINE.format(marker=str(folder / "marker")))
    return folder


def config(place: Path, **models: dict[str, Any]) -> Any:
    given = {name: {"type": "python", "object": f"{place}/mine.py:{name}", **model} for name, model in models.items()}
    return parse_config({"data": {"folder": str(place / "table.csv")}, "models": given, "split": {"recordings": False}})


@pytest.fixture(scope="module")
def experiment(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    some: dict[str, dict[str, Any]] = {name: {} for name in ("forest", "near", "Centres", "Hidden", "Twice", "ada")}
    wanted = config(place, lda={"arguments": {"solver": "lsqr"}}, net={"epochs": 2}, narrow={}, **some)
    return run_experiment(wanted, tmp_path_factory.mktemp("out"))


def folder_of(experiment: Experiment, model: str) -> Path:
    return experiment.out / experiment.runs[model].predict


def test_its_probabilities_are_those_of_scikit_learn_by_hand(place: Path, experiment: Experiment) -> None:
    data = read_inputs(config(place, lda={}), experiment.out).clips
    [split] = experiment.division.splits
    plain = LinearDiscriminantAnalysis(solver="lsqr").fit(data.X[split.train], data.labels[split.train])
    loaded = load_classifier(folder_of(experiment, "lda") / "model")
    assert_array_equal(loaded.predict_proba(data.X), plain.predict_proba(data.X))
    table = read_predictions(folder_of(experiment, "lda")).of_part("test")
    assert table.names.tolist() == data.names[split.test].tolist()
    assert table.predictions.tolist() == plain.predict(data.X[split.test]).tolist()


def test_what_fails_or_cannot_be_kept_is_a_row_or_a_note(experiment: Experiment) -> None:
    errors = {row.model: row.error for row in experiment.rows}
    assert "output of shape (2, 2) for 2 rows; it must be logits, of shape (2, 3)" in errors.pop("narrow")
    assert "rows that sum to 2" in errors.pop("Twice")
    assert set(errors.values()) == {""}
    with pytest.raises(RunError, match=r"not kept, only its results: Hidden (cannot be|holds what cannot be)"):
        predict(folder_of(experiment, "Hidden"), experiment.out)


def test_the_seed_reaches_the_estimator(place: Path) -> None:
    settings = config(place, forest={}).models["forest"]
    for seed in (3, 4):
        with running_own_code(read_source(settings.object)):
            built: Any = MODELS["python"].build(settings, TrainSettings(seed=seed))
            assert built.random_state == seed


NEEDS = {name: f"mine.py:{name}" for name in ("near", "ada", "Centres", "net")} | {"lda": "", "forest": ""}
ASK = """
import json, pathlib, sys, tonearm
def ask(run, trust):
    try:
        return tonearm.predict(run, sys.argv[1], trust=trust).rows[7].probabilities
    except tonearm.RunError as error:
        return str(error)
print(json.dumps([(ask(run, trust), pathlib.Path("marker").exists()) for run, trust in json.loads(sys.argv[2])]))
"""


def asked(table: Path, runs: list[tuple[Path, Path | None]], folder: Path) -> list[Any]:
    """What a process that has run nothing yet predicts of a row by each run, with what it trusts, or the error.

    And whether the file has been run by then.
    """
    asking = json.dumps([(str(run), [str(trust)] if trust else []) for run, trust in runs])
    command = [sys.executable, "-c", ASK, str(table), asking]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    found: list[Any] = json.loads(done.stdout)
    return found


def test_nothing_of_the_file_runs_unless_it_is_trusted(place: Path, experiment: Experiment) -> None:
    (place / "marker").unlink(missing_ok=True)
    runs, table = {name: folder_of(experiment, name) for name in NEEDS}, place / "table.csv"
    copies = {name: next((run / "code").iterdir()) for name, run in runs.items()}
    asking = [(runs[name], copies[name] if trust else None) for trust in (False, True) for name in NEEDS]
    told = asked(table, asking, place)
    assert [ran for _, ran in told][: len(NEEDS)] == [False] * len(NEEDS)
    assert told[-1][1]
    without = [answer for answer, _ in told[: len(NEEDS)]]
    trusted = [answer for answer, _ in told[len(NEEDS) :]]
    for (name, needed), found, with_trust in zip(NEEDS.items(), without, trusted, strict=True):
        assert copies[name].read_text() == (place / "mine.py").read_text()
        expected = predict(runs[name], table, trust=place / "mine.py").rows[7].probabilities
        assert with_trust == expected
        if needed:
            assert f"needs {needed}" in found
            assert found.endswith(f"add --trust {copies[name]}")
        else:
            assert found == expected


def test_another_version_of_the_file_is_refused(place: Path, experiment: Experiment, tmp_path: Path) -> None:
    other = tmp_path / "mine.py"
    other.write_text("import sys\nsys.exit('run')\n")
    with pytest.raises(
        RunError, match=r"SHA-256 [0-9a-f]{64}, and .*mine\.py has [0-9a-f]{64}, so nothing was executed"
    ):
        predict(folder_of(experiment, "net"), place / "table.csv", trust=other)
    with pytest.raises(RunError, match="there is no file"):
        predict(folder_of(experiment, "net"), place / "table.csv", trust=tmp_path / "nowhere.py")


def test_the_command_line_says_what_it_executes(place: Path, experiment: Experiment) -> None:
    asking = [
        "predict",
        str(folder_of(experiment, "Centres")),
        str(place / "table.csv"),
        "--trust",
        str(place / "mine.py"),
    ]
    done = CliRunner().invoke(app, asking)
    assert done.exit_code == 0
    assert f"note: executes {place / 'mine.py'} (SHA-256" in done.stderr


def test_a_strangers_run_imports_no_module(place: Path, experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "wicked.py").write_text("raise SystemExit('imported')\n")
    for model in ("net", "Centres"):
        shutil.copytree(folder_of(experiment, model), tmp_path / model)
        for path in (tmp_path / model / "run.json", tmp_path / model / "model" / "model.json"):
            text = re.sub(rf'"[^"]*mine\.py:{model}"', '"wicked:system"', path.read_text())
            path.write_text(text)
    for said, _ in asked(place / "table.csv", [(tmp_path / model, None) for model in ("net", "Centres")], tmp_path):
        assert "wicked:system" in said or "asks for types that no model" in said


def test_a_changed_file_trains_again_and_a_moved_one_does_not(place: Path, tmp_path: Path) -> None:
    def said(folder: Path) -> str:
        lines: list[str] = []
        wanted = {"type": "python", "object": f"{folder}/own.py:make"}
        values = {
            "data": {"folder": str(place / "table.csv")},
            "models": {"own": wanted},
            "split": {"recordings": False},
        }
        run_experiment(parse_config(values), tmp_path / "out", lines.append)
        return next(line for line in lines if line.startswith("own,"))

    text = "from sklearn.naive_bayes import GaussianNB\ndef make():\n    return GaussianNB()\n"
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").write_text(text)
    assert "accuracy" in said(tmp_path / "one")
    assert "is there already" in said(tmp_path / "two")
    (tmp_path / "two" / "own.py").write_text(text + "# changed\n")
    assert "accuracy" in said(tmp_path / "two")


@pytest.mark.parametrize(
    ("name", "settings", "word"),
    [
        ("ridge", {}, "has no predict_proba; wrap it in sklearn.calibration.CalibratedClassifierCV"),
        ("wrong", {}, r"mine.py:wrong failed: ValueError: not today in line \d+ of mine.py"),
        ("nothing", {}, "gives nothing; it must be a scikit-learn classifier"),
        ("missing", {}, r"mine.py has no function or class 'missing'"),
        ("lda", {"arguments": {"solvr": "svd"}}, "unexpected keyword argument 'solvr'"),
        ("lda", {"epochs": 3}, "the setting epochs has no meaning"),
        ("lda", {"object": "nowhere.py:make"}, "there is no file .*nowhere.py"),
        ("lda", {"object": "no.such.module:make"}, "the module no.such.module cannot be found"),
        ("lda", {"object": "sys:exit"}, "has no file whose digest could be kept"),
        ("lda", {"object": ""}, "names no function or class"),
        ("lda", {"reads": "mel"}, "takes rows, and reads = 'mel' are pictures"),
    ],
)
def test_what_is_wrong_with_the_object_is_one_sentence(
    name: str, settings: dict[str, Any], word: str, place: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"models\.{name}\.object = .*{word}") as told:
        run_experiment(config(place, **{name: settings}), tmp_path)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "layout.json").exists()


def test_an_object_is_a_file_and_a_name(place: Path) -> None:
    with pytest.raises(ConfigError, match=r'write it as "mine.py:make"'):
        config(place, lda={"object": "mine.py"})


def test_the_path_is_relative_to_the_config_file(place: Path) -> None:
    path = place / "config.toml"
    path.write_text(
        '[models.mine]\ntype = "python"\nobject = "mine.py:lda"\n[models.sk]\ntype = "python"\nobject = "a.b:c"\n'
    )
    found = [settings.model_dump()["object"] for settings in load_config(path).models.values()]
    assert found == [f"{place / 'mine.py'}:lda", "a.b:c"]


def test_the_source_runs_where_its_file_is_not(place: Path) -> None:
    source = read_source(f"{place}/mine.py:lda")
    moved = Source(source.object, source.digest, "", "/not/here/mine.py", source.text)
    code = "import pickle, sys; from tonearm.runtime.owncode import load; load(pickle.load(sys.stdin.buffer))('lsqr')"
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(moved), check=True)


def test_a_search_for_neighbours_that_would_read_outside_its_rows_is_refused(tmp_path: Path) -> None:
    X, y = clouds()
    own = Source("sklearn.neighbors:KNeighborsClassifier", "0" * 64)
    fitted = KNeighborsClassifier(algorithm="brute").fit(X, y)
    save_classifier(fitted, tmp_path, own)
    assert_array_equal(load_classifier(tmp_path).predict_proba(X), fitted.predict_proba(X))
    save_classifier(CalibratedClassifierCV(fitted).fit(X, y), tmp_path, own)  # holds an unfitted one, too
    for name, value in (("_y", np.full(120, 1_000_000)), ("_tree", "none"), ("n_samples_fit_", 10**9)):
        fitted = KNeighborsClassifier(algorithm="brute").fit(X, y)
        setattr(fitted, name, value)
        with pytest.raises(ModelError, match="arrays do not fit together"):
            save_classifier(fitted, tmp_path, own)


def test_trust_ends_with_its_block(place: Path) -> None:
    settings = config(place, lda={}).models["lda"]
    with trusting([read_source(settings.object)]):
        MODELS["python"].build(settings, TrainSettings())
    with pytest.raises(UntrustedError):
        MODELS["python"].build(settings, TrainSettings())


def test_run_json_names_the_code(experiment: Experiment, place: Path) -> None:
    facts = json.loads((folder_of(experiment, "lda") / "run.json").read_text())
    digest = read_source(f"{place}/mine.py:lda").digest
    assert facts["own"] == [{"object": "mine.py:lda", "sha256": digest, "package": "", "used": "model"}]
    assert np.all([len(digest) == 64])


def test_an_estimator_is_added_to_an_experiment_and_judged_on_the_same_rows(place: Path, tmp_path: Path) -> None:
    experiment = run_experiment(
        parse_config(
            {"data": {"folder": str(place / "table.csv")}, "models": {"logistic": {}}, "split": {"recordings": False}}
        ),
        tmp_path,
    )
    written = (tmp_path / "runs" / "logistic" / "holdout" / "run.json").stat().st_mtime_ns
    added = experiment.add("lda", LinearDiscriminantAnalysis()).add("ada", AdaBoostClassifier(n_estimators=3))
    assert {row.model for row in added.rows} == {"logistic", "lda", "ada"}
    assert (tmp_path / "runs" / "logistic" / "holdout" / "run.json").stat().st_mtime_ns == written
    data = read_inputs(config(place, lda={}), tmp_path).clips
    [split] = added.division.splits
    plain = LinearDiscriminantAnalysis().fit(data.X[split.train], data.labels[split.train])
    table = read_predictions(folder_of(added, "lda")).of_part("test")
    assert table.names.tolist() == data.names[split.test].tolist()
    assert table.predictions.tolist() == plain.predict(data.X[split.test]).tolist()
    assert "lda" in (tmp_path / "leaderboard.md").read_text()
    assert added.compare("lda", "logistic")
    assert predict(folder_of(added, "lda"), place / "table.csv").rows[0].label == plain.predict(data.X[:1])[0]
    with pytest.raises(RunError, match=r'not kept.*as a model of type = "python"'):
        predict(folder_of(added, "ada"), place / "table.csv")
    with pytest.raises(ConfigError, match=r"is a model of .* already; choose another name"):
        added.add("lda", LinearDiscriminantAnalysis(solver="lsqr"))
    with pytest.raises(ConfigError, match="has no predict_proba"):
        added.add("ridge", RidgeClassifier())
    with pytest.raises(ConfigError, match="is not an unfitted scikit-learn estimator"):
        added.add("words", "LDA")


def test_a_sweep_tries_the_arguments_of_own_code(place: Path, tmp_path: Path) -> None:
    grid = {"models.lda.arguments.solver": ["svd", "lsqr", "none of these"]}
    swept = config(place, lda={}).model_dump() | {"sweep": {"grid": grid}}
    results = run_sweep(parse_config(swept), tmp_path)
    assert [trial.state for trial in results.trials] == ["done", "done", "failed"]
    assert "solver" in results.trials[2].reason
    assert (tmp_path / "winner" / "code").is_dir()
