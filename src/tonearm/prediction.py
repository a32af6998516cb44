"""Run folder and files to labels with probabilities, and to a submission.

Conventions
-----------
A file is turned into the representation that the run stores, with its settings and no others, so that a file
of the training set gets the bits of its evaluation. A file that cannot be used is a row with its reason.
A run that was trained on a table whose columns are a preset's reads audio by that preset, and says so: the
table's own making is not known, so its numbers may differ a little.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.data.catalog import Clip, list_files
from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.data.pictures import READY, is_picture_folder, read_picture
from tonearm.data.tables import is_table, read_table
from tonearm.dsp.audio import EXTENSIONS, load
from tonearm.errors import PictureError, RunError
from tonearm.evaluation.scores import predicted
from tonearm.experiment.lookup import run_to_load
from tonearm.experiment.runs import Run, digest_of_run, load_run, probabilities
from tonearm.representations import spectrogram
from tonearm.representations.extract import FeatureWorker
from tonearm.representations.features import DEFINITION, feature_columns
from tonearm.representations.shards import Worker, attempt
from tonearm.runtime.files import write_csv
from tonearm.runtime.pool import check_visible, on_cluster, run_tasks
from tonearm.runtime.remote import inside, is_url, place
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings, SpectrogramSettings

FILES_AT_ONCE = 128  # pictures of so many are in memory together
PUBLISHED_PRESETS = ("gtzan57", "fma518")


@dataclass(frozen=True)
class Prediction:
    """What the run says of one file; label "" and no probabilities where it cannot be used, and then why.

    sure: whether the probability reaches the threshold of the run's calibration; None where it has none.
    """

    name: str
    label: str
    probability: float
    probabilities: dict[str, float]
    error: str = ""
    sure: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """The prediction as JSON-ready values."""
        if self.error:
            return {"file": self.name, "error": self.error}
        return {
            "file": self.name,
            "label": self.label,
            "probability": self.probability,
            "sure": self.sure,
            "probabilities": self.probabilities,
        }


@dataclass(frozen=True)
class Predictions:
    """One prediction a file, in the order asked, and notes for a person."""

    labels: tuple[str, ...]
    rows: tuple[Prediction, ...]
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Prediction, ...]:
        """The files that could not be used."""
        return tuple(row for row in self.rows if row.error)

    def header(self) -> list[str]:
        """Columns of the table: file, label, probability, sure, one probability a label, error."""
        return ["filename", "label", "probability", "sure", *(f"p_{label}" for label in self.labels), "error"]

    def table(self) -> list[list[Any]]:
        """Rows of the table."""
        return [
            [
                row.name,
                row.label,
                "" if row.error else row.probability,
                "" if row.sure is None else ("yes" if row.sure else "no"),
                *("" if row.error else row.probabilities[label] for label in self.labels),
                row.error,
            ]
            for row in self.rows
        ]

    def to_csv(self, path: Path) -> None:
        """Write the table, atomically."""
        write_csv(path, self.header(), self.table())

    def text(self) -> str:
        """One line a file, for a person: the label, how sure, and the two next."""
        target = io.StringIO()
        width = max((len(row.name) for row in self.rows), default=0)
        for row in self.rows:
            if row.error:
                target.write(f"{row.name:<{width}}  cannot be used: {row.error}\n")
                continue
            ranked = sorted(row.probabilities.items(), key=lambda item: -item[1])
            others = ", ".join(f"{label} {value:.2f}" for label, value in ranked[1:3])
            doubt = "  unsure" if row.sure is False else ""
            target.write(f"{row.name:<{width}}  {row.label} {row.probability:.2f}  (then {others}){doubt}\n")
        return target.getvalue().rstrip("\n")


def predict(run: Run | str | Path, paths: Sequence[str | Path], workers: int = 1) -> Predictions:
    """What the run says of files, of the clips of folders, or of the rows of a feature table.

    workers: processes that read files and predict; the answers are the same bits.
    run: also a path or URL: of a run folder, a model's folder, an experiment or a sweep (`experiment.lookup`).
    Raises RunError where there is no such run, it is not of its experiment's last command, or it cannot read what is
    given; CatalogError where a folder holds no music.
    """
    if not isinstance(run, Run):
        run = load_run(run_to_load(run))
    places = [place(path) for path in paths]
    tables = [path for path in places if is_table(path)]
    if tables:
        if len(places) > 1:
            raise RunError(f"{tables[0]}: a table is predicted alone, not beside other files")
        return _predict_table(run, tables[0])
    notes = _reader(run)[1]
    check_visible([run.folder, *places])
    files = [file for path in places for file in _files(path)]
    blocks = (files[start : start + FILES_AT_ONCE] for start in range(0, len(files), FILES_AT_ONCE))
    # here the run is at hand; elsewhere each process loads it once, and again when it was trained anew
    folder = run.folder if is_url(run.folder) else run.folder.resolve()
    holder = run if workers == 1 and not on_cluster() else (folder, digest_of_run(run.facts))
    rows = [row for block in run_tasks(_predict_files, ((holder, b) for b in blocks), workers) for row in block]
    return Predictions(run.labels, tuple(rows), tuple(notes))


def _files(path: Path) -> list[Path]:
    """The file, or the clips of the folder: music, or pictures where it holds no music."""
    return list(list_files([path], PICTURE_EXTENSIONS if is_picture_folder(path) else EXTENSIONS))


def _reader(run: Run) -> tuple[Worker, list[str]]:
    """What turns a file into the run's representation, and notes for a person."""
    made = run.representation
    if made.get("kind") == "features":
        return _feature_worker(run), []
    if made.get("kind") in ("pictures", READY):
        return PictureReader(run), []
    for preset in PUBLISHED_PRESETS:
        features = FeatureSettings(preset=preset)
        if list(feature_columns(features)) == made["columns"]:
            note = (
                f"trained on a table with the columns of preset {preset}: audio is read by that preset, whose "
                "numbers may differ a little from those of the table's makers"
            )
            return FeatureWorker(AudioSettings(), features, ""), [note]
    raise RunError(
        f"{run.folder}: was trained on a table whose columns are no preset of tonearm, so audio cannot be turned "
        f"into them; predict a table with the columns {', '.join(made['columns'][:4])}, …"
    )


