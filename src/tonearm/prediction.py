"""Run folder and files to labels with probabilities.

Conventions
-----------
A file is turned into the representation that the run stores, with its settings and no others, so that a file
of the training set gets the bits of its evaluation. A file that cannot be used is a row with its reason.
A run that was trained on a table whose columns are a preset's reads audio by that preset, and says so: how the
table was computed is not known, so its numbers may differ a little.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tonearm.answers import Prediction, Predictions
from tonearm.data.catalog import list_files
from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.data.pictures import is_picture_folder
from tonearm.data.tables import is_table, read_table
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.dsp.sound import ClipSound
from tonearm.dsp.sources import Source
from tonearm.errors import RepresentationError, RunError, WeightsError
from tonearm.evaluation.scores import predicted
from tonearm.experiment.lookup import run_to_load
from tonearm.experiment.named_neighbours import Neighbour
from tonearm.experiment.origin import other_versions
from tonearm.experiment.runs import Run, load_run, probabilities
from tonearm.experiment.trust import Trust, executed, telling_what_to_trust
from tonearm.representations.base import (
    Reader,
    Representation,
    as_rows,
    batches,
    digest_of,
    opened_anew,
    opened_once,
    read_clips,
)
from tonearm.representations.extract import excerpts_note
from tonearm.representations.registry import restore
from tonearm.runtime.names import to_text
from tonearm.runtime.owncode import Source as OwnCode
from tonearm.runtime.owncode import trusting
from tonearm.runtime.pool import check_visible, on_cluster, run_tasks
from tonearm.runtime.remote import is_url, place
from tonearm.runtime.threads import one_thread
from tonearm.settings import DataSettings

if TYPE_CHECKING:
    from tonearm.experiment.neighbours import TrainingClips

FILES_AT_ONCE = 8  # so that answers come steadily; pictures of so many are in memory together


@dataclass(frozen=True)
class Asked:
    """What a run is asked: files, or a table.

    representation: how the files are read. listed: notes on the folders that they were found in. neighbours: how many
    of the nearest training clips each answer names. table: the answers for the rows of a table, which is asked alone.
    """

    run: Run
    files: tuple[Path, ...] = ()
    representation: Representation | None = None
    listed: tuple[str, ...] = ()
    neighbours: int = 0
    table: Predictions | None = None

    def answers(self, files: Iterable[Path], workers: int = 1) -> Iterator[Prediction]:
        """One prediction a file, in order, each block of them as it comes.

        workers: processes that read files and predict; the answers are the same bits.
        """
        run = self.run
        # here the run is at hand; elsewhere each process loads it once, and again when it was trained anew
        folder = run.folder if is_url(run.folder) else run.folder.resolve()
        holder = run if workers == 1 and not on_cluster() else (folder, run.version, run.trusted)
        tasks = ((holder, self.representation, block, self.neighbours) for block in _blocks(files))
        for some in run_tasks(_predict_files, tasks, workers):
            yield from some

    def notes(self, excerpts: Sequence[str] = ()) -> tuple[str, ...]:
        """Sentences for a person. excerpts: names of the files of which excerpts were read."""
        if self.table is not None:
            return self.table.notes
        assert self.representation is not None
        said = (*origin(self.run), *self.representation.notes, *self.listed)
        return (*said, *excerpts_note(excerpts), *doubts(self.run))


def predict(
    run: Run | str | Path,
    paths: Sequence[str | Path],
    workers: int = 1,
    neighbours: int = 0,
    trust: Trust = (),
) -> Predictions:
    """What the run says of files, of the clips of folders, or of the rows of a feature table.

    workers: processes that read files and predict; the answers are the same bits. Raises as `ask`.
    """
    asked = ask(run, paths, neighbours, trust)
    if asked.table is not None:
        return asked.table
    rows = tuple(asked.answers(asked.files, workers))
    return Predictions(asked.run.labels, rows, asked.notes([row.name for row in rows if row.excerpts]))


def ask(run: Run | str | Path, paths: Sequence[str | Path], neighbours: int = 0, trust: Trust = ()) -> Asked:
    """A run made ready for files, for the clips of folders, or for the rows of a feature table.

    trust: files, or modules, of the user's own code that a run needs and may execute (`experiment.trust`).
    run: also a path or URL: of a run folder, a model's folder, an experiment or a sweep (`experiment.lookup`).
    neighbours: how many of the nearest training clips to name for each file, which needs the run's experiment.
    Raises RunError where there is no such run, it is not of its experiment's last command, or it cannot read what is
    given; CatalogError where a folder holds no music.
    """
    if not isinstance(run, Run):
        run = load_run(run_to_load(run), trust)
    if neighbours:
        clips_near(run)  # what is missing is said before the work
    places = [place(path) for path in paths]
    tables = [path for path in places if is_table(path)]
    if tables:
        if len(places) > 1:
            raise RunError(f"{tables[0]}: a table is predicted alone, not beside other files")
        return Asked(run, table=_predict_table(run, tables[0], neighbours))
    representation = representation_of(run)
    check_visible([run.folder, *places])
    listed = [_files(path) for path in places]
    files = tuple(file for some, _ in listed for file in some)
    return Asked(run, files, representation, tuple(note for _, said in listed for note in said), neighbours)


def _blocks(files: Iterable[Path]) -> Iterator[list[Path]]:
    """The files in blocks, on demand."""
    source = iter(files)
    while block := list(islice(source, FILES_AT_ONCE)):
        yield block


def clips_near(run: Run) -> "TrainingClips":
    """The training clips among which neighbours are found. Raises RunError where they are not there."""
    from tonearm.experiment.neighbours import training_clips_of  # opens experiments, which is much to import

    return training_clips_of(run.folder, run.facts.digest)


def origin(run: Run) -> tuple[str, ...]:
    """Notes on where the run comes from: code that it executes, and other versions of libraries."""
    return (*executed(run), *other_versions(run))


def doubts(run: Run) -> tuple[str, ...]:
    """A note where the run can call no answer sure, with the reason."""
    reason = run.calibration.shortfall if run.calibration else ""
    return (f"no answer of this model is called sure: {reason}",) if reason else ()


def name_of_file(source: Source) -> str:
    """What an answer calls a file, bytes of one or a waveform: as it was named, as text (`runtime.names`)."""
    return str(source) if is_url(source) else to_text(str(source))


def _files(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The file, or the clips of the folder: music, or pictures where it holds no music; and notes on them."""
    return list_files(path, PICTURE_EXTENSIONS if is_picture_folder(path) else EXTENSIONS)


