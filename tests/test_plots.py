"""Pictures say what the numbers say, and the same numbers give the same bytes."""

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from PIL import Image

from tonearm.matrix_plot import confusion_figure
from tonearm.plots import (
    curves_figure,
    heatmap_figure,
    importance_figure,
    parallel_figure,
    save_figure,
    scaling_figure,
)
from tonearm.theme import COLOURS, RIGHT, WRONG, ticks

CONFUSION = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
HISTORY = [
    {"epoch": 1, "train_loss": 2.0, "train_accuracy": 0.3, "valid_loss": 2.1, "valid_accuracy": 0.2},
    {"epoch": 2, "train_loss": 1.0, "train_accuracy": 0.6, "valid_loss": 1.5, "valid_accuracy": 0.5},
]


def test_confusion_shows_counts_and_shares_and_names_model_and_part() -> None:
    figure = confusion_figure(CONFUSION, ("blues", "jazz", "pop"), "svm, test")
    area, *bars = figure.axes
    assert [text.get_text() for text in area.texts] == ["8", "2", "1", "9"]
    assert area.get_title() == "svm, test: 17 of 20 right"
    assert [label.get_text() for label in area.get_yticklabels()] == ["blues", "jazz", "pop"]
    assert area.get_aspect() == 1.0  # square cells
    right, wrong = (np.ma.masked_array(image.get_array()) for image in area.images)
    assert right.filled(-1).tolist() == [[0.8, -1, -1], [-1, 0.9, -1], [-1, -1, 0]]
    assert wrong.filled(-1).tolist() == [[-1, 0.2, 0], [0.1, -1, 0], [0, 0, -1]]
    assert [bar.get_ylabel() for bar in bars] == [
        "share of the true class, right",
        "share of the true class, taken for another class",
    ]


def test_a_row_that_is_wholly_wrong_has_another_hue_than_a_right_one() -> None:
    area = confusion_figure(np.array([[5, 0], [5, 0]]), ("blues", "jazz")).axes[0]
    right, wrong = (to_hex(image.cmap(image.norm(1.0))) for image in area.images)
    assert (right, wrong) == (RIGHT, WRONG)


def test_curves_of_all_models_stand_in_one_picture() -> None:
    without = [{**epoch, "valid_loss": None, "valid_accuracy": None} for epoch in HISTORY]
    loss, accuracy = curves_figure({"mlp": HISTORY, "cnn": HISTORY, "alone": without}).axes
    assert len(loss.lines) == len(accuracy.lines) == 5
    legend = accuracy.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["mlp", "cnn", "alone"]
    assert [line.get_linestyle() for line in loss.lines] == ["--", "-", "--", "-", "--"]
    assert np.asarray(loss.lines[1].get_ydata()).tolist() == [2.1, 1.5]


def test_curves_have_names_round_ends_and_room_for_the_line_at_100_percent() -> None:
    history = [{**HISTORY[0], "epoch": epoch + 1, "train_accuracy": 1.0} for epoch in range(37)]
    loss, accuracy = curves_figure({"svm": [], "mlp": history}).axes
    assert [area.get_title() for area in (loss, accuracy)] == ["loss while learning", "accuracy while learning"]
    assert [area.get_xlabel() for area in (loss, accuracy)] == ["epoch", "epoch"]
    assert [area.get_ylabel() for area in (loss, accuracy)] == ["loss (nats)", "accuracy"]
    assert loss.get_yticks().tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert loss.get_xticks().tolist() == [0, 10, 20, 30, 40]
    assert [label.get_text() for label in accuracy.get_yticklabels()][-1] == "100 %"
    assert accuracy.get_ylim()[1] > 1.01
    assert {line.get_color() for line in loss.lines} == {COLOURS[1]}  # svm has no epochs, and keeps its colour


@given(
    low=st.floats(-1e6, 1e6),
    spread=st.floats(1e-3, 1e6),
    whole=st.booleans(),
    most=st.integers(3, 8),
)
def test_axes_step_by_round_numbers_and_hold_the_data(low: float, spread: float, whole: bool, most: int) -> None:
    high = low + spread
    marks = ticks(low, high, most, whole)
    steps = np.diff(marks)
    step = float(steps[0])
    assert 2 <= len(marks) <= most + 1
    assert np.allclose(steps, step, rtol=1e-6, atol=1e-9)
    assert marks[0] <= low + 1e-6 * step
    assert marks[-1] >= high - 1e-6 * step
    assert marks[1] > low - 1e-6 * step  # no tick more than it takes
    assert marks[-2] < high + 1e-6 * step
    mantissa = step / 10 ** np.floor(np.log10(step) + 1e-9)
    assert np.isclose(mantissa, [1, 2, 2.5, 5], rtol=1e-4).any()
    assert not whole or all(mark == round(mark) for mark in marks)


