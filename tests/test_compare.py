"""Paired comparison of runs: the same clips or none, and the numbers of the tests it is made of."""

from pathlib import Path

import numpy as np
import pytest

from tonearm.errors import RunError
from tonearm.evaluation.compare import Answers, compare
from tonearm.evaluation.sign_flips import max_t
from tonearm.evaluation.uncertainty import bootstrap, holm, mcnemar_exact, sums_by_group
from tonearm.experiment.comparison import compare_folders
from tonearm.experiment.folder import ExperimentFolder
from tonearm.runtime.files import write_csv, write_json

NAMES = tuple(f"{i:03d}.wav" for i in range(200))
GROUPS = {name: f"band {i // 5}" for i, name in enumerate(NAMES)}


def answers(
    run: str, accuracy: float, seed: int, base: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None
) -> Answers:
    right = np.random.default_rng(seed).random((200, 1)) < accuracy
    return Answers(run, NAMES, right if base is None else base & right)


def write(folder: Path, one: Answers, part: str = "test") -> Path:
    rows = [
        [part, name, "rock", *(("rock", 0.0, 1.0) if right else ("jazz", 1.0, 0.0))]
        for name, right in zip(one.names, one.right[:, 0], strict=True)
    ]
    write_csv(folder / "predictions.csv", ("part", "filename", "truth", "prediction", "p_jazz", "p_rock"), rows)
    facts = {
        "format": 1,
        "digest": one.run,
        "model": {"name": one.run, "settings": {}},
        "labels": ["jazz", "rock"],
        "representation": {"kind": "table", "columns": ["x"]},
        "division": {"method": "group", "digest": "of the clips"},
        "seconds": {"train": 1.0, "predict_a_clip": 0.1},
    }
    write_json(folder / "run.json", facts)
    return folder


def test_the_best_is_told_from_the_clearly_worse_and_not_from_its_like() -> None:
    best = answers("best", 0.8, 0)
    like = Answers("like", NAMES, best.right ^ (np.arange(200) == np.argmax(best.right))[:, None])
    worse = answers("worse", 0.6, 1, best.right)
    found = compare([worse, like, best], GROUPS)
    assert [one.run for one in found.answers] == ["best", "like", "worse"]
    assert [(pair.better, pair.other) for pair in found.pairs] == [
        ("best", "like"),
        ("best", "worse"),
        ("like", "worse"),
    ]
    assert [pair.distinguishable for pair in found.pairs] == [False, True, True]
    assert found.sentence().startswith("these may be the best: best, like; behind: worse (all pairs")
    assert found.pair("worse", "like") == found.pairs[2]
    assert "like - worse" in found.text(every=True)
    assert "like - worse" not in found.text()


def test_numbers_are_those_of_the_tests_corrected_for_their_count() -> None:
    runs = [answers("best", 0.9, 0), answers("one", 0.8, 1), answers("two", 0.7, 2)]
    pairs = compare(runs, GROUPS).pairs
    units = np.array([GROUPS[name] for name in NAMES], dtype=object)
    right = np.column_stack([one.right[:, 0] for one in runs])
    p = max_t(sums_by_group(right.astype(float), units))
    places = [(0, 1), (0, 2), (1, 2)]
    assert [pair.p for pair in pairs] == [p[place] for place in places]
    assert [pair.mcnemar for pair in pairs] == holm(
        [mcnemar_exact(right[:, one], right[:, two]) for one, two in places]
    )
    gain = np.column_stack([right[:, 0] ^ right[:, 2], np.ones(200)]) * np.where(right[:, 2], -1, 1)[:, None] ** [1, 0]
    assert pairs[1].difference == pytest.approx(gain[:, 0].mean())
    [interval] = bootstrap(lambda sums: sums[:, 0] / sums[:, 1], gain, units)
    assert pairs[1].interval == pytest.approx(interval)


def test_the_choice_of_the_validation_clips_is_set_beside_the_best_of_the_test() -> None:
    found = compare([answers("best", 0.9, 0), answers("chosen", 0.6, 1)], GROUPS)
    assert found.verdict("best") == found.verdict() == found.sentence()
    said = found.verdict("chosen").removeprefix(found.sentence())
    one, two = (f"{run.accuracy:.3f}" for run in found.answers)
    ahead = f"on the test best is ahead of it, {one} against {two}, distinguishably so"
    assert said == f". The validation clips choose chosen; {ahead}"


def test_too_few_groups_tell_nothing_apart_and_that_is_said() -> None:
    best, worst = Answers("best", NAMES, np.ones((200, 1), bool)), Answers("worst", NAMES, np.zeros((200, 1), bool))
    for groups, says in (
        (5, "are of only 5 artists or recordings, too few to tell"),
        (6, "best is the best; behind: worst"),
    ):
        found = compare([best, worst], {name: f"band {i % groups}" for i, name in enumerate(NAMES)})
        assert says in found.sentence()
        assert found.pairs[0].p == 2.0 ** (1 - groups)


def test_the_order_of_the_clips_does_not_matter() -> None:
    best, other = answers("best", 0.9, 0), answers("other", 0.7, 1)
    order = np.random.default_rng(3).permutation(200)
    shuffled = Answers("other", tuple(NAMES[i] for i in order), other.right[order])
    assert compare([best, shuffled], GROUPS).pairs == compare([best, other], GROUPS).pairs


def test_other_clips_are_refused() -> None:
    other = Answers("other", tuple(f"x{name}" for name in NAMES[:50]) + NAMES[:10], np.ones((60, 1), bool))
    found = compare([answers("best", 0.5, 0), other], GROUPS)
    assert found.pairs == ()
    assert "10 of them the same: no paired test is possible" in found.sentence()


def test_folders_of_runs_and_experiments(tmp_path: Path) -> None:
    first, second = answers("svm", 0.9, 0), answers("mlp", 0.6, 1)
    folder = ExperimentFolder(tmp_path / "experiment")
    runs = {one.run: folder.plan(one.run, {"holdout": one.run}, "holdout") for one in (first, second)}
    for one in (first, second):
        write(folder.run(one.run, "holdout"), one)
    folder.finish(runs, ["svm", "mlp"])
    write_csv(folder.splits_csv, ("filename", "group"), GROUPS.items())
    whole = compare_folders([folder.path])
    assert whole.pairs == compare([first, second], GROUPS).pairs
    assert compare_folders([folder.path / "runs" / "mlp", folder.run("svm", "holdout")]).pairs == whole.pairs
    lonely = write(tmp_path / "elsewhere" / "svm", first, part="valid")
    both = compare_folders([folder.path, lonely])
    assert [one.run for one in both.answers] == ["elsewhere/svm", "experiment/svm", "mlp"]
    assert "is the only run" in compare_folders([lonely]).sentence()
    with pytest.raises(RunError, match="neither a run nor an experiment"):
        compare_folders([tmp_path])


def test_other_divisions_and_unknown_ones_are_not_tested() -> None:
    best = answers("best", 0.9, 0)
    for division, says in (
        ("other", "trained and tested on the same parts"),
        (None, "other was trained on is"),
    ):
        other = Answers("other", NAMES, answers("", 0.7, 1).right, division, "stratified")
        found = compare([best, other], GROUPS)
        assert found.pairs == ()
        assert says in found.sentence()
