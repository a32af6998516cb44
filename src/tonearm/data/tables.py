"""Ready feature tables (CSV, Parquet) as data sets: what others, or we, computed before.

Conventions
-----------
One row a clip; one column names it (`file_name`, `filename`, `path` or `name`), `label` is its class, the
group and split columns of `[data]` are taken where they are, `length` is left aside, and every other column
is a number: what is true or false, a date or a decimal is none. A Parquet file of ours carries its representation; for
any other the columns are all we know.
"""

import csv
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tonearm.data.dataset import Dataset
from tonearm.data.described import check_representation
from tonearm.data.metadata import (
    LEFT_OUT,
    NAME_COLUMNS,
    check_once,
    find_name_column,
    match,
    name_some,
    part_name,
    read_metadata,
)
from tonearm.errors import CatalogError
from tonearm.runtime.cells import unescaped
from tonearm.runtime.files import parse_json
from tonearm.runtime.logs import FILES
from tonearm.runtime.remote import is_url, local_copy, place
from tonearm.settings import DataSettings
from tonearm.wording import count, shorten

if TYPE_CHECKING:
    import pandas as pd

TABLE_EXTENSIONS = (".csv", ".parquet")
MOST_COLUMNS = 100_000
NOT_FEATURES = frozenset({"length"})
REPRESENTATION_KEY = b"tonearm"
MOST_FACTS_BYTES = 2**24  # of the representation; a million columns have less
ABSENT_NUMBERS = ["", "nan", "NaN", "NA", "N/A", "#N/A", "<NA>", "null", "NULL", "None"]


def is_table(path: str | Path) -> bool:
    """Whether the path is a file that could be a feature table."""
    there = place(path)
    is_file = there.is_file() if is_url(there) else os.path.isfile(there)  # noqa: PTH113  # False if it cannot be seen
    return is_file and there.suffix.lower() in TABLE_EXTENSIONS


def read_table(settings: DataSettings, whole: bool = False) -> tuple[Dataset, list[str]]:
    """The data set in `settings.folder`, a table, joined with `settings.metadata`; and notes for a person.

    Rows with a non-finite value are left out and named, unless the `whole` table is asked for. Raises
    CatalogError if the file is not a table, names no clips, names one twice, has a column that is not numeric, or no
    row that can be used.
    """
    path = place(settings.folder)
    texts = {*NAME_COLUMNS, "label", settings.group_column, settings.split_column}
    frame, representation = _read(path, texts)
    name_column = find_name_column([str(column) for column in frame.columns], path)
    names = _strings(frame, name_column)
    _check_unique(names, path)
    special = {name_column, "label", settings.group_column, settings.split_column} | NOT_FEATURES
    columns = tuple(str(column) for column in frame.columns if column not in special)
    if representation and representation.get("columns", list(columns)) != list(columns):
        raise CatalogError(
            f"{path}: its metadata {REPRESENTATION_KEY.decode()!r} names other columns than the table has; extract the "
            "table again"
        )
    if not columns:
        raise CatalogError(f"{path}: holds no feature columns beside {', '.join(map(str, frame.columns))}")
    dataset = Dataset(
        X=_numbers(frame, columns, path),
        names=names,
        labels=_strings(frame, "label"),
        groups=_strings(frame, settings.group_column),
        splits=np.array([part_name(part) for part in _strings(frame, settings.split_column)], dtype=object),
        columns=columns,
        representation=representation or {"kind": "table", "columns": list(columns)},
    )
    _check_texts(dataset, path)
    notes: list[str] = []
    if settings.metadata:
        dataset, notes = _join(dataset, place(settings.metadata), settings)
    if whole:
        return dataset, notes
    cleaned, notes = _clean(dataset, notes)
    if not len(cleaned):
        empty = [name for name, column in zip(columns, dataset.X.T, strict=True) if not np.isfinite(column).any()]
        hint = f": column {empty[0]!r} holds no number in any row" if empty and len(dataset) else ""
        raise CatalogError(f"{path}: none of its {len(dataset)} rows can be used{hint}")
    return cleaned, notes


def _read(path: Path, texts: set[str]) -> "tuple[pd.DataFrame, dict[str, Any] | None]":
    if not path.is_file():
        raise CatalogError(f"{path}: there is no such table")
    try:
        with local_copy(path) as copy:
            _check_columns(_columns(copy), path)
            return _parse(copy, texts)
    except (ValueError, OSError, Warning) as error:
        reason = shorten(" ".join(str(error).split()))
        raise CatalogError(f"{path}: cannot be read as a table ({reason})") from error


def _columns(path: Path) -> list[str]:
    """The names of a local table's columns as they are written."""
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            try:
                return next(filter(None, csv.reader(file)), [])
            except csv.Error as error:
                raise ValueError(error) from error
    import pyarrow.parquet

    with path.open("rb") as file:
        return list(pyarrow.parquet.read_schema(file).names)


def _check_columns(columns: list[str], path: Path) -> None:
    """Raise CatalogError where a column occurs twice, or there are too many for a frame."""
    if len(columns) > MOST_COLUMNS:
        raise CatalogError(f"{path}: has {len(columns):,} columns, and at most {MOST_COLUMNS:,} are read")
    check_once(columns, columns, path)
    if any("\0" in column for column in columns):
        raise CatalogError(f"{path}: its header holds zero bytes, as UTF-16 text does; save the file as UTF-8")


