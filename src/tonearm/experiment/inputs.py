"""What the models of a config read, made once for all of them: a feature table, or pictures of one or more kinds.

Conventions
-----------
All representations hold the same clips in the same order, so that one division serves every model; a clip that
one of them cannot use is left out of all. What is computed lies in a folder:

```
recordings.json            clips that are one recording
features/                  the feature table, where audio was read
pictures/<kind>/           pictures of audio; pictures/packed/<kind> their pixels, and what frozen layers make of them
```
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np

from tonearm.config import Config
from tonearm.data.catalog import Catalog, read_catalog
from tonearm.data.dataset import Dataset
from tonearm.data.metadata import name_some
from tonearm.data.pictures import dataset_of, is_picture_folder, pack_files, read_pictures
from tonearm.data.tables import is_table, read_table
from tonearm.errors import CatalogError, ConfigError
from tonearm.models import MODELS, reads
from tonearm.representations.extract import (
    FAILURES_CSV,
    Extraction,
    draw_spectrograms,
    extract_features,
    load_features,
    picture_path,
)
from tonearm.representations.shards import Progress, clip_key, fingerprint
from tonearm.runtime.files import write_json
from tonearm.scan.landmarks import DEFINITION
from tonearm.scan.scan import find_duplicates, scan_dataset
from tonearm.splits.recordings import tie_groups

RECORDINGS = "recordings.json"
FEATURES, PICTURES, PACKED = "features", "pictures", "packed"

Counting = Callable[[str, str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Data:
    """Representations by name ("features", or a kind of picture), where their pixels lie, and what was left out.

    packs: folder of each kind of picture's pixels. notes: for a person. unusable: clips that no model gets.
    recordings: names of clips that are one recording; their groups are tied to one.
    """

    datasets: Mapping[str, Dataset]
    packs: Mapping[str, Path]
    notes: tuple[str, ...]
    unusable: int
    recordings: tuple[tuple[str, ...], ...] = ()

    @property
    def clips(self) -> Dataset:
        """Names, labels, groups and splits of the clips, which all representations share."""
        return next(iter(self.datasets.values()))


def quietly(title: str, unit: str) -> AbstractContextManager[Progress]:
    """A progress display that shows nothing."""
    return nullcontext(lambda done, total, failed: None)


def read_data(config: Config, out: Path, counting: Counting = quietly, workers: int = 1) -> Data:
    """The representations that the config's models read, of the folder or table it names.

    What has to be computed is written to `out`. counting: opens a progress display. Raises CatalogError where
    there are no labelled clips, ConfigError where a model cannot read what is there.
    """
    needs = {reads(settings): name for name, settings in config.models.items()}
    folder = config.data.folder
    if is_table(folder):
        _refuse(needs, {FEATURES}, f"{folder} is a feature table")
        dataset, notes = read_table(config.data)
        found = scan_dataset(dataset, folder, ()).duplicates if config.split.recordings else ()
        return _tied(Data({FEATURES: dataset}, {}, tuple(notes), 0), [group.names for group in found])
    if is_picture_folder(folder):
        _refuse(needs, set(needs) - {FEATURES}, f"{folder} holds pictures")
        dataset, notes = read_pictures(config.data, (config.spectrogram.width, config.spectrogram.height))
        with counting("pixels", "pictures") as progress:
            return _packed(dict.fromkeys(needs, dataset), out, notes, 0, progress)
    data = _read_audio(config, out, set(needs), counting, workers)
    if not config.split.recordings:
        return data
    groups, notes = _recordings(config, out, counting, workers)
    return _tied(replace(data, notes=(*data.notes, *notes)), groups)


def _refuse(needs: dict[str, str], there: set[str], what: str) -> None:
    for representation, model in needs.items():
        if representation not in there:
            kind = "features" if representation == FEATURES else f"pictures ({representation})"
            able = [name for name, model in MODELS.items() if (model.needs == FEATURES) == (FEATURES in there)]
            raise ConfigError(f"models.{model}: reads {kind}, but {what}; models for it: {', '.join(able)}")


def _read_audio(config: Config, out: Path, needs: set[str], counting: Counting, workers: int) -> Data:
    catalog = read_catalog(config.data)
    if not catalog.classes:
        raise CatalogError(
            f"{catalog.root}: none of its {len(catalog)} clips has a label; put them into one folder a class, "
            "or name a metadata.csv with file_name,label in data.metadata"
        )
    notes = list(catalog.notes)
    datasets = {}
    unusable: set[str] = set()
    if FEATURES in needs:
        with counting("features", "clips") as progress:
            done = extract_features(catalog, config.audio, config.features, out / FEATURES, workers, progress)
        unusable |= {failure.name for failure in done.failures}
        _check_usable(done, catalog.root, out / FEATURES / FAILURES_CSV)
        notes += _failed(len(done.failures), out / FEATURES / FAILURES_CSV)
        datasets[FEATURES] = load_features(out / FEATURES)
    if kinds := sorted(needs - {FEATURES}):
        spectrogram = config.spectrogram.model_copy(update={"kinds": tuple(kinds)})
        # by their own names and not under their labels: two albums may each have a 01.mp3 of one genre
        nameable = replace(catalog, clips=tuple(replace(clip, label="") for clip in catalog.clips))
        with counting("pictures", "clips") as progress:
            done = draw_spectrograms(nameable, config.audio, spectrogram, out / PICTURES, workers, progress)
        _check_usable(done, catalog.root, out / PICTURES / FAILURES_CSV)
        failed = {failure.name for failure in done.failures}
        notes += _failed(len(failed - unusable), out / PICTURES / FAILURES_CSV)
        unusable |= failed
        datasets |= {kind: _drawn(catalog, failed, config, kind, out) for kind in kinds}
    return _packed(_shared_clips(datasets), out, notes, len(unusable), lambda done, total, failed: None)


def _check_usable(done: Extraction, root: str, failures: Path) -> None:
    if not done.usable:
        raise CatalogError(
            f"{root}: none of its {done.clips} clips can be used, such as {done.failures[0].name}: "
            f"{done.failures[0].reason} ({failures} names them all)"
        )


def _recordings(config: Config, out: Path, counting: Counting, workers: int) -> tuple[list[tuple[str, ...]], list[str]]:
    """Names of clips that are one recording, and notes on files that contain several others.

    Both are read from the folder if they were searched for before and no file, label or artist has changed.
    """
    catalog = read_catalog(config.data)
    state = [fingerprint({"fingerprint": DEFINITION})]
    state += [clip_key(clip, f"{clip.label}\0{clip.group}") for clip in catalog.clips]
    path = out / RECORDINGS
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["state"] == state:
            return [tuple(group) for group in kept["groups"]], kept["notes"]
    with counting("recordings", "clips") as progress:
        recordings = find_duplicates(catalog, workers, progress)
    groups = [group.names for group in recordings.duplicates]
    notes = [collection.sentence() for collection in recordings.collections]
    write_json(path, {"state": state, "groups": groups, "notes": notes})
    return groups, notes


def _tied(data: Data, recordings: Sequence[tuple[str, ...]]) -> Data:
    """The data with the groups of clips that are one recording joined to one."""
    there = set(data.clips.names[data.clips.labels != ""])  # unlabelled clips tie nothing
    recordings = [tuple(name for name in group if name in there) for group in recordings]
    recordings = [group for group in recordings if len(group) > 1]
    groups = tie_groups(data.clips.names, data.clips.groups, recordings)
    datasets = {key: replace(dataset, groups=groups) for key, dataset in data.datasets.items()}
    count = sum(map(len, recordings))
    notes = [f"{count} clips are copies or parts of {len(recordings)} recordings; `tonearm scan` names them"]
    return replace(
        data, datasets=datasets, notes=(*data.notes, *(notes if count else [])), recordings=tuple(recordings)
    )


def _failed(count: int, path: Path) -> list[str]:
    return [f"{count} clips cannot be used; {path} says why"] if count else []


def _drawn(catalog: Catalog, failed: set[str], config: Config, kind: str, out: Path) -> Dataset:
    """The data set of the pictures of a kind that were drawn."""
    from tonearm.representations.spectrogram import representation

    clips = [clip for clip in catalog.clips if clip.name not in failed]
    paths = [str(picture_path(out / PICTURES, kind, replace(clip, label=""))) for clip in clips]
    made = representation(config.audio, config.spectrogram.model_copy(update={"kinds": (kind,)}))
    return dataset_of(clips, paths, made)


def _shared_clips(datasets: dict[str, Dataset]) -> dict[str, Dataset]:
    """The data sets without the clips that one of them lacks."""
    everywhere = reduce(set.intersection, ({*dataset.names} for dataset in datasets.values()))
    return {
        key: dataset.take(np.array([name in everywhere for name in dataset.names], dtype=bool))
        for key, dataset in datasets.items()
    }


def _packed(datasets: dict[str, Dataset], out: Path, notes: Iterable[str], unusable: int, progress: Progress) -> Data:
    """The data with the pixels of its pictures decoded, and without the pictures that cannot be."""
    packs: dict[str, Path] = {}
    broken: dict[str, str] = {}
    for kind, dataset in datasets.items():
        if kind == FEATURES:
            continue
        made = dataset.representation
        size = (made["width"], made["height"]) if "width" in made else None
        packs[kind] = out / PICTURES / PACKED / kind
        pack = pack_files([str(path) for path in dataset.X], packs[kind], size, progress)
        names = dict(zip(dataset.X, dataset.names, strict=True))
        broken |= {str(names[path]): reason for path, reason in pack.failures.items()}
        datasets = {**datasets, kind: dataset.take(np.array([path in pack.places for path in dataset.X], dtype=bool))}
    said = list(notes)
    if broken:
        reason = next(iter(broken.values()))
        said.append(f"{len(broken)} pictures cannot be used: {name_some(list(broken))}; the first one {reason}")
    return Data(_shared_clips(datasets), packs, tuple(said), unusable + len(broken))
