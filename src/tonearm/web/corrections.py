"""Labels that a person corrected, kept beside the experiment, and the collection that they make with its clips.

Conventions
-----------
```
<experiment>-corrections/
  metadata.csv      file_name,label,was,since: a clip of the experiment by its name, a further file as added/<name>
  added/            the further files: copies of uploads, links to music
  collection/       links to the experiment's music and to added/, with one metadata.csv of all clips
  config.toml       the experiment's settings for that collection
  learning.json, learning.log   what the training was started with, and what it said
  results/          what it made: an experiment like any other
```
The experiment itself, its music and its metadata are never changed.
"""

import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath

from tonearm.config import Config, to_toml
from tonearm.data.catalog import read_catalog
from tonearm.data.metadata import LEFT_OUT
from tonearm.data.pictures import is_picture_folder
from tonearm.errors import CatalogError, RunError
from tonearm.experiment.folder import ExperimentFolder
from tonearm.experiment.inputs import RECORDINGS
from tonearm.experiment.records import read_rows
from tonearm.experiment.reopened import SHARED_INPUTS, reopen
from tonearm.models import reads
from tonearm.runtime.files import replacing, replacing_folder, write_csv, write_text
from tonearm.runtime.remote import is_url, place
from tonearm.web.choices import BESIDE, RESULTS
from tonearm.web.errors import RequestError
from tonearm.web.shelf import Item, clip_path

METADATA, ADDED, COLUMNS = "metadata.csv", "added", ("file_name", "label", "was", "since")
MOST_LABEL = 100  # characters
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Correction:
    """A label that a person gave. name: as in metadata.csv. was: the label before, or what the model said."""

    name: str
    label: str
    was: str
    since: str

    @property
    def added(self) -> bool:
        """Whether the file is none of the experiment's."""
        return self.name.startswith(f"{ADDED}/")


