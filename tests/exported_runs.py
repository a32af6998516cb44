"""Runs without a folder for the tests of exports, and onnxruntime without tonearm."""

from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from tonearm.evaluation.calibration import Calibration
from tonearm.experiment.facts import CalibrationFacts, RunFacts
from tonearm.experiment.runs import Run
from tonearm.export.build import Built


def run_of(
    classifier: Any, facts: dict[str, Any], labels: tuple[str, ...] | None = None, temperature: float = 1.0
) -> Run:
    """A run of a fitted classifier. facts: of its representation."""
    labels = labels or tuple(str(label) for label in classifier.classes_)
    found = RunFacts.model_validate(
        {
            "format": 1,
            "digest": "0" * 64,
            "model": {"name": "tested", "settings": {"type": "tested"}},
            "labels": labels,
            "representation": facts,
            "seconds": {"train": 0.0, "predict_a_clip": 0.0},
        }
    )
    calibration = CalibrationFacts.model_validate(Calibration(temperature, 0.5, 1.0, 99, 0.9).to_json())
    return Run(Path("tested"), classifier, labels, facts, found, calibration)


def columns(count: int) -> dict[str, Any]:
    """Facts of a table with so many columns."""
    return {"kind": "table", "columns": [f"c{column}" for column in range(count)]}


def asked(built: Built, given: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What onnxruntime says: its outputs by name."""
    session = onnxruntime.InferenceSession(built.model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {built.takes: given}), strict=True))
