"""Catalog to files: the feature table, or the pictures, of all clips, and the clips that failed.

Conventions
-----------
The files follow from the catalog and the settings alone: the number of workers, and how often the work was
stopped and taken up again, leave no trace in their bytes. `features.csv` and `features.parquet` hold the
same numbers to the last bit; the Parquet file also holds the representation, so that a run knows how
its columns were made.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.catalog import Catalog, Clip
from tonearm.data.dataset import Dataset
from tonearm.data.tables import REPRESENTATION_KEY, read_table
from tonearm.errors import CatalogError
from tonearm.representations.shards import PARTS, Failure, Progress, Shards, fingerprint, hold, run_shards
from tonearm.runtime.files import replacing, write_bytes, write_csv, write_text
from tonearm.runtime.pool import check_visible
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings, SpectrogramSettings

CLIP_COLUMNS = ("filename", "label", "artist", "split")
ROWS_A_GROUP = 1024
FEATURES_CSV, FEATURES_PARQUET, FAILURES_CSV = "features.csv", "features.parquet", "failures.csv"
PICTURES_MADE = f"{PARTS}/pictures.json"  # which pictures in the folder are ours


@dataclass(frozen=True)
class Extraction:
    """What an extraction made: where, of how many clips, how many were tried anew, are from before, and failed."""

    out: Path
    clips: int
    computed: int
    reused: int
    failures: tuple[Failure, ...]

    @property
    def usable(self) -> int:
        """How many clips have a result."""
        return self.clips - len(self.failures)


@dataclass(frozen=True)
class FeatureWorker:
    """Clip to its row of features."""

    audio: AudioSettings
    features: FeatureSettings
    fingerprint: str

    def compute(self, clip: Clip) -> NDArray[np.float64]:
        """The row, in the order of `feature_columns`."""
        from tonearm.dsp.audio import load
        from tonearm.representations.features import compute_features, shortest_clip

        samples = load(clip.path, self.audio, shortest_clip(self.features))
        return compute_features(samples, self.audio.sr, self.features)

    def is_done(self, clip: Clip) -> bool:
        """Whether its files are there: it has none beside the part."""
        return True


@dataclass(frozen=True)
class PictureWorker:
    """Clip to its pictures, one PNG a kind."""

    audio: AudioSettings
    spectrogram: SpectrogramSettings
    out: Path
    fingerprint: str

    def compute(self, clip: Clip) -> NDArray[np.float64]:
        """An empty row; the pictures are files."""
        from tonearm.dsp.audio import load
        from tonearm.representations.spectrogram import draw_pictures, encode_png

        samples = load(clip.path, self.audio, self.spectrogram.n_fft)
        for kind, picture in draw_pictures(samples, self.audio.sr, self.spectrogram).items():
            write_bytes(picture_path(self.out, kind, clip), encode_png(picture))
        return np.zeros(0)

    def is_done(self, clip: Clip) -> bool:
        """Whether all its pictures are there."""
        return all(picture_path(self.out, kind, clip).is_file() for kind in self.spectrogram.kinds)


def extract_features(
    catalog: Catalog,
    audio: AudioSettings,
    features: FeatureSettings,
    out: Path,
    workers: int = 1,
    progress: Progress | None = None,
) -> Extraction:
    """Write features.csv, features.parquet and failures.csv of the catalog's clips to the folder `out`.

    Raises ConfigError where the features are not defined with these settings, TonearmError as `run_shards`
    and `hold`.
    """
    from tonearm.representations.features import representation

    made = representation(audio, features)
    worker = FeatureWorker(audio, features, fingerprint(made))
    with hold(out):
        check_visible([catalog.root, out])
        shards = run_shards(catalog, worker, out, workers, progress)
        write_csv(out / FEATURES_CSV, (*CLIP_COLUMNS, *made["columns"]), _csv_rows(shards))
        _write_parquet(out / FEATURES_PARQUET, shards, made)
        write_csv(out / FAILURES_CSV, ("filename", "kind", "reason"), shards.failures)
    return _summary(out, shards)


def draw_spectrograms(
    catalog: Catalog,
    audio: AudioSettings,
    spectrogram: SpectrogramSettings,
    out: Path,
    workers: int = 1,
    progress: Progress | None = None,
) -> Extraction:
    """Write `out`/<kind>/<label>/<file name>.png for each clip and kind, and failures.csv.

    Pictures that an earlier call made there and that belong to no clip any more (removed, broken, with another
    label) are removed: whoever trains on the folder takes each picture for a clip. Other files stay. Raises
    ConfigError for an unknown kind or colour map, CatalogError where two clips of a class have the same file
    name or a label cannot name a folder, TonearmError as `run_shards` and `hold`.
    """
    from tonearm.representations.spectrogram import representation

    _check_distinct(catalog, out)
    worker = PictureWorker(audio, spectrogram, out, fingerprint(representation(audio, spectrogram)))
    with hold(out):
        check_visible([catalog.root, out])
        _note_pictures(out, _pictures_made(out) | _pictures(catalog.clips, spectrogram))
        shards = run_shards(catalog, worker, out, workers, progress)
        failed = {failure.name for failure in shards.failures}
        current = _pictures((clip for clip in catalog.clips if clip.name not in failed), spectrogram)
        for orphan in _pictures_made(out) - current:
            (out / orphan).unlink(missing_ok=True)
        _note_pictures(out, current)
        write_csv(out / FAILURES_CSV, ("filename", "kind", "reason"), shards.failures)
    return _summary(out, shards)


def picture_path(out: Path, kind: str, clip: Clip) -> Path:
    """Where a clip's picture lies: under its label, or as its own name says where it has none."""
    return out / kind / (f"{clip.label}/{Path(clip.name).name}.png" if clip.label else f"{clip.name}.png")


