"""Run folder and test files to a Kaggle-style submission."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tonearm.answers import Prediction
from tonearm.data.tables import is_table
from tonearm.errors import RunError
from tonearm.experiment.lookup import run_to_load
from tonearm.experiment.runs import Run, load_run
from tonearm.experiment.trust import Trust
from tonearm.prediction import doubts, predict
from tonearm.runtime.cells import is_formula
from tonearm.runtime.files import write_csv
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.runtime.names import to_native, to_text
from tonearm.runtime.remote import inside, is_url, place
from tonearm.unsure import with_none
from tonearm.wording import count


class Submission(NamedTuple):
    """What was written: how many rows, a warning for each thing to know, and how many files could not be used."""

    rows: int
    warnings: list[str]
    unusable: int


def write_submission(
    run: Run | str | Path,
    folder: str | Path,
    out: Path,
    id_column: str = "id",
    label_column: str = "class",
    none: str = "",
    trust: Trust = (),
) -> Submission:
    """Write a Kaggle-style file: one row for each file of the folder, in catalog order, whatever its state.

    It is for the machine that scores it, so names stand in it exactly, also those that a spreadsheet would take for
    formulas; a warning tells of them.
    none: label of a file whose answer is not sure; "": the most probable one, sure or not.
    A file that cannot be used gets the commonest class of the training part. The ids are the files' own names; where
    two files have the same name, all ids are names relative to the folder, and of a table, its names as they are.
    trust: as for `predict`. Raises RunError where there is no such folder or table, or nothing in it can be classified.
    """
    if not place(folder).exists():
        raise RunError(f"{folder}: there is no such folder or table of clips to classify")
    if not isinstance(run, Run):
        run = load_run(run_to_load(run), trust)
    found = predict(run, [folder])
    found.check_any()
    if none:
        found = with_none(found, none)
    majority = run.facts.majority
    if found.failed and not majority:
        raise RunError(
            f"{run.folder}: does not say which class is the commonest, for the {len(found.failed)} files that cannot "
            "be used; train the model again"
        )
    warnings = [f"{row.name}: {row.error}; it gets the commonest class, {majority}" for row in found.failed]
    ids = _ids(found.rows, place(folder))
    if len(set(ids)) < len(ids):
        ids = _ids(found.rows, place(folder), full=True)
        warnings.append(f"files in different folders have the same name: {id_column} holds the folders, too")
    clear_leftovers(out.parent, owned=False)
    rows = [(name, row.label or majority) for name, row in zip(ids, found.rows, strict=True)]
    formulas = [text for row in rows for text in row if is_formula(text)]
    if formulas:
        # whoever scores the file looks for the exact names
        warnings.append(
            f"{count(len(formulas), 'name')} such as {formulas[0]!r} would be a formula in a spreadsheet: {out} holds "
            "them exactly, so submit it without opening it there"
        )
    write_csv(out, (id_column, label_column), rows, for_people=False)
    notes = (line for line in found.notes if none or line not in doubts(run))
    return Submission(len(ids), [*notes, *warnings], len(found.failed))


def _ids(rows: Iterable[Prediction], folder: Path, full: bool = False) -> list[str]:
    """Each row's id: the file's own name, or the full one relative to the folder, or of a table as it is."""
    names = [row.name for row in rows]
    if is_table(folder):
        return names if full else [Path(name).name for name in names]
    # a path is written otherwise than its parts only if it holds what is no text, so the way is over the file itself
    paths = [place(name) if is_url(name) else Path(to_native(name)) for name in names]
    if not full:
        return [path.name if is_url(path) else to_text(path.name) for path in paths]
    relative = [inside(folder, path).as_posix() for path in paths]
    return relative if is_url(folder) else [*map(to_text, relative)]
