"""What the models of a config read, computed once for all of them: tables of rows, and pictures of one or more kinds.

Conventions
-----------
All representations hold the same clips in the same order, so that one division serves every model; a clip that
one of them cannot use is left out of all. A clip is decoded once for all of them and for the search for recordings.
What is computed lies in a folder:

```
<representation>/          a table of rows, such as features/features.csv
pictures/<kind>/           pictures of audio; pictures/packed/<kind> their pixels, and what frozen layers make of them
recordings/                what the search for clips of one recording has heard
```
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.config import Config
from tonearm.data.catalog import Catalog, read_catalog
from tonearm.data.dataset import Dataset
from tonearm.data.metadata import name_some
from tonearm.data.pictures import is_picture_folder, pack_files, read_pictures
from tonearm.data.tables import is_table, read_table
from tonearm.errors import CatalogError, ConfigError, ModelError
from tonearm.experiment.copies import (
    code,
    code_of_copies,
    copy_tasks,
    dataset_of_task,
    only,
    read_copies,
    refuse_copies,
    shared_clips,
)
from tonearm.experiment.folder import PICTURES, ExperimentFolder
from tonearm.experiment.listening import ListeningTask
from tonearm.models import MODELS, ModelSettings, reads
from tonearm.representations.combined import join_rows, name_of
from tonearm.representations.extract import FAILURES_CSV, Extraction, ExtractionTask, extract
from tonearm.representations.image_files import ImagesTask
from tonearm.representations.registry import REPRESENTATIONS, kind_of, known_kind
from tonearm.representations.row_files import RowsTask
from tonearm.runtime.logs import timed
from tonearm.runtime.owncode import Source
from tonearm.runtime.progress import Counting, Progress, ignore_progress, quietly
from tonearm.scan.scan import scan_dataset
from tonearm.splits.parts import Rows
from tonearm.splits.recordings import tie_groups, unlabelled_copies
from tonearm.wording import count

PACKED, RECORDINGS = "packed", "recordings"


@dataclass(frozen=True)
class ModelInputs:
    """Representations by name, where the pixels of images lie, and what was left out.

    packs: folder of each kind of picture's pixels. notes: for a person. unusable: clips that no model gets.
    recordings: names of clips that are one recording; their groups are tied to one. own: code of the user's own that
    they were made with, and what it was used as. copies: changed copies of the clips for training, by representation,
    under the clips' names; {} for none.
    """

    datasets: Mapping[str, Dataset]
    packs: Mapping[str, Path]
    notes: tuple[str, ...]
    unusable: int
    recordings: tuple[tuple[str, ...], ...] = ()
    own: tuple[tuple[Source, str], ...] = ()
    copies: Mapping[str, Dataset] = field(default_factory=dict)

    @property
    def clips(self) -> Dataset:
        """Names, labels, groups and splits of the clips, which all representations share."""
        return next(iter(self.datasets.values()))

    def of(self, settings: ModelSettings) -> Dataset:
        """What a model with these settings reads; several tables are joined side by side."""
        return join_rows([self.datasets[name] for name in reads(settings)])

    def training_rows(self, settings: ModelSettings, rows: Rows) -> tuple[NDArray[Any], NDArray[np.object_]]:
        """What a model learns from, and the labels: these rows of the clips, below them the copies of these clips."""
        dataset = self.of(settings)
        X, y = dataset.X[rows], dataset.labels[rows]
        if not self.copies:
            return X, y
        copies = self.copies_of(settings, rows)
        return np.concatenate([X, copies.X]), np.concatenate([y, copies.labels])

    def copies_of(self, settings: ModelSettings, rows: Rows) -> Dataset:
        """The copies of the clips of these rows, as a model with these settings reads them."""
        copies = join_rows([self.copies[name] for name in reads(settings)])
        return only({"": copies}, self.clips.take(rows))[""]

    def take(self, rows: Rows) -> "ModelInputs":
        """The data of these rows alone."""
        datasets = {name: dataset.take(rows) for name, dataset in self.datasets.items()}
        return replace(self, datasets=datasets, copies=only(self.copies, self.clips.take(rows)))

    def cache_dir(self, settings: ModelSettings) -> Path | None:
        """The folder that keeps what is computed of the model's images, None for rows."""
        return self.packs.get(reads(settings)[0])


