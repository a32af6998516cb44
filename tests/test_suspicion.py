"""Wrong labels are found among right ones, and none where all are right."""

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import cross_val_predict

from tables import LABELS, clouds
from tonearm.evaluation.label_issues import suspicious_labels


def test_swapped_labels_come_first_by_out_of_fold_probabilities() -> None:
    X, y = clouds(300, spread=0.7)
    swapped = np.random.default_rng(0).choice(300, 15, replace=False)
    noisy = y.copy()
    noisy[swapped] = [LABELS[(LABELS.index(label) + 1) % 3] for label in y[swapped]]
    forest = ExtraTreesClassifier(200, random_state=0)
    probabilities = cross_val_predict(forest, X, noisy.astype(str), cv=5, method="predict_proba")
    found = suspicious_labels(noisy, probabilities, LABELS)
    first = {one.row for one in found[:15]}
    assert len(first & set(swapped)) >= 14
    for one in found[:15]:
        assert (one.label, one.likely) == (noisy[one.row], y[one.row])


def test_honest_labels_that_are_told_apart_raise_no_suspicion() -> None:
    truth = np.array(["a", "b", "c"] * 20, dtype=object)
    probabilities = np.eye(3)[np.arange(60) % 3] * 0.7 + 0.1
    assert suspicious_labels(truth, probabilities, ("a", "b", "c")) == []


def test_a_class_that_is_always_doubted_is_not_suspicious_for_its_doubt() -> None:
    """Thresholds are each class's own: probabilities of 0.4 for every "a" are usual, and reached by each of them."""
    truth = np.array(["a"] * 10 + ["b"] * 10, dtype=object)
    probabilities = np.vstack([np.tile([0.4, 0.6], (10, 1)), np.tile([0.05, 0.95], (10, 1))])
    assert suspicious_labels(truth, probabilities, ("a", "b")) == []


def test_a_label_without_clips_is_never_likely() -> None:
    truth = np.array(["a", "a", "b", "b"], dtype=object)
    probabilities = np.array([[0.1, 0.0, 0.9], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.9, 0.0]])
    assert suspicious_labels(truth, probabilities, ("a", "b", "empty")) == []
