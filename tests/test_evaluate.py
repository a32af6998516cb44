"""Scores against scikit-learn's, and conventions where it leaves the choice."""

import json

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tonearm.evaluation.scores import evaluate, predicted, reliability

LABELS = ("blues", "jazz", "metal", "pop")


def answers(clips: int, seed: int, sharp: float = 2.0) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 4, clips)
    logits = generator.normal(size=(clips, 4)) + sharp * np.eye(4)[truth]
    weights = np.exp(logits)
    return np.array([LABELS[i] for i in truth], dtype=object), weights / weights.sum(axis=1, keepdims=True)


@given(seed=st.integers(0, 10_000), clips=st.integers(40, 120))
@settings(max_examples=25, deadline=None)
def test_scores_equal_scikit_learns(seed: int, clips: int) -> None:
    truth, probabilities = answers(clips, seed)
    scores = evaluate(truth, probabilities, LABELS)
    said = np.array(LABELS)[predicted(probabilities)]
    names = truth.astype(str)
    macro = sklearn.metrics.precision_recall_fscore_support(names, said, average="macro", zero_division=0)
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(names, said),
        "precision": macro[0],
        "recall": macro[1],
        "f1": macro[2],
        "log_loss": sklearn.metrics.log_loss(names, probabilities, labels=list(LABELS)),
        "top2": sklearn.metrics.top_k_accuracy_score(names, probabilities, k=2, labels=list(LABELS)),
        "kappa": sklearn.metrics.cohen_kappa_score(names, said),
    }
    assert {name: scores.values[name] for name in expected} == pytest.approx(expected)
    assert np.array_equal(scores.confusion, sklearn.metrics.confusion_matrix(names, said, labels=list(LABELS)))
    each = sklearn.metrics.precision_recall_fscore_support(names, said, labels=list(LABELS), zero_division=0)
    for index, label in enumerate(LABELS):
        row = scores.per_class[label]
        assert (row["precision"], row["recall"], row["f1"], row["support"]) == pytest.approx(
            tuple(column[index] for column in each)
        )


def test_perfect_answers_score_one_and_their_opposite_nothing() -> None:
    truth = np.array(["blues", "jazz", "metal"], dtype=object)
    right = evaluate(truth, np.eye(4)[:3], LABELS).values
    assert [right[name] for name in ("accuracy", "f1", "top2", "kappa", "log_loss", "ece")] == [1, 1, 1, 1, 0, 0]
    wrong = evaluate(truth, np.eye(4)[[1, 2, 0]], LABELS).values
    assert (wrong["accuracy"], wrong["f1"], wrong["ece"]) == (0, 0, 1)
    assert wrong["log_loss"] == pytest.approx(-np.log(1e-15))


@pytest.mark.parametrize("row", [[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
def test_a_model_that_cannot_tell_labels_apart_is_not_always_among_its_first_two(row: list[float]) -> None:
    truth = np.array(LABELS * 25, dtype=object)
    scores = evaluate(truth, np.tile(row, (100, 1)), LABELS).values
    assert (scores["accuracy"], scores["top2"], scores["kappa"]) == (0.25, 0.5, 0.0)


def test_averages_run_over_the_classes_that_occur() -> None:
    truth = np.array(["blues", "blues", "jazz", "jazz"], dtype=object)
    scores = evaluate(truth, np.eye(4)[[0, 2, 1, 1]], LABELS)
    assert scores.values["recall"] == pytest.approx((0.5 + 1.0) / 2)
    assert scores.values["precision"] == pytest.approx(1.0)
    assert scores.per_class["metal"]["recall"] is None
    assert scores.per_class["pop"]["support"] == 0


def test_intervals_hold_the_score_and_widen_when_clips_come_in_groups() -> None:
    truth, probabilities = answers(200, 1)
    groups = np.array([f"band {i // 20}" for i in range(200)], dtype=object)
    alone, grouped = evaluate(truth, probabilities, LABELS), evaluate(truth, probabilities, LABELS, groups)
    assert (alone.groups, grouped.groups) == (200, 10)
    for scores in (alone, grouped):
        for name, value in scores.values.items():
            if name != "ece":  # chance pushes it up, and its interval makes good for that
                assert scores.intervals[name].low <= value <= scores.intervals[name].high
    dependent = np.repeat(probabilities[::20], 20, axis=0)
    same = np.repeat(truth[::20], 20)
    wide, narrow = evaluate(same, dependent, LABELS, groups), evaluate(same, dependent, LABELS)
    width = [s.intervals["accuracy"].high - s.intervals["accuracy"].low for s in (wide, narrow)]
    assert width[0] > 2.5 * width[1]


def test_calibration_error_of_honest_and_of_boastful_probabilities() -> None:
    generator = np.random.default_rng(0)
    sure = generator.uniform(0.5, 1.0, 20_000)
    right = generator.random(20_000) < sure
    truth = np.where(right, "blues", "jazz").astype(object)
    honest = np.column_stack([sure, 1 - sure])
    assert evaluate(truth, honest, ("blues", "jazz")).values["ece"] < 0.01
    boastful = np.column_stack([np.full(20_000, 0.99), np.full(20_000, 0.01)])
    assert evaluate(truth, boastful, ("blues", "jazz")).values["ece"] == pytest.approx(0.99 - 0.75, abs=0.01)
    curve = reliability(truth, honest, ("blues", "jazz"))
    filled = curve.clips > 0
    assert curve.clips.sum() == 20_000
    assert curve.accuracy[filled] == pytest.approx(curve.confidence[filled], abs=0.02)
    fine = reliability(truth, honest, ("blues", "jazz"), bins=20)
    assert fine.clips.reshape(10, 2).sum(axis=1).tolist() == curve.clips.tolist()


def test_the_interval_of_the_calibration_error_holds_the_true_one_though_chance_pushes_it_up() -> None:
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(40):
        sure = generator.uniform(0.5, 1.0, 300)
        truth = np.where(generator.random(300) < sure, "blues", "jazz").astype(object)
        scores = evaluate(truth, np.column_stack([sure, 1 - sure]), ("blues", "jazz"))
        held += scores.intervals["ece"].low <= 0.001  # honest: the true error is 0
        assert scores.values["ece"] > 0.005
    assert held >= 32


def test_json_has_no_nan() -> None:
    truth = np.array(["blues", "jazz"], dtype=object)
    groups = np.array(["one", "one"], dtype=object)
    written = json.dumps(evaluate(truth, np.eye(4)[:2], LABELS, groups).to_json(), allow_nan=False)
    assert json.loads(written)["scores"]["accuracy"] == {"value": 1.0, "low": None, "high": None}


@pytest.mark.parametrize(
    ("truth", "probabilities", "says"),
    [
        ([], np.zeros((0, 4)), "no clips"),
        (["blues"], np.eye(3)[:1], "have shape"),
        (["polka"], np.eye(4)[:1], "without a column: polka"),
        (["blues"], np.array([[np.nan, 0, 0, 1]]), "finite"),
        (["blues"], np.array([[0.5, 0.1, 0.1, 0.1]]), "sum to 1"),
    ],
)
def test_what_is_no_answer_is_refused(truth: list[str], probabilities: NDArray[np.float64], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        evaluate(np.array(truth, dtype=object), probabilities, LABELS)
