"""What `tonearm importance` writes and reads: importance.json, .csv, .png and .svg in an experiment's folder.

Conventions
-----------
An entry belongs to the runs with the digests that it names: after another `tonearm run` it counts no more. Drops of
accuracy are in [-1, 1], rises of log loss in nats; bounds are of 95 % intervals, None where there is one group.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, Literal

from pydantic import Field

from tonearm.evaluation.permutation import Drop
from tonearm.experiment.folder import ModelRuns
from tonearm.experiment.records import Bounds, Count, DamagedError, Record, read_record
from tonearm.plots import importance_figure, remove_figure, save_figure
from tonearm.runtime.files import write_csv, write_json
from tonearm.theme import places

IMPORTANCE = "importance"
WIDTH = 80  # of the text, in columns
ADVICE = "remove it, and run `tonearm importance` again"
COLUMNS: tuple[str, ...] = (
    *("model", "how", "family", "columns", "accuracy_drop", "accuracy_drop_low", "accuracy_drop_high"),
    *("log_loss_rise", "log_loss_rise_low", "log_loss_rise_high", "clips", "groups", "accuracy", "log_loss"),
)


class DropRecord(Record):
    """One family shuffled, or one part muted. columns: of the family, 0 of a part."""

    name: str
    columns: Count = 0
    accuracy: Annotated[float, Field(ge=-1, le=1)]
    accuracy_interval: Bounds
    log_loss: float
    log_loss_interval: Bounds

    @classmethod
    def of(cls, name: str, columns: int, drop: Drop) -> "DropRecord":
        """Of a drop; bounds that are not known are None."""
        bounds = [
            tuple(None if bound != bound else float(bound) for bound in interval)
            for interval in (drop.accuracy_interval, drop.log_loss_interval)
        ]
        return cls(
            name=name,
            columns=columns,
            accuracy=drop.accuracy,
            accuracy_interval=bounds[0],
            log_loss=drop.log_loss,
            log_loss_interval=bounds[1],
        )


class ModelImportance(Record):
    """A model: digests of its evaluated runs, what was asked, and what came out.

    how: families are shuffled, parts muted. clips, groups: evaluated ones that were used, of `evaluated` clips.
    accuracy, log_loss: of the unchanged clips. notes: sentences for a person.
    """

    model: str
    runs: tuple[str, ...]
    how: Literal["shuffled", "muted"]
    asked: dict[str, int]
    clips: Annotated[int, Field(ge=1)]
    evaluated: Annotated[int, Field(ge=1)]
    groups: Annotated[int, Field(ge=1)]
    accuracy: Annotated[float, Field(ge=0, le=1)]
    log_loss: Annotated[float, Field(ge=0)]
    drops: tuple[DropRecord, ...]
    notes: tuple[str, ...] = ()

    def ranked(self) -> list[DropRecord]:
        """Families by how much they drop; muted parts in their order."""
        if self.how == "muted":
            return list(self.drops)
        return sorted(self.drops, key=lambda one: (-one.accuracy, -one.log_loss, one.name))

    def summary(self) -> str:
        """One sentence on what was done."""
        some = f"{self.clips} of " if self.clips < self.evaluated else ""
        done = f"{self.asked['shuffles']} shuffles of each family" if self.how == "shuffled" else "parts muted"
        return (
            f"accuracy {self.accuracy:.3f}, log loss {self.log_loss:.3f} on {some}{self.evaluated} "
            f"evaluated clips; {done}"
        )

    def text(self) -> str:
        """A table of at most 80 columns."""
        width = min(max([6, *(len(one.name) for one in self.drops)]), 24)
        what = "family" if self.how == "shuffled" else "part"
        lines = [
            *wrap(f"{self.model}: {self.summary()}", WIDTH),
            f"  {what:<{width}}  {'accuracy drops by':<25}  log loss rises by",
        ]
        for one in self.ranked():
            accuracy = f"{signed(one.accuracy, 3)} {in_brackets(one.accuracy_interval, 3)}"
            log_loss = f"{signed(one.log_loss, 2)} {in_brackets(one.log_loss_interval, 2)}"
            lines.append(f"  {one.name[:width]:<{width}}  {accuracy:<25}  {log_loss}".rstrip())
        return "\n".join(
            [
                *lines,
                *(
                    line
                    for note in self.notes
                    for line in wrap(note, WIDTH, initial_indent="  ", subsequent_indent="  ")
                ),
            ]
        )

    def rows(self) -> list[list[Any]]:
        """Rows of the table with COLUMNS."""
        shared = [self.clips, self.groups, self.accuracy, self.log_loss]
        return [
            [
                *(self.model, self.how, one.name, one.columns),
                *(one.accuracy, *one.accuracy_interval, one.log_loss, *one.log_loss_interval),
                *shared,
            ]
            for one in self.ranked()
        ]


def signed(value: float, digits: int) -> str:
    """With its sign, and never as -0.

    >>> signed(0.0123, 3), signed(-0.0001, 3)
    ('+0.012', '+0.000')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def in_brackets(bounds: Bounds, digits: int) -> str:
    """An interval in brackets, "" where there is none."""
    low, high = bounds
    return "" if low is None or high is None else f"({signed(low, digits)} to {signed(high, digits)})"


class ImportanceRecord(Record):
    """importance.json."""

    models: tuple[ModelImportance, ...] = ()


def read_importance(folder: Path, runs: Mapping[str, ModelRuns]) -> tuple[ModelImportance, ...]:
    """The entries of the folder's importance.json that are of these runs; () without the file. Raises DamagedError."""
    path = folder / f"{IMPORTANCE}.json"
    if not path.exists():
        return ()
    record = read_record(ImportanceRecord, path, ADVICE)
    return tuple(one for one in record.models if one.model in runs and one.runs == digests_of(runs[one.model]))


def keep_current(folder: Path, runs: Mapping[str, ModelRuns], ranking: Sequence[str] = ()) -> None:
    """Remove from the files what is of other runs than these, and the files where nothing is left.

    ranking: the trained models, best first.
    """
    path = folder / f"{IMPORTANCE}.json"
    if not path.exists():
        return
    try:
        current = read_importance(folder, runs)
        every = read_record(ImportanceRecord, path, ADVICE).models
    except DamagedError:  # `tonearm importance` makes it again
        current = every = ()
    if current and current != every:
        write_importance(folder, current, ranking)
    elif not current:
        for ending in (".json", ".csv"):
            (folder / f"{IMPORTANCE}{ending}").unlink(missing_ok=True)
        remove_figure(folder / IMPORTANCE)


def digests_of(runs: ModelRuns) -> tuple[str, ...]:
    """Digests of a model's evaluated runs."""
    return tuple(runs.digests[path] for path in runs.evaluated)


def write_importance(folder: Path, models: Sequence[ModelImportance], ranking: Sequence[str]) -> None:
    """Write all four files. ranking: the trained models, best first, whose places give the colours."""
    write_json(folder / f"{IMPORTANCE}.json", {"models": [one.model_dump(mode="json") for one in models]})
    rows = [["" if cell is None else cell for cell in row] for one in models for row in one.rows()]
    write_csv(folder / f"{IMPORTANCE}.csv", COLUMNS, rows)
    panels = [
        (f"{one.model}: {one.summary()}", [(bar.name, bar.accuracy, *bar.accuracy_interval) for bar in one.ranked()])
        for one in models
    ]
    looks = places([one.model for one in models], ranking)
    save_figure(importance_figure(panels, looks), folder / IMPORTANCE)
