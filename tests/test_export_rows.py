"""Models of tables as ONNX give the run's probabilities, to the last digits, on both sides of every threshold."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from exported_runs import asked, columns, run_of
from tables import clouds
from tonearm.errors import ExportError
from tonearm.experiment.runs import probabilities
from tonearm.export.build import build
from tonearm.models import MODELS
from tonearm.representations.registry import restore
from tonearm.settings import TrainSettings

pytest.importorskip("skl2onnx")
COLUMNS = 5
SEVEN_DIGITS = 1e-6
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "logistic": ("logistic", {}),
    "gradient descent": ("logistic", {"solver": "gradient-descent", "epochs": 50}),
    "rbf": ("svm", {}),
    "nystroem": ("svm", {"kernel": "nystroem", "landmarks": 20}),
    "linear": ("svm", {"kernel": "linear"}),
    "trees": ("trees", {"n_estimators": 20}),
    "coarse trees": ("trees", {"n_estimators": 20, "min_samples_leaf": 12, "class_weight": "balanced"}),
    "boosting": ("boosting", {"max_iter": 15}),
    **{f"mlp {name}": ("mlp", {"activation": name, "epochs": 2}) for name in ("gelu", "silu", "elu", "tanh")},
    "mlp normed": ("mlp", {"batch_norm": True, "hidden": [7], "epochs": 2}),
}


def fitted(kind: str, settings: dict[str, Any], X: NDArray[Any], y: NDArray[Any]) -> Any:
    entry = MODELS[kind]
    return entry.build(entry.settings.model_validate(settings), TrainSettings(device="cpu")).fit(X, y)


def compare(classifier: Any, X: NDArray[Any], tolerance: float = SEVEN_DIGITS, **of_run: Any) -> None:
    """All rows at once, and one alone, by onnxruntime and by the run."""
    run = run_of(classifier, columns(X.shape[1]), **of_run)
    built = build(run, restore(run.representation))
    expected = probabilities(classifier, X, run.labels, run.temperature)
    found = asked(built, X)["probabilities"]
    assert_allclose(found, expected, rtol=0, atol=tolerance)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert_allclose(asked(built, X[3:4])["probabilities"], expected[3:4], rtol=0, atol=tolerance)


@pytest.mark.parametrize("case", CASES)
def test_every_model_of_rows_says_what_its_run_says(case: str) -> None:
    kind, settings = CASES[case]
    X, y = clouds(90, COLUMNS, spread=4.0)
    compare(fitted(kind, settings, X, y), clouds(60, COLUMNS, seed=5, spread=4.0)[0])


@pytest.mark.parametrize("case", ["logistic", "rbf", "nystroem", "trees", "boosting"])
def test_two_classes(case: str) -> None:
    kind, settings = CASES[case]
    X, y = clouds(90, COLUMNS, spread=4.0)
    some = y != "metal"
    compare(fitted(kind, settings, X[some], y[some]), X)


@pytest.mark.parametrize("case", ["logistic", "trees"])
def test_the_temperature_and_labels_never_trained_on(case: str) -> None:
    kind, settings = CASES[case]
    X, y = clouds(90, COLUMNS, spread=4.0)
    classifier = fitted(kind, settings, X, y)
    compare(classifier, X, labels=("blues", "country", "disco", "metal"), temperature=0.4)


def beside_thresholds(thresholds: NDArray[Any], column: NDArray[Any]) -> NDArray[Any]:
    """Rows that lie on, and one float64 and one float32 step beside, the thresholds."""
    rows = []
    for threshold, place in zip(thresholds, column, strict=True):
        single = np.float64(np.float32(threshold))
        steps = [threshold, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf), single]
        steps += [np.float64(np.nextafter(np.float32(threshold), np.float32(way))) for way in (np.inf, -np.inf)]
        for step in steps:
            row = np.full(COLUMNS, 7.0)
            row[place] = step
            rows.append(row)
    return np.array(rows)


def test_boosting_goes_down_the_same_branches_at_its_thresholds() -> None:
    X, y = clouds(90, COLUMNS, spread=4.0)
    classifier = fitted("boosting", {"max_iter": 15}, X, y)
    nodes = np.concatenate([one.nodes for iteration in classifier._predictors for one in iteration])
    inner = nodes[nodes["is_leaf"] == 0]
    compare(classifier, beside_thresholds(inner["num_threshold"], inner["feature_idx"]))


def test_a_forest_goes_down_the_same_branches_at_its_thresholds() -> None:
    X, y = clouds(90, COLUMNS, spread=4.0)
    classifier = fitted("trees", {"n_estimators": 20}, X, y)
    trees = [estimator.tree_ for estimator in classifier.estimators_]
    inner = np.concatenate([tree.children_left for tree in trees]) >= 0
    thresholds, places = (np.concatenate([getattr(tree, name) for tree in trees]) for name in ("threshold", "feature"))
    compare(classifier, beside_thresholds(thresholds[inner], places[inner]))


ESTIMATORS: dict[str, Callable[[], Any]] = {
    "by skl2onnx": lambda: make_pipeline(RobustScaler(), GaussianNB()),
    "a forest": lambda: make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=0)),
    "boosting": lambda: make_pipeline(StandardScaler(with_mean=False), HistGradientBoostingClassifier(max_iter=9)),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_of_scikit_learn(name: str) -> None:
    X, y = clouds(90, COLUMNS, spread=4.0)
    compare(ESTIMATORS[name]().fit(X, y), X)


class Unheard(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    def fit(self, X: Any, y: Any) -> "Unheard":
        self.classes_, self.n_features_in_ = np.unique(y), X.shape[1]
        return self

    def predict_proba(self, X: Any) -> Any:
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_what_cannot_be_expressed_is_refused_by_name() -> None:
    X, y = clouds(60, COLUMNS)
    codes = np.round(X[:, :1] * 1000) % 3
    categories = HistGradientBoostingClassifier(max_iter=5, categorical_features=[0]).fit(codes, y)
    for classifier, words in ((Unheard().fit(X, y), "a Unheard cannot"), (categories, "columns of categories")):
        run = run_of(classifier, columns(classifier.n_features_in_))
        with pytest.raises(ExportError, match=words):
            build(run, restore(run.representation))


def test_a_network_of_fewer_digits_is_refused() -> None:
    X, y = clouds(60, COLUMNS)
    run = run_of(fitted("mlp", {"epochs": 1, "precision": "bfloat16"}, X, y), columns(COLUMNS))
    with pytest.raises(ExportError, match='precision = "bfloat16" computes with fewer digits'):
        build(run, restore(run.representation))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = clouds(60, COLUMNS)
    run = run_of(fitted("logistic", {}, X, y), columns(COLUMNS))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportError, match=r'onnx is not installed; pip install "tonearm\[export\]"'):
        build(run, restore(run.representation))
