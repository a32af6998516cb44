"""The run folder: one trained model with everything that is known of it; the sole handover to prediction.

Conventions
-----------
```
run.json          format, versions, model, labels, representation, seeds, times, data
config.toml       every effective setting
model/            the classifier: skops or safetensors, never pickle
predictions.csv   part, name, truth, prediction and one probability a label, for every clip of every part
scores.json       scores with intervals, classes and confusion of each part; scores.csv and classes.csv too
confusion.*       of the last part (the test where there is one): counts as CSV, PNG and SVG;
                  confusion_share.csv: shares of the true class
history.csv       loss, accuracy, learning rate and seconds of each epoch, for models that have epochs
calibration.json  of a fold, and of the model of all clips beside folds: temperature and threshold of sure answers
code/             copies of the user's own files that the run was made with, see `trust`
```
With folds, predictions.csv and scores.json have the model's own probabilities, since what calibrates them are the
answers of other folds; calibration.json is added when all folds are there (`folds`). Without folds they are calibrated
by the validation clips, and run.json says how.

A folder is written beside its place and renamed: it is whole or it is not there. Nothing in it is executed
when it is loaded, and it may be moved: it names no other place.
"""

import shutil
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm import training
from tonearm.errors import ModelError, RunError
from tonearm.evaluation.calibration import Calibration, scale
from tonearm.experiment.facts import CalibrationFacts, RunFacts, misfit
from tonearm.experiment.predictions import (
    PREDICTIONS_CSV,
    RUN_JSON,
    PartResult,
    read_history,
    read_predictions,
    write_history,
    write_predictions,
)
from tonearm.experiment.records import (
    ADVICE,
    MOST_VERSION,
    DamagedError,
    parse_record,
    read_checked,
    read_record,
)
from tonearm.experiment.score_files import read_scores, write_scores
from tonearm.experiment.trust import Trust, keep_code, telling_what_to_trust, trusted_sources
from tonearm.matrix_plot import confusion_figure
from tonearm.models import MODELS
from tonearm.models.storage import check_files, load_classifier, save_classifier
from tonearm.plots import save_figure
from tonearm.runtime.files import replacing_folder, write_csv, write_json, write_text
from tonearm.runtime.owncode import Source, trusting
from tonearm.runtime.remote import fetched, is_url, place
from tonearm.runtime.versions import versions
from tonearm.training.contract import FittedClassifier

FINAL = "final"  # beside the folds, the model of all clips
AGAIN = "run the command again"
FORMAT = 1  # raised when an older tonearm could not read the folder
CONFIG_TOML, MODEL, CALIBRATION_JSON = "config.toml", "model", "calibration.json"


@dataclass(frozen=True)
class Outcome:
    """A trained model and its results, before they are a folder.

    facts: what goes to run.json beside the versions: model, labels, representation, seconds, data, digest.
    pictures: whether the confusion is drawn too; of folds only all together are. keep: whether the model is written.
    own: code of the user's own that the run was made with, and what each piece was used as.
    """

    classifier: FittedClassifier
    facts: dict[str, Any]
    parts: dict[str, PartResult]
    config_toml: str
    pictures: bool = True
    keep: bool = True
    own: tuple[tuple[Source, str], ...] = ()


@dataclass(frozen=True)
class Run:
    """A run folder that has been read: it only predicts, and knows its settings.

    trusted: code that it may run. lock: held while the classifier predicts, since a network moves between devices, and
    a classifier of the user's own may not bear two threads.
    """

    folder: Path
    classifier: FittedClassifier
    labels: tuple[str, ...]
    representation: dict[str, Any]
    facts: RunFacts
    calibration: CalibrationFacts | None = None
    trusted: tuple[Source, ...] = ()
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @property
    def temperature(self) -> float:
        """Of the calibration; 1 where there is none."""
        return self.calibration.temperature if self.calibration else 1.0

    @property
    def threshold(self) -> float | None:
        """Least probability of a sure answer, None where that is not known."""
        return self.calibration.threshold if self.calibration else None

    @property
    def version(self) -> str:
        """What tells this run from another one that was in the same folder."""
        return f"{self.facts.digest}|{self.temperature!r}|{self.threshold!r}"


def probabilities(
    classifier: FittedClassifier, X: NDArray[Any], labels: tuple[str, ...], temperature: float = 1.0
) -> NDArray[np.float64]:
    """Probability of each label for each row, shape (rows, labels), calibrated; 0 for a label never trained on."""
    if not len(X):
        return np.zeros((0, len(labels)))
    result = np.zeros((len(X), len(labels)))
    columns = [labels.index(str(label)) for label in classifier.classes_]
    result[:, columns] = classifier.predict_proba(X)
    return scale(result, temperature)


def judged_part(parts: Iterable[str]) -> str:
    """The part that stands for the model: the test where there is one, else the last."""
    names = list(parts)
    return "test" if "test" in names else names[-1]


def save_run(folder: Path, outcome: Outcome) -> str:
    """Write the run folder; one that has the name already is replaced as a whole.

    Returns why a classifier of the user's own cannot be kept, "" where it is, or where that was not asked for.
    """
    unkept = ""
    with replacing_folder(folder) as temporary:
        if outcome.keep:
            unkept = _save_model(outcome, temporary / MODEL)
        write_text(temporary / CONFIG_TOML, outcome.config_toml)
        _write_results(temporary, outcome)
        facts = {
            "format": FORMAT,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            **outcome.facts,
        }
        if unkept:
            facts |= {"kept": False, "unkept": unkept}
        if outcome.own:
            facts["own"] = keep_code(temporary, outcome.own)
        write_json(temporary / RUN_JSON, facts)
    return unkept


