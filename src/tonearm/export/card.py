"""card.json beside an exported model: what it takes and gives, what it is worth, where it comes from."""

import hashlib
from typing import Any

from tonearm.errors import RepresentationError
from tonearm.experiment.runs import Run
from tonearm.export.build import OUTPUT, Built
from tonearm.export.check import Checked
from tonearm.loaded import card_of
from tonearm.representations.encoders.locate import find_encoder, is_encoder
from tonearm.runtime.versions import versions

FORMAT = 1
OTHERS = {
    "picture": "uint8, (height, width): the steps of brightness that the network reads, low frequencies at the bottom",
    "bands": "float32, (frames, bands): the log-mel bands that the encoder reads, rounded",
}
LICENCE = "Apache-2.0"  # of tonearm, whose code the graph repeats


def export_card(run: Run, built: Built, checked: Checked) -> dict[str, Any]:
    """The contents of card.json: all that the model's own card says, and what the file takes and gives."""
    calibration = run.calibration
    return {
        "format": FORMAT,
        **card_of(run),
        "sure": calibration.sure if calibration else None,
        "why_no_answer_is_sure": calibration.shortfall if calibration else "",
        "input": _input(run, built),
        "output": _output(run, built),
        "licences": {"code": LICENCE, **licences(run)},
        "check": checked.to_json(),
        "exported_by": versions()["tonearm"],
        "sha256": hashlib.sha256(built.model).hexdigest(),
    }


def _input(run: Run, built: Built) -> dict[str, Any]:
    if built.takes == "columns":
        return {
            "name": "columns",
            "type": "float64",
            "shape": ["rows", len(built.columns)],
            "meaning": f"finite numbers, one row for each clip; {built.note}",
            "columns": list(built.columns),
        }
    if built.takes == "pixels":
        meaning = "a picture in RGB, as Pillow gives it after convert('RGB') and resize((width, height), BILINEAR)"
        return {"name": "pixels", "type": "uint8", "shape": [*built.size, 3], "meaning": meaning}
    audio = run.representation["audio"]
    return {
        "name": "samples",
        "type": "float32",
        "shape": ["samples"],
        "meaning": "a clip of any length, the mean of its channels, full scale 1; the part that is read is cut inside",
        "rate": built.rate,
        "least_samples": built.shortest,
        "part": {name: audio[name] for name in ("offset", "duration", "longest")},
    }


def _output(run: Run, built: Built) -> dict[str, Any]:
    rows = ["rows"] if built.takes == "columns" else []
    found: dict[str, Any] = {
        "name": OUTPUT,
        "type": "float64",
        "shape": [*rows, len(run.labels)],
        "meaning": "calibrated probability of each label, in the order of labels",
    }
    return found | {"others": {name: OTHERS[name] for name in built.gives}}


def licences(run: Run) -> dict[str, dict[str, str]]:
    """Licences of the code and the weights of each encoder that the run reads."""
    found = {}
    for one in card_of(run)["encoders"]:
        name = one["name"]
        try:
            card = find_encoder(name)[0].encoder.card if is_encoder(name) else None
        except RepresentationError:
            card = None
        if card is not None:
            found[name] = {"code": card.code, "weights": card.weights, "source": card.source}
    return found
