"""Two crossed settings as a table of rows and columns, each cell with what others published of it in brackets.

Conventions
-----------
Rows and columns stand in the order of the config. A cell that was left out says so ("skipped"), as one that failed or
was pruned; the best one is marked. The table is kept in sweep.json, since the report shows it and computes nothing.
"""

from typing import Self

from pydantic import model_validator

from tonearm.experiment.records import Record
from tonearm.published import PUBLISHED, show_figure
from tonearm.sweep.results import Results, crossed_axes
from tonearm.sweep.trials import Trial

HEADING = "Validation accuracy"
BRACKETS = "; in brackets what was published"


class CrossedCell(Record):
    """A cell: our validation accuracy, or its state; the published accuracy, "" where there is none."""

    ours: str
    theirs: str = ""
    state: str = "done"
    best: bool = False

    @property
    def text(self) -> str:
        """Both in one, as in "0.660 (0.68)"."""
        return f"{self.ours} ({self.theirs})" if self.theirs else self.ours


class CrossedRow(Record):
    """A value of the first setting, and its cells."""

    value: str
    cells: tuple[CrossedCell, ...]


class Crossed(Record):
    """The table. row_title, column_title: the names of the settings."""

    row_title: str
    column_title: str
    columns: tuple[str, ...]
    rows: tuple[CrossedRow, ...]

    @model_validator(mode="after")
    def _even(self) -> Self:
        if any(len(row.cells) != len(self.columns) for row in self.rows):
            raise ValueError("its rows and columns do not fit together")
        return self

    @property
    def heading(self) -> str:
        """What the numbers are."""
        return HEADING + (BRACKETS if any(cell.theirs for row in self.rows for cell in row.cells) else "")

    def markdown(self) -> str:
        """Heading and table."""
        lines = [[f"{self.row_title} \\ {self.column_title}", *self.columns], ["---"] * (len(self.columns) + 1)]
        lines += [[row.value, *(f"**{c.text}**" if c.best else c.text for c in row.cells)] for row in self.rows]
        return f"{self.heading}:\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cross(results: Results) -> Crossed | None:
    """The table of a sweep with two axes, None for any other."""
    two = crossed_axes(results)
    if two is None:
        return None
    (row_title, values), (column_title, columns) = two
    best = results.ranked[0] if results.ranked else None
    published = results.published
    cells = [
        _cell(trial, published.get(place, {}).get(PUBLISHED), trial is best)
        for place, trial in enumerate(results.trials)
    ]
    width = len(columns)
    rows = [
        CrossedRow(value=value, cells=tuple(cells[place * width : (place + 1) * width]))
        for place, value in enumerate(values)
    ]
    return Crossed(row_title=row_title, column_title=column_title, columns=tuple(columns), rows=tuple(rows))


def _cell(trial: Trial, theirs: float | str | None, best: bool) -> CrossedCell:
    ours = f"{trial.score('accuracy'):.3f}" if trial.state == "done" else trial.state
    shown = "" if theirs is None else show_figure(PUBLISHED, theirs)
    return CrossedCell(ours=ours, theirs=shown, state=trial.state, best=best)
