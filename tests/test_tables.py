"""Ready tables: the public one, joins, and what is not a table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tonearm.data.tables import is_table, read_table
from tonearm.errors import CatalogError
from tonearm.representations.features import feature_columns
from tonearm.settings import DataSettings, FeatureSettings


def write(path: Path, text: str) -> DataSettings:
    path.write_text(text)
    return DataSettings(folder=str(path))


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"filename": ["a.wav", "b.wav"], "length": [1, 2], "x": [0.1, 1 / 3], "y": [1, 2], "label": ["007", "rock"]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    csv, _ = read_table(DataSettings(folder=str(tmp_path / "t.csv")))
    parquet, _ = read_table(DataSettings(folder=str(tmp_path / "t.parquet")))
    for dataset in (csv, parquet):
        assert dataset.columns == ("x", "y")
        assert dataset.labels.tolist() == ["007", "rock"]
        assert dataset.representation == {"kind": "table", "columns": ["x", "y"]}
    assert np.array_equal(csv.X, parquet.X)


def test_artist_and_split_columns_are_taken_and_broken_rows_named(tmp_path: Path) -> None:
    settings = write(
        tmp_path / "t.csv",
        "file_name,label,artist,split,x\na,rock,Ann,train,1\nb,rock,Bob,test,\nc,jazz,Cy,excluded,3\nd,jazz,Di,val,inf\n",
    )
    dataset, notes = read_table(settings)
    assert (dataset.names.tolist(), dataset.groups.tolist(), dataset.splits.tolist()) == (["a"], ["Ann"], ["train"])
    assert notes == [
        "1 clip is left out by the split: c",
        "2 rows hold non-finite values: b, d",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x,y\n1,2\n", "no column names the clips"),
        ("filename,label\na,rock\n", "holds no feature columns"),
        ("filename,label,x\na,rock,loud\n", "column 'x' is not a feature"),
        ("filename,label,x\na,rock,1\na,rock,2\n", "more than one row is named 'a'"),
        ("", "cannot be read as a table"),
    ],
)
def test_what_is_no_table_says_why(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CatalogError, match=says):
        read_table(write(tmp_path / "t.csv", text))


def test_a_file_that_only_claims_to_be_parquet(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("words")
    assert is_table(tmp_path / "t.parquet")
    with pytest.raises(CatalogError, match="cannot be read as a table"):
        read_table(DataSettings(folder=str(tmp_path / "t.parquet")))
    with pytest.raises(CatalogError, match="no such table"):
        read_table(DataSettings(folder=str(tmp_path / "u.csv")))


@pytest.mark.shared
def test_the_public_gtzan_table_with_its_artists_and_splits(shared: Path) -> None:
    dataset, notes = read_table(
        DataSettings(
            folder=str(shared / "features_30_sec.csv"),
            metadata=str(shared / "metadata.csv"),
            split_column="fault_filtered_split",
        )
    )
    assert dataset.columns == feature_columns(FeatureSettings(preset="gtzan57"))
    assert (np.sum(dataset.splits == "train"), np.sum(dataset.splits == "valid")) == (443, 197)
    assert len(dataset.classes) == 10
    assert len(set(dataset.groups)) > 100  # artists; a few clips have none
    assert notes[0].startswith("70 clips are left out by the split")


def test_words_and_numbers_stay_what_they_are_written_as(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "filename,label,artist,rms\n1,null,007,0.5\nNA,None,nan,1.5\n03.wav,,12,null\n04.wav,nan,,2\n"
    )
    dataset, notes = read_table(DataSettings(folder=str(tmp_path / "t.csv")))
    assert dataset.names.tolist() == ["1", "NA", "04.wav"]
    assert dataset.labels.tolist() == ["null", "None", "nan"]
    assert dataset.groups.tolist() == ["007", "nan", ""]
    assert dataset.X.ravel().tolist() == [0.5, 1.5, 2.0]
    assert notes == ["1 row holds non-finite values: 03.wav"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("filename,label,x,y\n", "none of its 0 rows can be used$"),
        ("filename,label,x,y\na,rock,1,\nb,pop,2,\n", "none of its 2 rows can be used: column 'y' holds no number"),
    ],
)
def test_a_table_without_a_usable_row_says_why(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CatalogError, match=says):
        read_table(write(tmp_path / "t.csv", text))


def test_rows_longer_than_the_header_are_refused_and_not_shifted(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read as a table"):
        read_table(write(tmp_path / "t.csv", "filename,label,x\na,rock,1,3\nb,pop,2,4\n"))
