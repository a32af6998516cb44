"""The threshold of sure answers: that it keeps its promise, by simulation; its parts, against scipy and by hand."""

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from tonearm.evaluation.coverage import coverage_curve, covered, ranking
from tonearm.evaluation.sureness import (
    NEVER,
    effective_observations,
    intraclass_correlation,
    least_observations,
    lower_bound,
    sure_threshold,
)

Answers = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.object_]]


def simulated(seed: int, artists: int, level: float, own: float) -> Answers:
    """Confidence, rightness and artist of answers about artists of one to 25 clips.

    level: the higher, the more are right. own: how much is due to the artist and hidden from the model.
    """
    generator = np.random.default_rng(seed)
    artist = np.repeat(np.arange(artists), generator.geometric(0.3, artists).clip(1, 25))
    easy = level + generator.normal(0, 1.5, artists)[artist] + generator.normal(0, 1, len(artist))
    hidden = own * generator.normal(0, 1, artists)[artist]
    right = generator.random(len(artist)) < expit(easy + hidden)
    return expit(easy), right, artist.astype(str).astype(object)


@pytest.mark.parametrize(("level", "own"), [(2.0, 1.0), (1.0, 1.5), (1.0, 3.0)])
@pytest.mark.parametrize("sure", [0.8, 0.9, 0.95])
def test_what_is_called_sure_is_right_as_often_as_promised_in_95_of_100_experiments(
    level: float, own: float, sure: float
) -> None:
    confidence, right, _ = simulated(99, 20_000, level, own)  # the truth
    kept = []
    for seed in range(40):
        for artists in (40, 150, 400):
            found = sure_threshold(*simulated(seed, artists, level, own), sure)
            is_sure = confidence >= found.threshold
            kept.append(not is_sure.any() or right[is_sure].mean() >= sure)
    assert np.mean(kept) >= 0.95


def test_with_many_artists_most_of_what_could_be_promised_is_promised() -> None:
    confidence, right, _ = simulated(99, 20_000, 2.0, 1.0)
    possible = covered(confidence, right, 0.9)
    shares = [sure_threshold(*simulated(seed, 800, 2.0, 1.0), 0.9).coverage for seed in range(10)]
    assert 0.6 * possible < np.mean(shares) < possible


def test_clips_of_few_artists_prove_nothing_however_many_there_are() -> None:
    artist = np.repeat([f"artist {number}" for number in range(20)], 100).astype(object)
    found = sure_threshold(np.linspace(0.99, 0.8, 2000), np.full(2000, True), artist, 0.9)
    assert found.threshold == NEVER
    assert found.groups == 20
    assert found.needed is not None
    assert found.needed > 60  # of which two may be wrong
    each = np.array([str(row) for row in range(2000)], dtype=object)
    assert sure_threshold(np.linspace(0.99, 0.8, 2000), np.full(2000, True), each, 0.9).coverage == 1


def test_equals_are_on_one_side_of_the_threshold() -> None:
    confidence = np.repeat([0.9, 0.8, 0.3], [200, 37, 300])
    right = np.repeat([True, True, False], [200, 37, 300])
    found = sure_threshold(confidence, right, np.arange(537).astype(str).astype(object), 0.9)
    assert found.threshold == 0.8
    assert found.coverage == 237 / 537
    assert found.bound == pytest.approx(0.05 ** (1 / 237))


def test_a_rank_that_says_nothing_makes_no_answer_sure_and_more_artists_would_not_help() -> None:
    generator = np.random.default_rng(0)
    confidence, right = generator.random(2000), generator.random(2000) < 0.6
    found = sure_threshold(confidence, right, np.arange(2000).astype(str).astype(object), 0.9)
    assert found.threshold == NEVER
    assert found.needed is None


@pytest.mark.parametrize(("hits", "clips"), [(29, 29), (45, 46), (180, 200), (1, 50)])
def test_the_lower_bound_is_that_of_clopper_and_pearson(hits: int, clips: int) -> None:
    theirs = scipy.stats.binomtest(hits, clips, alternative="greater").proportion_ci(0.95, "exact").low
    assert lower_bound(hits / clips, clips) == pytest.approx(theirs)


@pytest.mark.parametrize("sure", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_one_wrong_answer_among_the_fewest_observations_is_allowed_and_among_fewer_is_not(sure: float) -> None:
    least = least_observations(sure, 1)
    assert scipy.stats.binom.cdf(1, least, 1 - sure) <= 0.05 < scipy.stats.binom.cdf(1, least - 1, 1 - sure)


def test_the_intraclass_correlation_that_was_put_in_is_found() -> None:
    generator = np.random.default_rng(3)
    member = np.repeat(np.arange(3000), generator.integers(1, 7, 3000))
    values = np.sqrt(0.3) * generator.normal(size=3000)[member] + np.sqrt(0.7) * generator.normal(size=len(member))
    assert intraclass_correlation(values, member) == pytest.approx(0.3, abs=0.03)
    assert intraclass_correlation(generator.normal(size=len(member)), member) < 0.03


def test_the_effective_number_is_the_one_that_the_spread_of_the_share_has() -> None:
    generator = np.random.default_rng(4)
    member = np.repeat(np.arange(60), generator.integers(1, 9, 60))
    chance = generator.beta(2, 2, size=(4000, 60))  # whose intraclass correlation is 1 / (2 + 2 + 1)
    shares = (generator.random((4000, len(member))) < chance[:, member]).mean(axis=1)
    observations = 0.25 / shares.var()
    assert min(60, observations) == pytest.approx(effective_observations(member, 0.2), rel=0.05)
    assert effective_observations(member, 1.0) < 60 < observations


def test_the_curve_and_the_ranking_agree_with_counting_and_with_scikit_learn() -> None:
    confidence, right, artist = simulated(0, 150, 1.0, 1.0)
    confidence = confidence.round(2)  # with equals
    curve = coverage_curve(confidence, right, artist)
    thresholds = [np.sort(confidence)[::-1][round(share * len(right)) - 1] for share in curve.share]
    assert curve.accuracy == pytest.approx([right[confidence >= threshold].mean() for threshold in thresholds])
    assert curve.share == pytest.approx([(confidence >= threshold).mean() for threshold in thresholds])
    assert curve.share[-1] == 1
    assert all(low <= value <= high for value, (low, high) in zip(curve.accuracy, curve.band, strict=True))
    assert ranking(confidence, right) == pytest.approx(roc_auc_score(right, confidence))
    assert np.isnan(ranking(confidence, np.full(len(right), True)))


def test_the_band_holds_the_true_accuracy_as_often_as_it_says() -> None:
    confidence, right, _ = simulated(99, 20_000, 1.0, 1.0)
    order = np.argsort(-confidence)
    truth = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    held = []
    for seed in range(60):
        curve = coverage_curve(*simulated(seed, 60, 1.0, 1.0))
        for point in range(4, len(curve.share), 9):
            low, high = curve.band[point]
            held.append(low <= truth[int(curve.share[point] * len(truth)) - 1] <= high)
    assert 0.9 <= np.mean(held) <= 0.99
