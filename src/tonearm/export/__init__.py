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
    from tonearm.experiment.runs import Run
    from tonearm.experiment.trust import Trust
    from tonearm.representations.base import Representation

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

    run, trust: as for `tonearm.load`. out: a folder that is new, empty or an earlier export. check: files, folders of
    them, or a table, by which the ONNX model is compared with the run; () for clips of the run. licence: of the model,
    by the hub's identifiers. Raises RunError as `tonearm.load`; ExportError where the run cannot be expressed, its copy
    gives other answers (nothing is kept then), or the folder holds something else.
    """
    from tonearm.experiment.lookup import run_to_load
    from tonearm.experiment.runs import load_run
    from tonearm.experiment.trust import executed
    from tonearm.export.readme import readme
    from tonearm.prediction import doubts, representation_of

    folder = Path(out)
    _check_folder(folder)
    loaded = load_run(run_to_load(run), [trust] if isinstance(trust, str | Path) else trust)
    representation = representation_of(loaded, opened=False)
    notes = (*executed(loaded), *representation.notes, *doubts(loaded))
    if "onnx" not in forms:
        write_text(folder / README_MD, readme(loaded, licence, _card_in(folder, loaded)))
        return Exported(folder, _there(folder), notes=notes)
    with replacing_folder(folder) as temporary:
        card, lines = _write_onnx(loaded, representation, temporary, [Path(path) for path in check])
        if "card" in forms:
            write_text(temporary / README_MD, readme(loaded, licence, card))
        elif (folder / README_MD).is_file():
            shutil.copy2(folder / README_MD, temporary / README_MD)
    return Exported(folder, _there(folder), lines, notes)


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


def _write_onnx(
    run: "Run", representation: "Representation", folder: Path, given: Sequence[Path]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """model.onnx, card.json and example.py, once the model says what the run says; the card, and lines."""
    from tonearm.export.build import build
    from tonearm.export.card import export_card
    from tonearm.export.check import check
    from tonearm.export.examples import example
    from tonearm.wording import size

    built = build(run, representation)
    checked = check(run, representation, built, given)
    card = export_card(run, built, checked)
    write_bytes(folder / MODEL_ONNX, built.model)
    write_json(folder / CARD_JSON, card)
    write_text(folder / EXAMPLE_PY, example(built.takes))
    takes = f"takes {built.takes}, has {size(len(built.model))}"
    return card, (f"{MODEL_ONNX} {takes}", *([built.note] if built.note else []), *checked.lines())


def _card_in(folder: Path, run: "Run") -> dict[str, Any] | None:
    """card.json of an earlier export of this run; None where there is none."""
    path = folder / CARD_JSON
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if found["digest"] == run.facts.digest and found["input"]["name"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
