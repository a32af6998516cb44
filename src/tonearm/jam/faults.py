"""What is wrong with the built-in music on purpose, so that tools can be judged by what they find.

Conventions
-----------
A `Cut` is one file to be made: which recording it holds, from where, and what is done to it. Planting
changes cuts, never recordings. A file's name, artist, tempo and key never tell of its fault; the truth is
kept apart, in truth.csv.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tonearm.errors import TonearmError
from tonearm.jam.genres import GENRES

FEWEST_CLIPS = 4  # a genre, for the faults to find distinct files
_FAULTS = 5  # see record: what a generator is for
SHIFT = 0.25  # how far the other excerpt of a recording lies, as a fraction of the clip
QUIETER = -6.0  # dB, of the same recording at another level


@dataclass(frozen=True)
class Cut:
    """One file. `label` and `place` name it; `genre` and `number` say which recording it holds.

    recorded: length of the recording and start: where the excerpt begins, as fractions of the clip's length.
    level: dB. fault: its kind, "" for none. partner: name of the file with the same recording, "" for none.
    """

    label: str
    place: int
    genre: str
    number: int
    recorded: float = 1.0
    start: float = 0.0
    level: float = 0.0
    fault: str = ""
    partner: str = ""

    def name(self, suffix: str) -> str:
        """File name relative to the folder, as in GTZAN."""
        return f"{self.label}/{self.label}.{self.place:05d}.{suffix}"


def clean_cuts(clips_per_genre: int) -> list[Cut]:
    """Every recording once, under its own label."""
    return [Cut(genre, number, genre, number) for genre in GENRES for number in range(clips_per_genre)]


def plant(cuts: Sequence[Cut], clips_per_genre: int, seed: int, suffix: str) -> list[Cut]:
    """The same files with faults: about one in a hundred each repeated, one in thirty labelled wrongly.

    Kinds: `duplicate` (the same samples as the partner's; the first of them across classes), `offset` and
    `level` (the partner's recording from elsewhere, or softer), `label`, `truncated`, `silent`, `empty`.
    Raises TonearmError where there are too few clips.
    """
    if clips_per_genre < FEWEST_CLIPS:
        raise TonearmError(
            f"clips per genre = {clips_per_genre}: planted faults need at least {FEWEST_CLIPS}; "
            "render more clips or leave the faults out (--clean)"
        )
    rng = np.random.default_rng([seed, _FAULTS])
    planted = list(cuts)
    waiting = [int(place) for place in rng.permutation(len(cuts))]

    def take(among: Sequence[int]) -> int:
        """The first of these files; from now on it has a part in a fault."""
        found = among[0]
        waiting.remove(found)
        return found

    def free(genre: str) -> list[int]:
        """The genre's files that have no part in any fault yet."""
        return [place for place in waiting if cuts[place].label == genre]

    for kind, count in _counts(len(cuts)):
        for turn in range(count):
            partner = -1
            if kind not in ("duplicate", "offset", "level"):
                place = take(waiting)
            elif kind == "duplicate" and turn == 0:
                place = take(waiting)
                partner = take(free(_other(cuts[place].label, rng)))
            else:  # of few clips, those of a genre are soon used up
                place = take([one for one in waiting if len(free(cuts[one].label)) > 1])
                partner = take(free(cuts[place].label))
            if kind == "offset":  # both are cut from one longer recording
                planted[partner] = replace(planted[partner], recorded=1.0 + SHIFT)
            planted[place] = _spoil(planted, place, partner, kind, rng, clips_per_genre, suffix)
    return planted


def _counts(clips: int) -> Iterator[tuple[str, int]]:
    yield "duplicate", 1 + max(clips // 150, 1)
    yield "offset", max(clips // 150, 1)
    yield "level", max(clips // 150, 1)
    yield "label", max(clips // 30, 1)
    for kind in ("truncated", "silent", "empty"):
        yield kind, 1


def _other(genre: str, rng: np.random.Generator) -> str:
    return str(rng.choice([other for other in GENRES if other != genre]))


def _spoil(
    planted: Sequence[Cut],
    place: int,
    partner: int,
    kind: str,
    rng: np.random.Generator,
    clips_per_genre: int,
    suffix: str,
) -> Cut:
    """The cut at `place` with this fault; `partner` is the place of the cut that it repeats, -1 for none."""
    cut = planted[place]
    if kind == "label":
        # a recording that no other file holds: numbers from clips_per_genre on are free
        return replace(cut, genre=_other(cut.label, rng), number=clips_per_genre + place, fault=kind)
    if partner < 0:
        return replace(cut, fault=kind)
    whole = planted[partner]
    return replace(
        cut,
        genre=whole.genre,
        number=whole.number,
        recorded=whole.recorded,
        start=SHIFT if kind == "offset" else 0.0,
        level=QUIETER if kind == "level" else 0.0,
        fault=kind,
        partner=whole.name(suffix),
    )
