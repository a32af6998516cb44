"""Parquet tables whose metadata under our key was written by somebody else: one sentence, and no run from it."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tonearm.data.tables import read_table
from tonearm.errors import CatalogError
from tonearm.settings import DataSettings

GOOD: dict[str, Any] = {"kind": "features", "audio": {"sr": 22050}, "features": {}, "columns": ["x", "y"]}


def table(path: Path, stored: bytes) -> DataSettings:
    columns = {"filename": ["a.wav", "b.wav"], "label": ["rock", "jazz"], "x": [1.0, 2.0], "y": [3.0, 4.0]}
    pyarrow.parquet.write_table(pyarrow.table(columns).replace_schema_metadata({b"tonearm": stored}), path)
    return DataSettings(folder=str(path))


@pytest.mark.parametrize(
    "stored",
    [
        b"not json",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"7",
        b"[" * 100_000,
        b'{"kind": ' * 5_000 + b"1" + b"}" * 5_000,
        b'{"kind": NaN}',
        b'{"kind": "features", "x": "' + b"x" * 2**24 + b'"}',
        json.dumps({**GOOD, "kind": ["features"]}).encode(),
        json.dumps({**GOOD, "columns": ["x"]}).encode(),
        json.dumps({**GOOD, "columns": ["y", "x"]}).encode(),
        json.dumps({**GOOD, "columns": "xy"}).encode(),
        json.dumps({**GOOD, "audio": {"sr": -1}}).encode(),
        json.dumps({**GOOD, "audio": "loud"}).encode(),
        json.dumps({**GOOD, "features": {"n_fft": "many"}}).encode(),
        json.dumps({"kind": "pictures"}).encode(),
        json.dumps({"kind": "joined", "parts": [{"kind": "joined", "parts": [GOOD]}]}).encode(),
    ],
)
def test_hostile_metadata_is_told(stored: bytes, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"t\.parquet: .*metadata 'tonearm'") as caught:
        read_table(table(tmp_path / "t.parquet", stored))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_facts_that_fit_are_taken(tmp_path: Path) -> None:
    dataset, _ = read_table(table(tmp_path / "t.parquet", json.dumps(GOOD).encode()))
    assert dataset.representation == GOOD
