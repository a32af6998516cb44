"""What to know before trainings that may take long: how long, roughly, and what would be faster.

Conventions
-----------
The times come from rows x columns x classes (`Model.outlook`), with factors measured on one core of one machine; they
are right within a factor of three or so, and said as rough.
"""

from collections.abc import Iterable

from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.jobs import Job
from tonearm.models import MODELS, Outlook, Size
from tonearm.wording import count, duration

LONG = 60.0  # seconds, of all trainings of a model together


def outlooks(trainings: Iterable[tuple[Job, ModelInputs]]) -> list[str]:
    """One sentence for each model whose trainings may take long together, or that says something of its own."""
    found: dict[str, list[tuple[Size, Outlook]]] = {}
    for job, data in trainings:
        foresee = MODELS[job.settings.type].outlook
        if foresee is None:
            continue
        dataset = data.of(job.settings)
        rows = job.split.train
        size = Size(len(rows), dataset.X.shape[1], len(set(dataset.labels[rows])))
        found.setdefault(job.name, []).append((size, foresee(job.settings, size)))
    return [line for name, known in found.items() if (line := _sentence(name, known))]


def _sentence(name: str, known: list[tuple[Size, Outlook]]) -> str:
    total = sum(outlook.seconds for _, outlook in known)
    size, largest = max(known, key=lambda pair: pair[1].seconds)
    if total < LONG and not largest.always:
        return ""
    table = f"{size.rows} rows x {size.columns} columns x {count(size.classes, 'class')}"
    trainings = "training on" if len(known) == 1 else f"{len(known)} trainings on up to"
    advice = f"; {largest.advice}" if largest.advice else ""
    return f"note: {name}: {trainings} {table} may take about {duration(total)} in all (a rough guess){advice}"
