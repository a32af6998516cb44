"""The inputs of a model for clips with a part of them muted: rows of encoders, and drawn pictures, from the sound."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.pictures import READY
from tonearm.data.tables import is_table
from tonearm.errors import RepresentationError, RunError
from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.jobs import Job
from tonearm.experiment.neighbours import pixels
from tonearm.experiment.reopened import Reopened
from tonearm.experiment.runs import read_facts
from tonearm.models import takes
from tonearm.representations.base import Representation, Result, as_rows
from tonearm.representations.muting import BANDS, TIMES, read_muted, without_band, without_time
from tonearm.representations.registry import restore
from tonearm.runtime.pool import run_tasks
from tonearm.runtime.progress import Counting
from tonearm.runtime.remote import file_of, is_url, place
from tonearm.wording import count


@dataclass(frozen=True)
class MutedInputs:
    """Inputs by what was muted, "" for nothing, of the clips with these row numbers; notes for a person."""

    rows: NDArray[np.intp]
    inputs: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...]

    def of(self, rows: NDArray[np.intp]) -> dict[str, NDArray[Any]]:
        """The inputs of some of the clips."""
        places = np.searchsorted(self.rows, rows)
        return {name: inputs[places] for name, inputs in self.inputs.items()}


def muted_inputs(
    experiment: Reopened, job: Job, data: ModelInputs, rows: NDArray[np.intp], counting: Counting, workers: int
) -> MutedInputs:
    """The inputs of a model for clips with each quarter muted, and for pictures without each band.

    job: any of the model's. rows: row numbers of clips, ascending. A clip whose file cannot be read is left out with a
    note. Raises RunError where there are no files, or the representation cannot be computed here.
    """
    facts = read_facts(job.folder).representation
    pictured = takes(job.settings) == "images"
    if facts["kind"] == READY:
        plain = pixels(data, job, rows)
        return MutedInputs(rows, {"": plain, **_each(plain, TIMES, without_time), **_bands(plain)}, ())
    read = _read(experiment, facts, rows, counting, workers)
    usable = [number for number, results in enumerate(read) if not any(result.kind for result in results)]
    if not usable:
        raise RunError(f"{experiment.folder.path}: no muted clip could be read: {_first_reason(read)}")
    kept = rows[usable]
    notes: tuple[str, ...] = ()
    if len(usable) < len(rows):
        lost = count(len(rows) - len(usable), "clip")
        notes = (f"{lost} could not be read with a part muted: {_first_reason(read)}",)
    times = {name: as_rows([read[number][part].values for number in usable]) for part, name in enumerate(TIMES)}
    plain = pixels(data, job, kept) if pictured else data.of(job.settings).X[kept]
    return MutedInputs(kept, {"": plain, **times, **(_bands(plain) if pictured else {})}, notes)


def _read(
    experiment: Reopened, facts: dict[str, Any], rows: NDArray[np.intp], counting: Counting, workers: int
) -> list[tuple[Result, ...]]:
    """Each clip read with each quarter muted."""
    folder = place(experiment.config.data.folder)
    if is_table(folder):
        raise RunError(f"{experiment.folder.path}: was trained on a table, which has no sound to mute a part of")
    files = [file_of(folder, name) for name in experiment.clips.names[rows]]
    gone = [file for file in files if not is_url(folder) and not file.is_file()]
    if len(gone) == len(files):
        raise RunError(f"{gone[0]}: the clip is not there any more, and its sound is needed to mute a part of it")
    try:
        representation = restore(facts)
        representation.open()
    except RepresentationError as error:
        raise RunError(f"{experiment.folder.path}: {error}") from error
    found = []
    with counting("muted clips", "clips") as progress:
        tasks = ((representation, file) for file in files)
        for results in run_tasks(_read_one, tasks, workers):
            found.append(results)
            progress(len(found), len(files), 0)
    return found


def _read_one(representation: Representation, file: Path) -> tuple[Result, ...]:
    return read_muted(representation, file)


def _first_reason(read: list[tuple[Result, ...]]) -> str:
    return next(result.reason for results in read for result in results if result.kind)


def _bands(pictures: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return _each(pictures, BANDS, without_band)


def _each(pictures: NDArray[Any], names: tuple[str, ...], mute: Any) -> dict[str, NDArray[Any]]:
    """The pictures muted in each way, an array of arrays by name."""
    found = {}
    for part, name in enumerate(names):
        changed = np.empty(len(pictures), dtype=object)
        changed[:] = [mute(picture, part) for picture in pictures]
        found[name] = changed
    return found
