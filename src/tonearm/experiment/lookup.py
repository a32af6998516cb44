"""From a path that a person gives to a run that belongs to the last command of its results folder.

Conventions
-----------
A path may be a run folder, a model's folder, an experiment or a sweep. Inside a results folder a run counts only
where the manifest lists it with the digest that run.json has; a copied run folder has no owner and always counts.
"""

from pathlib import Path

from tonearm.errors import RunError
from tonearm.experiment.folder import (
    COMMANDS,
    LAYOUT_JSON,
    RUNS,
    Manifest,
    ModelRuns,
    ResultsFolder,
    check_done,
    read_manifest,
    refuse_older,
)
from tonearm.experiment.predictions import FOLDS_JSON, RUN_JSON
from tonearm.experiment.records import FoldsRecord, read_record
from tonearm.experiment.runs import read_facts
from tonearm.runtime.remote import inside, is_url, place


def owner_of(folder: Path) -> ResultsFolder | None:
    """The results folder whose run (or model's predictions of all folds) the folder is; None for a copied one."""
    folder = folder if is_url(folder) else folder.resolve()
    parents = list(folder.parents)
    for depth in (1, 3):
        if len(parents) < depth or not (parents[depth - 1] / LAYOUT_JSON).is_file():
            continue
        is_run = parents[1].name == RUNS if depth == 3 else folder.name in ("winner", "nested")
        if is_run:
            return ResultsFolder(parents[depth - 1])
    return None


def run_to_load(path: str | Path) -> Path:
    """The run folder that a path means: a run folder itself, or that of a model's folder, an experiment or a sweep.

    Raises RunError where the run is not of the last command, or the path is none of these.
    """
    folder = place(path)
    if (folder / LAYOUT_JSON).is_file():
        manifest = read_manifest(folder)
        check_done(folder, manifest)
        if not manifest.ranking:
            raise RunError(f"{folder}: its last command could train no model, so there is none to predict with")
        return _checked(folder, manifest, manifest.models[manifest.ranking[0]].predict)
    if (model := _model_folder(folder)) is not None:
        owner, manifest, runs = model
        return _checked(owner, manifest, runs.predict)
    if (folder / RUN_JSON).is_file() or (folder / FOLDS_JSON).is_file():
        owned = owner_of(folder)
        if owned is not None:
            manifest = read_manifest(owned.path)
            return _checked(owned.path, manifest, _relative(owned.path, folder), folder)
        return folder
    refuse_older(folder, "name one of its run folders")
    return folder


def evaluated_folders(path: Path) -> list[Path]:
    """The folders whose predictions stand for a run, a model, or all models of an experiment's last command."""
    folder = place(path)
    if (folder / LAYOUT_JSON).is_file():
        manifest = read_manifest(folder)
        check_done(folder, manifest)
        return [_answers(folder, manifest, manifest.models[name]) for name in manifest.ranking]
    if (model := _model_folder(folder)) is not None:
        return [_answers(*model)]
    owned = owner_of(folder)
    if owned is None:
        refuse_older(folder, "name its run folders")
        return [folder]
    manifest = read_manifest(owned.path)
    relative = _relative(owned.path, folder)
    for runs in manifest.models.values():
        if runs.answers == relative and relative not in runs.digests:
            return [_answers(owned.path, manifest, runs)]
    return [_checked(owned.path, manifest, relative, folder)]


def scored_folder(folder: Path) -> Path:
    """The folder whose scores stand for a run: of one that predicts for a model with folds, that of all folds together.

    A run that is inside no experiment, or a fold, stands for itself. Raises RunError where they are not whole.
    """
    owned = owner_of(folder)
    if owned is not None:
        manifest = read_manifest(owned.path)
        relative = _relative(owned.path, folder)
        for runs in manifest.models.values():
            if runs.predict == relative:
                return _answers(owned.path, manifest, runs)
    return folder


def read_division(folder: Path) -> tuple[str, str | None]:
    """Method and digest of how the clips of a run, or of all folds together, were divided; None: not known."""
    if (folder / RUN_JSON).is_file():
        division = read_facts(folder).division
    elif (folder / FOLDS_JSON).is_file():
        division = read_record(FoldsRecord, folder / FOLDS_JSON, "run the command again").division
    else:
        division = None
    return (division.method, division.digest) if division else ("", None)


def _model_folder(folder: Path) -> tuple[Path, Manifest, ModelRuns] | None:
    """The owner, its manifest and the model's runs, where the folder is runs/<model>. Raises RunError."""
    folder = folder if is_url(folder) else folder.resolve()
    owner = folder.parent.parent
    if folder.parent.name != RUNS or not (owner / LAYOUT_JSON).is_file():
        return None
    manifest = read_manifest(owner)
    if folder.name not in manifest.models:
        raise RunError(
            f"{_short(folder)}: the last `tonearm {COMMANDS[manifest.kind]}` has no such model; its models are: "
            f"{', '.join(manifest.models)}"
        )
    return owner, manifest, manifest.models[folder.name]


def _answers(owner: Path, manifest: Manifest, runs: ModelRuns) -> Path:
    """The folder of the predictions that stand for a model. Raises RunError where they are of other runs."""
    for path in runs.evaluated:
        _checked(owner, manifest, path)
    folder = owner / runs.answers
    if runs.answers not in runs.digests:
        check_done(owner, manifest)
        facts = read_record(FoldsRecord, folder / FOLDS_JSON, "run the command again")
        if list(facts.runs) != [runs.digests[path] for path in runs.evaluated]:
            raise RunError(f"{_short(folder)}: is not of the last command; run it again")
    return _short(folder)


def _checked(owner: Path, manifest: Manifest, relative: str, given: Path | None = None) -> Path:
    """The run folder, where the last command lists it with its digest. Raises RunError, which names one that is."""
    shown = _short(owner / relative) if given is None else given
    digests = manifest.digests
    command = f"tonearm {COMMANDS[manifest.kind]}"
    if relative in digests:
        if not (owner / relative / RUN_JSON).is_file():
            raise RunError(f"{shown}: the last `{command}` could not train this run; run it again")
        if read_facts(owner / relative).digest == digests[relative]:
            return shown
    usable = _usable(owner, manifest, relative)
    advice = f"use {_short(usable)}" if usable else f"run `{command}` again"
    reason = "has other settings or data than" if relative in digests else "is not a run of"
    raise RunError(f"{shown}: {reason} the last `{command}` in {_short(owner)}; {advice}")


def _usable(owner: Path, manifest: Manifest, relative: str) -> Path | None:
    """A run to predict with that is of the last command, of the same model where it has one."""
    parts = relative.split("/")
    named = [parts[1]] if parts[0] == RUNS and parts[1] in manifest.models else []
    for model in (*named, *manifest.ranking, *manifest.models):
        path = manifest.models[model].predict
        folder = owner / path
        if (folder / RUN_JSON).is_file() and _digest(folder) == manifest.digests[path]:
            return folder
    return None


def _digest(folder: Path) -> str:
    """Digest of the run, "" if it is damaged."""
    try:
        return read_facts(folder).digest
    except RunError:
        return ""


def _relative(owner: Path, folder: Path) -> str:
    return inside(owner, folder if is_url(folder) else folder.resolve()).as_posix()


def _short(path: Path) -> Path:
    """The path as seen from the working folder, where it is below that."""
    if not is_url(path) and path.is_absolute() and path.is_relative_to(Path.cwd()):
        return Path(path.relative_to(Path.cwd()))
    return path
