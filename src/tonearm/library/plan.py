"""Answers to a plan: for every file of a library what would be written to its tag, or why it is left alone.

Conventions
-----------
Nothing is written to the library. A label is written as the library itself spells it: of all genres there that are
equal to it folded (`data.genres.fold`), the commonest spelling. Files agree with an answer where one of their genres is
called so, by the same aliases that training had. With `by="album"` the tracks in a folder (folders of discs count with
the one that holds them) that name one album share an answer: the label whose mean probability over them is highest,
sure where more than half of them are each sure of it.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tonearm.answers import Prediction
from tonearm.data.folders import DISC
from tonearm.data.genres import Genres, fold
from tonearm.errors import PlanError, TagError
from tonearm.library.fields import ALBUM, Field, field_of
from tonearm.library.identity import Identity, identify
from tonearm.library.plan_file import By, Multi, Only, Plan, PlanRow, plan_of
from tonearm.runtime.names import to_native, to_text
from tonearm.runtime.progress import Progress, ignore_progress
from tonearm.settings import GenreSettings


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


class _Track(NamedTuple):
    """A file: its answer, what is in its tag, what it is known by, and why its tags cannot be used, if so."""

    name: str
    answer: Prediction
    old: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    album: str = ""
    identity: Identity = Identity(0, 0, "")
    trouble: str = ""


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
    had. progress: called with the numbers of files done, of all, and of those whose tags cannot be read. Raises
    PlanError where a file is not in the library or the field is none, and TonearmError without the extra `tagwriter`.
    """
    field = field_of(policy.field)
    listed = list(answers)
    tracks: list[_Track] = []
    seen: dict[tuple[int, int], str] = {}
    for answer in listed:
        tracks.append(_track(library, answer, field, seen))
        progress(len(tracks), len(listed), sum(bool(track.trouble) for track in tracks[-1:]))
    if policy.by == "album":
        tracks = _by_album(tracks)
    names = Genres(genres or GenreSettings())
    spelling = _spelling(tracks)
    rows = tuple(_row(track, policy, names, spelling) for track in tracks)
    facts = {"library": to_text(str(library.absolute())), "run": run, "run_digest": run_digest, **asdict(policy)}
    return plan_of(facts, rows)


def _track(library: Path, answer: Prediction, field: Field, seen: dict[tuple[int, int], str]) -> _Track:
    """What is known of the file of an answer. seen: names of the files before it, by what the system knows them by."""
    from tonearm.library.writer import read_fields, shown

    path = Path(to_native(answer.name))
    try:
        name = to_text(path.absolute().relative_to(library.absolute()).as_posix())
    except ValueError as error:
        raise PlanError(f"{answer.name}: is not in the library {library}; name the folder that holds it") from error
    try:
        state = os.stat(path)  # noqa: PTH116
        first = seen.setdefault((state.st_dev, state.st_ino), name)
        identity = identify(path)
        old, album = read_fields(path, [field, ALBUM])
        trouble = f"is the same file as {first}" if first != name else ""
        return _Track(name, answer, old, shown(old, field), " ".join(album), identity, trouble)
    except TagError as error:
        return _Track(name, answer, identity=identity, trouble=str(error))
    except OSError as error:
        return _Track(name, answer, trouble=f"cannot be read ({error.strerror})")


def _by_album(tracks: Sequence[_Track]) -> list[_Track]:
    """The tracks with the answers of their albums."""
    albums: defaultdict[tuple[str, str], list[Prediction]] = defaultdict(list)
    for track in tracks:
        if not track.answer.error:
            albums[_album_of(track)].append(track.answer)
    shared = {key: _vote(answers) for key, answers in albums.items()}
    return [
        track
        if track.answer.error
        else track._replace(answer=replace(shared[_album_of(track)], name=track.answer.name))
        for track in tracks
    ]


def _album_of(track: _Track) -> tuple[str, str]:
    folder = PurePosixPath(track.name).parent
    if DISC.fullmatch(folder.name):
        folder = folder.parent
    return str(folder), fold(track.album)


def _vote(answers: Sequence[Prediction]) -> Prediction:
    """The answer that the tracks of an album give together."""
    mean = {
        label: sum(answer.probabilities[label] for answer in answers) / len(answers)
        for label in answers[0].probabilities
    }
    label = max(mean, key=lambda label: mean[label])
    if all(answer.sure is None for answer in answers):
        sure = None
    else:
        sure = 2 * sum(answer.sure is True and answer.label == label for answer in answers) > len(answers)
    return Prediction("", label, mean[label], mean, sure=sure)


def _spelling(tracks: Iterable[_Track]) -> dict[str, str]:
    """The commonest spelling of each value in the library by the value folded; of equally common ones the first."""
    counts = Counter(value for track in tracks for value in track.shown if value.strip())
    found: dict[str, str] = {}
    for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        found.setdefault(fold(value), value.strip())
    return found


def _row(track: _Track, policy: Policy, names: Genres, spelling: dict[str, str]) -> PlanRow:
    reason = _why_not(track, policy, names)
    answer = track.answer
    label = spelling.get(fold(answer.label), answer.label)
    others = [value for value in track.shown if fold(value) != fold(label)] if policy.add else []
    return PlanRow(
        file=track.name,
        old=track.old,
        new=None if reason else (label, *others) if others else label,
        probability=None if answer.error else answer.probability,
        sure=answer.sure,
        reason=reason or _why(track, policy),
        size=track.identity.size,
        mtime_ns=track.identity.mtime_ns,
        digest=track.identity.digest,
    )


def _why_not(track: _Track, policy: Policy, names: Genres) -> str:
    """Why the file is left alone, "" if it is not."""
    answer = track.answer
    if answer.error:
        return f"has no answer: {answer.error}"
    if track.trouble:
        return track.trouble
    has = any(value.strip() for value in track.old)
    if has and policy.only == "missing":
        return f"has a {policy.field}"
    if not has and policy.only == "conflicts":
        return f"has no {policy.field}"
    if has and names.name(answer.label) in names.values(track.shown):
        return f"its {policy.field} says so already"
    if not policy.unsure and not answer.sure:
        return "the answer is not sure" if answer.sure is False else "the run was not calibrated, so no answer is sure"
    if answer.probability < policy.min_probability:
        return f"the probability is below {policy.min_probability:g}"
    return ""


def _why(track: _Track, policy: Policy) -> str:
    sure = {True: "a sure answer", False: "an unsure answer", None: "an answer of a run that was not calibrated"}
    said = "which has another" if any(value.strip() for value in track.old) else "which has none"
    return f"{sure[track.answer.sure]} for a file {said}"
