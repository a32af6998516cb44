"""How the report's charts and tables look: colours, axes, matrices, and what is said where nothing can be known."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats

from test_report_browser import contrast
from tonearm.evaluation.reliability_band import reliability_band
from tonearm.report.charts import Axis, Series, interval_bar, line_chart
from tonearm.report.classes import classes
from tonearm.report.collect import ModelResult
from tonearm.report.leaderboard import leaderboard
from tonearm.report.matrix import matrix
from tonearm.report.slopes import Pair, apart, in_words, slope_chart
from tonearm.report.style import CSS
from tonearm.theme import COLOURS, DARK_COLOURS, PAPER, RIGHT, WRONG


def test_labels_of_a_chart_stand_apart_in_their_order() -> None:
    placed = apart([50.0, 50.0, 51.0, 90.0], 15.0)
    assert placed[3] == 90.0
    assert sorted(placed) == placed
    assert min(np.diff(placed)) >= 15.0 - 1e-4
    assert apart([50.0, 50.0, 51.0], 15.0, highest=45.0) == pytest.approx([45.0, 60.0, 75.0], abs=1e-3)
    pairs = [Pair("a", 0.5, 0.9, 0), Pair("b", 0.5, 0.8, 1)]
    chart = slope_chart("left", "right", pairs)
    wide, narrow = (chart.count(f'class="slope {name}"') for name in ("wide", "narrow"))
    assert wide == narrow == 1
    heights = [float(y) for y in re.findall(r'<text x="270" y="([\d.]+)" text-anchor="end">', chart)]
    assert abs(heights[0] - heights[1]) >= 22.0 - 0.11
    assert 'aria-label="left against right: a 0.500 and 0.900; b 0.500 and 0.800"' in chart
    assert (
        in_words("left", "right", pairs)
        == "The same models look 30.0 to 40.0 points of accuracy better on right than on left."
    )
    assert [mark in chart for mark in ("+40.0", "+30.0")] == [True, True]
    assert "95 % interval" not in interval_bar(0.5, None, None)


def test_dashes_are_of_training_clips_and_axes_end_on_round_numbers() -> None:
    lines = [Series("svm", [(1, 0.57), (7, 1.1)], 0, "training"), Series("svm", [(1, 0.4), (7, 2.27)], 0)]
    chart = line_chart("loss while learning", Axis("epoch", whole=True), Axis("loss (nats)"), lines)
    assert re.findall(r'<polyline class="([^"]*)"', chart) == ["line s0 training", "line s0 line"]
    assert re.findall(r"([^{}]+){[^{}]*stroke-dasharray", CSS) == ["\n.training "]
    up = re.findall(r'text-anchor="end">([\d.]+)</text>', chart)
    assert up == ["0", "0.5", "1", "1.5", "2", "2.5"]
    assert re.findall(r'text-anchor="middle">(\d+)</text>', chart) == ["0", "2", "4", "6", "8"]
    assert ">epoch</text>" in chart
    assert ">loss (nats)</text>" in chart
    top = min(
        float(y) for points in re.findall(r'points="([^"]*)"', chart) for _, y in (p.split(",") for p in points.split())
    )
    assert top > 1.1  # half a line, so that the highest is whole


def test_a_row_that_is_wholly_wrong_does_not_look_like_one_that_is_right() -> None:
    drawn = matrix(("blues", "jazz"), np.array([[9, 1], [10, 0]]), "svm, test")
    assert "<figcaption>svm, test: 9 of 20 right</figcaption>" in drawn
    cells = re.findall(
        r'<rect class="cell (\w+)".*?width="(\d+)" height="(\d+)" fill-opacity="([\d.]+)"><title>(.*?)<', drawn
    )
    assert [(hue, share) for hue, _, _, share, _ in cells] == [
        ("right", "0.90"),
        ("wrong", "0.10"),
        ("wrong", "1.00"),
        ("right", "0.00"),
    ]
    assert all(width == height for _, width, height, _, _ in cells)
    assert cells[2][4] == "jazz taken for blues: 10 of 10"
    assert RIGHT != WRONG
    assert f"--right: {RIGHT}; --wrong: {WRONG};" in CSS


def test_what_cannot_be_known_has_no_interval_and_a_reason() -> None:
    labels = ["waltz", "polka", "blues"]
    scores = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 9, "f1_interval": [0.25, 0.75]}
    own: dict[str, dict[str, Any]] = {label: dict(scores) for label in labels}
    own["waltz"] |= {"support": 2, "f1_interval": [0.0, 0.0]}
    own["polka"] |= {"f1_interval": [1.0, 1.0]}
    row: dict[str, Any] = {"model": "svm", "judged": "test", "interval": (1.0, 1.0), "error": "", "published": None}
    row |= {"scores": {"test": {"accuracy": 1.0}}}
    times = {"train_seconds": 1.0, "predict_milliseconds_a_clip": 1.0}
    best = ModelResult(row | times, {"classes": own}, None, None, [], 0.1, units=dict.fromkeys(labels, 5))
    html = classes([best])
    assert html.count("0.250 to 0.750</td>") == 1
    assert "0.000 to 0.000" not in html
    assert "1.000 to 1.000" not in html
    assert f"No interval for {labels[0]}: fewer than 5 clips" in html
    assert f"No interval for {labels[1]}: every resample gives the same score" in html
    of_few = classes([replace(best, units=dict.fromkeys(labels, 4))])
    assert f"No interval for {', '.join(labels)}: fewer than 5 clips" in of_few  # by four artists each
    board = leaderboard([best], ())
    assert "1.000 to 1.000" not in board
    assert "nan" not in board
    assert f"No interval for {best.name}: every resample gives the same score" in board


@pytest.mark.parametrize(("colours", "paper"), [(COLOURS, PAPER), (DARK_COLOURS, "#14171a")])
def test_lines_are_seen_on_their_paper(colours: tuple[str, ...], paper: str) -> None:
    assert f"--paper: {paper};" in CSS
    for colour in colours:
        assert (
            contrast(*(f"rgb({', '.join(str(part) for part in bytes.fromhex(one[1:]))})" for one in (colour, paper)))
            >= 3
        )


def test_few_artists_make_a_bin_uncertain_however_many_clips_they_have() -> None:
    groups = np.array(["Ann"] * 40 + ["Bob"] * 40 + [f"{clip}" for clip in range(80)], dtype=object)
    confidence = np.repeat([0.75, 0.95], 80)
    accuracy = np.array([*[np.nan] * 7, 1.0, np.nan, 0.5])
    band = reliability_band(accuracy, confidence, groups)
    two, many = (proportion_ci(right, clips) for right, clips in ((2, 2), (40, 80)))
    assert band[7] == pytest.approx(two)
    assert band[9] == pytest.approx(many)
    assert np.isnan(band[0]).all()


def proportion_ci(right: int, clips: int) -> tuple[float, float]:
    found = scipy.stats.binomtest(right, clips).proportion_ci(method="wilson")
    return found.low, found.high
