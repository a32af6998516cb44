"""What honest answers say of the genres that a library has: of each track, each album and each artist.

Conventions
-----------
A conflict is what confident learning calls one (`evaluation.label_issues`): the answer for another genre is at least as
confident as answers usually are for tracks that have that genre. An answer that differs from the genre and is less
confident is unsure, which more often says something of the model than of the tag. Albums and artists are looked at by
their tags first, whatever any model says: an album of one genre with one odd track, and an artist split over several
genres; the answers of their tracks then say which side they take.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tonearm.data.artists import key_of
from tonearm.evaluation.label_issues import suspicious_labels
from tonearm.library.honest import Answer
from tonearm.library.tracks import Track

Kind = Literal["conflict", "unsure", "agrees", "missing", "unknown", "not judged"]
KINDS: dict[Kind, str] = {
    "conflict": "another genre is confidently more likely",
    "unsure": "another genre is more likely, but not confidently",
    "agrees": "the answer is the genre",
    "missing": "there is no genre",
    "unknown": "the run does not know the genre",
    "not judged": "there is no honest answer",
}
FEWEST = 3  # tracks of an album or artist that are enough to speak of one genre


@dataclass(frozen=True)
class Verdict:
    """A track with what is said of it. genre: its own, "" for none. likely: the more likely one, "" without an answer.

    probability: of `likely`. own: of its own genre, 0 where the run does not know it. sure: whether `probability`
    reaches the threshold of the run; None where it has none that can be reached.
    """

    track: Track
    kind: Kind
    genre: str
    likely: str
    probability: float
    own: float
    sure: bool | None
    answer: Answer

    @property
    def margin(self) -> float:
        """By how much `likely` is more probable than the track's own genre."""
        return self.probability - self.own


def verdicts(
    tracks: Sequence[Track], answers: Sequence[Answer], labels: tuple[str, ...], threshold: float | None
) -> list[Verdict]:
    """One verdict a track, in order. labels: of the run. threshold: least probability of its sure answers, or None."""
    genres = [track.genre(labels) for track in tracks]
    judged = [row for row, genre in enumerate(genres) if genre in labels and not answers[row].reason]
    likely: dict[int, str] = {}
    if judged:
        table = np.array([answers[row].probabilities for row in judged])
        truth = np.array([genres[row] for row in judged], dtype=object)
        likely = {judged[one.row]: one.likely for one in suspicious_labels(truth, table, labels)}
    return [
        _verdict(track, genre, answer, labels, threshold, likely.get(row, ""))
        for row, (track, genre, answer) in enumerate(zip(tracks, genres, answers, strict=True))
    ]


def _verdict(
    track: Track, genre: str, answer: Answer, labels: tuple[str, ...], threshold: float | None, suspected: str
) -> Verdict:
    """suspected: the genre that is confidently more likely, "" for none."""
    if answer.reason:
        return Verdict(track, "not judged", genre, "", 0.0, 0.0, None, answer)
    values = dict(zip(labels, answer.probabilities.tolist(), strict=True))
    best = suspected or labels[int(answer.probabilities.argmax())]
    kind: Kind = "missing"
    if genre in values:
        kind = "conflict" if suspected else "agrees" if best == genre else "unsure"
    elif genre:
        kind = "unknown"
    sure = None if threshold is None or threshold > 1.0 else values[best] >= threshold
    return Verdict(track, kind, genre, best, values[best], values.get(genre, 0.0), sure, answer)


def of_kind(found: Sequence[Verdict], kind: Kind) -> list[Verdict]:
    """The verdicts of a kind, the most confident first: of tracks with a genre that is known, by the margin."""
    return sorted((one for one in found if one.kind == kind), key=lambda one: (-one.margin, one.track.name))


@dataclass(frozen=True)
class Together:
    """An album or an artist whose tracks do not have one genre.

    by: the album's artist, "" for artists. genres: tracks by genre, the most frequent first. likely: the same of the
    answers. odd: the one track that is of another genre than all others, None where it is not one.
    """

    name: str
    by: str
    genres: dict[str, int]
    likely: dict[str, int]
    odd: Verdict | None

    @property
    def tracks(self) -> int:
        """How many have a genre."""
        return sum(self.genres.values())


def mixed_albums(found: Sequence[Verdict]) -> list[Together]:
    """The albums of several genres, those with one odd track first; an album is what has one title and one artist, or
    lies in one folder.
    """

    def key(one: Verdict) -> Hashable:
        track = one.track
        return track.album and (track.album.casefold(), key_of(track.album_artist) or track.folder)

    def name(one: Verdict) -> tuple[str, str]:
        return one.track.album, one.track.album_artist

    return _mixed(found, key, name)


def mixed_artists(found: Sequence[Verdict]) -> list[Together]:
    """The artists of several genres, those with one odd track first."""
    return _mixed(found, lambda one: one.track.artist, lambda one: (one.track.artist, ""))


def _mixed(
    found: Sequence[Verdict], key: Callable[[Verdict], Hashable], name: Callable[[Verdict], tuple[str, str]]
) -> list[Together]:
    members: defaultdict[Hashable, list[Verdict]] = defaultdict(list)
    for one in found:
        if one.genre and key(one):
            members[key(one)].append(one)
    mixed = [_together(those, *name(those[0])) for those in members.values() if len({one.genre for one in those}) > 1]
    enough = [one for one in mixed if one.tracks >= FEWEST]
    return sorted(enough, key=lambda one: (one.odd is None, -one.tracks, one.name, one.by))


def _together(those: Sequence[Verdict], name: str, by: str) -> Together:
    genres = Counter(one.genre for one in those)
    rare = [one for one in those if one.genre != genres.most_common(1)[0][0]]
    likely = Counter(one.likely for one in those if one.likely)
    return Together(
        name, by, dict(genres.most_common()), dict(likely.most_common()), rare[0] if len(rare) == 1 else None
    )
