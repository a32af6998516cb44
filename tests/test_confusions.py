"""Pairs of classes that are confused: found where they were planted, and not found where nothing was."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import fisher_exact

from tonearm.evaluation.confusions import confused_pairs, pair_tests, quasi_independent

LABELS = ("blues", "disco", "jazz", "metal", "pop", "rock")
Mistakes = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]


def mistakes(generator: np.random.Generator, artists: int, clips: int, planted: float = 1.0) -> Mistakes:
    """Truth, answers and artists: classes differ in how often they are wrong, labels in how often they are said.

    An artist has a label that its clips are mistaken for. planted: how much rock (5) prefers metal (3).
    """
    wrong, liked = generator.uniform(0.2, 0.6, 6), generator.uniform(0.3, 1.5, 6)
    truth, said, groups = [], [], []
    for label in range(6):
        preference = np.where(np.arange(6) == label, 0.0, liked)
        if label == 5:
            preference[3] *= planted
        for artist in range(artists):
            own = int(generator.choice(6, p=preference / preference.sum()))
            for _ in range(clips):
                truth.append(label)
                said.append(own if generator.random() < wrong[label] else label)
                groups.append(f"{label}-{artist}")
    return np.array(truth), np.array(said), np.array(groups, dtype=object)


def test_mistakes_without_structure_give_no_pair_although_artists_repeat_theirs() -> None:
    generator = np.random.default_rng(0)
    told = [bool(confused_pairs(*mistakes(generator, 12, 5), LABELS)) for _ in range(40)]
    assert np.mean(told) <= 0.05


def test_clips_as_observations_would_have_told_of_pairs_that_are_not_there() -> None:
    """Why groups count once: with each clip as its own observation the same mistakes seem to have structure."""
    generator = np.random.default_rng(0)
    told = []
    for _ in range(20):
        truth, said, _ = mistakes(generator, 12, 5)
        told.append(bool(confused_pairs(truth, said, np.arange(len(truth)).astype(object), LABELS)))
    assert np.mean(told) > 0.2


def test_a_planted_pair_is_found_and_said_in_words() -> None:
    generator = np.random.default_rng(1)
    right = 0
    for _ in range(20):
        found = confused_pairs(*mistakes(generator, 40, 3, planted=15.0), LABELS)
        right += [(pair.truth, pair.said) for pair in found[:1]] == [("rock", "metal")]
    assert right >= 16
    truth, said, groups = mistakes(generator, 40, 3, planted=15.0)
    [pair, *_] = confused_pairs(truth, said, groups, LABELS)
    forth, back = (truth == 5) & (said == 3), (truth == 3) & (said == 5)
    assert (pair.clips, pair.groups, pair.back) == (forth.sum(), len(set(groups[forth])), back.sum())
    assert pair.words().startswith(
        f"rock is heard as metal {pair.clips} times (about {round(pair.expected)} expected), "
    )


def test_one_artist_alone_makes_no_pair() -> None:
    truth, said, groups = mistakes(np.random.default_rng(0), 12, 5)
    one = (np.full(40, 5), np.full(40, 3), np.full(40, "loud", dtype=object))
    truth, said, groups = (np.concatenate(pair) for pair in zip((truth, said, groups), one, strict=True))
    assert confused_pairs(truth, said, groups, LABELS) == []


def test_the_fit_is_that_of_the_likelihood() -> None:
    """The margins hold, and the expected counts are those of the Poisson model a[i] * b[j] off the diagonal."""
    counts = np.random.default_rng(0).integers(0, 9, size=(5, 5)).astype(float)
    np.fill_diagonal(counts, 0.0)
    off = ~np.eye(5, dtype=bool)

    def surprise(logarithms: np.ndarray[Any, Any]) -> float:
        expected = np.exp(logarithms[:5, None] + logarithms[None, 5:])
        return float((expected - counts * np.log(expected))[off].sum())

    best = minimize(surprise, np.zeros(10), method="BFGS", options={"gtol": 1e-8}).x
    expected = np.where(off, np.exp(best[:5, None] + best[None, 5:]), 0.0)
    fitted = quasi_independent(counts)
    assert fitted == pytest.approx(expected, abs=1e-4)
    assert fitted.sum(axis=0) == pytest.approx(counts.sum(axis=0))
    assert fitted.sum(axis=1) == pytest.approx(counts.sum(axis=1))


def test_with_the_odds_of_independence_the_test_is_fishers() -> None:
    """Three labels that are said only of other classes: no cell of the table is impossible, and Fisher's test holds."""
    counts = np.zeros((7, 7))
    counts[:4, 4:] = [[9, 1, 2], [2, 3, 4], [1, 5, 6], [3, 2, 1]]
    [p] = pair_tests(counts, [(0, 4)])
    rest = counts[1:4, 5:].sum()
    expected = fisher_exact([[9, 3], [6, rest]], alternative="greater").pvalue
    assert p == pytest.approx(expected, rel=1e-6)


def test_few_mistakes_or_two_classes_say_nothing() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    assert confused_pairs(truth, np.array([1, 1, 1, 1, 2, 2]), truth.astype(object), ("a", "b", "c")) == []
    assert confused_pairs(truth % 2, 1 - truth % 2, np.arange(6).astype(object), ("a", "b")) == []
