"""A run in forms that need no tonearm: an ONNX model that is compared with it before it is kept, and a model card."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tonearm.errors import ExportError
from tonearm.runtime.files import replacing_folder, write_bytes, write_json, write_text

if TYPE_CHECKING:
    from tonearm.experiment.trust import Trust
    from tonearm.loaded import LoadedModel

Form = Literal["onnx", "card"]
MODEL_ONNX, CARD_JSON, EXAMPLE_PY, README_MD = FILES = ("model.onnx", "card.json", "example.py", "README.md")
UNKNOWN = "unknown"  # the hub's word for a licence that nobody has chosen


@dataclass(frozen=True)
class Exported:
    """What was written: the folder, the names of its files, what the check found, and notes for a person."""

    folder: Path
    files: tuple[str, ...]
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def export_run(
    run: str | Path,
    out: str | Path,
    forms: Sequence[Form] = ("onnx",),
    check: Sequence[str | Path] = (),
    licence: str = UNKNOWN,
    trust: "str | Path | Trust" = (),
) -> Exported:
    """Write a run to a folder: as model.onnx with card.json and example.py, as a model card README.md, or both.

    run: as for `load`. out: a folder that is new, empty or an earlier export. check: files, folders of them, or a
    table, by which the ONNX model is compared with the run; () for clips of the run. licence: of the model, by the
    hub's identifiers. trust: as for `load`. Raises RunError as `load`; ExportError where the run cannot be expressed,
    its copy gives other answers (nothing is kept then), or the folder holds something else.
    """
    from tonearm.loaded import load

    folder = Path(out)
    _check_folder(folder)
    model = load(run, trust)
    if "onnx" not in forms:
        write_text(folder / README_MD, _readme(model, licence, _card_in(folder, model)))
        return Exported(folder, _there(folder), notes=model.notes)
    with replacing_folder(folder) as temporary:
        card, lines = _write_onnx(model, temporary, [Path(path) for path in check])
        if "card" in forms:
            write_text(temporary / README_MD, _readme(model, licence, card))
        elif (folder / README_MD).is_file():
            shutil.copy2(folder / README_MD, temporary / README_MD)
    return Exported(folder, _there(folder), lines, model.notes)


def _there(folder: Path) -> tuple[str, ...]:
    return tuple(name for name in FILES if (folder / name).is_file())


def _check_folder(folder: Path) -> None:
    """Raise ExportError where the folder holds other things than an export: they would be replaced."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ExportError(f"{folder}: is a file; --out names a folder")
    others = sorted(path.name for path in folder.iterdir() if path.name not in FILES)
    if others:
        raise ExportError(f"{folder}: holds {others[0]}, which is no file of an export; choose a new folder")


def _write_onnx(model: "LoadedModel", folder: Path, given: Sequence[Path]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """model.onnx, card.json and example.py, once the model says what the run says; the card, and lines."""
    from tonearm.export.build import build
    from tonearm.export.card import card_of
    from tonearm.export.check import check
    from tonearm.export.examples import example
    from tonearm.prediction import representation_of
    from tonearm.wording import size

    representation = representation_of(model.run)
    built = build(model.run, representation)
    checked = check(model.run, representation, built, given)
    card = card_of(model, built, checked)
    write_bytes(folder / MODEL_ONNX, built.model)
    write_json(folder / CARD_JSON, card)
    write_text(folder / EXAMPLE_PY, example(built.takes))
    takes = f"takes {built.takes}, has {size(len(built.model))}"
    return card, (f"{MODEL_ONNX} {takes}", *([built.note] if built.note else []), *checked.lines())


def _readme(model: "LoadedModel", licence: str, card: dict[str, Any] | None) -> str:
    from tonearm.export.readme import readme

    return readme(model, licence, card)


def _card_in(folder: Path, model: "LoadedModel") -> dict[str, Any] | None:
    """card.json of an earlier export of this run; None where there is none."""
    path = folder / CARD_JSON
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if found["digest"] == model.run.facts.digest and found["input"]["name"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
