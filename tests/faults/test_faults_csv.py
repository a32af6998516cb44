"""Names that a spreadsheet would take for formulas: harmless in every CSV for people, and exact when read back."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables import clouds
from tonearm.config import parse_config
from tonearm.data.metadata import read_metadata
from tonearm.data.tables import read_table
from tonearm.evaluation.scores import evaluate
from tonearm.experiment.comparison import read_groups
from tonearm.experiment.experiment import run_experiment
from tonearm.experiment.predictions import PREDICTIONS_CSV, PartResult, read_predictions, write_predictions
from tonearm.prediction import predict
from tonearm.report import write_report
from tonearm.runtime.cells import escaped, is_formula, unescaped
from tonearm.runtime.files import read_csv, write_csv
from tonearm.settings import DataSettings
from tonearm.submission import write_submission

HOSTILE = [
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-M- song",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "'=x",
    "''@y",
    "'Til Dawn",
    "-1.5",
    "",
    "'",
]
DANGEROUS = tuple("=+-@\t\r\n＝＋－＠")


@settings(deadline=None)
@given(st.text(alphabet="'=+-@\t\r\n＝1.5eE ab", max_size=8))
def test_escaping_is_reversed_exactly(text: str) -> None:
    assert unescaped(escaped(text)) == text
    if not is_formula(text):
        assert escaped(text) == text or text.startswith("'")
    first = escaped(text)[:1]
    assert first not in DANGEROUS or np.isfinite(float(text))  # a plain number is no formula


def test_a_file_gives_back_what_was_written_header_and_numbers_too(tmp_path: Path) -> None:
    rows = [[text, -1.5, -2, text] for text in HOSTILE]
    write_csv(tmp_path / "a.csv", ("=name", "x", "y", "@z"), rows)
    header, *found = read_csv(tmp_path / "a.csv")
    assert header == ["=name", "x", "y", "@z"]
    assert found == [[text, "-1.5", "-2", text] for text in HOSTILE]
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        raw = [cell for row in csv.reader(file) for cell in row]
    assert {cell for cell in raw if cell.startswith(DANGEROUS)} == {"-1.5", "-2"}
    write_csv(tmp_path / "exact.csv", ("=name",), [[text] for text in HOSTILE], for_people=False)
    with (tmp_path / "exact.csv").open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["=name", *HOSTILE]


def test_tables_and_metadata_of_ours_are_read_with_exact_names(tmp_path: Path) -> None:
    names = ["=1.wav", "-M-.wav", "'@x.wav", "plain.wav"]
    write_csv(tmp_path / "t.csv", ("filename", "label", "x"), [(name, "+rock", -1.5) for name in names])
    dataset, _ = read_table(DataSettings(folder=str(tmp_path / "t.csv")))
    assert dataset.names.tolist() == names
    assert dataset.labels.tolist() == ["+rock"] * 4
    assert dataset.X.tolist() == [[-1.5]] * 4
    entries = read_metadata(tmp_path / "t.csv", DataSettings())
    assert [(entry.name, entry.label) for entry in entries] == [(name, "+rock") for name in names]


def test_predictions_come_back_as_they_were(tmp_path: Path) -> None:
    labels = ("=a", "b")
    names, truth = np.array(["-x", "'=y"], dtype=object), np.array(["=a", "b"], dtype=object)
    probabilities = np.array([[0.1, 0.9], [2 / 3, 1 / 3]])
    part = PartResult(names, truth, probabilities, evaluate(truth, probabilities, labels))
    write_predictions(tmp_path / PREDICTIONS_CSV, labels, {"test": part})
    found = read_predictions(tmp_path)
    assert found.labels == labels
    assert found.names.tolist() == names.tolist()
    assert found.truth.tolist() == truth.tolist()
    assert found.predictions.tolist() == ["b", "=a"]
    assert (found.probabilities == probabilities).all()


def test_a_run_on_hostile_names_is_harmless_reads_itself_and_submits_exactly(tmp_path: Path) -> None:
    X, y = clouds(60)
    names = [f"=HYPERLINK({row}).wav" for row in range(60)]
    rows = [
        [name, f"={label}", f"@band {row % 20}", *values.tolist()]
        for row, (name, label, values) in enumerate(zip(names, y, X, strict=True))
    ]
    write_csv(tmp_path / "t.csv", ("filename", "label", "artist", "a", "b", "c", "d", "e"), rows)
    chosen = {"data": {"folder": str(tmp_path / "t.csv")}, "models": {"logistic": {}}, "split": {"leaks": "allow"}}
    run_experiment(parse_config(chosen), tmp_path / "out")
    write_report(tmp_path / "out")
    predict(tmp_path / "out", [tmp_path / "t.csv"]).to_csv(tmp_path / "predicted.csv")
    for path in [*tmp_path.glob("out/**/*.csv"), tmp_path / "predicted.csv"]:
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert [cell for cell in cells if is_formula(cell)] == [], path
    run = tmp_path / "out" / "runs" / "logistic" / "holdout"
    assert set(read_predictions(run).names) == set(names)
    assert read_groups(run) == {name: f"@band {row % 20}" for row, name in enumerate(names)}
    _, warnings, _ = write_submission(run, tmp_path / "t.csv", tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["id", *names]
    assert any("would be a formula in a spreadsheet" in warning for warning in warnings)


def test_a_damaged_table_is_a_value_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a\n"' + "x" * 200_000)
    with pytest.raises(ValueError, match="line 2"):
        list(read_csv(tmp_path / "a.csv"))
