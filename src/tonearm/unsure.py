"""What becomes of answers that are not sure: another word for their label, or nothing at all.

Conventions
-----------
A model knows the classes it was trained on and must name one of them, whatever it hears. Only the threshold of its
calibration (`evaluation.calibration`) says which answers to believe. Its promise is about new artists of these classes:
of a class that the model never had, fewer answers are sure, but not none (`benchmarks/sure.py` counts them).
"""

from dataclasses import replace

from tonearm.answers import Predictions
from tonearm.errors import RunError
from tonearm.wording import count

NONE = "none"


def with_none(found: Predictions, word: str = NONE) -> Predictions:
    """The same with this word for a label where the answer is not sure; `best` then has the most probable label.

    Raises RunError where nothing tells which answers are sure, or a class has that name.
    """
    _check_calibrated(found)
    if word in found.labels:
        raise RunError(f"{word!r} is one of the classes, so it cannot stand for an answer that is not sure")
    rows = (replace(row, label=word, best=row.label) if row.sure is False else row for row in found.rows)
    return replace(found, rows=tuple(rows))


def sure_only(found: Predictions) -> Predictions:
    """The same without the answers that are not sure, which a note counts; files that cannot be used stay.

    Raises RunError where nothing tells which answers are sure.
    """
    _check_calibrated(found)
    rows = tuple(row for row in found.rows if row.sure is not False)
    left_out = len(found.rows) - len(rows)
    note = f"{left_out} of {count(len(found.rows), 'file')} left out, since no label of theirs is sure"
    return replace(found, rows=rows, left_out=left_out, notes=(*found.notes, *([note] if left_out else [])))


def _check_calibrated(found: Predictions) -> None:
    if any(row.sure is None and not row.error for row in found.rows):
        raise RunError(
            "the run was not calibrated, so nothing tells which of its answers are sure; train it with "
            "train.calibrate = true, and either with split.folds or with both split.valid and split.test above 0"
        )
