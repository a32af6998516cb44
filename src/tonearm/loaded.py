"""A trained run as one object that a program keeps: load it once, and ask it from any number of threads.

Conventions
-----------
A model answers like `tonearm predict`, bit for bit, whatever the music comes from, whatever is asked beside it, and in
whichever thread. What cannot be used is an answer with its reason (`answers.Prediction.error`); a mistake of the
program that calls, such as samples without their rate, is a RunError.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tonearm.answers import Prediction
from tonearm.data.tables import is_table
from tonearm.dsp.decoding import RATES
from tonearm.dsp.sources import Contents, Samples, Source
from tonearm.errors import RunError
from tonearm.experiment.lookup import run_to_load, scored_folder
from tonearm.experiment.pretrained import pretrained
from tonearm.experiment.runs import Run, judged_part, load_run
from tonearm.experiment.score_files import read_scores
from tonearm.experiment.trust import Trust
from tonearm.prediction import clips_near, doubts, origin, predict_sources, representation_of
from tonearm.representations.base import Representation, digest_of, opened_once
from tonearm.representations.combined import name_of
from tonearm.runtime.remote import place

Sound = str | Path | bytes | bytearray | memoryview | BinaryIO | NDArray[np.floating]
PICTURES_TOGETHER = 16  # that a network sees at once
MOST_CHANNELS = 64  # samples have their channels last; more are most likely turned


def load(run: str | Path, trust: str | Path | Trust = ()) -> "LoadedModel":
    """The model of a run, ready to be asked.

    run: path or URL of a run folder, a model's folder, or an experiment or a sweep, whose best model it is then. trust:
    files, or modules, of the user's own code that the run needs and may execute. Raises RunError where there is no such
    run, it is not of its experiment's last command, needs other code, or this tonearm cannot compute what it reads;
    ModelError where an extra is missing.
    """
    return LoadedModel(load_run(run_to_load(run), [trust] if isinstance(trust, str | Path) else trust))


class LoadedModel:
    """A trained model. run: its run folder, as it was read."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._representation = representation_of(run)
        self._reader = opened_once(digest_of(self._representation.facts()), self._representation.open)
        self._together = PICTURES_TOGETHER if self._representation.gives == "images" else self._reader.batch

    def __repr__(self) -> str:
        return f"LoadedModel({str(self.run.folder)!r})"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of their probabilities."""
        return self.run.labels

    @property
    def representation(self) -> Representation:
        """How music becomes what the model reads."""
        return self._representation

    @property
    def threshold(self) -> float | None:
        """Least probability of a sure answer; None where that is not known, above 1 where no answer is sure."""
        return self.run.threshold

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of its answers, as `tonearm predict` says it."""
        return (*origin(self.run), *self._representation.notes, *doubts(self.run))

    @property
    def card(self) -> dict[str, Any]:
        """What is known of the model, as `card_of` gives it. Raises RunError where the files of the run are damaged."""
        return card_of(self.run)

    def predict(self, sound: Sound, sr: int | None = None, name: str = "", neighbours: int = 0) -> Prediction:
        """What the model says of one piece of music, or of one picture where it reads pictures.

        sound: path or URL of a file; the bytes of a file, or an open binary file, which is read from where it stands to
        its end; or samples, floating point of full scale 1, shape (samples,) or (samples, channels), at the rate `sr`
        in Hz. name: in the answer and in messages; the extension of a name decides as that of a file does. neighbours:
        how many of the nearest training clips to name, for a run inside its experiment. Raises RunError for what is
        none of these, and where the run cannot name neighbours.
        """
        return next(self.predict_many([sound], sr, neighbours, [name]))

    def predict_many(
        self, sounds: Iterable[Sound], sr: int | None = None, neighbours: int = 0, names: Iterable[str] | None = None
    ) -> Iterator[Prediction]:
        """One answer for each of the sounds, in their order, as they are there; the same as one by one.

        Networks are asked about some at once, which is quicker. sounds, sr, neighbours: as of `predict`; they are taken
        as they are needed. names: of the sounds, as many as there are (else ValueError). Raises RunError as `predict`.
        """
        if neighbours:
            clips_near(self.run)  # what is missing is said before the work
        named = zip(sounds, names, strict=True) if names is not None else ((sound, "") for sound in sounds)
        sources = (_source(sound, sr, name) for sound, name in named)
        while some := list(islice(sources, self._together)):
            yield from predict_sources(self.run, self._reader, some, neighbours)


