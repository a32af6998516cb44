"""What the reference system measured in seconds: classifying the test, and extraction by number of processes.

Conventions
-----------
Classifying the test is all of it: decoding, features or pictures, and the model, file by file in one process, after one
file has been classified to start everything. What was measured is kept, since a command that is started again should
not measure what is there: by the digest of the run, or of the clips and settings.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tonearm.config import Config
from tonearm.data.catalog import read_catalog
from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.data.pictures import is_picture_folder
from tonearm.data.tables import is_table
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.experiment.experiment import Experiment
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.records import AnyRecord, Count, DamagedError, Record, Seconds, read_record
from tonearm.experiment.runs import read_facts
from tonearm.prediction import predict
from tonearm.runtime.files import write_json
from tonearm.runtime.machine import available_cores
from tonearm.scaling import Measurement, Scaling, measure_scaling

PROCESSES = (1, 4, 16, 32)  # as the reference system
PUBLISHED_FEATURES = (4716.342, 638.994, 316.360, 288.186)  # seconds for 1,000 clips of 30 s by these processes
PUBLISHED_PICTURES = (1198.574, 340.174, 185.166, 212.532)
PUBLISHED_CLIPS = 1_000
QUICK_CLIPS = 40
AGAIN = "it is measured again"


class Classified(Record):
    """Seconds of classifying so many test clips by each run, by its digest."""

    seconds: dict[str, tuple[Seconds, Count]]


class MeasurementRecord(Record):
    """See `scaling.Measurement`."""

    task: str
    workers: Count
    seconds: Seconds
    clips: Count
    start_up: Seconds


class ScalingRecord(Record):
    """See `scaling.Scaling`. digest: of clips, settings and numbers of processes."""

    digest: str
    machine: str
    measurements: tuple[MeasurementRecord, ...]


def classify_tests(
    experiment: Experiment, config: Config, file: Path, tell: Callable[[str], None]
) -> dict[str, tuple[float, int]]:
    """Seconds and test clips of each trained model, from file to answer; kept in `file`.

    {} of a table, which has no files, and with folds, whose models are not kept.
    """
    if is_table(config.data.folder) or config.split.folds:
        return {}
    kept = _read(Classified, file, tell)
    found = dict(kept.seconds) if kept else {}
    endings = PICTURE_EXTENSIONS if is_picture_folder(config.data.folder) else EXTENSIONS
    paths = {clip.name: clip.path for clip in read_catalog(config.data, endings, config.genres).clips}
    result = {}
    for row in experiment.rows:
        if row.error or "test" not in row.scores:
            continue
        folder = experiment.folder_of(row)
        digest = read_facts(folder).digest
        if digest not in found:
            tests = [paths[name] for name in read_predictions(folder).of_part("test").names if name in paths]
            predict(folder, tests[:1])
            start = time.perf_counter()
            predict(folder, tests)
            found[digest] = (time.perf_counter() - start, len(tests))
            write_json(file, {"seconds": found})
            tell(f"{row.model}: {found[digest][1]} test clips classified in {found[digest][0]:.1f} s")
        result[row.model] = found[digest]
    return result


def numbers_of_processes(cores: int) -> list[int]:
    """Those of the reference system that this machine has cores for, and all of its cores.

    >>> numbers_of_processes(2), numbers_of_processes(16)
    ([1, 2], [1, 4, 16])
    """
    return sorted({number for number in PROCESSES if number <= cores} | {cores})


def scale(config: Config, out: Path, quick: bool, tell: Callable[[str], None]) -> Scaling:
    """The scaling of extraction, measured here or kept from before. quick: of a few clips."""
    catalog = read_catalog(config.data, genres=config.genres)
    if quick:
        catalog = replace(catalog, clips=catalog.clips[:QUICK_CLIPS])
    workers = numbers_of_processes(available_cores())
    digest = _digest(config, [clip.path for clip in catalog.clips], workers)
    kept = _read(ScalingRecord, out / "measured.json", tell)
    if kept and kept.digest == digest:
        return Scaling(tuple(Measurement(**one.model_dump()) for one in kept.measurements), kept.machine)
    scaling = measure_scaling(catalog, config, workers, out, tell)
    facts = [asdict(one) for one in scaling.measurements]
    write_json(out / "measured.json", {"digest": digest, "machine": scaling.machine, "measurements": facts})
    return scaling


def _digest(config: Config, paths: Sequence[str], workers: Sequence[int]) -> str:
    sections = [section.model_dump(mode="json") for section in (config.audio, config.features, config.spectrogram)]
    text = json.dumps([sections, list(workers), *paths])
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _read(kind: type[AnyRecord], file: Path, tell: Callable[[str], None]) -> AnyRecord | None:
    """What was kept, None where nothing was, or it is damaged."""
    if not file.exists():
        return None
    try:
        return read_record(kind, file, AGAIN)
    except DamagedError as error:
        tell(f"note: {error}")
        return None
