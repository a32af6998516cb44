"""What has no answer: copies without a label, tables with columns that are no features, and nothing to classify."""

import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from tonearm import submission
from tonearm.answers import Prediction, Predictions
from tonearm.data.dataset import Dataset
from tonearm.data.tables import read_table
from tonearm.errors import CatalogError, RunError
from tonearm.experiment.runs import Run
from tonearm.scan.scan import scan_dataset
from tonearm.settings import DataSettings
from tonearm.splits.recordings import unlabelled_copies
from tonearm.submission import write_submission


def clips(*rows: tuple[str, str, float]) -> Dataset:
    names, labels, numbers = zip(*rows, strict=True)
    none = np.full(len(rows), "", dtype=object)
    X = np.array(numbers)[:, None]
    return Dataset(X, np.array(names, dtype=object), np.array(labels, dtype=object), none, none, ("x",))


def test_an_unlabelled_copy_contradicts_nothing_and_is_named() -> None:
    copied = clips(("test/1", "", 1.0), ("train/1", "rock", 1.0), ("train/2", "pop", 2.0), ("test/2", "", 3.0))
    report = scan_dataset(copied, "t", ())
    assert [group.contradicts for group in report.duplicates] == [False]
    assert "unlabelled clips that are the same as labelled ones: 1\n  same features: test/1 = train/1 (rock)" in (
        report.text()
    )
    assert unlabelled_copies(copied, [group.names for group in report.duplicates]) == (
        "1 unlabelled clip is a copy of a labelled one, whose label a model may remember: test/1 = train/1"
    )
    assert unlabelled_copies(copied, [("train/1", "train/2"), ("test/1", "test/2")]) == ""
    quarrel = clips(("a", "", 1.0), ("b", "rock", 1.0), ("c", "pop", 1.0))
    assert [group.contradicts for group in scan_dataset(quarrel, "t", ()).duplicates] == [True]


def test_a_submission_of_nothing_classified_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Prediction(str(tmp_path / "a.wav"), "", 0.0, {}, "cannot be read")
    sound = Prediction(str(tmp_path / "b.wav"), "rock", 1.0, {"rock": 1.0})
    facts = SimpleNamespace(majority="pop")
    monkeypatch.setattr(submission, "load_run", lambda run, trust: SimpleNamespace(facts=facts))
    monkeypatch.setattr(submission, "run_to_load", lambda run: run)
    out = tmp_path / "s.csv"
    monkeypatch.setattr(submission, "predict", lambda run, paths: Predictions(("rock",), (broken, broken)))
    with pytest.raises(RunError, match=r"none of 2 files could be classified: .*a\.wav: cannot be read"):
        write_submission(cast("Run", "run"), tmp_path, out)
    assert not out.exists()
    monkeypatch.setattr(submission, "predict", lambda run, paths: Predictions(("rock",), (broken, sound)))
    assert write_submission(cast("Run", "run"), tmp_path, out)[0] == 2
    assert out.read_text() == "id,class\na.wav,pop\nb.wav,rock\n"


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2020-01-01", "2021-01-01"]),
        pd.to_timedelta([1, 2], unit="s"),
        [datetime.date(2020, 1, 1)] * 2,
        [Decimal("1.5")] * 2,
        [True, False],
        pd.array([True, None], dtype="boolean"),
        [b"1", b"2"],
    ],
)
def test_what_is_no_number_is_no_feature(tmp_path: Path, values: Any) -> None:
    frame = pd.DataFrame({"filename": ["a", "b"], "label": ["x", "y"], "rms": [0.1, 0.2], "odd": values})
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(CatalogError, match="column 'odd' is not a feature"):
        read_table(DataSettings(folder=str(tmp_path / "t.parquet")))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"filename,label,x,x\na,rock,1,2\n", "2 columns are called 'x'"),
        (b"filename,label,label,x\na,rock,pop,2\n", "2 columns are called 'label'"),
        (b"filename,label,x\na,rock\0,1\n", "holds a zero byte"),
        ("filename,label,x\na,rock,1\n".encode("utf-16-le"), "its header holds zero bytes"),
        (b"filename,label," + b",".join(b"c%d" % column for column in range(100_000)) + b"\n", "at most 100,000"),
    ],
)
def test_tables_of_a_wrong_shape_are_refused(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / "t.csv").write_bytes(text)
    with pytest.raises(CatalogError, match=says):
        read_table(DataSettings(folder=str(tmp_path / "t.csv")))
