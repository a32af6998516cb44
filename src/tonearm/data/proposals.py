"""Which genres of a library are probably one, written in two ways.

Conventions
-----------
Two names are surely one where their words are the same in any order, or their letters without spaces are ("hiphop",
"hip hop"); "&", "and", "n" and "/" are no words. They may be one where one becomes the other by one change of a letter
(in names of five letters or more) or by two (nine or more). The rarer is proposed as an alias of the more common.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_NO_WORDS = frozenset({"and", "n", "und", "y", "et"})
_WORD = re.compile(r"[^\W_]+")
ONE_CHANGE, TWO_CHANGES = 5, 9  # letters


class Proposal(NamedTuple):
    """That `alias` is `name` written in another way. sure: the words or letters are the same."""

    alias: str
    name: str
    sure: bool


def propose_aliases(counts: Mapping[str, int]) -> tuple[Proposal, ...]:
    """Proposals for folded genres, sure ones first. counts: tracks of each genre.

    >>> [tuple(one) for one in propose_aliases({"hip hop": 90, "hiphop": 3, "rock": 50, "progresive rock": 1, "punk": 4,
    ...     "progressive rock": 9, "funk": 9, "bass and drum": 2, "drum & bass": 5})]
    [('bass and drum', 'drum & bass', True), ('hiphop', 'hip hop', True),
     ('progresive rock', 'progressive rock', False)]
    """
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    found = []
    for place, alias in enumerate(ranked):
        larger = ranked[:place]
        sure = next((name for name in larger if _words(name) == _words(alias) or _letters(name) == _letters(alias)), "")
        near = sure or next((name for name in larger if _is_near(alias, name)), "")
        if near:
            found.append(Proposal(alias, near, bool(sure)))
    return tuple(sorted(found, key=lambda one: (not one.sure, one.alias)))


def _words(name: str) -> list[str]:
    return sorted(word for word in _WORD.findall(name) if word not in _NO_WORDS)


def _letters(name: str) -> str:
    return "".join(word for word in _WORD.findall(name) if word not in _NO_WORDS)


def _is_near(first: str, second: str) -> bool:
    """Whether few changes of letters lead from one to the other."""
    shorter = min(len(first), len(second))
    most = 2 if shorter >= TWO_CHANGES else 1 if shorter >= ONE_CHANGE else 0
    return bool(most) and abs(len(first) - len(second)) <= most and _distance(first, second) <= most


def _distance(first: str, second: str) -> int:
    """How many letters must be changed, added or taken away (Levenshtein, Soviet Physics Doklady 10, 1966)."""
    row = list(range(len(second) + 1))
    for start, letter in enumerate(first, start=1):
        before, row[0] = row[0], start
        for column, other in enumerate(second, start=1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (letter != other))
    return row[-1]
