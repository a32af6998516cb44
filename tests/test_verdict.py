"""The verdict on many models: it holds its level where they are equally good, and finds the one that is not."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from equal_models import simulated_answers
from tonearm.evaluation import sign_flips
from tonearm.evaluation.compare import Answers, compare
from tonearm.evaluation.sign_flips import max_t
from tonearm.evaluation.uncertainty import sums_by_group


def gains(
    generator: np.random.Generator, groups: int, models: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return generator.integers(0, 8, size=(groups, models)).astype(np.float64)


@pytest.mark.parametrize(("models", "groups"), [(5, 30), (20, 30), (10, 150)])
def test_models_that_are_equally_good_are_rarely_told_apart(models: int, groups: int) -> None:
    wrong = 0
    for trial in range(150):
        right, group = simulated_answers(np.random.default_rng([models, groups, trial]), models, groups)
        p = max_t(sums_by_group(right[:, 0].astype(float), group.astype(object)))
        wrong += p.min() < 0.05
    # 0.05 is promised; of 150 experiments more than 13 would be wrong by chance in one of 200 only
    assert wrong <= 13


def test_repeats_of_a_clip_are_one_observation() -> None:
    wrong = 0
    for trial in range(150):
        right, group = simulated_answers(np.random.default_rng(trial), 4, 40, repeats=5)
        wrong += max_t(sums_by_group(right.mean(axis=1), group.astype(object))).min() < 0.05
    assert wrong <= 13


def test_the_worse_one_of_ten_is_found() -> None:
    found = 0
    for trial in range(20):
        right, group = simulated_answers(np.random.default_rng(trial), 10, 150, lag=0.2)
        names = tuple(map(str, range(len(group))))
        answers = [Answers(str(model), names, right[:, :, model]) for model in range(10)]
        found += "9" in compare(answers, dict(zip(names, group.astype(str), strict=True))).behind
    assert found == 20


@pytest.mark.parametrize("groups", [7, 12, 40])
def test_two_models_are_compared_as_scipy_does(groups: int) -> None:
    sums = gains(np.random.default_rng(groups), groups, 2)
    sums[:, 0] += 1.0
    flipped = scipy.stats.permutation_test(
        (sums[:, 0] - sums[:, 1],), np.sum, permutation_type="samples", n_resamples=50_000, rng=0
    )
    assert max_t(sums)[0, 1] == pytest.approx(flipped.pvalue, abs=0.0 if groups < 14 else 0.01, rel=1e-12)


@given(st.integers(2, 6), st.integers(2, 9), st.integers(0, 50))
def test_p_values_are_a_plain_count_over_all_flips(models: int, groups: int, seed: int) -> None:
    """Pair by pair from the definition: the largest statistic over the pairs that are no more different."""
    sums = gains(np.random.default_rng(seed), groups, models)
    first, second = np.triu_indices(models, 1)
    pairs = sums[:, first] - sums[:, second]
    norms = np.where((pairs == 0).all(axis=0), np.inf, np.sqrt((pairs**2).sum(axis=0)))
    observed = np.abs(pairs.sum(axis=0)) / norms
    signs = np.array(np.meshgrid(*[[1, -1]] * groups)).reshape(groups, -1).T
    flipped = np.abs(signs @ pairs) / norms
    p = max_t(sums)
    running = 0.0
    for rank in np.argsort(-observed, kind="stable"):
        left = observed <= observed[rank] + 1e-12
        running = max(running, float(np.mean(flipped[:, left].max(axis=1) >= observed[rank] - 1e-9)))
        assert p[first[rank], second[rank]] == pytest.approx(running)
    assert (p == p.T).all()


def test_the_same_answers_are_never_told_apart_and_add_nothing() -> None:
    sums = gains(np.random.default_rng(0), 20, 3)
    p = max_t(np.column_stack([sums, sums[:, 0]]))
    assert p[0, 3] == 1.0
    assert p[:3, :3] == pytest.approx(max_t(sums), abs=0)
    assert np.isnan(max_t(sums[:1])).all()


def test_fewer_flips_of_a_large_table_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = gains(np.random.default_rng(1), 60, 4)
    exact = max_t(sums)
    monkeypatch.setattr(sign_flips, "MUCH", 1000)
    monkeypatch.setattr(sign_flips, "SIGNS_AT_A_TIME", 700)
    assert max_t(sums) == pytest.approx(exact, abs=0.05)
