"""Scores that are too good to be true stop the experiment; honest data never do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tonearm.config import Config, parse_config
from tonearm.errors import SplitError
from tonearm.experiment.experiment import run_experiment
from tonearm.models import MODELS

COLUMNS = 30


def songs(slices: int, count: int = 90, seed: int = 0) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Slices of songs: a song lies anywhere in a space that says little of its class, its slices close to it."""
    generator = np.random.default_rng(seed)
    X, names, labels = [], [], []
    for song in range(count):
        label = "xyz"[song % 3]
        centre = generator.normal(size=COLUMNS) + 0.08 * (song % 3)
        for number in range(slices):
            X.append(centre + 0.05 * generator.normal(size=COLUMNS))
            names.append(f"{label}.{song:05}.{number}.wav")
            labels.append(label)
    return np.array(X), names, labels


def table(
    path: Path, X: NDArray[np.float64], names: list[str], labels: list[str], columns: list[str] | None = None
) -> Config:
    columns = columns or [f"c{number}" for number in range(X.shape[1])]
    rows = [f"filename,label,{','.join(columns)}"]
    rows += [f"{n},{label},{','.join(map(repr, row.tolist()))}" for n, label, row in zip(names, labels, X, strict=True)]
    path.write_text("\n".join(rows) + "\n")
    return parse_config(settings(path))


def settings(path: Path, **sections: object) -> dict[str, object]:
    return {"data": {"folder": str(path)}, "models": {"logistic": {}}, "split": {"valid": 0.2}, **sections}


def test_sliced_songs_are_seen_by_their_neighbours(tmp_path: Path) -> None:
    config = table(tmp_path / "t.csv", *songs(slices=8))
    with pytest.raises(
        SplitError, match=r"(?s)nearest training clip alone tells \d+% .*by .*data\.metadata.*split\.leaks"
    ):
        run_experiment(config, tmp_path / "out")
    said: list[str] = []
    allowed = parse_config(settings(tmp_path / "t.csv", split={"valid": 0.2, "leaks": "allow"}))
    done = run_experiment(allowed, tmp_path / "out", said.append)
    assert any("logistic, holdout: is there already" in line for line in said)  # nothing was lost
    assert "slices of one song" in (done.out / "leaderboard.md").read_text()
    assert "slices of one song" in (done.out / "leaderboard.json").read_text()


def test_the_same_songs_whole_or_kept_together_raise_no_alarm(tmp_path: Path) -> None:
    run_experiment(table(tmp_path / "whole.csv", *songs(slices=1, count=240)), tmp_path / "whole")
    X, names, labels = songs(slices=8)
    table(tmp_path / "t.csv", X, names, labels)
    metadata = tmp_path / "m.csv"
    metadata.write_text("file_name,artist\n" + "".join(f"{name},{name[:7]}\n" for name in names))
    data = {"folder": str(tmp_path / "t.csv"), "metadata": str(metadata)}
    run_experiment(parse_config(settings(tmp_path, data=data)), tmp_path / "out")


def test_an_easy_task_that_models_solve_too_is_no_leak(tmp_path: Path) -> None:
    X, names, labels = songs(slices=1, count=120)
    X += 10 * np.array([["xyz".index(label)] for label in labels])
    run_experiment(table(tmp_path / "t.csv", X, names, labels), tmp_path / "out")


def centred(X: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((X - X.mean(axis=0)) / X.std(axis=0))


def stretched(X: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0)))


@pytest.mark.parametrize(("scaler", "how"), [(centred, "have mean 0"), (stretched, "run from 0 to 1")])
def test_a_table_that_was_scaled_over_all_rows_is_refused(
    tmp_path: Path, scaler: Callable[[NDArray[np.float64]], NDArray[np.float64]], how: str
) -> None:
    X, names, labels = songs(slices=1, count=60)
    config = table(tmp_path / "t.csv", scaler(X), names, labels)
    with pytest.raises(SplitError, match=f"30 of 30 columns {how} over all 60 rows"):
        run_experiment(config, tmp_path / "out")
    half = np.concatenate([scaler(X[:40]), X[40:]])  # scaled on some rows, as one should
    run_experiment(table(tmp_path / "h.csv", half, names, labels), tmp_path / "half")