def _save_model(outcome: Outcome, folder: Path) -> str:
    """Write the classifier; why it cannot be, if it is the user's own. Raises ModelError for one of ours."""
    own = next((source for source, used in outcome.own if used == "model"), None)
    try:
        save_classifier(outcome.classifier, folder, own)
    except ModelError as error:
        if own is None:
            raise
        shutil.rmtree(folder, ignore_errors=True)
        return str(error)
    return ""


def _write_results(folder: Path, outcome: Outcome) -> None:
    labels = outcome.facts["labels"]
    write_predictions(folder / PREDICTIONS_CSV, labels, outcome.parts)
    write_scores(folder, {part: result.scores for part, result in outcome.parts.items()})
    part = list(outcome.parts)[-1]
    scores = outcome.parts[part].scores
    for name, confusion in (("confusion", scores.confusion), ("confusion_share", scores.shares())):
        rows = [[label, *row] for label, row in zip(scores.labels, confusion.tolist(), strict=True)]
        write_csv(folder / f"{name}.csv", ("truth", *scores.labels), rows)
    if outcome.pictures:
        figure = confusion_figure(scores.confusion, scores.labels, f"{outcome.facts['model']['name']}, {part}")
        save_figure(figure, folder / "confusion")
    history = training.history(outcome.classifier)
    if history:
        write_history(folder, history)


def load_run(folder: str | Path, trust: Trust = ()) -> Run:
    """The run in the folder, ready to predict.

    trust: files, or modules, of the user's own code that may be executed, see `trust`; nothing is without it. Raises
    RunError, which names the file, where the folder is none, is damaged, comes from a newer tonearm or needs code that
    is not trusted; ModelError where the model needs an extra that is not installed.
    """
    folder = place(folder)
    facts = read_facts(folder)
    if facts.unkept:
        raise RunError(f"{folder}: its fitted model was not kept, only its results: {facts.unkept}")
    if not facts.kept:
        raise RunError(
            f'{folder}: the models of folds are not kept (split.keep = "final"); predict with {folder.parent / FINAL}, '
            "which learned from all clips"
        )
    MODELS.get(str(facts.model.settings.get("type")))  # of an installed package, whose types are then known
    allowed = trusted_sources(folder, facts, trust)
    with trusting(allowed), telling_what_to_trust(folder, facts):
        classifier = load_classifier(fetched(folder / MODEL), str(facts.model.settings.get("type", "")))
    if reason := misfit(facts, classifier):
        raise DamagedError(f"{folder / RUN_JSON}: does not describe the model beside it: {reason}; {ADVICE}")
    calibration = read_calibration(folder, facts)
    return Run(folder, classifier, facts.labels, facts.representation, facts, calibration, allowed)


def check_run(folder: Path, kept: bool) -> None:
    """Raise RunError where a file of the run folder is missing or damaged. kept: whether the model must be there."""
    read_scores(folder)
    read_predictions(folder)
    read_history(folder)
    if kept and is_url(folder):  # whose model is fetched, and checked, when it is loaded
        if not (folder / MODEL).is_dir():
            raise DamagedError(f"{folder / MODEL}: is missing; {ADVICE}")
    elif kept:
        check_files(folder / MODEL)


def read_calibration(folder: Path, facts: RunFacts) -> CalibrationFacts | None:
    """The calibration of the run, None where it has none. Raises DamagedError."""
    path = folder / CALIBRATION_JSON
    if not path.is_file():
        return facts.calibration
    found = read_record(CalibrationFacts, path, AGAIN)
    if found.run != facts.digest:
        raise DamagedError(f"{path}: is of another run than {RUN_JSON} beside it; {AGAIN}")
    return found


def write_calibration(folder: Path, calibration: Calibration | None) -> None:
    """calibration.json of a run whose command has come to its end; None removes that of an earlier command."""
    path = folder / CALIBRATION_JSON
    if calibration is None:
        path.unlink(missing_ok=True)
        return
    write_json(path, {**calibration.to_json(), "run": read_facts(folder).digest})


def read_facts(folder: Path) -> RunFacts:
    """run.json alone. Raises RunError as `load_run`."""
    path = folder / RUN_JSON
    if not folder.is_dir():
        raise RunError(f"{folder}: there is no such run folder")
    if not path.is_file():
        runs = sorted(found.parent.relative_to(folder).as_posix() for found in folder.glob(f"*/**/{RUN_JSON}"))
        hint = f"it holds these runs: {', '.join(runs)}" if runs else "`tonearm run` makes one"
        raise RunError(f"{folder}: is not a run folder, since it has no {RUN_JSON}; {hint}")
    facts = read_checked(path, ADVICE)
    if isinstance(facts, dict) and facts.get("format") in range(FORMAT + 1, MOST_VERSION):
        versions = facts.get("versions")
        by = versions.get("tonearm", "?") if isinstance(versions, dict) else "?"
        raise RunError(
            f"{path}: has format {facts['format']}, written by tonearm {by}; this one reads up to {FORMAT}: "
            "upgrade tonearm"
        )
    return parse_record(RunFacts, facts, path, ADVICE)
