"""Intervals and paired tests against scipy and against simulated truth."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tonearm.evaluation import uncertainty
from tonearm.evaluation.uncertainty import bootstrap, holm, mcnemar_exact, resampled, sums_by_group


def names(numbers: NDArray[np.integer]) -> NDArray[np.object_]:
    return np.array([str(number) for number in numbers], dtype=object)


def accuracy(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums[:, 0] / sums[:, 1]


def clustered(generator: np.random.Generator, groups: int, clips: int) -> tuple[NDArray[np.bool_], NDArray[np.object_]]:
    """Right answers whose chance differs from group to group around 0.6."""
    chance = np.repeat(generator.beta(3, 2, groups), clips)
    return generator.random(groups * clips) < chance, names(np.repeat(np.arange(groups), clips))


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    covered = {"groups": 0, "clips": 0}
    for trial in range(400):
        right, groups = clustered(generator, groups=30, clips=8)
        values = np.column_stack([right, np.ones(len(right))])
        each = names(np.arange(len(right)))
        for kind, units in (("groups", groups), ("clips", each)):
            [interval] = bootstrap(accuracy, values, units, repeats=400, seed=trial)
            covered[kind] += interval.low <= 0.6 <= interval.high
    assert 0.92 <= covered["groups"] / 400 <= 0.98
    assert covered["clips"] / 400 < 0.9  # what resampling clips would have promised and not kept


def test_mcnemar_keeps_its_level_when_clips_are_independent() -> None:
    generator = np.random.default_rng(1)
    pairs = generator.random((400, 2, 200)) < 0.6
    assert np.mean([mcnemar_exact(a, b) < 0.05 for a, b in pairs]) <= 0.06


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 20))
def test_mcnemar_is_the_binomial_test(only_a: int, only_b: int, both: int) -> None:
    a = np.repeat([True, False, True], [only_a, only_b, both])
    b = np.repeat([False, True, True], [only_a, only_b, both])
    expected = scipy.stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar_exact(a, b) == pytest.approx(expected)


def test_bootstrap_of_clips_equals_scipys() -> None:
    right = np.random.default_rng(3).random(400) < 0.7
    values = np.column_stack([right, np.ones(400)])
    [ours] = bootstrap(accuracy, values, names(np.arange(400)), repeats=9_999)
    theirs = scipy.stats.bootstrap((right,), np.mean, method="percentile", rng=0).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.005)
    assert ours.high == pytest.approx(theirs.high, abs=0.005)


def test_sums_and_draws_speak_of_the_same_groups() -> None:
    groups = np.array(["b", "a", "b", "c"], dtype=object)
    assert sums_by_group(np.array([[1.0], [2.0], [3.0], [4.0]]), groups).tolist() == [[2.0], [4.0], [4.0]]
    draws = resampled(np.eye(3), repeats=10)
    assert draws.shape == (10, 3)
    assert (draws.sum(axis=1) == 3).all()


def test_draws_made_a_few_at_a_time_are_those_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = np.random.default_rng(0).integers(0, 9, size=(40, 3)).astype(np.float64)  # whole, so sums have no rounding
    at_once = resampled(sums, repeats=50)
    monkeypatch.setattr(uncertainty, "WEIGHTS_AT_A_TIME", 7 * 40)
    assert (resampled(sums, repeats=50) == at_once).all()


def test_one_group_gives_no_interval() -> None:
    values, groups = np.ones((5, 2)), np.array(["a"] * 5, dtype=object)
    assert np.isnan(bootstrap(accuracy, values, groups)[0]).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    assert adjusted[int(np.argmin(p_values))] == pytest.approx(min(1.0, min(p_values) * len(p_values)))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