def test_a_column_that_numbers_rows_in_the_order_of_classes_is_refused_and_one_in_any_order_is_not(
    tmp_path: Path,
) -> None:
    X, names, labels = songs(slices=1, count=90)
    order = np.argsort(labels, kind="stable")
    X, names, labels = X[order], [names[i] for i in order], [labels[i] for i in order]
    columns = [*(f"c{number}" for number in range(COLUMNS)), "track_id"]
    numbered = np.column_stack([X, np.arange(90.0)])
    config = table(tmp_path / "t.csv", numbered, names, labels, columns)
    with pytest.raises(SplitError, match=r"tell the label: track_id \((1\.00|0\.\d\d) alone\); drop them"):
        run_experiment(config, tmp_path / "out")
    mixed = np.column_stack([X, np.random.default_rng(0).permutation(90).astype(np.float64)])
    run_experiment(table(tmp_path / "m.csv", mixed, names, labels, columns), tmp_path / "mixed")


def test_files_numbered_class_by_class_are_warned_of_and_those_in_any_order_are_not(tmp_path: Path) -> None:
    X, _, labels = songs(slices=1, count=90)
    said: list[str] = []
    run_experiment(
        table(tmp_path / "any.csv", X, [f"{i}.wav" for i in range(90)], labels), tmp_path / "any", said.append
    )
    assert not any("file name" in line for line in said)
    order = np.argsort(np.argsort(labels, kind="stable"))
    config = table(tmp_path / "t.csv", X, [f"{i}.wav" for i in order], labels)
    run_experiment(config, tmp_path / "out", said.append)
    assert any(line.startswith("warning: the last number of a file name alone tells") for line in said)


def test_listed_parts_that_share_an_artist_are_refused_unless_allowed(tmp_path: Path) -> None:
    X, names, labels = songs(slices=1, count=60)
    table(tmp_path / "t.csv", X, names, labels)
    rows = [f"{name},{number % 20},{'test' if number % 4 == 0 else 'train'}" for number, name in enumerate(names)]
    (tmp_path / "m.csv").write_text("\n".join(["file_name,artist,split", *rows]))
    data = {"folder": str(tmp_path / "t.csv"), "metadata": str(tmp_path / "m.csv")}
    # artists 0, 4, 8 … are always tested: let one stand on both sides
    rows[0] = f"{names[0]},1,test"
    (tmp_path / "m.csv").write_text("\n".join(["file_name,artist,split", *rows]))
    with pytest.raises(SplitError, match=r"1 artists or recordings stand in two of the listed parts: 1;"):
        run_experiment(parse_config(settings(tmp_path, data=data)), tmp_path / "out")
    run_experiment(parse_config(settings(tmp_path, data=data, split={"leaks": "allow"})), tmp_path / "out")


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.takes == "rows"])
def test_no_model_learns_anything_from_rows_of_the_test(name: str, tmp_path: Path) -> None:
    """Other values in the test rows change no answer on the validation rows."""
    X, names, labels = songs(slices=1, count=90)
    fast = {"epochs": 3} if "epochs" in MODELS[name].settings.model_fields else {}
    answers = []
    for number, factor in enumerate((1.0, 1000.0)):
        path = tmp_path / f"{number}.csv"
        table(path, X, names, labels)
        config = parse_config(settings(path, models={name: fast}, split={"valid": 0.2, "recordings": False}))
        if number:
            from tonearm.experiment.inputs import read_inputs
            from tonearm.splits.divide import divide

            data = read_inputs(config, tmp_path)
            other = X.copy()
            other[divide(data.clips, config.split).splits[0].test] *= factor
            table(path, other, names, labels)
        run_experiment(config, tmp_path / str(number))
        lines = (tmp_path / str(number) / "runs" / name / "holdout" / "predictions.csv").read_text().splitlines()
        answers.append([line for line in lines if line.startswith(("valid", "train"))])
    assert answers[0] == answers[1]