@timed("clips as the models read them")
def read_inputs(config: Config, out: Path, counting: Counting = quietly, workers: int = 1) -> ModelInputs:
    """The representations that the config's models read, of the folder or table it names.

    What has to be computed is written to `out`. counting: opens a progress display. Raises CatalogError where
    there are no labelled clips, ConfigError where a model cannot read what is there.
    """
    folder = config.data.folder
    if is_table(folder):
        return _read_table(config)
    if is_picture_folder(folder):
        return _read_ready_pictures(config, out, counting)
    return _read_audio(config, out, counting, workers)


def _check_pictures(config: Config) -> None:
    """Raise ConfigError where a network does not fit the pictures that it will get, before any is drawn."""
    look = config.spectrogram
    for name, settings in config.models.items():
        check = MODELS[settings.type].check
        try:
            if check is not None:
                check(settings, look.height, look.width)
        except ModelError as error:
            raise ConfigError(f"models.{name}: {str(error).removeprefix(f'{settings.type}: ')}") from error


def _needed(config: Config) -> dict[str, str]:
    """The representations that the models read, each with the first model that does."""
    models = reversed(config.models.items())
    return dict(sorted({name: model for model, settings in models for name in reads(settings)}.items()))


def _refuse(config: Config, readable: Iterable[str], what: str) -> None:
    """Raise ConfigError where a model reads something else."""
    there = set(readable)
    for name, model in _needed(config).items():
        if name not in there:
            gives = {kind.gives for kind in map(kind_of, there) if kind} or {"rows"}
            able = [known for known, entry in MODELS.items() if entry.takes == "any" or entry.takes in gives]
            kind = name if known_kind(name).gives == "rows" else f"pictures ({name})"
            suited = config.models[model].type in able and len(there) == 1
            advice = f'set models.{model}.reads = "{min(there)}"' if suited else f"models for it: {', '.join(able)}"
            raise ConfigError(f"models.{model}: reads {kind}, but {what}; {advice}")


def _read_table(config: Config) -> ModelInputs:
    refuse_copies(config, "is a table")
    dataset, notes = read_table(config.data)
    name = name_of(dataset.representation)
    readable = name if kind_of(name) else "features"  # somebody else's numbers
    _refuse(config, {readable}, f"{config.data.folder} is a table of {name if name == readable else 'features'}")
    found = scan_dataset(dataset, config.data.folder, ()).duplicates if config.split.recordings else ()
    return _tied(ModelInputs({readable: dataset}, {}, tuple(notes), 0), [group.names for group in found])


def _read_ready_pictures(config: Config, out: Path, counting: Counting) -> ModelInputs:
    images = [name for name, kind in REPRESENTATIONS.items() if kind.gives == "images"]
    _refuse(config, images, f"{config.data.folder} holds pictures")
    _check_pictures(config)
    refuse_copies(config, "holds ready pictures")
    dataset, notes = read_pictures(config.data, (config.spectrogram.width, config.spectrogram.height))
    with counting("pixels", "pictures") as progress:
        return _packed(dict.fromkeys(_needed(config), dataset), out, notes, 0, progress)


def _read_audio(config: Config, out: Path, counting: Counting, workers: int) -> ModelInputs:
    _check_pictures(config)
    catalog = read_catalog(config.data, genres=config.genres)
    _check_labelled(catalog)
    if catalog.genres is not None:
        catalog = catalog.labelled  # the others wait for `tonearm predict`
    tasks = [_task(name, config, out) for name in _needed(config)]
    made = code_of_copies(config)
    further = copy_tasks(tasks, made, config, out)
    listening = [ListeningTask(out / RECORDINGS, config.audio)] if config.split.recordings else []
    # listening comes first: it goes through long files whole, before the spectra of their excerpts fill the memory
    every: list[ExtractionTask] = [*listening, *tasks, *(one.task for one in further)]
    with counting(", ".join(task.representation.name for task in tasks), "clips") as progress:
        done = extract(catalog, every, workers, progress)[len(listening) :]
    done, of_copies = done[: len(tasks)], done[len(tasks) :]
    notes, unusable = _check_usable(catalog, done)
    datasets = {
        task.representation.name: dataset_of_task(task, catalog, each) for task, each in zip(tasks, done, strict=True)
    }
    copies, said = read_copies(further, of_copies, catalog) if further else ({}, [])
    notes = [*catalog.notes, *notes, *said]
    data = _packed(shared_clips(datasets), out, notes, unusable, ignore_progress, copies)
    data = replace(data, own=(*_code_of(tasks), *code(made)))
    if not listening:
        return data
    recordings, mixes = listening[0].load()
    return _tied(replace(data, notes=(*data.notes, *mixes)), recordings)