def test_the_scaling_plot_is_as_high_as_what_was_measured() -> None:
    [area] = scaling_figure({"features": [(1, 1.0), (16, 4.0), (32, 4.2)]}).axes
    assert area.get_yticks().tolist() == [0, 1, 2, 3, 4, 5]
    assert area.get_ylim()[1] < 6  # the perfect 32 is far beyond


def test_bars_of_importance_have_their_models_colour_and_a_round_axis() -> None:
    bars = [("tempo", 0.127, 0.08, 0.139), ("chroma", -0.01, -0.047, 0.02)]
    first, second = importance_figure([("mlp", bars), ("svm", bars[:1])], looks=[2, 0]).axes
    assert [to_hex(area.patches[0].get_facecolor()) for area in (first, second)] == [COLOURS[2], COLOURS[0]]
    assert np.allclose(second.get_xticks(), [-0.05, 0, 0.05, 0.1, 0.15])


def test_no_two_models_look_alike() -> None:
    legend = curves_figure({f"model {i}": HISTORY for i in range(20)}).axes[1].get_legend()
    assert legend is not None
    assert len({(line.get_color(), line.get_marker()) for line in legend.get_lines()}) == 20


def test_files_are_repeatable_and_nothing_else_is_left(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_figure(confusion_figure(CONFUSION, ("blues", "jazz", "pop")), tmp_path / name / "confusion.test")
    for ending in (".png", ".svg"):
        first, second = (tmp_path / name / f"confusion.test{ending}" for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()
    with Image.open(tmp_path / "one" / "confusion.test.png") as picture:
        assert picture.size[0] > 300
    assert len(list((tmp_path / "one").iterdir())) == 2


def test_a_heat_map_shows_every_score_frames_the_best_and_hatches_what_was_skipped() -> None:
    scores = np.array([[np.nan, np.nan, 0.7], [0.6, 0.9, 0.8]])
    skipped = np.array([[False, True, False], [False] * 3])  # the first cell failed
    titles = ("rate", "epochs", "accuracy")
    theirs = {(0, 2): "0.68"}
    area, bar = heatmap_figure(scores, ("0.1", "0.3"), ("10", "20", "30"), titles, (1, 1), skipped, theirs).axes
    assert [text.get_text() for text in area.texts] == ["skipped", "0.700\n(0.68)", "0.600", "0.900", "0.800"]
    hatched, frame = area.patches
    assert hatched.get_hatch()
    assert hatched.get_xy() == (0.5, -0.5)
    assert frame.get_xy() == (0.5, 0.5)  # the cell in row 1, column 1
    assert (area.get_ylabel(), area.get_xlabel(), bar.get_ylabel()) == ("rate", "epochs", "accuracy")


def test_parallel_coordinates_place_numbers_by_size_and_words_in_their_order() -> None:
    settings: dict[str, list[Any]] = {
        "rate": [1e-4, 1e-2, 1e-3],
        "units": [10, 20, 15],
        "hidden": ["64", "none", "64"],
        "same": [1, 1, 1],
    }
    [area] = parallel_figure(settings, [0.5, 1.0, 0.9], "accuracy").axes
    drawn = {tuple(np.round(np.asarray(line.get_ydata(), dtype=float), 9)) for line in area.lines[:3]}
    assert drawn == {(0, 0, 0.25, 0.5, 0), (1, 1, 0.75, 0.5, 1), (0.5, 0.5, 0.25, 0.5, 0.8)}
    assert [label.get_text() for label in area.get_xticklabels()] == [*settings, "accuracy"]
    assert {"0.0001", "0.001", "0.01", "15", "64", "none"} <= {text.get_text() for text in area.texts}


def test_perfect_scaling_lies_on_the_dashed_line() -> None:
    [area] = scaling_figure({"features": [(2, 1.0), (4, 2.0)], "pictures": [(2, 1.0), (4, 1.5)]}).axes
    features, pictures, perfect = (np.asarray(line.get_ydata()).tolist() for line in area.lines)
    assert features == perfect == [1.0, 2.0]
    assert pictures == [1.0, 1.5]
