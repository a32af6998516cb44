"""A folder to all tables of the reference system, each in a folder of its own, and the page of them.

Conventions
-----------
```
data/              features and pictures, once for all tables
logistic/, …       a sweep each; models/ an experiment; scaling/ the measurements
classified.json    seconds of classifying the test clips, by run
reference.html/.md the page, written anew after each table
```
A command that was killed is started again and does what is missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tonearm.errors import ModelError
from tonearm.experiment.experiment import run_experiment
from tonearm.experiment.inputs import ModelInputs, read_inputs
from tonearm.reference.backbone import RESNET, find_backbone
from tonearm.reference.measuring import classify_tests, scale
from tonearm.reference.outlook import count_clips, outlook
from tonearm.reference.page import write_page
from tonearm.reference.plan import QUICK_EPOCHS, QUICK_SHARE, RUN, SCALING, Plan, Table, plan_tables
from tonearm.reference.sections import Section, of_models, of_scaling, of_sweep
from tonearm.runtime.locks import hold
from tonearm.runtime.progress import Counting, quietly
from tonearm.sweep import run_sweep

Tell = Callable[[str], None]
QUICK = (
    f"Quick: at most {QUICK_EPOCHS} epochs of a network, and one in {QUICK_SHARE} of those of gradient descent: too "
    "few for our figures to mean much."
)


@dataclass(frozen=True)
class Made:
    """The page, the sections that were made, and why others were not, by name."""

    page: Path
    sections: tuple[Section, ...]
    missing: dict[str, str]


def make_tables(
    folder: str,
    out: Path,
    overrides: Sequence[str] = (),
    quick: bool = False,
    workers: int = 1,
    tell: Tell = lambda line: None,
    counting: Counting = quietly,
) -> Made:
    """Make every table that the folder allows, and the page.

    overrides: as of `--set`; those of a model count in the tables that have it. quick: short trainings. workers:
    processes of extraction and trainings side by side. tell, counting: as for `run_experiment`. Raises ConfigError,
    CatalogError and SplitError where nothing can be made; a table's own failure is told on the page.
    """
    plan = plan_tables(folder, overrides, quick, workers, RESNET)
    clips = count_clips(plan.reading())  # so that a mistake is told before anything is fetched
    with hold(out):
        note = ""
        if "resnet" in plan.configs:
            backbone, note = find_backbone(overrides, tell)
            plan = plan_tables(folder, overrides, quick, workers, backbone)
            if backbone is None:
                plan.left_out["resnet"], note = note, ""
        tell(outlook(plan.tables, clips, quick, workers, bool(note)))
        return _Maker(plan, out, quick, workers, _once(tell), counting, note).make()


def _once(tell: Tell) -> Tell:
    """Tell each line once: all tables have the same clips, and notes on them."""
    told = set[str]()

    def tell_once(line: str) -> None:
        if line not in told:
            told.add(line)
            tell(line)

    return tell_once


@dataclass
class _Maker:
    """What the tables have in common. note: on the network for transfer learning, "" where there is nothing to say."""

    plan: Plan
    out: Path
    quick: bool
    workers: int
    tell: Tell
    counting: Counting
    note: str
    split: str = ""

    def make(self) -> Made:
        tables = self.plan.tables
        data = read_inputs(self.plan.reading(), self.out / "data", self.counting, self.workers)
        for line in (*data.notes, *self.plan.notes):
            self.tell(f"note: {line}")
        sections, missing = [], dict(self.plan.left_out)
        page = self.out
        for number, table in enumerate(tables, start=1):
            self.tell(f"[{number}/{len(tables)}] {table.title}")
            try:
                sections.append(self._section(table, data))
            except ModelError as error:
                missing[table.name] = str(error)
                self.tell(f"{table.title} is left out: {error}")
            notes = [*self.plan.notes, *([QUICK] if self.quick else [])]
            page = write_page(self.out, self.split, notes, sections, missing)
        return Made(page, tuple(sections), missing)

    def _section(self, table: Table, data: ModelInputs) -> Section:
        config, folder = self.plan.configs[table.name], self.out / table.name
        if table.name == SCALING:
            return of_scaling(table, scale(config, folder, self.quick, self.tell), ())
        if table.name == RUN:
            experiment = run_experiment(config, folder, self.tell, self.counting, self.workers, data)
            self.split = experiment.division.sentence
            times = classify_tests(experiment, config, self.out / "classified.json", self.tell)
            notes = [f"{self.note}."] if self.note and "resnet" in config.models else []
            return of_models(table, experiment, config.report.published, times, notes)
        results = run_sweep(config, folder, self.tell, self.counting, self.workers, data)
        self.split = results.division.sentence
        return of_sweep(table, results, [f"{self.note}."] if self.note and table.name == "resnet" else [])
