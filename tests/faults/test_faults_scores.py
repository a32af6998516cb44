"""Scores, pictures and pages of many classes and clips: the memory is bounded, and the numbers are the same."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tonearm.evaluation import sums
from tonearm.evaluation.calibration import calibrate
from tonearm.evaluation.label_issues import suspicious_labels
from tonearm.evaluation.scores import evaluate
from tonearm.evaluation.uncertainty import bootstrap
from tonearm.matrix_plot import MATRIX_CLASSES, MOST_NAMES, confusion_figure
from tonearm.report.classes import SHOWN_CONFUSIONS, confusions
from tonearm.report.collect import ModelResult


def answers(clips: int, classes: int) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    generator = np.random.default_rng(classes)
    labels = tuple(f"class {number:03d}" for number in range(classes))
    codes = generator.integers(classes, size=clips)
    weights = np.exp(generator.normal(size=(clips, classes)) + 2 * np.eye(classes)[codes])
    truth = np.array([labels[code] for code in codes], dtype=object)
    return truth, weights / weights.sum(axis=1, keepdims=True), labels


def test_two_hundred_classes_need_no_table_of_classes_squared() -> None:
    truth, probabilities, labels = answers(400, 200)
    tracemalloc.start()
    scores = evaluate(truth, probabilities, labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150e6  # 1.5 GB with a column for each cell of the confusion matrix
    assert scores.confusion.sum() == 400
    assert scores.values["accuracy"] == np.trace(scores.confusion) / 400


def test_counts_of_cells_are_resampled_like_columns_of_ones_and_zeros() -> None:
    generator = np.random.default_rng(0)
    groups = np.array([f"group {number}" for number in generator.integers(30, size=200)], dtype=object)
    cells = generator.integers(-1, 4, size=(200, 2))
    columns = np.stack([(cells == cell).sum(axis=1) for cell in range(4)], axis=1).astype(np.float64)
    values = np.ones((200, 1))

    def shares(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        return drawn[:, :4] / drawn[:, 4:]

    assert bootstrap(shares, values, groups, cells=(cells, 4)) == bootstrap(
        shares, np.hstack([columns, values]), groups
    )


def test_rows_read_a_few_at_a_time_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, probabilities, labels = answers(90, 7)

    def all_of_it() -> list[Any]:
        found = evaluate(truth, probabilities, labels).to_json()
        own = np.array([str(row) for row in range(len(truth))], dtype=object)
        calibration = calibrate(truth, probabilities, labels, own, own, 0.9)
        return [found, calibration, suspicious_labels(truth, probabilities, labels)]

    at_once = all_of_it()
    monkeypatch.setattr(sums, "NUMBERS_AT_A_TIME", 30)
    assert all_of_it() == at_once


def test_a_picture_of_a_thousand_classes_is_as_large_as_one_of_a_hundred() -> None:
    sizes = []
    for classes in (MATRIX_CLASSES, 100, 1_000):
        figure = confusion_figure(np.eye(classes, dtype=np.int64), [f"class {number}" for number in range(classes)])
        sizes.append(tuple(figure.get_size_inches()))
        area = figure.axes[0]
        assert len(area.get_xticks()) <= MOST_NAMES
        assert len(area.texts) == (MATRIX_CLASSES if classes == MATRIX_CLASSES else 0)
    assert sizes[0] == pytest.approx((0.5 * MATRIX_CLASSES + 4.2, 0.5 * MATRIX_CLASSES + 1.9))
    assert sizes[1] == sizes[2]


def test_a_page_of_many_classes_lists_the_commonest_confusions() -> None:
    counts = np.diag(np.full(300, 7))
    counts[2, 5], counts[8, 1] = 3, 1
    labels = [f"<{number}>" for number in range(300)]
    scores = {"confusion": {"labels": labels, "counts": counts.tolist()}}
    html = confusions([ModelResult({"model": "svm"}, scores, None, None, [], 0.0)])
    assert len(html) < 300 * SHOWN_CONFUSIONS
    first, second = html.index("<td>&lt;2&gt;</td>"), html.index("<td>&lt;8&gt;</td>")
    assert first < second
    assert '<td class="text">&lt;5&gt;</td><td>3</td><td>30%</td>' in html
    assert "4 mistakes" in html