class Corrections:
    """The corrections of one experiment, read from their file when they are needed, written at once."""

    def __init__(self, experiment: Path) -> None:
        self.experiment = experiment
        self.folder = experiment.with_name(f"{experiment.name}{BESIDE}")
        self.results = self.folder / RESULTS
        self._lock = threading.Lock()

    def rows(self) -> dict[str, Correction]:
        """By name. Raises DamagedError where the file cannot be read."""
        path = self.folder / METADATA
        if not path.is_file():
            return {}
        rows = read_rows(path, COLUMNS, "mend it, or remove it to begin anew")
        return {row["file_name"]: Correction(*(row[column] for column in COLUMNS)) for row in rows}

    def digest(self) -> str:
        """Of names and labels: whether a training had these."""
        said = "\n".join(f"{one.name}\t{one.label}" for one in sorted(self.rows().values(), key=lambda one: one.name))
        return sha256(said.encode()).hexdigest()[:16]

    def why_not(self) -> str:
        """Why this experiment cannot learn anew from corrections, "" where it can."""
        try:
            config = reopen(self.experiment).config
        except RunError as error:
            return str(error)
        folder = place(config.data.folder)
        if is_url(folder) or not folder.is_dir():
            return f"its music is not in a folder of this machine any more ({config.data.folder})"
        if is_picture_folder(folder):
            return "it was trained on ready pictures, which are not heard"
        own = [name for name, settings in config.models.items() if settings.type == "python"]
        if own or config.features.extra or config.augment.object:
            return "it runs code of its maker's own, which the page never starts; `tonearm run` does"
        return ""

    def put(self, item: Item, label: str, was: str, size_limit: int) -> Correction:
        """Keep a label. Raises RequestError for a label that cannot be one, or where nothing can be written."""
        label = label.strip()
        if not label or len(label) > MOST_LABEL or any(ord(letter) < 32 for letter in label) or "/" in label:
            raise RequestError(422, f"a label is a word or a few, without / and at most {MOST_LABEL} characters long")
        with self._writing():
            name = self._name_of(item) or self._add(item, size_limit)
            rows = self.rows()
            known = rows[name].was if name in rows else was
            since = datetime.now(UTC).isoformat(timespec="seconds")
            rows[name] = Correction(name, label, known, since)
            self._write(rows)
        return rows[name]

    def remove(self, name: str) -> None:
        """Take a correction back; the copy of a further file goes with it."""
        rows = self.rows()
        found = rows.pop(name, None)
        if found is None:
            raise RequestError(404, f"{name}: has no correction")
        with self._writing():
            self._write(rows)
            if found.added:
                (self.folder / ADDED / PurePosixPath(name).name).unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One change at a time. Raises RequestError where the system refuses it."""
        try:
            with self._lock:
                yield
        except OSError as error:
            raise RequestError(422, f"{self.folder}: cannot be written to ({error.strerror or error})") from error

    def _write(self, rows: dict[str, Correction]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_csv(self.folder / METADATA, COLUMNS, [(one.name, one.label, one.was, one.since) for one in rows.values()])

    def _name_of(self, item: Item) -> str:
        """The name of the clip that the item is, "" where it is none of the experiment's."""
        if item.kind == "upload":
            return ""
        opened = reopen(self.experiment)
        names = opened.clips.names.tolist()
        if item.kind == "clip":
            return item.name if item.experiment == self.experiment and item.name in names else ""
        folder = place(opened.config.data.folder).resolve()
        if not item.path.is_relative_to(folder):
            return ""
        name = item.path.relative_to(folder).as_posix()
        return name if name in names and clip_path(self.experiment, name) == item.path else ""

    def _add(self, item: Item, size_limit: int) -> str:
        """Keep a file that is none of the experiment's; its name."""
        if item.path.stat().st_size > size_limit:
            raise RequestError(413, f"{item.name}: is too large to be kept")
        stem = _UNSAFE.sub("_", PurePosixPath(item.name).stem)[:60].strip("._") or "file"
        digest = _digest_of(item.path)[:10]
        name = f"{stem}-{digest}{item.path.suffix.lower()}"
        target = self.folder / ADDED / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            if item.kind == "upload":
                with replacing(target) as temporary:
                    shutil.copyfile(item.path, temporary)
            else:
                target.symlink_to(item.path)
        return f"{ADDED}/{name}"

    def make_collection(self, models: Sequence[str]) -> Path:
        """Link the collection, write its metadata and the config of these models, and return the config.

        Raises RunError where the experiment cannot learn anew, CatalogError where its music cannot be read.
        """
        if reason := self.why_not():
            raise RunError(f"{self.experiment}: {reason}")
        config = reopen(self.experiment).config
        target = self.folder / "collection"
        with self._writing():
            self._link(config, target)
            self._keep_inputs(config)
        path = self.folder / "config.toml"
        write_text(path, to_toml(_for(config, target, models)))
        return path

    def _link(self, config: Config, target: Path) -> None:
        """Links to the clips and to the further files, with metadata of all: labels, artists, splits."""
        catalog, rows = read_catalog(config.data, genres=config.genres), self.rows()
        source = place(config.data.folder).resolve()
        if (source / ADDED).exists():
            raise CatalogError(f"{source / ADDED}: has the name that added files get; rename it")
        with replacing_folder(target) as temporary:
            for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
                if entry.name != METADATA:
                    (temporary / entry.name).symlink_to(entry.path)
            if any(one.added for one in rows.values()):
                (temporary / ADDED).symlink_to((self.folder / ADDED).resolve())
            split = any(clip.split for clip in catalog.clips)
            known = [
                (clip.name, rows[clip.name].label if clip.name in rows else clip.label, clip.group, clip.split)
                for clip in catalog.clips
                if clip.split != LEFT_OUT
            ]
            further = [(one.name, one.label, "", "train" if split else "") for one in rows.values() if one.added]
            columns = ("file_name", "label", config.data.group_column, config.data.split_column)
            write_csv(temporary / METADATA, columns, [*known, *further])

    def _keep_inputs(self, config: Config) -> None:
        """Bring what is computed of the clips into the results, which then compute the further files alone."""
        homes = [self.experiment, self.experiment.parent / SHARED_INPUTS]
        names = {name for settings in config.models.values() for name in reads(settings)}
        for name in (*sorted(names), RECORDINGS):
            target = (
                self.results / RECORDINGS if name == RECORDINGS else ExperimentFolder(self.results).representation(name)
            )
            for home in homes:
                source = home / target.name
                if source.is_dir() and not target.exists():
                    with replacing_folder(target) as temporary:
                        shutil.copytree(source, temporary, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))


def _for(config: Config, folder: Path, models: Sequence[str]) -> Config:
    """The settings with another collection and these models alone."""
    unknown = [name for name in models if name not in config.models]
    if unknown:
        raise RequestError(422, f"{unknown[0]!r} is no model of the experiment")
    chosen = {name: config.models[name] for name in models or config.models}
    data = config.data.model_copy(update={"folder": str(folder.resolve()), "metadata": "", "labels": "folders"})
    report = type(config.report)()  # figures of others are of other data
    return config.model_copy(update={"data": data, "models": chosen, "report": report})


def _digest_of(path: Path) -> str:
    from hashlib import file_digest

    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
