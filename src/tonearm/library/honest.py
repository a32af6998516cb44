"""Answers for the tracks of a library, none of them by a model that was trained on the track.

Conventions
-----------
A track that the run was trained on has its answer from the experiment: of the fold that tested it, or of the validation
or test part. Where the experiment has none, the track has no answer, and a reason. Every other track is predicted.

The run knows its tracks by their names in the folder that it learned from. A track of a library is one of them if it is
that file; or has that name in the library, which may have been moved or copied; or is a copy of that file, byte by
byte; or has the file name of one that is not there any more, since it was moved inside the library.
"""

import filecmp
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from tonearm.answers import Prediction
from tonearm.bulk.answering import Answering, wanted_of
from tonearm.bulk.kept import keeping
from tonearm.experiment.lookup import read_division, scored_folder
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.runs import Run
from tonearm.library.tracks import Track
from tonearm.prediction import Asked
from tonearm.report.collect import mean_answers
from tonearm.runtime.names import to_native, to_text
from tonearm.runtime.progress import Counting, quietly
from tonearm.runtime.remote import is_url, place

OUT_OF_FOLD, PREDICTED = "out of fold", "predicted"
TRAINED_ON = "the run was trained on it and has no answer by a model that was not; with split.folds every track has one"
NOTHING = np.zeros(0)
FEWEST_OTHERS = 3  # tracks of a genre by other artists, without which folds by artist teach nothing of it
ONE_ARTIST = (
    "the run learned its genre from this artist almost alone, so a model that has not heard the artist does not know "
    'the genre; with split.method = "stratified" it may be judged'
)


@dataclass(frozen=True)
class Answer:
    """What may be said of a track. probabilities: shape (labels,), or shape (0,) where there are none, and then why.

    source: OUT_OF_FOLD or PREDICTED, "" without an answer. trained: whether the run was trained on the track.
    """

    probabilities: NDArray[np.float64]
    source: str
    reason: str = ""
    trained: bool = False


def honest_answers(
    asked: Asked,
    learned: Path,
    tracks: Sequence[Track],
    counting: Counting = quietly,
    workers: int = 1,
    kept: Path | None = None,
) -> list[Answer]:
    """One answer a track, in order.

    asked: the run, ready for files. learned: the folder that it learned from, as its config names it. kept: a
    file that predictions are appended to, with which the same command goes on after a kill. Raises RunError where the
    experiment's answers are damaged, OutputError where the file cannot be written.
    """
    run = asked.run
    own = read_predictions(run.folder)
    unseen = mean_answers(read_predictions(scored_folder(run.folder)).unseen)
    judged = {str(name): row for name, row in zip(unseen.names, unseen.probabilities, strict=True)}
    known = _recognised(tracks, learned, {str(name) for name in own.names} | judged.keys())
    trained_on = {str(name) for name in own.names[own.parts == "train"]}
    answers: dict[int, Answer] = {}
    for number, name in known.items():
        if name in judged:
            answers[number] = Answer(judged[name], OUT_OF_FOLD, trained=name in trained_on)
        else:
            answers[number] = Answer(NOTHING, "", TRAINED_ON, trained=True)
    others = [number for number in range(len(tracks)) if number not in answers]
    files = [place(tracks[number].path) for number in others]
    answering = Answering(asked, workers=workers)
    going_on = keeping(kept, answering.digest, wanted_of(files)) if kept else nullcontext()
    with counting("prediction", "tracks") as progress, going_on as before:
        failed = 0
        found = answering.answers(files, before)
        for done, (number, answer) in enumerate(zip(others, found, strict=True), start=1):
            answers[number] = _predicted(answer, run.labels)
            failed += bool(answer.error)
            progress(done, len(others), failed)
    return [answers[number] for number in range(len(tracks))]


def without_lone_artists(
    run: Run, tracks: Sequence[Track], answers: Sequence[Answer], genres: Sequence[str]
) -> list[Answer]:
    """The answers without those of models to which a track's genre is new, where folds keep artists together.

    genres: of each track, "" for none. A fold that tests the only artist of a genre was trained on none of it, and
    whatever it says against the genre says nothing.
    """
    if read_division(scored_folder(run.folder))[0] != "group":
        return list(answers)
    known = [row for row, answer in enumerate(answers) if answer.trained]
    by_genre = Counter(genres[row] for row in known)
    by_artist = Counter((genres[row], tracks[row].artist) for row in known)
    found = []
    for track, genre, answer in zip(tracks, genres, answers, strict=True):
        others = by_genre[genre] - by_artist[genre, track.artist]
        alone = genre and track.artist and answer.source == OUT_OF_FOLD and others < FEWEST_OTHERS
        found.append(Answer(NOTHING, "", ONE_ARTIST, trained=True) if alone else answer)
    return found


def _predicted(answer: Prediction, labels: tuple[str, ...]) -> Answer:
    if answer.error:
        return Answer(NOTHING, "", answer.error)
    return Answer(np.array([answer.probabilities[label] for label in labels]), PREDICTED)


def _recognised(tracks: Sequence[Track], learned: Path, names: set[str]) -> dict[int, str]:
    """The name in the run of each track that is one of the run's, by the number of the track."""
    found: dict[int, str] = {}
    home = None if is_url(learned) else learned.resolve()
    for number, track in enumerate(tracks):
        path = None if home is None or is_url(track.path) else Path(track.path).resolve()
        if path is not None and home is not None and path.is_relative_to(home):
            inside = to_text(path.relative_to(home).as_posix())
        else:
            inside = track.name
        if inside in names:
            found[number] = inside
    if home is not None:
        found |= _moved(tracks, found, home, names)
    return found


def _moved(tracks: Sequence[Track], known: Mapping[int, str], home: Path, names: set[str]) -> dict[int, str]:
    """The same for tracks that are copies of the run's files, or have the name of one that is not in its place."""
    sizes: dict[int, list[str]] = defaultdict(list)
    gone: dict[str, list[str]] = defaultdict(list)
    there = set(known.values())
    for name in sorted(names):
        size = _size(home / to_native(name))
        if size >= 0:
            sizes[size].append(name)
        elif name not in there:
            gone[PurePosixPath(name).name].append(name)
    found = {}
    for number, track in enumerate(tracks):
        if number in known or is_url(track.path):
            continue
        path = Path(track.path)
        copies = [name for name in sizes.get(_size(path), ()) if _equal(path, home / to_native(name))]
        candidates = copies[:1] or gone.get(PurePosixPath(track.name).name, [])
        if candidates:
            found[number] = candidates[0] if len(candidates) == 1 else ""  # one of several, which nobody can tell
    return found


def _size(path: Path) -> int:
    """Bytes of a file, -1 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _equal(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
