"""A library and a run to a plan: which files are asked about, and what the run says of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tonearm.answers import Prediction
from tonearm.bulk.answering import Answering, unchanged
from tonearm.bulk.kept import keeping
from tonearm.errors import PlanError
from tonearm.evaluation.scores import predicted
from tonearm.experiment.runs import Run
from tonearm.experiment.trust import Trust
from tonearm.library.fields import field_of
from tonearm.library.honest import Answer, honest_answers
from tonearm.library.plan import Policy, plan_files, read_library, to_ask
from tonearm.library.plan_file import Plan
from tonearm.library.plan_text import advice
from tonearm.library.tracks import Track
from tonearm.library.trained import trained_config
from tonearm.prediction import Asked, ask, doubts
from tonearm.runtime.names import to_text
from tonearm.runtime.progress import Counting, quietly
from tonearm.runtime.remote import place
from tonearm.settings import GenreSettings


@dataclass(frozen=True)
class AskedOnce(Asked):
    """A run that is asked about each file once: its answers go to a file, where the next plan finds them.

    plain: the run itself. kept: the file, one answer a line as `tonearm predict --jsonl` writes it.
    """

    plain: Asked | None = None
    kept: Path = Path()

    def answers(self, files: Iterable[Path], workers: int = 1) -> Iterator[Prediction]:
        """One prediction a file, in order: those that are kept, and new ones as they come."""
        assert self.plain is not None
        answering = Answering(self.plain, workers=workers)
        with keeping(self.kept, answering.digest, unchanged) as kept:
            yield from answering.answers(files, kept)


class Planned(NamedTuple):
    """A plan, notes for a person, and how many files could not be used."""

    plan: Plan
    notes: list[str]
    unusable: int


def plan_library(
    library: Path,
    run: Path,
    policy: Policy,
    genres: GenreSettings | None = None,
    counting: Counting = quietly,
    workers: int = 1,
    trust: Trust = (),
    kept: Path | None = None,
) -> Planned:
    """The plan of a library by what a run says of its files, none of them by a model that was trained on the file.

    The library is only read. run: a run, a model's folder, an experiment or a sweep. genres: aliases in the place of
    those that the run was trained with. workers: processes that read files and predict. kept: a file of answers, which
    a plan that was killed goes on with, and the next plan does not ask for again. Raises RunError, CatalogError or
    PlanError where one of these cannot be used, and TonearmError without the extra `tagwriter`.
    """
    field = field_of(policy.field)
    if not library.is_dir():
        fault = "is a file, not a folder" if library.exists() else "there is no such folder"
        raise PlanError(f"{library}: {fault}; name the one that holds the library")
    asked = ask(run, [library], trust=trust)
    config = trained_config(asked.run.folder)
    with counting("tags", "files") as progress:
        files = read_library(library, asked.files, field, progress)
    genres = genres or config.genres
    wanted = to_ask(files, policy, genres)
    tracks = [Track(str(file.path), file.name) for file in wanted]
    once = AskedOnce(asked.run, plain=asked, kept=kept) if kept else asked
    found = honest_answers(once, place(config.data.folder), tracks, counting, workers)
    answers = {file.name: _answer(file.name, answer, asked.run) for file, answer in zip(wanted, found, strict=True)}
    name = to_text(str(asked.run.folder))
    plan = plan_files(library, files, answers, policy, name, asked.run.facts.digest, genres)
    reasons = doubts(asked.run)
    unusable = sum(bool(file.trouble) for file in files)
    unusable += sum(bool(answer.reason and not answer.trained) for answer in found)
    return Planned(plan, [*(note for note in asked.notes() if note not in reasons), *advice(plan, reasons)], unusable)


def _answer(name: str, answer: Answer, run: Run) -> Prediction:
    """The answer as the run's own predictions are."""
    if answer.reason:
        return Prediction(name, "", 0.0, {}, answer.reason)
    column = predicted(answer.probabilities[None])[0]
    probability = float(answer.probabilities[column])
    spread = dict(zip(run.labels, answer.probabilities.tolist(), strict=True))
    sure = None if run.threshold is None else probability >= run.threshold
    return Prediction(name, run.labels[column], probability, spread, sure=sure)
