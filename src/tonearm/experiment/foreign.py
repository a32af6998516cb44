"""A CSV of answers that were made anywhere, as answers to the clips on which a run was judged.

Conventions
-----------
One row a clip: its name (`file_name`, `filename`, `path`, `name` or `id`) and the answer (`prediction`, `label` or
`class`); so `tonearm predict --out`, a submission and the predictions.csv of a run are such files. Names are matched
as those of metadata are. What the model behind the answers learned from cannot be known here, and a note says so.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tonearm.data.metadata import NAME_COLUMNS, Entry, match, name_some
from tonearm.errors import RunError
from tonearm.evaluation.compare import Answers
from tonearm.runtime.files import read_csv_rows
from tonearm.wording import count, did_you_mean, shorten

NAMES, ANSWERS = (*NAME_COLUMNS, "id"), ("prediction", "label", "class")


def read_foreign(path: Path, judged: Answers, truth: Sequence[str], labels: Sequence[str]) -> tuple[Answers, list[str]]:
    """The answers of the file to the clips of `judged`, and notes for a person.

    truth: of each of these clips, in their order. labels: that an answer may be. Raises RunError where the file is no
    such table, lacks a clip, or answers with an unknown label; CatalogError where a name fits more than one clip.
    """
    entries = _read(path, labels)
    partners, notes = match(judged.names, entries, path)
    lacking = [name for name, partner in zip(judged.names, partners, strict=True) if partner is None]
    if lacking:
        raise RunError(
            f"{path}: lacks {len(lacking)} of the {len(judged.names)} clips on which {judged.run} was judged: "
            f"{name_some(lacking)}; only answers to the same clips can be compared"
        )
    said = [partner.label for partner in partners if partner is not None]
    right = np.array([one == other for one, other in zip(said, truth, strict=True)])
    right = np.repeat(right[:, None], judged.right.shape[1], axis=1)  # of repeated folds: the same answer each time
    notes.append(
        f"{path}: which clips its model learned from is not known here; the comparison holds only if none of the "
        f"{len(said)} judged clips was among them"
    )
    return Answers(path.stem, judged.names, right, judged.division, judged.method), notes


def _read(path: Path, labels: Sequence[str]) -> list[Entry]:
    """Names and answers; of a file that has parts, those of the test."""
    try:
        rows = [{key.lstrip("\ufeff"): value for key, value in row.items()} for row in read_csv_rows(path)]
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read as a CSV file of UTF-8 text ({error})") from error
    columns = list(rows[0]) if rows else []
    name = next((column for column in NAMES if column in columns), "")
    answer = next((column for column in ANSWERS if column in columns), "")
    if not name or not answer:
        raise RunError(
            f"{path}: is no table of answers: expected a column of names ({', '.join(NAMES)}) and one of answers "
            f"({', '.join(ANSWERS)}), found {', '.join(map(shorten, columns[:8])) or 'no rows'}"
        )
    if "part" in columns:
        rows = [row for row in rows if row["part"] == "test"]
    unknown = sorted({row[answer] for row in rows} - set(labels))
    if unknown:
        raise RunError(
            f"{path}: answers {shorten(unknown[0])!r}, which is not a class of the run; "
            f"{did_you_mean(unknown[0], labels)}classes: {', '.join(labels)}"
        )
    twice = len(rows) - len({row[name] for row in rows})
    if twice:
        raise RunError(f"{path}: {count(twice, 'row')} more than clips: each clip has one answer")
    return [Entry(row[name], row[answer], "", "") for row in rows]