def representation_of(run: Run, opened: bool = True) -> Representation:
    """What the run reads, ready to be computed here. Raises RunError where this tonearm cannot compute it.

    opened: False for one that need not be computed, only known.
    """
    try:
        with trusting(run.trusted), telling_what_to_trust(run.folder, run.facts):
            representation = restore(run.representation)
            if opened:
                opened_anew(representation)
    except WeightsError as error:
        raise RunError(f"{run.folder}: {error}") from error
    except RepresentationError as error:
        raise RunError(f"{run.folder}: {error}; train it again") from error
    return representation


@lru_cache(maxsize=1)
def _loaded(folder: Path, version: str, trusted: tuple[OwnCode, ...]) -> Run:
    return load_run(folder, trusted)


def _predict_files(
    holder: Run | tuple[Path, str, tuple[OwnCode, ...]],
    representation: Representation,
    files: list[Path],
    neighbours: int = 0,
) -> tuple[Prediction, ...]:
    """One prediction a file, in order, by a run, or by the one of a folder, a version and the code that it may run."""
    run = holder if isinstance(holder, Run) else _loaded(*holder)
    reader = opened_once(digest_of(representation.facts()), representation.open)
    return predict_sources(run, reader, files, neighbours)


def predict_sources(run: Run, reader: Reader, sources: Sequence[Source], neighbours: int = 0) -> tuple[Prediction, ...]:
    """One prediction a file, bytes of one, or waveform, in order; the same bits in any thread, and beside any others.

    reader: of what the run reads (`representation_of`). Raises RunError as `predict`.
    """
    results = []
    with one_thread():  # as in the extraction, for its bits
        for some in batches(sources, reader.batch):
            with ExitStack() as opened:
                results += read_clips(reader, [opened.enter_context(ClipSound(source)) for source in some])
    reasons = {number: result.reason for number, result in enumerate(results) if result.kind}
    rows = [result.values for result in results if not result.kind]
    predictions = _assemble(run, [*map(name_of_file, sources)], rows, reasons, neighbours)
    return tuple(replace(row, excerpts=result.excerpts) for row, result in zip(predictions, results, strict=True))


def _predict_table(run: Run, path: Path, neighbours: int) -> Predictions:
    dataset, notes = read_table(DataSettings(folder=str(path)), whole=True)
    wanted = run.representation.get("columns", [])
    missing = [column for column in wanted if column not in dataset.columns]
    if missing:
        raise RunError(f"{path}: lacks {len(missing)} of the {len(wanted)} columns of the run, such as {missing[0]!r}")
    X = dataset.X[:, [dataset.columns.index(column) for column in wanted]]
    broken = ~np.isfinite(X).all(axis=1)
    reasons = dict.fromkeys(np.flatnonzero(broken).tolist(), "its row holds non-finite values")
    rows = _assemble(run, list(dataset.names), list(X[~broken]), reasons, neighbours)
    return Predictions(run.labels, rows, (*origin(run), *notes, *doubts(run)))


def _assemble(
    run: Run,
    names: list[str],
    rows: Iterable[NDArray[Any]],
    reasons: dict[int, str],
    neighbours: int = 0,
) -> tuple[Prediction, ...]:
    usable = list(rows)
    found = np.zeros((0, len(run.labels)))
    near: list[tuple[Neighbour, ...]] = [()] * len(usable)
    if usable:
        with one_thread(), run.lock:
            if neighbours:
                near = clips_near(run).near_inputs(as_rows(usable), neighbours)
            found = probabilities(run.classifier, as_rows(usable), run.labels, run.temperature)
        if not np.isfinite(found).all():
            raise RunError(f"{run.folder}: its model gives probabilities that are no numbers; train it again")
    best = iter(zip(found, predicted(found) if len(found) else [], near, strict=True))
    predictions = []
    for number, name in enumerate(names):
        if number in reasons:
            predictions.append(Prediction(name, "", 0.0, {}, reasons[number]))
            continue
        row, column, nearest = next(best)
        spread = dict(zip(run.labels, row.tolist(), strict=True))
        probability = float(row[column])
        sure = None if run.threshold is None else probability >= run.threshold
        predictions.append(Prediction(name, run.labels[column], probability, spread, sure=sure, neighbours=nearest))
    return tuple(predictions)