def _feature_worker(run: Run) -> FeatureWorker:
    """What computes the run's columns with the settings that it stores."""
    made = run.representation
    _check_definition(run, "features", DEFINITION)
    audio, features = AudioSettings(**made["audio"]), FeatureSettings(**made["features"])
    if list(feature_columns(features)) != made["columns"]:
        raise RunError(f"{run.folder}: its columns are not those of its settings; the folder is damaged")
    return FeatureWorker(audio, features, "")


def _check_definition(run: Run, what: str, ours: int) -> None:
    theirs = run.representation["definition"]
    if theirs != ours:
        raise RunError(
            f"{run.folder}: was trained on definition {theirs} of the {what}, and this tonearm computes definition "
            f"{ours}; train it again"
        )


class PictureReader:
    """Clip to its picture, shape (height, width, 3), as the run's training saw pictures; a picture file is taken."""

    fingerprint = ""

    def __init__(self, run: Run) -> None:
        self.made = run.representation
        self.drawn = self.made["kind"] == "pictures"
        if self.drawn:
            _check_definition(run, "pictures", spectrogram.DEFINITION)
            self.audio = AudioSettings(**self.made["audio"])
            self.settings = SpectrogramSettings(**self.made["spectrogram"])

    def compute(self, clip: Clip) -> np.ndarray[Any, np.dtype[Any]]:
        """The picture's pixels. Raises AudioError or PictureError."""
        if Path(clip.path).suffix.lower() in PICTURE_EXTENSIONS:
            return self._read(clip.path)
        if not self.drawn:
            reason = "is music, and the run was trained on ready pictures, whose making is not known; give it pictures"
            raise PictureError(clip.path, "undecodable", reason)
        samples = load(clip.path, self.audio, self.settings.n_fft)
        [picture] = spectrogram.draw_pictures(samples, self.audio.sr, self.settings).values()
        return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)

    def _read(self, path: str) -> np.ndarray[Any, np.dtype[Any]]:
        if not self.drawn:
            return read_picture(path, (self.made["width"], self.made["height"]))
        picture = read_picture(path)
        if len(picture) != self.settings.height:
            reason = f"is {len(picture)} pixels high; the run was trained on pictures of {self.settings.height}"
            raise PictureError(path, "height", reason)
        return picture

    def is_done(self, clip: Clip) -> bool:
        """It writes no files."""
        return True