def _parse(path: Path, texts: set[str]) -> "tuple[pd.DataFrame, dict[str, Any] | None]":
    import pandas as pd

    FILES.debug("%s: read", path)
    if path.suffix.lower() == ".csv":
        columns = pd.read_csv(path, nrows=0).columns
        # texts are taken as they are written: a genre called "null" is a word, an artist called 007 no number
        absent = {column: [""] if column in texts else ABSENT_NUMBERS for column in columns}
        types = {column: str for column in columns if column in texts}
        with warnings.catch_warnings():
            # rows longer than the header: pandas would take their first column for names and shift the others
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=absent, index_col=False)
        for column in types:
            frame[column] = frame[column].map(unescaped, na_action="ignore")
        return frame, None
    import pyarrow.parquet

    with path.open("rb") as file:  # pyarrow takes no path with bytes that are no text
        table = pyarrow.parquet.read_table(file)
    stored = (table.schema.metadata or {}).get(REPRESENTATION_KEY)
    return table.to_pandas(), _stored_representation(stored) if stored else None


def _stored_representation(stored: bytes) -> dict[str, Any]:
    """The facts under our key of a Parquet file, which anybody may have written. Raises ValueError."""
    try:
        if len(stored) > MOST_FACTS_BYTES:
            raise ValueError(f"it has {len(stored):,} bytes")
        facts: dict[str, Any] = parse_json(stored.decode())
        check_representation(facts)
    except ValueError as error:
        key = REPRESENTATION_KEY.decode()
        raise ValueError(
            f"its metadata {key!r} does not say how its columns were computed: {error}; extract the table again, or "
            f"write it without {key!r}"
        ) from error
    return facts


def _strings(frame: "pd.DataFrame", column: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """A column as Python strings, "" where it is missing or empty."""
    if column not in frame:
        return np.full(len(frame), "", dtype=object)
    values = frame[column]
    return np.array(["" if missing else str(v) for v, missing in zip(values, values.isna(), strict=True)], dtype=object)


def _numbers(frame: "pd.DataFrame", columns: tuple[str, ...], path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.empty((len(frame), len(columns)))
    for index, column in enumerate(columns):
        series = frame[column]
        strange = _strange_type(series)
        try:
            if strange:
                raise TypeError(f"{strange} is neither an integer nor a float")
            values[:, index] = series.to_numpy(dtype=np.float64, na_value=np.nan)
        except (ValueError, TypeError) as error:
            raise CatalogError(
                f"{path}: column {shorten(column)!r} is not a feature, since its values are not numbers "
                f"({shorten(str(error))}); drop it, or name it in data.group_column or data.split_column"
            ) from error
    return values


def _strange_type(series: "pd.Series[Any]") -> str:
    """The type of a value that numpy would take for a number although it is a date or a truth value, else ""."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_numeric_dtype(series.dtype) and not is_bool_dtype(series.dtype):
        return ""
    types = {type(value) for value in series[series.notna()].astype(object)} - {int, float, str}
    return min((kind.__name__ for kind in types), default="")


def _check_unique(names: np.ndarray[tuple[int], np.dtype[np.object_]], path: Path) -> None:
    unique, counts = np.unique(names.astype(str), return_counts=True)
    if (counts > 1).any():
        raise CatalogError(
            f"{path}: more than one row is named {shorten(str(unique[np.argmax(counts)]))!r}; each clip has one row"
        )


def _check_texts(dataset: Dataset, path: Path) -> None:
    """Raise CatalogError where a name, label or group holds a zero byte, which no text does."""
    for column in (dataset.names, dataset.labels, dataset.groups):
        zero = next((text for text in column if "\0" in text), None)
        if zero is not None:
            raise CatalogError(f"{path}: {shorten(zero)!r} holds a zero byte, as no text does; save the table as UTF-8")


def _join(dataset: Dataset, path: Path, settings: DataSettings) -> tuple[Dataset, list[str]]:
    """The data set with what a metadata file adds; where it speaks, it is right."""
    partners, notes = match(list(dataset.names), read_metadata(path, settings, set(dataset.names)), path)
    labels, groups, splits = dataset.labels.copy(), dataset.groups.copy(), dataset.splits.copy()
    for row, entry in enumerate(partners):
        if entry is not None:
            labels[row] = entry.label or labels[row]
            groups[row] = entry.group or groups[row]
            splits[row] = entry.split or splits[row]
    joined = Dataset(dataset.X, dataset.names, labels, groups, splits, dataset.columns, dataset.representation)
    return joined, notes


def _clean(dataset: Dataset, notes: list[str]) -> tuple[Dataset, list[str]]:
    """The data set without rows that its split leaves out or that hold no finite numbers."""
    left_out = dataset.splits == LEFT_OUT
    broken = ~np.isfinite(dataset.X).all(axis=1) & ~left_out
    if left_out.any():
        clips = count(int(left_out.sum()), "clip", "is", "are")
        notes.append(f"{clips} left out by the split: {name_some(list(dataset.names[left_out]))}")
    if broken.any():
        rows = count(int(broken.sum()), "row", "holds", "hold")
        notes.append(f"{rows} non-finite values: {name_some(list(dataset.names[broken]))}")
    return dataset.take(~(left_out | broken)), notes