def _check_labelled(catalog: Catalog) -> None:
    """Raise CatalogError where there is nothing to learn from."""
    if catalog.classes:
        return
    clips = f"{catalog.root}: none of its {len(catalog)} clips has a label"
    if catalog.genres is None:
        raise CatalogError(
            f"{clips}; put them into one folder a class, name a metadata.csv with file_name,label in data.metadata, or "
            'set data.labels = "tags" if the files carry their genres'
        )
    raise CatalogError(
        "; ".join([clips, *catalog.notes, f"`tonearm scan {catalog.root} --labels tags` lists all genres"])
    )


def _task(name: str, config: Config, out: Path) -> RowsTask | ImagesTask:
    representation = known_kind(name).build(name, config)
    folder = ExperimentFolder(out).representation(name)
    if representation.gives == "rows":
        return RowsTask(representation, folder)
    # by their own names and not under their labels: two albums may each have a 01.mp3 of one genre
    return ImagesTask(representation, folder, by_label=False)


def _code_of(tasks: Iterable[RowsTask | ImagesTask]) -> tuple[tuple[Source, str], ...]:
    """The user's own functions of features, and what they are used as."""
    extras = [one for task in tasks for one in getattr(task.representation, "extra", ())]
    return tuple((one.source, "features") for one in extras)


def _check_usable(catalog: Catalog, done: Sequence[Extraction]) -> tuple[list[str], int]:
    """Notes on long and on failed clips, and how many failed. Raises CatalogError if a representation has no clip."""
    notes, unusable = list(done[0].notes), set[str]()
    for each in done:
        failures = each.out / FAILURES_CSV
        if not each.usable:
            raise CatalogError(
                f"{catalog.root}: none of its {each.clips} clips can be used, such as {each.failures[0].name}: "
                f"{each.failures[0].reason} ({failures} names them all)"
            )
        failed = {failure.name for failure in each.failures} - unusable
        if failed:
            notes.append(f"{count(len(failed), 'clip')} cannot be used; {failures} says why")
        unusable |= failed
    return notes, len(unusable)


def _tied(data: ModelInputs, recordings: Sequence[tuple[str, ...]]) -> ModelInputs:
    """The data with the groups of clips that are one recording joined to one."""
    copied = unlabelled_copies(data.clips, recordings)
    there = set(data.clips.names[data.clips.labels != ""])  # unlabelled clips tie nothing
    recordings = [tuple(name for name in group if name in there) for group in recordings]
    recordings = [group for group in recordings if len(group) > 1]
    groups = tie_groups(data.clips.names, data.clips.groups, recordings)
    datasets = {key: replace(dataset, groups=groups) for key, dataset in data.datasets.items()}
    notes = [copied] if copied else []
    if recordings:
        copies, originals = sum(map(len, recordings)), count(len(recordings), "recording")
        notes.append(f"{copies} clips are copies or parts of {originals}; `tonearm scan` names them")
    return replace(data, datasets=datasets, notes=(*data.notes, *notes), recordings=tuple(recordings))


def _packed(
    datasets: dict[str, Dataset],
    out: Path,
    notes: Iterable[str],
    unusable: int,
    progress: Progress,
    copies: Mapping[str, Dataset] = MappingProxyType({}),
) -> ModelInputs:
    """The data with the pixels of its pictures decoded, and without the pictures that cannot be."""
    packs: dict[str, Path] = {}
    broken: dict[str, str] = {}
    for kind, dataset in datasets.items():
        if dataset.columns:
            continue
        made = dataset.representation
        size = (made["width"], made["height"]) if "width" in made else None
        packs[kind] = out / PICTURES / PACKED / kind
        paths = [*dataset.X, *(copies[kind].X if copies else ())]
        pack = pack_files([str(path) for path in paths], packs[kind], size, progress)
        names = dict(zip(dataset.X, dataset.names, strict=True))
        broken |= {str(names[path]): reason for path, reason in pack.failures.items() if path in names}
        if copies:
            held = np.array([path in pack.places for path in copies[kind].X], dtype=bool)
            copies = {**copies, kind: copies[kind].take(held)}
        datasets = {**datasets, kind: dataset.take(np.array([path in pack.places for path in dataset.X], dtype=bool))}
    said = list(notes)
    if broken:
        reason = next(iter(broken.values()))
        said.append(
            f"{count(len(broken), 'picture')} cannot be used: {name_some(list(broken))}; the first one {reason}"
        )
    return ModelInputs(shared_clips(datasets), packs, tuple(said), unusable + len(broken), copies=dict(copies))