@lru_cache(maxsize=1)
def _loaded(folder: Path, fingerprint: str) -> Run:
    return load_run(folder)


def _predict_files(holder: Run | tuple[Path, str], files: list[Path]) -> tuple[Prediction, ...]:
    """One prediction a file, in order, by a run or by the one of a folder and a fingerprint."""
    from threadpoolctl import threadpool_limits

    run = holder if isinstance(holder, Run) else _loaded(*holder)
    reader = _reader(run)[0]
    rows, reasons = [], {}
    with threadpool_limits(limits=1):  # as in the extraction, for its bits
        for number, path in enumerate(files):
            row, failure = attempt(reader, Clip(str(path), path.name))
            if failure:
                reasons[number] = failure.reason
            else:
                rows.append(row)
    return _assemble(run, [str(path) for path in files], rows, reasons)


def _predict_table(run: Run, path: Path) -> Predictions:
    dataset, notes = read_table(DataSettings(folder=str(path)), whole=True)
    wanted = run.representation.get("columns", [])
    missing = [column for column in wanted if column not in dataset.columns]
    if missing:
        raise RunError(f"{path}: lacks {len(missing)} of the {len(wanted)} columns of the run, such as {missing[0]!r}")
    X = dataset.X[:, [dataset.columns.index(column) for column in wanted]]
    broken = ~np.isfinite(X).all(axis=1)
    reasons = dict.fromkeys(np.flatnonzero(broken).tolist(), "its row holds values that are no finite numbers")
    return Predictions(run.labels, _assemble(run, list(dataset.names), list(X[~broken]), reasons), tuple(notes))


def _assemble(
    run: Run,
    names: list[str],
    rows: Iterable[np.ndarray[Any, np.dtype[np.float64]]],
    reasons: dict[int, str],
) -> tuple[Prediction, ...]:
    from threadpoolctl import threadpool_limits

    usable = list(rows)
    found = np.zeros((0, len(run.labels)))
    if usable:
        with threadpool_limits(limits=1):
            found = probabilities(run.classifier, _together(usable), run.labels, run.temperature)
    best = iter(zip(found, predicted(found) if len(found) else [], strict=True))
    predictions = []
    for number, name in enumerate(names):
        if number in reasons:
            predictions.append(Prediction(name, "", 0.0, {}, reasons[number]))
            continue
        row, column = next(best)
        spread = dict(zip(run.labels, row.tolist(), strict=True))
        probability = float(row[column])
        sure = None if run.threshold is None else probability >= run.threshold
        predictions.append(Prediction(name, run.labels[column], probability, spread, sure=sure))
    return tuple(predictions)


def _together(rows: list[np.ndarray[Any, np.dtype[Any]]]) -> np.ndarray[Any, np.dtype[Any]]:
    """Rows of numbers as one table; pictures, which may differ in width, as an array of arrays."""
    if rows[0].ndim == 1:
        return np.stack(rows)
    pictures = np.empty(len(rows), dtype=object)
    pictures[:] = rows
    return pictures


def write_submission(
    run: Run | str | Path, folder: str | Path, out: Path, id_column: str = "id", label_column: str = "class"
) -> tuple[int, list[str]]:
    """Write a Kaggle-style file: one row for each file of the folder, in catalog order, whatever its state.

    A file that cannot be used gets the commonest class of the training part. The ids are the files' own names; where
    two files have the same name, all ids are names relative to the folder, and of a table, its names as they are.
    Returns the number of rows and a warning for each such file. Raises RunError where there is no such folder or table.
    """
    if not place(folder).exists():
        raise RunError(f"{folder}: there is no such folder or table of clips to classify")
    if not isinstance(run, Run):
        run = load_run(run_to_load(run))
    found = predict(run, [folder])
    majority = run.facts["majority"]
    warnings = [f"{row.name}: {row.error}; it gets the commonest class, {majority}" for row in found.failed]
    ids = [Path(row.name).name for row in found.rows]
    if len(set(ids)) < len(ids):
        if is_table(place(folder)):
            ids = [row.name for row in found.rows]
        else:
            ids = [inside(place(folder), place(row.name)).as_posix() for row in found.rows]
        warnings.append(f"files in different folders have the same name: {id_column} holds the folders, too")
    write_csv(out, (id_column, label_column), zip(ids, (row.label or majority for row in found.rows), strict=True))
    return len(ids), warnings
