"""The models that a person chooses among: what the paths on the command line mean."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tonearm.errors import RunError
from tonearm.experiment.folder import LAYOUT_JSON, read_manifest
from tonearm.experiment.lookup import owner_of, run_to_load
from tonearm.experiment.runs import read_calibration, read_facts
from tonearm.runtime.remote import is_url, place
from tonearm.web.errors import RequestError
from tonearm.web.models import RunKey

BESIDE, RESULTS = "-corrections", "results"  # what learned anew is in this folder of a folder that is called so


@dataclass(frozen=True)
class Choice:
    """A model.

    key: what it is called in addresses. run: its run folder. experiment: the folder of `tonearm run` that
    it is in, None for a copied run. why: why nothing is known of its training clips, "" where it is. doubt: why it
    calls no answer sure, "" where it does.
    """

    key: str
    name: str
    run: RunKey
    labels: tuple[str, ...]
    experiment: Path | None = None
    why: str = ""
    doubt: str = ""

    @property
    def title(self) -> str:
        """Model and experiment, for a person."""
        return f"{self.name} · {title_of(self.experiment)}" if self.experiment else self.name


class Choices:
    """All models, the first of each experiment its best. Further ones come when an experiment has learned anew."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._known = {one.key: one for path in paths for one in _choices(path)}

    def __iter__(self) -> Iterator[Choice]:
        return iter(self._known.values())

    @property
    def experiments(self) -> list[Path]:
        """The folders of all experiments, in the order of the models."""
        return list(dict.fromkeys(one.experiment for one in self._known.values() if one.experiment))

    def renew(self, experiment: Path) -> None:
        """Offer the models of an experiment as they are now, last, in place of those it had. Raises RunError."""
        others = [one for one in self if one.experiment != experiment]
        self._known = {one.key: one for one in (*others, *_choices(experiment))}  # at once: others read it meanwhile

    def get(self, key: str) -> Choice:
        """The model of a key. Raises RequestError where there is none."""
        if key not in self._known:
            raise RequestError(404, "there is no such model here any more; load the page again")
        return self._known[key]


def title_of(experiment: Path) -> str:
    """An experiment's name for a person.

    >>> title_of(Path("/music/mine")), title_of(Path("/music/mine-corrections/results"))
    ('mine', 'mine corrected')
    """
    above = experiment.parent.name
    learned = experiment.name == RESULTS and above.endswith(BESIDE)
    return f"{above.removesuffix(BESIDE)} corrected" if learned else experiment.name


def _choices(path: str | Path) -> list[Choice]:
    """The run of a path, or all trained models of an experiment. Raises RunError."""
    return [_choice(folder) for folder in _runs(place(path))]


def _runs(path: Path) -> list[Path]:
    """The run folders that a path means: of an experiment all trained models, the best first."""
    first = run_to_load(path)
    if not (path / LAYOUT_JSON).is_file():
        return [first]
    manifest = read_manifest(path)
    if manifest.kind != "experiment":
        return [first]
    return [path / manifest.models[name].predict for name in manifest.ranking]


def _choice(folder: Path) -> Choice:
    if is_url(folder):
        raise RunError(f"{folder}: the page reads runs of this machine; copy the folder here")
    folder = folder.resolve()
    facts = read_facts(folder)
    owner = owner_of(folder)
    experiment, why = None, "it is a copied run folder, without its experiment"
    if owner is not None:
        if read_manifest(owner.path).kind == "experiment":
            experiment, why = owner.path, ""
        else:
            why = "it is a run of a sweep, which keeps no rows of its training clips"
    key = hashlib.sha256(f"{folder}|{facts.digest}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    calibration = read_calibration(folder, facts)
    doubt = calibration.shortfall if calibration else ""
    return Choice(key, facts.model.name, RunKey(folder, facts.digest), facts.labels, experiment, why, doubt)
