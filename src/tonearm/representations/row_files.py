"""Rows of a representation as files: one table of all clips, as CSV and Parquet."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.data.dataset import Dataset
from tonearm.data.tables import REPRESENTATION_KEY, read_table
from tonearm.representations.base import Reader, Representation, file_name, work_digest
from tonearm.representations.shards import PARTS, PartsOnly, Shards
from tonearm.runtime.files import replacing, write_csv
from tonearm.settings import DataSettings

CLIP_COLUMNS = ("filename", "label", "artist", "split")
ROWS_A_GROUP = 1024


@dataclass(frozen=True)
class RowsTask(PartsOnly):
    """Clips to a table, `folder`/<representation>.csv and .parquet."""

    representation: Representation
    folder: Path
    device: str = "cpu"

    @property
    def digest(self) -> str:
        """Digest of the representation and its code."""
        return work_digest(self.representation)

    @property
    def parts(self) -> Path:
        """Folder of the part files."""
        return self.folder / PARTS

    @property
    def table(self) -> Path:
        """The Parquet file."""
        return self.folder / f"{file_name(self.representation.name)}.parquet"

    def open(self) -> Reader:
        """The representation's reader."""
        return self.representation.open(self.device)

    def finish(self, shards: Shards) -> None:
        """Write the table as CSV and Parquet."""
        facts = self.representation.facts()
        header = (*CLIP_COLUMNS, *self.representation.columns)
        write_csv(self.table.with_suffix(".csv"), header, _csv_rows(shards))
        _write_parquet(self.table, shards, self.representation.columns, facts)

    def load(self) -> Dataset:
        """The data set that `finish` wrote."""
        dataset, _ = read_table(DataSettings(folder=str(self.table)), whole=True)
        return dataset


def _csv_rows(shards: Shards) -> Iterator[tuple[Any, ...]]:
    for clip, row in shards.rows():
        yield (clip.name, clip.label, clip.group, clip.split, *row.tolist())


def _write_parquet(path: Path, shards: Shards, names: Sequence[str], facts: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    fields = [(name, pa.string()) for name in CLIP_COLUMNS] + [(name, pa.float64()) for name in names]
    schema = pa.schema(fields, metadata={REPRESENTATION_KEY: json.dumps(facts)})
    # an open file, since pyarrow does not accept paths with bytes that are not text
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
        pyarrow.parquet.ParquetWriter(file, schema) as writer,
    ):
        rows = shards.rows()
        while group := list(islice(rows, ROWS_A_GROUP)):
            clips = [clip for clip, _ in group]
            values = np.stack([row for _, row in group])
            texts = [[getattr(clip, name) for clip in clips] for name in ("name", "label", "group", "split")]
            columns = [pa.array(text, pa.string()) for text in texts] + [pa.array(column) for column in values.T]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
