"""Catalog to files: feature tables and folders of pictures for all clips, and a list of the clips that failed.

Conventions
-----------
The files depend on the catalog and the settings alone: the number of workers and interruptions do not change a
byte. `features.csv` and `features.parquet` hold the same numbers to the last bit; the Parquet file also holds the
representation, so that a run knows how its columns were computed. Representations that are extracted together
decode each clip once.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tonearm.data.catalog import Catalog
from tonearm.data.dataset import Dataset
from tonearm.data.metadata import name_some
from tonearm.data.tables import read_table
from tonearm.errors import Failure
from tonearm.representations.base import Representation, file_name
from tonearm.representations.features.representation import Features
from tonearm.representations.image_files import ImagesTask
from tonearm.representations.pictures import Pictures
from tonearm.representations.row_files import RowsTask
from tonearm.representations.shards import ClipTask, Shards, run_shards
from tonearm.runtime.files import write_csv
from tonearm.runtime.locks import hold
from tonearm.runtime.logs import FILES, timed
from tonearm.runtime.pool import check_visible
from tonearm.runtime.progress import Progress
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings, SpectrogramSettings
from tonearm.wording import count

FEATURES_CSV, FAILURES_CSV = "features.csv", "failures.csv"


@dataclass(frozen=True)
class Extraction:
    """Summary of an extraction: output folder, number of clips, how many were computed and reused, failures.

    excerpts: names of long clips of which excerpts were read.
    """

    out: Path
    clips: int
    computed: int
    reused: int
    failures: tuple[Failure, ...]
    excerpts: tuple[str, ...] = ()

    @property
    def usable(self) -> int:
        """Number of clips with a result."""
        return self.clips - len(self.failures)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the clips that were read."""
        return excerpts_note(self.excerpts)


def excerpts_note(names: Sequence[str]) -> tuple[str, ...]:
    """A sentence on the long clips of these names, of which excerpts were read; () if there are none."""
    if not names:
        return ()
    clips = count(len(names), "clip", "is", "are")
    return (f"{clips} longer than audio.longest, and excerpts spread over each were used: {name_some(list(names))}",)


class ExtractionTask(ClipTask, Protocol):
    """A task whose results become files for the user."""

    @property
    def folder(self) -> Path:
        """The folder that the files are written to, locked meanwhile."""

    def check(self, catalog: Catalog) -> None:
        """Called before anything is written. Raises CatalogError if the catalog's names are unsuitable."""

    def prepare(self, catalog: Catalog) -> None:
        """Called before the work, with the folder locked."""

    def finish(self, shards: Shards) -> None:
        """Called after the work: write what depends on all clips."""


@timed("computing what is read of the clips")
def extract(
    catalog: Catalog, tasks: Sequence[ExtractionTask], workers: int = 1, progress: Progress | None = None
) -> list[Extraction]:
    """Run the tasks on all clips, write their files and each folder's failures.csv; one summary per task.

    Raises CatalogError like `check`, TonearmError like `run_shards` and `hold`.
    """
    for task in tasks:
        task.check(catalog)
    folders = list(dict.fromkeys(task.folder for task in tasks))
    with ExitStack() as held:
        for folder in folders:
            held.enter_context(hold(folder))
        check_visible([catalog.root, *folders])
        for task in tasks:
            task.prepare(catalog)
        done = run_shards(catalog, tasks, workers, progress)
        for task, shards in zip(tasks, done, strict=True):
            task.finish(shards)
        for folder in folders:
            of_folder = [shards for task, shards in zip(tasks, done, strict=True) if task.folder == folder]
            write_csv(folder / FAILURES_CSV, ("filename", "kind", "reason"), merged_failures(catalog, of_folder))
    for task, shards in zip(tasks, done, strict=True):
        FILES.debug("%s: %d of %d clips reused", task.folder, shards.reused, len(catalog))
    return [
        Extraction(task.folder, len(catalog), shards.computed, shards.reused, shards.failures, shards.excerpts)
        for task, shards in zip(tasks, done, strict=True)
    ]


def merged_failures(catalog: Catalog, done: Sequence[Shards]) -> tuple[Failure, ...]:
    """The failures of several tasks in catalog order, one per clip: the first task's."""
    failures: dict[str, Failure] = {}
    for shards in done:
        failures = {**{failure.name: failure for failure in shards.failures}, **failures}
    return tuple(failures[clip.name] for clip in catalog.clips if clip.name in failures)


def extract_feature_table(
    catalog: Catalog,
    audio: AudioSettings,
    features: FeatureSettings,
    out: Path,
    workers: int = 1,
    progress: Progress | None = None,
) -> Extraction:
    """Write features.csv, features.parquet and failures.csv of the catalog's clips to the folder `out`.

    Raises ConfigError if the features are not defined with these settings, TonearmError like `extract`.
    """
    return extract_rows(catalog, Features.of(audio, features), out, workers, progress)


def extract_rows(
    catalog: Catalog, representation: Representation, out: Path, workers: int = 1, progress: Progress | None = None
) -> Extraction:
    """Write the rows of the catalog's clips to `out`/<representation>.csv and .parquet, and failures.csv.

    Raises RepresentationError if it cannot be computed here, TonearmError like `extract`.
    """
    representation.open()  # whose errors are told once, before any work
    [done] = extract(catalog, [RowsTask(representation, out)], workers, progress)
    return done


def draw_spectrograms(
    catalog: Catalog,
    audio: AudioSettings,
    spectrogram: SpectrogramSettings,
    out: Path,
    workers: int = 1,
    progress: Progress | None = None,
) -> Extraction:
    """Write `out`/<kind>/<label>/<file name>.png for each clip and kind, and failures.csv.

    Raises ConfigError for an unknown kind or colour map, CatalogError and TonearmError like `extract`.
    """
    tasks = [ImagesTask(Pictures.of(kind, audio, spectrogram), out) for kind in spectrogram.kinds]
    done = extract(catalog, tasks, workers, progress)
    failures = {failure.name: failure for each in done for failure in each.failures}
    reused = min(each.reused for each in done)
    computed = len(catalog) - reused
    return Extraction(out, len(catalog), computed, reused, tuple(failures.values()), done[0].excerpts)


def load_features(folder: Path) -> Dataset:
    """The data set that `extract_feature_table` wrote to the folder."""
    return load_rows(folder, "features")


def load_rows(folder: Path, name: str) -> Dataset:
    """The data set that `extract_rows` wrote to the folder. name: of the representation."""
    dataset, _ = read_table(DataSettings(folder=str(folder / f"{file_name(name)}.parquet")), whole=True)
    return dataset
