"""Answers to a plan: for every file of a library what would be written to its tag, or why it is left alone.

Conventions
-----------
Nothing is written to the library. A label is written as the library itself spells it: of all genres there that are
equal to it folded (`data.genres.fold`), the commonest spelling. Files agree with an answer where one of their genres is
called so, by the same aliases that training had; a genre that the run does not know conflicts with nothing. With
`by="album"` the tracks in a folder (folders of discs count with the one that holds them) that name one album share an
answer: the label whose mean probability over them is highest, sure where more than half of them are each sure of it.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from tonearm.answers import Prediction
from tonearm.data.folders import DISC
from tonearm.data.genres import Genres, fold
from tonearm.errors import PlanError, TagError
from tonearm.library.fields import ALBUM, By, Field, Multi, Only, field_of
from tonearm.library.identity import Identity, identify
from tonearm.library.plan_file import Plan, PlanRow, plan_of
from tonearm.runtime.names import to_native, to_text
from tonearm.runtime.progress import Progress, ignore_progress
from tonearm.settings import GenreSettings

UNKNOWN = Identity(0, 0, "")
NOTHING = Prediction("", "", 0.0, {})  # the answer to a file that was not asked about


@dataclass(frozen=True)
class Policy:
    """What is planned. only: files without the tag, those whose tag says otherwise, or all.

    min_probability: in [0, 1]. unsure: also answers that are not sure. add: beside what is there, not in its place.
    multi: several values as such, or as one text with semicolons.
    """

    field: str = "genre"
    only: Only = "missing"
    min_probability: float = 0.0
    unsure: bool = False
    by: By = "track"
    add: bool = False
    multi: Multi = "values"


@dataclass(frozen=True)
class TaggedFile:
    """A file of the library. name: relative to it. values: of the field, numbers of genres by their names.

    trouble: why its tags cannot be used, "" where they can.
    """

    path: Path
    name: str
    values: tuple[str, ...] = ()
    album: str = ""
    identity: Identity = UNKNOWN
    trouble: str = ""

    @property
    def has_any(self) -> bool:
        """Whether the field says anything."""
        return any(value.strip() for value in self.values)

    @property
    def together(self) -> tuple[str, str]:
        """What the files of one album have in common."""
        folder = PurePosixPath(self.name).parent
        return str(folder.parent if DISC.fullmatch(folder.name) else folder), fold(self.album)


def make_plan(
    library: Path,
    answers: Iterable[Prediction],
    policy: Policy,
    run: str = "",
    run_digest: str = "",
    genres: GenreSettings | None = None,
    progress: Progress = ignore_progress,
) -> Plan:
    """The plan of a library from answers to its files, which nothing is written to.

    answers: named by paths of files in the library. run, run_digest: whose they are. genres: the aliases that training
    had. progress: called with the numbers of files done, of all, and of those whose tags cannot be used. Raises
    PlanError where a file is not in the library or the field is none, and TonearmError without the extra `tagwriter`.
    """
    listed = list(answers)
    files = read_library(library, [Path(to_native(answer.name)) for answer in listed], field_of(policy.field), progress)
    by_name = {file.name: answer for file, answer in zip(files, listed, strict=True)}
    return plan_files(library, files, by_name, policy, run, run_digest, genres)


def read_library(
    library: Path, paths: Sequence[Path], field: Field, progress: Progress = ignore_progress
) -> list[TaggedFile]:
    """What the tags of the files hold, in order. Raises as `make_plan`."""
    seen: dict[tuple[int, int], str] = {}
    files = []
    failed = 0
    for path in paths:
        files.append(_read(library, path, field, seen))
        failed += bool(files[-1].trouble)
        progress(len(files), len(paths), failed)
    return files


def _read(library: Path, path: Path, field: Field, seen: dict[tuple[int, int], str]) -> TaggedFile:
    """What the tag of the file holds. seen: names of the files before it, by what the system knows them by."""
    from tonearm.library.writer import read_fields, shown

    try:
        name = to_text(path.absolute().relative_to(library.absolute()).as_posix())
    except ValueError as error:
        raise PlanError(f"{path}: is not in the library {library}; name the folder that holds it") from error
    try:
        state = os.stat(path)  # noqa: PTH116
        first = seen.setdefault((state.st_dev, state.st_ino), name)
        identity = identify(path)
        held, album = read_fields(path, [field, ALBUM])
        trouble = f"is the same file as {first}" if first != name else ""
        return TaggedFile(path, name, shown(held, field), " ".join(album), identity, trouble)
    except TagError as error:
        return TaggedFile(path, name, trouble=str(error))
    except OSError as error:
        return TaggedFile(path, name, trouble=f"cannot be read ({error.strerror or error})")


def to_ask(files: Sequence[TaggedFile], policy: Policy, genres: GenreSettings | None = None) -> list[TaggedFile]:
    """The files whose answers decide anything: of a plan for missing tags those without, and what votes with them."""
    usable = [file for file in files if not file.trouble]
    if policy.only != "missing":
        return usable
    names = Genres(genres or GenreSettings())
    lacking = [file for file in usable if not _has_any(file, policy, names)]
    if policy.by == "track":
        return lacking
    albums = {file.together for file in lacking}
    return [file for file in usable if file.together in albums]


def _has_any(file: TaggedFile, policy: Policy, names: Genres) -> bool:
    """Whether the field says anything; "Unknown" and what else `genres.ignore` names is no genre."""
    return bool(names.values(file.values)) if policy.field == "genre" else file.has_any


def plan_files(
    library: Path,
    files: Sequence[TaggedFile],
    answers: Mapping[str, Prediction],
    policy: Policy,
    run: str = "",
    run_digest: str = "",
    genres: GenreSettings | None = None,
) -> Plan:
    """The plan of files whose tags were read. answers: by the files' names; the others were not asked about."""
    given = _by_album(files, answers) if policy.by == "album" else answers
    names = Genres(genres or GenreSettings())
    spelling = _spelling(files)
    rows = tuple(_row(file, given.get(file.name, NOTHING), policy, names, spelling) for file in files)
    facts = {"library": to_text(str(library.absolute())), "run": run, "run_digest": run_digest, **asdict(policy)}
    return plan_of(facts, rows)