def _pictures(clips: Iterable[Clip], spectrogram: SpectrogramSettings) -> set[str]:
    """Paths, relative to the folder, of all pictures of the clips."""
    return {picture_path(Path(), kind, clip).as_posix() for clip in clips for kind in spectrogram.kinds}


def _pictures_made(out: Path) -> set[str]:
    """Paths of pictures that earlier calls made, or meant to make, in the folder."""
    made = out / PICTURES_MADE
    return set(json.loads(made.read_text(encoding="utf-8"))) if made.is_file() else set()


def _note_pictures(out: Path, pictures: set[str]) -> None:
    write_text(out / PICTURES_MADE, json.dumps(sorted(pictures), indent=0, ensure_ascii=False))


def _check_distinct(catalog: Catalog, out: Path) -> None:
    taken: dict[Path, str] = {}
    for label in catalog.classes:
        if label.startswith(".") or set(label) & set("/\\\0"):
            raise CatalogError(
                f"{catalog.root}: the label {label!r} cannot be a folder's name, which each genre has among pictures; "
                "write it without / and \\ and without a dot at its start"
            )
    for clip in catalog.clips:
        first = taken.setdefault(picture_path(out, "", clip), clip.name)
        if first != clip.name:
            raise CatalogError(
                f"{catalog.root}: {first} and {clip.name} would both become {clip.label}/{Path(clip.name).name}.png; "
                "rename one of them"
            )


def load_features(folder: Path) -> Dataset:
    """The data set that `extract_features` wrote to the folder."""
    dataset, _ = read_table(DataSettings(folder=str(folder / FEATURES_PARQUET)), whole=True)
    return dataset


def _summary(out: Path, shards: Shards) -> Extraction:
    return Extraction(out, len(shards.catalog), shards.computed, shards.reused, shards.failures)


def _csv_rows(shards: Shards) -> Iterator[tuple[Any, ...]]:
    for clip, row in shards.rows():
        yield (clip.name, clip.label, clip.group, clip.split, *row.tolist())


def _write_parquet(path: Path, shards: Shards, made: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    fields = [(name, pa.string()) for name in CLIP_COLUMNS] + [(name, pa.float64()) for name in made["columns"]]
    schema = pa.schema(fields, metadata={REPRESENTATION_KEY: json.dumps(made)})
    # an open file, since pyarrow takes no path with bytes that are no text
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
        pyarrow.parquet.ParquetWriter(file, schema) as writer,
    ):
        rows = shards.rows()
        while group := list(islice(rows, ROWS_A_GROUP)):
            clips = [clip for clip, _ in group]
            values = np.stack([row for _, row in group])
            texts = [[getattr(clip, name) for clip in clips] for name in ("name", "label", "group", "split")]
            columns = [pa.array(text, pa.string()) for text in texts] + [pa.array(column) for column in values.T]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