def card_of(run: Run) -> dict[str, Any]:
    """What is known of a model, JSON-ready: labels, settings, representation, scores, split, encoders, versions.

    scores: of the evaluated part, each with its 95 % interval; of a model that was evaluated by folds, those of all
    folds, while it is inside its experiment. None where only clips that it was trained on have any. threshold: as that
    of `LoadedModel`. Raises RunError where the files of the run are damaged.
    """
    facts, representation = run.facts, run.representation
    names = [name_of(part) for part in representation.get("parts", [representation])]
    return {
        "model": facts.model.name,
        "type": str(facts.model.settings.get("type", "")),
        "settings": facts.model.settings,
        "labels": list(run.labels),
        "threshold": run.threshold,
        "representation": _without_names(representation),
        "scores": _scores(run.folder),
        "split": {
            "method": facts.division.method if facts.division else "",
            "clips": facts.split.clips if facts.split else {},
        },
        "encoders": [{**one._asdict(), "models": list(one.models)} for one in pretrained({facts.model.name: names})],
        "versions": facts.versions,
        "digest": facts.digest,
        "created": facts.created,
    }


def _source(sound: Sound, sr: int | None, name: str) -> Source:
    """What a decoder opens. Raises RunError."""
    if isinstance(sound, str | Path):
        file = place(sound)
        if is_table(file):
            raise RunError(f"{file}: is a table; `tonearm.predict` reads its rows")
        return file
    if isinstance(sound, np.ndarray):
        return _samples(sound, sr, name or "samples")
    if isinstance(sound, bytes | bytearray | memoryview):
        return Contents(name or "bytes", bytes(sound))
    if not hasattr(sound, "read"):
        raise RunError(
            f"got a {type(sound).__name__}; what can be predicted is a path, the bytes of a file, an open binary file, "
            "or samples as a numpy array"
        )
    data = sound.read()
    if not isinstance(data, bytes):
        raise RunError(f"{sound!r} gives a {type(data).__name__}; open the file in binary mode")
    own = getattr(sound, "name", "")
    return Contents(name or (own if isinstance(own, str) else "") or "file", data)


def _samples(values: NDArray[np.floating], sr: int | None, name: str) -> Samples:
    lowest, highest = RATES
    if sr is None or not lowest <= sr <= highest:
        raise RunError(f"{name}: samples need their rate, `sr`, from {lowest:,} to {highest:,} Hz; got {sr}")
    if values.dtype.kind != "f":
        raise RunError(f"{name}: are {values.dtype}; samples must be floating point numbers of full scale 1")
    if values.ndim not in (1, 2) or (values.ndim == 2 and not 1 <= values.shape[1] <= MOST_CHANNELS):
        raise RunError(
            f"{name}: have the shape {values.shape}; it must be (samples,) or (samples, channels), with at most "
            f"{MOST_CHANNELS} channels"
        )
    table = values[:, np.newaxis] if values.ndim == 1 else values
    return Samples(name, table.astype(np.float32), int(sr))


def _scores(folder: Path) -> dict[str, Any] | None:
    """The scores of the evaluated part; None where the run was trained on all parts that it has scores of."""
    scores = read_scores(scored_folder(folder))
    part = judged_part(scores)
    if part == "train":
        return None
    found = scores[part]
    return {"part": part, "clips": found["clips"], "groups": found["groups"], **found["scores"]}


def _without_names(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts of a representation with the number of its columns in place of their names."""
    return {
        key: len(value)
        if key == "columns" and isinstance(value, list)
        else [_without_names(part) for part in value]
        if key == "parts"
        else value
        for key, value in facts.items()
    }
