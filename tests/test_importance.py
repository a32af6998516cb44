"""Permutation importance against scikit-learn's; muted clips against clips that were muted by hand."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from typer.testing import CliRunner

from tables import LABELS, clouds
from test_experiment import FEATURES, experiment, music  # noqa: F401  # the fixtures
from tonearm.api import extract_features, load_audio
from tonearm.cli import app
from tonearm.data.dataset import label_codes
from tonearm.dsp.sound import ClipSound
from tonearm.errors import RunError
from tonearm.evaluation.permutation import correlated, drop, losses, shuffled_losses
from tonearm.experiment import importance
from tonearm.experiment.experiment import Experiment
from tonearm.experiment.importance import measure_importance
from tonearm.experiment.importance_files import keep_current, read_importance
from tonearm.experiment.muted import muted_inputs
from tonearm.experiment.records import DamagedError
from tonearm.experiment.reopened import reopen
from tonearm.experiment.score_files import read_scores
from tonearm.representations.column_families import column_families
from tonearm.representations.features import feature_columns
from tonearm.representations.muting import MutedSound, without_band
from tonearm.runtime.progress import quietly
from tonearm.settings import AudioSettings, FeatureSettings


class SameShuffles:
    """The shuffles of scikit-learn for one column: an order that is shuffled again, of a column that was shuffled."""

    def __init__(self, seed: int, rows: int) -> None:
        drawn = np.random.RandomState(seed).randint(np.iinfo(np.int32).max + 1)
        self.state, self.order, self.column = np.random.RandomState(drawn), np.arange(rows), np.arange(rows)

    def permutation(self, rows: int) -> np.ndarray[Any, Any]:
        self.state.shuffle(self.order)
        self.column = self.column[self.order]
        return self.column


def test_by_the_same_shuffles_a_column_drops_as_in_scikit_learn() -> None:
    X, y = clouds(90, spread=2.5)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y.astype(str))
    codes = label_codes(y, LABELS)
    before = losses(model.predict_proba(X), codes)
    for scoring, name in (("accuracy", "accuracy"), ("neg_log_loss", "log_loss")):
        found = permutation_importance(model, X, y.astype(str), scoring=scoring, n_repeats=7, random_state=3)
        for column in range(X.shape[1]):
            shuffles: Any = SameShuffles(3, len(X))
            after = shuffled_losses(model.predict_proba, X, codes, before, np.array([column]), 7, shuffles)
            assert getattr(drop(before, after, y), name) == pytest.approx(found.importances_mean[column], abs=1e-12)


def test_what_makes_the_label_gets_all_the_drop_and_what_is_not_used_none() -> None:
    generator = np.random.default_rng(0)
    codes = np.arange(300) % 3
    X = np.column_stack([codes, generator.normal(size=(300, 2))]).astype(float)
    tree = DecisionTreeClassifier().fit(X, codes)
    before = losses(tree.predict_proba(X), codes)
    groups = np.array([str(row // 3) for row in range(300)], dtype=object)
    made, unused = (
        drop(before, shuffled_losses(tree.predict_proba, X, codes, before, columns, 50, generator), groups)
        for columns in (np.array([0]), np.array([1, 2]))
    )
    assert made.accuracy == pytest.approx(2 / 3, abs=0.02)  # a third of the clips gets its own class again
    assert made.accuracy_interval.low < 2 / 3 < made.accuracy_interval.high
    assert unused == (0.0, (0.0, 0.0), 0.0, (0.0, 0.0))


def test_the_columns_of_a_family_are_shuffled_together() -> None:
    """The label is the difference of two columns: alone each decides it, and together they still agree elsewhere."""
    generator = np.random.default_rng(0)
    first = generator.normal(size=400)
    codes = np.arange(400) % 2
    X = np.column_stack([first, first + codes])

    def predict(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        share = np.clip(rows[:, 1] - rows[:, 0], 0.0, 1.0)
        return np.column_stack([1 - share, share])

    before = losses(predict(X), codes)
    after = shuffled_losses(predict, X, codes, before, np.array([0, 1]), 20, generator)
    assert before.right.mean() == 1.0
    assert set(np.unique(predict(X[generator.permutation(400)])[:, 0].round(9))) == {0.0, 1.0}
    assert after.right.mean() == pytest.approx(0.5, abs=0.02)


def test_families_that_follow_each_other_are_named() -> None:
    generator = np.random.default_rng(0)
    one = generator.normal(size=200)
    X = np.column_stack([one, generator.normal(size=200), -one + 0.1 * generator.normal(size=200), np.ones(200)])
    families = {"a": np.array([0, 1]), "b": np.array([2]), "c": np.array([3])}
    [(first, second, r)] = correlated(X, families)
    assert (first, second) == ("a", "b")
    assert r == pytest.approx(abs(np.corrcoef(X[:, 0], X[:, 2])[0, 1]))


def test_columns_belong_to_the_families_that_define_them() -> None:
    settings = FeatureSettings(preset="gtzan57")
    columns = feature_columns(settings)
    table = column_families({"kind": "table", "columns": list(columns)}, columns)
    facts = {"kind": "features", "features": settings.model_dump(mode="json")}
    assert table == column_families(facts, columns)
    assert dict(zip(columns, table, strict=True))["mfcc13_var"] == "mfcc"
    assert dict(zip(columns, table, strict=True))["perceptr_mean"] == "percussive"
    joined = {"kind": "joined", "parts": [{**facts, "columns": list(columns)}, {"kind": "encoder", "name": "musicnn"}]}
    assert column_families(joined, ("features:tempo", "musicnn:hidden_7")) == ("tempo", "musicnn")
    assert column_families({"kind": "table"}, ("a_mean", "a_std", "b1", "b2")) == ("a", "a", "b", "b")
    assert column_families({"kind": "table"}, ("x1", "x2")) == ("x1", "x2")


def test_a_quarter_of_a_sound_is_silent_and_the_rest_as_it_was(music: Path) -> None:  # noqa: F811
    settings = AudioSettings()
    with ClipSound(music / "bass" / "00.wav") as sound:
        whole, muted = sound.samples(settings), MutedSound(sound, 2, 4).samples(settings)
    quarter = len(whole) // 4
    assert not muted[2 * quarter : 3 * quarter].any()
    assert np.array_equal(muted[: 2 * quarter], whole[: 2 * quarter])
    assert np.array_equal(muted[3 * quarter :], whole[3 * quarter :])


def test_a_band_of_a_picture_is_at_its_least_brightness() -> None:
    picture = np.random.default_rng(0).integers(50, 255, size=(8, 5, 3), dtype=np.uint8)
    picture[3, 1] = (1, 2, 3)
    lowest, highest = without_band(picture, 0), without_band(picture, 3)
    assert (lowest[6:] == (1, 2, 3)).all()
    assert np.array_equal(lowest[:6], picture[:6])
    assert (highest[:2] == (1, 2, 3)).all()
    assert np.array_equal(highest[2:], picture[2:])


def test_muted_rows_are_those_of_the_muted_sound(experiment: Experiment, music: Path) -> None:  # noqa: F811
    opened = reopen(experiment.out)
    job, data = opened.job("svm", "runs/svm/holdout"), opened.inputs("svm")
    rows = job.split.test[:2]
    muted = muted_inputs(opened, job, data, rows, quietly, 1)
    assert np.array_equal(muted.inputs[""], data.of(job.settings).X[rows])
    samples = load_audio(music / opened.clips.names[rows[1]])
    samples[len(samples) // 4 : len(samples) // 2] = 0.0
    by_hand = extract_features(
        samples, 22_050, families=("rms", "mfcc", "spectral_centroid"), statistics=("mean", "std")
    )
    assert muted.of(rows[1:])["second quarter"][0] == pytest.approx(list(by_hand.values()), rel=1e-6)


def test_an_experiments_importance_begins_at_its_scores_and_is_kept(
    experiment: Experiment,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = Path(shutil.copytree(experiment.out, tmp_path / "out"))
    told = CliRunner().invoke(app, ["importance", str(out)])
    assert told.exit_code == 0, told.output
    assert max(map(len, told.stdout.splitlines()[:-2])) <= 80
    found = read_importance(out, reopen(out).runs)
    assert {one.model for one in found} == {"logistic", "mlp", "svm"}
    for one in found:
        scores = read_scores(out / "runs" / one.model / "holdout")["test"]
        assert one.clips == one.evaluated == scores["clips"]
        assert one.accuracy == pytest.approx(scores["scores"]["accuracy"]["value"])
        assert one.log_loss == pytest.approx(scores["scores"]["log_loss"]["value"])
        assert {drop.name for drop in one.drops} == {"rms", "mfcc", "spectral_centroid"}
    monkeypatch.setattr(importance._Measurement, "result", lambda self: pytest.fail("measured again"))
    again = replace(experiment, out=out)
    table = again.importance()
    assert {one.model: one for one in measure_importance(out)} == {one.model: one for one in found}
    drops = {(one.model, drop.name): drop.accuracy for one in found for drop in one.drops}
    assert table.set_index(["model", "family"])["accuracy_drop"].to_dict() == drops
    with pytest.raises(RunError, match="'tree' is not a trained model of it"):
        again.importance(["tree"])
    assert (out / "importance.png").is_file()
    record = json.loads((out / "importance.json").read_text())
    record["models"][0]["runs"] = ["of another command"]
    (out / "importance.json").write_text(json.dumps(record))
    assert len(read_importance(out, reopen(out).runs)) == 2
    keep_current(out, reopen(out).runs)
    assert len(json.loads((out / "importance.json").read_text())["models"]) == 2
    keep_current(out, {})
    assert not list(out.glob("importance*"))
    record["models"][0]["accuracy"] = 1.5
    (out / "importance.json").write_text(json.dumps(record))
    with pytest.raises(DamagedError, match=r"importance\.json: is damaged \(models\.0\.accuracy"):
        read_importance(out, reopen(out).runs)


def test_muting_a_model_is_measured_where_its_rows_have_no_families(
    experiment: Experiment,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = Path(shutil.copytree(experiment.out, tmp_path / "out"))
    monkeypatch.setattr(importance, "is_encoder", lambda name: True)
    [found] = measure_importance(out, ["logistic"], clips=5)
    assert (found.how, found.clips) == ("muted", 5)
    assert [one.name for one in found.drops] == ["first quarter", "second quarter", "third quarter", "last quarter"]
    (tmp_path / "gone").mkdir()
    text = (out / "config.toml").read_text()
    folder = reopen(out).config.data.folder
    (out / "config.toml").write_text(text.replace(folder, str(tmp_path / "gone")))
    with pytest.raises(RunError, match="the clip is not there any more, and its sound is needed"):
        measure_importance(out, ["svm"], clips=5)
    told: list[str] = []
    assert [one.model for one in measure_importance(out, clips=5, tell=told.append)] == ["logistic"]  # as it was before
    assert len([line for line in told if "is left out: " in line]) == 2