def _by_album(files: Sequence[TaggedFile], answers: Mapping[str, Prediction]) -> dict[str, Prediction]:
    """The answers of their albums, by the files' names; files without an answer of their own get none."""
    answered = [file for file in files if file.name in answers and not answers[file.name].error]
    albums: defaultdict[tuple[str, str], list[Prediction]] = defaultdict(list)
    for file in answered:
        albums[file.together].append(answers[file.name])
    shared = {key: _vote(those) for key, those in albums.items()}
    return {**answers, **{file.name: shared[file.together] for file in answered}}


def _vote(answers: Sequence[Prediction]) -> Prediction:
    """The answer that the tracks of an album give together."""
    labels = answers[0].probabilities
    mean = {label: sum(answer.probabilities[label] for answer in answers) / len(answers) for label in labels}
    label = max(mean, key=lambda label: mean[label])
    sure = 2 * sum(answer.sure is True and answer.label == label for answer in answers) > len(answers)
    calibrated = any(answer.sure is not None for answer in answers)
    return replace(NOTHING, label=label, probability=mean[label], probabilities=mean, sure=sure if calibrated else None)


def _spelling(files: Iterable[TaggedFile]) -> dict[str, str]:
    """The commonest spelling of each value in the library by the value folded; of equally common ones the first."""
    counts = Counter(value.strip() for file in files for value in file.values if value.strip())
    found: dict[str, str] = {}
    for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        found.setdefault(fold(value), value)
    return found


def _row(file: TaggedFile, answer: Prediction, policy: Policy, names: Genres, spelling: dict[str, str]) -> PlanRow:
    """The file's line of the plan."""
    why_not = _why_not(file, answer, policy, names)
    label = spelling.get(fold(answer.label), answer.label)
    others = [value for value in file.values if value.strip() and fold(value) != fold(label)] if policy.add else []
    asked = bool(answer.label)
    return PlanRow(
        file=file.name,
        old=file.values,
        new=None if why_not else (label, *others) if others else label,
        probability=answer.probability if asked else None,
        sure=answer.sure if asked else None,
        reason=why_not or _why(_has_any(file, policy, names), answer),
        size=file.identity.size,
        mtime_ns=file.identity.mtime_ns,
        digest=file.identity.digest,
    )


def _why_not(file: TaggedFile, answer: Prediction, policy: Policy, names: Genres) -> str:
    """Why the file is left alone, "" if it is not."""
    if file.trouble:
        return file.trouble
    has_any = _has_any(file, policy, names)
    if has_any and policy.only == "missing":
        return f"has a {policy.field}"
    if not has_any and policy.only == "conflicts":
        return f"has no {policy.field}"
    if not answer.label:
        return f"has no answer: {answer.error}" if answer.error else "has no answer"
    called = names.values(file.values)
    if names.name(answer.label) in called:
        return f"its {policy.field} says so already"
    if policy.only == "conflicts" and not {names.name(label) for label in answer.probabilities} & {*called}:
        return f"the run does not know its {policy.field}"
    if not policy.unsure and not answer.sure:
        return "the answer is not sure" if answer.sure is False else "the run was not calibrated, so no answer is sure"
    if answer.probability < policy.min_probability:
        return f"the probability is below {policy.min_probability:g}"
    return ""


def _why(has_any: bool, answer: Prediction) -> str:
    sure = {True: "sure", False: "not sure", None: "of a run that was not calibrated"}[answer.sure]
    return f"the file has {'another' if has_any else 'none'}, and the answer is {sure}"
