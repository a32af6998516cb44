"""A library and a run to a plan: which files are asked about, and what the run says of them."""

from pathlib import Path

from tonearm.errors import PlanError
from tonearm.experiment.trust import Trust
from tonearm.library.fields import field_of
from tonearm.library.plan import Policy, plan_files, read_library, to_ask
from tonearm.library.plan_file import Plan
from tonearm.library.plan_text import advice
from tonearm.prediction import ask, doubts
from tonearm.runtime.names import to_text
from tonearm.runtime.progress import Counting, quietly
from tonearm.settings import GenreSettings


def plan_library(
    library: Path,
    run: Path,
    policy: Policy,
    genres: GenreSettings | None = None,
    counting: Counting = quietly,
    workers: int = 1,
    trust: Trust = (),
) -> tuple[Plan, list[str], int]:
    """The plan of a library by what a run says of its files, notes for a person, and how many files cannot be used.

    The library is only read.
    run: a run, a model's folder, an experiment or a sweep. genres: aliases in the place of those that the run was
    trained with. workers: processes that read files and predict. Raises RunError, CatalogError or PlanError where one
    of these cannot be used, and TonearmError without the extra `tagwriter`.
    """
    field = field_of(policy.field)
    if not library.is_dir():
        raise PlanError(f"{library}: there is no such folder; name the one that holds the library")
    asked = ask(run, [library], trust=trust)
    with counting("tags", "files") as progress:
        files = read_library(library, asked.files, field, progress)
    wanted = to_ask(files, policy)
    answers = {}
    failed = 0
    with counting("prediction", "files") as progress:
        found = asked.answers([file.path for file in wanted], workers)
        for number, (file, answer) in enumerate(zip(wanted, found, strict=True), 1):
            answers[file.name] = answer
            failed += bool(answer.error)
            progress(number, len(wanted), failed)
    name = to_text(str(asked.run.folder))
    plan = plan_files(library, files, answers, policy, name, asked.run.facts.digest, genres)
    reasons = doubts(asked.run)
    return (
        plan,
        [*(note for note in asked.notes() if note not in reasons), *advice(plan, reasons)],
        failed + sum(bool(file.trouble) for file in files),
    )
