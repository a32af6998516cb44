"""No clip and no group in two parts, whatever the data; shares, seeds and errors."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonearm.data.dataset import Dataset
from tonearm.errors import SplitError
from tonearm.settings import SplitSettings
from tonearm.splits.divide import divide, final_split
from tonearm.splits.parts import Division, Split, overlap


def dataset(labels: list[str], groups: list[str] | None = None, splits: list[str] | None = None) -> Dataset:
    count = len(labels)
    return Dataset(
        X=np.zeros((count, 1)),
        names=np.array([f"{i}.wav" for i in range(count)], dtype=object),
        labels=np.array(labels, dtype=object),
        groups=np.array(groups or [""] * count, dtype=object),
        splits=np.array(splits or [""] * count, dtype=object),
    )


def bands(per_class: int = 6, clips: int = 5, classes: int = 3) -> Dataset:
    labels = [f"c{c}" for c in range(classes) for _ in range(per_class * clips)]
    groups = [f"c{c}-band{b}" for c in range(classes) for b in range(per_class) for _ in range(clips)]
    return dataset(labels, groups)


def check_partition(data: Dataset, division: Division) -> None:
    labelled = set(np.flatnonzero(data.labels != ""))
    for split in division.splits:
        parts = [set(split.train), set(split.valid), set(split.test)]
        assert set.union(*parts) == labelled
        assert sum(map(len, parts)) == len(labelled)


@given(
    sizes=st.lists(st.integers(2, 7), min_size=10, max_size=30),
    seed=st.integers(0, 1000),
    folds=st.sampled_from([0, 3]),
    method=st.sampled_from(["random", "stratified", "group"]),
)
@settings(max_examples=60, deadline=None)
def test_no_clip_and_with_groups_no_group_stands_in_two_parts(
    sizes: list[int], seed: int, folds: int, method: str
) -> None:
    labels = [f"c{group % 2}" for group, size in enumerate(sizes) for _ in range(size)]
    groups = [f"g{group}" for group, size in enumerate(sizes) for _ in range(size)]
    data = dataset([*labels, ""], [*groups, "g0"])
    division = divide(data, SplitSettings.model_validate({"method": method, "seed": seed, "folds": folds}))
    check_partition(data, division)
    if method == "group":
        assert all(not overlap(data, split) for split in division.splits)


@pytest.mark.parametrize("method", ["random", "stratified", "group"])
def test_every_clip_is_tested_once_in_k_folds(method: str) -> None:
    data = bands()
    division = divide(data, SplitSettings.model_validate({"method": method, "folds": 5}))
    tested = np.concatenate([split.test for split in division.splits])
    assert sorted(tested) == list(range(len(data)))


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_shares_are_met(method: str) -> None:
    [split] = divide(bands(), SplitSettings.model_validate({"method": method, "valid": 0.2, "test": 0.3})).splits
    assert (len(split.train), len(split.valid), len(split.test)) == (45, 18, 27)


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_the_validation_share_is_of_all_labelled_clips_with_folds_too(method: str) -> None:
    data = dataset([*bands().labels, ""])
    for folds, repeats in ((5, 1), (3, 2)):
        chosen = {"method": method, "valid": 0.2, "folds": folds, "repeats": repeats}
        splits = divide(data, SplitSettings.model_validate(chosen)).splits
        assert [len(split.valid) for split in splits] == [18] * folds * repeats
        assert [len(split.test) for split in splits] == [90 // folds] * folds * repeats
    last = final_split(data, SplitSettings(valid=0.2), method)
    assert (len(last.train), len(last.valid)) == (72, 18)


def test_the_validation_share_is_of_all_labelled_clips_with_whole_groups_and_with_listed_parts() -> None:
    data = bands(per_class=20, classes=5)
    for split in divide(data, SplitSettings(method="group", valid=0.2, folds=4)).splits:
        assert len(split.valid) / len(data) == pytest.approx(0.2, abs=0.025)
    listed = dataset(["a", "b"] * 50, None, ["train"] * 60 + ["test"] * 40)
    [split] = divide(listed, SplitSettings(valid=0.2)).splits
    assert (len(split.train), len(split.valid), len(split.test)) == (40, 20, 40)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
def test_shares_are_nearly_met_by_whole_groups(share: float) -> None:
    data = bands(per_class=20, classes=5)
    [split] = divide(data, SplitSettings(method="group", valid=0.1, test=share)).splits
    assert len(split.test) / len(data) == pytest.approx(share, abs=0.025)
    assert len(split.valid) / len(data) == pytest.approx(0.1, abs=0.025)
    check_partition(data, Division((split,), "group", ""))
    assert not overlap(data, split)


@pytest.mark.parametrize("seed", range(10))
def test_a_class_of_two_artists_trains_whatever_the_seed(seed: int) -> None:
    common = bands(per_class=10, classes=2)
    data = dataset([*common.labels, *["z"] * 6], [*common.groups, *["p"] * 3, *["q"] * 3])
    [split] = divide(data, SplitSettings(method="group", seed=seed)).splits
    assert set(data.labels[split.train]) == {"c0", "c1", "z"}
    check_partition(data, Division((split,), "group", ""))


def test_classes_that_are_judged_but_never_trained_are_named() -> None:
    data = dataset(["a", "b"] * 3 + ["z"], None, ["train"] * 4 + ["test"] * 3)
    assert divide(data, SplitSettings(valid=0.0)).sentence.endswith("judged but never trained: z")
    alone = dataset([*["a", "b"] * 20, "z"])
    with pytest.raises(
        SplitError, match=r"fold\d: classes are judged, but none of their clips trains: z \(clips: 1, groups: 1\)"
    ):
        divide(alone, SplitSettings(method="random", folds=4))


def test_the_largest_seed_divides() -> None:
    for folds in (0, 3):
        assert divide(bands(), SplitSettings(method="stratified", seed=2**32 - 1, folds=folds)).splits


def test_a_clip_or_an_artist_in_two_parts_is_an_alarm() -> None:
    data = bands()
    rows = np.arange(90)
    crossing = Split("holdout", rows[:33], rows[33:60], rows[60:])
    assert overlap(data, crossing) == ["c1-band0"]
    assert overlap(data, Split("holdout", rows[:35], rows[34:60], rows[60:])) == ["34.wav", "c1-band0"]
    assert overlap(data, Split("holdout", rows[:35], rows[35:60], rows[60:])) == []


def test_stratified_parts_have_even_classes_and_group_parts_nearly() -> None:
    data = bands()
    [stratified] = divide(data, SplitSettings(method="stratified", test=0.2, valid=0.0)).splits
    assert np.unique(data.labels[stratified.test].astype(str), return_counts=True)[1].tolist() == [6, 6, 6]
    [grouped] = divide(data, SplitSettings(method="group", test=0.2, valid=0.2)).splits
    assert np.unique(data.labels[grouped.test].astype(str), return_counts=True)[1].min() >= 5


def test_auto_follows_what_is_known() -> None:
    assert divide(dataset(["a", "b"] * 10), SplitSettings()).method == "stratified"
    assert divide(bands(), SplitSettings()).method == "group"
    listed = dataset(["a", "b"] * 4, ["x"] * 8, ["train"] * 4 + ["valid", "valid", "test", "test"])
    division = divide(listed, SplitSettings())
    assert division.method == "listed"
    assert division.splits[0].test.tolist() == [6, 7]
    assert "optimistic: 1 artist stands in two parts" in division.sentence


def test_listed_without_validation_takes_it_from_training_by_group() -> None:
    data = bands()
    listed = Dataset(data.X, data.names, data.labels, data.groups, np.where(np.arange(90) % 30 < 25, "train", "test"))
    [split] = divide(listed, SplitSettings(valid=0.2)).splits
    assert len(split.valid)
    check_partition(listed, Division((split,), "listed", ""))
    assert not set(data.groups[split.train]) & set(data.groups[split.valid])


def test_the_sentence_calls_optimism_by_its_name() -> None:
    division = divide(bands(), SplitSettings(method="stratified", seed=3))
    sentence, [split] = division.sentence, division.splits
    parts = [set(bands().groups[rows]) for rows in (split.train, split.valid, split.test)]
    crossing = len(parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2])
    assert sentence.startswith("split with even shares of the classes: train 59, valid 13, test 18 clips, seed 3")
    assert sentence.endswith(f"optimistic: {crossing} artists stand in two parts")
    assert "none of them in two parts" in divide(bands(), SplitSettings(folds=3)).sentence


def tied(data: Dataset, clips: int) -> Dataset:
    """The data where every two of the first so many clips turned out to be copies of one recording."""
    groups = [f"copy {row // 2}" if row < clips else group for row, group in enumerate(data.groups)]
    return replace(data, groups=np.array(groups, dtype=object))


@pytest.mark.parametrize(
    ("data", "how", "end"),
    [
        (dataset(["a", "b"] * 20), "clip by clip", "seed 0; artists are not known, so they may cross"),
        (
            tied(dataset(["a", "b"] * 20), 8),
            "clip by clip, copies of one recording in one part",
            "seed 0; artists are not known, so they may cross",
        ),
        (
            tied(dataset([*["a", "b"] * 20, ""], ["x", "y", "z", *[""] * 38]), 8),
            "by artist or recording where known, none of these in two parts",
            "seed 0; artists are not known for 37 of 40 clips; they may cross",
        ),
        (tied(bands(clips=2), 4), "by artist or recording, none of them in two parts", "clips, seed 0"),
    ],
)
def test_the_sentence_claims_no_more_than_is_known(data: Dataset, how: str, end: str) -> None:
    sentence = divide(data, SplitSettings(method="group")).sentence
    assert sentence.startswith(f"split {how}: train ")
    assert sentence.endswith(end)


def test_copies_are_no_artists_in_a_division_that_does_not_look_at_them() -> None:
    sentence = divide(tied(dataset(["a", "b"] * 20), 20), SplitSettings(method="random")).sentence
    assert "optimistic: copies of one recording stand in two parts; artists are not known, so they may" in sentence


def test_artists_follow_their_rows_and_stay_when_copies_are_tied() -> None:
    data = tied(bands(), 4)
    assert data.artists.tolist() == bands().groups.tolist()
    assert data.take(np.array([7, 0])).artists.tolist() == ["c0-band1", "c0-band0"]
    with pytest.raises(ValueError, match="differ in length"):
        replace(data, artists=data.artists[1:])


def test_the_same_seed_divides_the_same_way_and_another_another() -> None:
    first, again, other = (divide(bands(), SplitSettings(seed=seed)).splits[0] for seed in (1, 1, 2))
    assert first.test.tolist() == again.test.tolist() != other.test.tolist()


@pytest.mark.parametrize(
    ("data", "chosen", "says"),
    [
        (dataset(["", ""]), {}, "no clip has a label"),
        (dataset(["a"] * 9), {}, "at least two classes"),
        (dataset(["a"] * 9 + ["b"]), {}, r"too few clips to stratify 10 clips into 2 parts: b \(1\)"),
        (dataset(["a"] * 9 + ["b"] * 3), {"folds": 5}, r"b \(3\)"),
        (
            dataset(["a"] * 4 + ["b"] * 4, ["x"] * 4 + ["y", "z"] * 2),
            {},
            r"single artist or recording .*: a \(clips: 4, groups: 1\)",
        ),
        (dataset(["a", "b"] * 4, ["x", "y", "z", "z"] * 2), {"folds": 5}, "3 artists .* into 5 parts"),
        (dataset(["a", "b", "c"] * 2), {"method": "group", "folds": 3}, "no class has the 3 clips"),
        (bands(), {"valid": 0.5, "test": 0.5}, "leave nothing to train on"),
        (bands(), {"folds": 1}, "at least 2 folds"),
        (bands(), {"folds": 2, "valid": 0.5}, r"split\.valid = 0\.5 and a test of 1/2 .* leave nothing to train on"),
        (
            dataset(["a", "b"] * 5, None, ["train"] * 4 + ["test"] * 6),
            {"valid": 0.4},
            r"0\.4 of 10 labelled clips is more than the 4",
        ),
        (bands(), {"method": "listed"}, "no labelled clip is listed as train"),
        (dataset(["a", "b"] * 3, None, ["train"] * 4 + ["", ""]), {}, "2 labelled clips are listed in no part"),
        (dataset(["a", "b"], None, ["train"] * 2), {"folds": 2}, "exclude each other"),
        (dataset(["a", "b"]), {"method": "random", "folds": 4}, "2 clips cannot be divided into 4 parts"),
    ],
)
def test_what_cannot_be_divided_says_why(data: Dataset, chosen: dict[str, object], says: str) -> None:
    with pytest.raises(SplitError, match=says):
        divide(data, SplitSettings.model_validate(chosen))


def test_repeats_are_other_folds_of_the_same_clips_and_the_first_is_the_one_without_repeats() -> None:
    once = divide(bands(), SplitSettings(folds=3)).splits
    division = divide(bands(), SplitSettings(folds=3, repeats=2))
    assert [split.name for split in division.splits] == [
        *("fold1", "fold2", "fold3"),
        *("repeat2-fold1", "repeat2-fold2", "repeat2-fold3"),
    ]
    for mine, first in zip(division.splits[:3], once, strict=True):
        assert (mine.test == first.test).all()
    for start in (0, 3):
        tested = np.concatenate([split.test for split in division.splits[start : start + 3]])
        assert sorted(tested) == list(range(len(bands())))
    assert any(
        (a.test != b.test).any() for a, b in zip(division.splits[3:], once, strict=True) if len(a.test) == len(b.test)
    )
    assert "6 folds in 2 repeats" in division.sentence
