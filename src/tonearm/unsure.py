"""What becomes of answers that are not sure: another word for their label, or nothing at all.

Conventions
-----------
A model knows the classes it was trained on and must name one of them, whatever it hears. Only the threshold of its
calibration (`evaluation.calibration`) says which answers to believe. Its promise is about new artists of these classes:
of a class that the model never had, fewer answers are sure, but not none (`benchmarks/sure.py` counts them).
"""

from collections.abc import Collection
from dataclasses import replace

from tonearm.answers import Prediction, Predictions
from tonearm.errors import RunError
from tonearm.wording import count

NONE = "none"


def with_none(found: Predictions, word: str = NONE) -> Predictions:
    """The same with this word for a label where the answer is not sure; `best` then has the most probable label.

    Raises RunError where nothing tells which answers are sure, or a class has that name.
    """
    _check_calibrated(found)
    check_word(found.labels, word)
    return replace(found, rows=tuple(none_if_unsure(row, word) for row in found.rows))


def none_if_unsure(row: Prediction, word: str = NONE) -> Prediction:
    """The answer, with this word for its label where it is not sure."""
    return replace(row, label=word, best=row.label) if row.sure is False else row


def check_word(labels: Collection[str], word: str = NONE) -> None:
    """Raise RunError where a class has the name that stands for an answer that is not sure."""
    if word in labels:
        raise RunError(f"{word!r} is one of the classes, so it cannot stand for an answer that is not sure")


def sure_only(found: Predictions) -> Predictions:
    """The same without the answers that are not sure, which a note counts; files that cannot be used stay.

    Raises RunError where nothing tells which answers are sure.
    """
    _check_calibrated(found)
    rows = tuple(row for row in found.rows if row.sure is not False)
    left_out = len(found.rows) - len(rows)
    return replace(found, rows=rows, left_out=left_out, notes=(*found.notes, *left_out_note(left_out, len(found.rows))))


def left_out_note(left_out: int, files: int) -> tuple[str, ...]:
    """A sentence on the files that were left out; () if none were."""
    said = f"{left_out} of {count(files, 'file')} left out, since no label of theirs is sure"
    return (said,) if left_out else ()


def _check_calibrated(found: Predictions) -> None:
    check_calibrated(all(row.sure is not None or row.error for row in found.rows))


def check_calibrated(calibrated: bool) -> None:
    """Raise RunError where nothing tells which answers are sure."""
    if not calibrated:
        raise RunError(
            "the run was not calibrated, so nothing tells which of its answers are sure; train it with "
            "train.calibrate = true, and either with split.folds or with both split.valid and split.test above 0"
        )
