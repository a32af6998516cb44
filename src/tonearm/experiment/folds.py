"""What the folds of a model say together: every clip answered by a model that was not trained on it, calibrated.

Conventions
-----------
The runs of folds keep the models' own probabilities. When all of them are there, their answers to all clips decide
about temperature and threshold (`evaluation.calibration`): those of a fold come from the clips that it does not test,
those of the model of all clips from all. Each run gets its own in calibration.json, and `runs/<model>/folds` the
calibrated answers. All of it is computed again whenever the command is, so a killed one leaves nothing to repair.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tonearm.data.dataset import group_or_own
from tonearm.evaluation.calibration import Calibration, cross_fit, effect, scale, shortfall
from tonearm.evaluation.scores import evaluate
from tonearm.experiment.predictions import (
    FOLDS_JSON,
    PREDICTIONS_CSV,
    PartResult,
    PredictionTable,
    read_predictions,
    write_predictions,
)
from tonearm.experiment.runs import read_facts, write_calibration
from tonearm.experiment.score_files import write_scores
from tonearm.runtime.files import write_json
from tonearm.settings import TrainSettings


@dataclass(frozen=True)
class FoldsTogether:
    """The answers of all folds, calibrated, with their scores.

    effect: what the calibration did to them (`calibration.effect`), {} without one. shortfall: why the model of all
    clips calls no answer sure, "" where it does.
    """

    tests: PartResult
    effect: dict[str, float]
    shortfall: str = ""


def conclude_folds(
    answers: Path, folds: Sequence[Path], final: Path | None, groups: Mapping[str, str], train: TrainSettings
) -> FoldsTogether:
    """Calibrate the runs of the folds and that of all clips, and write what all folds answer to the folder `answers`.

    final: run of the model of all clips, None where none is kept. groups: group of each clip by its name. train:
    whether to calibrate, and what sure answers are promised. Raises RunError where a run is damaged.
    """
    tests = [read_predictions(fold).of_part("test") for fold in folds]
    names, truth, raw = _joined(tests)
    units, labels = group_or_own((groups[name] for name in names), names), tests[0].labels
    calibrations: list[Calibration | None] = [None] * len(tests)
    last = None
    if train.calibrate:
        numbers = np.repeat(np.arange(len(tests)), [len(test.names) for test in tests])
        each, last = cross_fit(truth, raw, labels, names, units, numbers, train.sure)
        calibrations = [*each]
    for run, calibration in zip(folds, calibrations, strict=True):
        write_calibration(run, calibration)
    if final is not None:
        write_calibration(final, last)
    found, is_sure = [], []
    for test, calibration in zip(tests, calibrations, strict=True):
        found.append(scale(test.probabilities, calibration.temperature) if calibration else test.probabilities)
        is_sure.append(found[-1].max(axis=1) >= (calibration.threshold if calibration else 0.0))
    probabilities = np.concatenate(found)
    together = PartResult(names, truth, probabilities, evaluate(truth, probabilities, labels, units))
    write_pooled(answers, together, folds)
    if last is None:
        return FoldsTogether(together, {})
    gained = effect(truth, raw, probabilities, labels, np.concatenate(is_sure))
    return FoldsTogether(together, {**gained, "sure": train.sure}, shortfall(last))


def _joined(tests: Sequence[PredictionTable]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Names and truth of all answers, shape (answers,), and the models' own probabilities, (answers, labels)."""
    return (
        np.concatenate([test.names for test in tests]),
        np.concatenate([test.truth for test in tests]),
        np.concatenate([test.probabilities for test in tests]),
    )


def write_pooled(folder: Path, tests: PartResult, folds: Sequence[Path]) -> None:
    """Predictions and scores of all folds' test parts together, and folds.json: of which runs, divided how."""
    write_predictions(folder / PREDICTIONS_CSV, tests.scores.labels, {"test": tests})
    write_scores(folder, {"test": tests.scores})
    facts = [read_facts(fold) for fold in folds]
    known = [run.division for run in facts if run.division]
    digests = "|".join(division.digest for division in known)
    division = {"method": known[0].method, "digest": hashlib.sha256(digests.encode()).hexdigest()}
    runs = [run.digest for run in facts]
    write_json(folder / FOLDS_JSON, {"runs": runs, "division": division, "clips": len(tests.names)})
