"""Paired comparison of runs: the same clips or none, and the numbers of the tests it is made of."""

from pathlib import Path

import numpy as np
import pytest

from tonearm.errors import RunError
from tonearm.evaluation.compare import Answers, compare
from tonearm.evaluation.uncertainty import holm, mcnemar_exact, paired_difference
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
    assert [(pair.other, pair.distinguishable) for pair in found.pairs] == [("like", False), ("worse", True)]
    assert found.sentence().startswith("not distinguishable from the best, best: like; behind best: worse")
    assert "p = " in found.text()


def test_numbers_are_those_of_the_tests_corrected_for_their_count() -> None:
    best, one, two = answers("best", 0.9, 0), answers("one", 0.8, 1), answers("two", 0.7, 2)
    pairs = compare([best, one, two], GROUPS).pairs
    units = np.array([GROUPS[name] for name in NAMES], dtype=object)
    raw = [paired_difference(best.right[:, 0], other.right[:, 0], units).p for other in (one, two)]
    assert [pair.p for pair in pairs] == holm(raw)
    assert [pair.mcnemar for pair in pairs] == holm(
        [mcnemar_exact(best.right[:, 0], other.right[:, 0]) for other in (one, two)]
    )


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
