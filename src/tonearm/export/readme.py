"""A model card: README.md of a repository on the Hugging Face Hub, front matter first.

Conventions
-----------
The front matter is YAML as the hub reads it (https://huggingface.co/docs/hub/model-cards). Every value in it is JSON,
which is YAML, so that no name of a genre or folder can be taken for something else.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from tonearm.experiment.lookup import scored_folder
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.pretrained import Pretrained
from tonearm.experiment.runs import Run, judged_part
from tonearm.experiment.score_files import read_scores
from tonearm.export.card import licences
from tonearm.export.clips import config_of
from tonearm.loaded import card_of
from tonearm.wording import count, interval, number

SHOWN = {"accuracy": "accuracy", "f1": "F1, mean of the classes", "top2": "right among the two most probable"}
SHOWN |= {"log_loss": "log loss", "ece": "calibration error"}
DIVIDED = {
    "group": "by artist: none is in two parts",
    "random": "at random: an artist may be in two parts, which makes scores too good",
    "stratified": "at random within each class: an artist may be in two parts, which makes scores too good",
    "listed": "as their maker listed them",
}
NO_SCORES = "None: all clips of which the run holds answers were trained on."
METRICS = ("accuracy", "f1")  # by the hub's names


def readme(run: Run, licence: str, exported: Mapping[str, Any] | None = None) -> str:
    """The text of README.md.

    licence: of the model, by the hub's identifiers, or "unknown". exported: contents of card.json, where a model.onnx
    lies beside the card. Raises RunError where files of the run are damaged.
    """
    card = card_of(run)
    folder = scored_folder(run.folder)
    scores = read_scores(folder)
    part = judged_part(scores)
    found = scores[part] if part != "train" else None
    data = PurePath(str(config_of(run).get("folder", ""))).name or "music of its maker"
    sections = [
        f"# {card['model']}: {count(len(run.labels), 'genre')}",
        f"A {card['type']} model of [tonearm](https://pypi.org/project/tonearm/), which gives a piece of music one of "
        f"{count(len(run.labels), 'label')}: {', '.join(run.labels)}.",
        _data(run, data),
        _scores(found, part, folder != run.folder) if found else f"## Scores\n\n{NO_SCORES}",
        _limits(run, card, found, exported),
        _use(card, exported),
        _versions(card),
    ]
    return _front_matter(card, licence, data, part, found, exported) + "\n\n".join(sections) + "\n"


def _front_matter(
    card: Mapping[str, Any],
    licence: str,
    data: str,
    part: str,
    found: Mapping[str, Any] | None,
    exported: Mapping[str, Any] | None,
) -> str:
    tags = ["tonearm", "audio", "music", "music-genre-classification", card["type"]]
    values: dict[str, Any] = {
        "license": licence,
        "library_name": "onnx" if exported else "tonearm",
        "pipeline_tag": "audio-classification",
        "tags": [*tags, *(["onnx"] if exported else [])],
        "metrics": list(METRICS),
    }
    if found:
        metrics = [
            {"type": name, "value": round(found["scores"][name]["value"], 4), "name": SHOWN[name]} for name in METRICS
        ]
        task = {"type": "audio-classification", "name": "music genre classification"}
        dataset = {"type": "private", "name": data, "split": part}
        values["model-index"] = [
            {"name": card["model"], "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}
        ]
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return "\n".join(["---", *lines, "---", "", ""])


def _data(run: Run, data: str) -> str:
    facts, predictions = run.facts, read_predictions(run.folder)
    labels = dict(zip(predictions.names, predictions.truth, strict=True))
    counts = Counter(labels.values())
    parts = ", ".join(f"{part} {clips}" for part, clips in (facts.split.clips if facts.split else {}).items() if clips)
    method = facts.division.method if facts.division else ""
    how = DIVIDED.get(method, "as its maker did")
    rows = [f"| {label} | {counts.get(label, 0)} |" for label in run.labels]
    copies = f" {count(facts.copies, 'changed copy of a clip', 'was', 'were')} trained on too." if facts.copies else ""
    return "\n".join(
        [
            "## Data",
            "",
            f"{count(len(labels), 'clip')} of *{data}*, divided {how}. This model: {parts or 'not told'}.{copies}",
            "",
            "| label | clips |",
            "|---|---|",
            *rows,
        ]
    )


def _scores(found: Mapping[str, Any], part: str, folds: bool) -> str:
    groups = found.get("groups") or 0
    of = f"{count(found['clips'], 'clip')}{f' ({groups} artists or recordings)' if groups else ''}"
    whose = "each answered by a model of its fold, which was not trained on it; this model learned from all of them"
    said = f"{of}, {whose if folds else 'on which this model was not trained'}."
    lines = ["## Scores", "", f"On the {part} part: {said}"]
    lines += ["", "| score | value | 95 % interval |", "|---|---|---|"]
    for name, title in SHOWN.items():
        if name in found["scores"]:
            one = found["scores"][name]
            lines.append(f"| {title} | {number(one['value'])} | {interval(one['low'], one['high']) or '–'} |")
    lines += ["", "| class | precision | recall | F1 | 95 % interval of F1 | clips |", "|---|---|---|---|---|---|"]
    for label, one in found["classes"].items():
        cells = [number(one[name]) for name in ("precision", "recall", "f1")]
        low, high = one["f1_interval"]
        lines.append(f"| {label} | {' | '.join(cells)} | {interval(low, high) or '–'} | {one['support']} |")
    return "\n".join(lines)


def _limits(
    run: Run, card: Mapping[str, Any], found: Mapping[str, Any] | None, exported: Mapping[str, Any] | None
) -> str:
    calibration = run.calibration
    lines = [
        "It knows these labels alone: music of any other genre gets one of them, and so does speech.",
        "The scores are of music like that of its data; on other music they may be lower.",
    ]
    if found:
        worst = min(found["classes"], key=lambda label: found["classes"][label]["f1"])
        lines.append(f"Its weakest class is {worst} (F1 {number(found['classes'][worst]['f1'])}).")
    if calibration and calibration.shortfall:
        lines.append(f"No answer of it is called sure: {calibration.shortfall}.")
    elif calibration and calibration.sure is not None:
        lines.append(
            f"Answers of at least {calibration.threshold:.3f} are called sure; of these {100 * calibration.sure:.3g} % "
            "are promised to be right for new artists of the same classes, with 95 % confidence."
        )
    for one in card["encoders"]:
        sentence = Pretrained(**{**one, "models": tuple(one["models"])}).sentence()
        lines.append(f"{sentence[0].upper()}{sentence[1:]}.")
    for name, known in licences(run).items():
        lines.append(f"Licence of {name}: code {known['code']}, weights {known['weights']} ({known['source']}).")
    if exported and exported["input"]["name"] == "columns":
        lines.append("`model.onnx` takes the columns that tonearm computes of a clip, not its samples.")
    return "\n".join(["## Limits", "", *(f"- {line}" for line in lines)])


def _use(card: Mapping[str, Any], exported: Mapping[str, Any] | None) -> str:
    lines = ["## Use", ""]
    if exported:
        takes = exported["input"]["name"]
        given = {"samples": "FILE.wav", "pixels": "FILE.png", "columns": "TABLE.csv"}[takes]
        packages = {"samples": " soundfile", "pixels": " pillow", "columns": ""}[takes]
        rate = f" Sound must have {exported['input']['rate']:,} Hz." if takes == "samples" else ""
        lines += ["```sh", f"pip install onnxruntime numpy{packages}", f"python example.py {given}", "```", ""]
        lines += [f"`card.json` says what `model.onnx` takes and gives.{rate}"]
    else:
        lines += ["With the run folder:", "", "```sh", "pip install tonearm", "tonearm predict RUN FILE", "```"]
    return "\n".join(lines)


def _versions(card: Mapping[str, Any]) -> str:
    known = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    return f"## Versions\n\nTrained {card['created'][:10]} with {known}.\n\nRun: `{card['digest']}`"
