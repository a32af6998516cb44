"""An audit in words: for the terminal and as Markdown."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tonearm.library.verdicts import Kind, Together, Verdict, of_kind
from tonearm.wording import count

FIRST = 10  # conflicts on the terminal
SHOWN = 100  # rows of a table in Markdown
PLURALS: dict[Kind, tuple[str, str]] = {
    "conflict": ("conflict", "conflicts"),
    "unsure": ("unsure difference", "unsure differences"),
    "agrees": ("agrees", "agree"),
    "missing": ("without a genre", "without a genre"),
    "unknown": ("of a genre that the run does not know", "of genres that the run does not know"),
    "not judged": ("not judged", "not judged"),
}


def genres_in_words(genres: Mapping[str, int]) -> str:
    """How many tracks have each genre.

    >>> genres_in_words({"rock": 9, "jazz": 1})
    'rock 9, jazz 1'
    """
    return ", ".join(f"{genre} {number}" for genre, number in genres.items())


def tally(found: Sequence[Verdict]) -> str:
    """How many tracks there are, and of each verdict."""
    numbers = Counter(one.kind for one in found)
    said = [f"{numbers[kind]} {words[numbers[kind] > 1]}" for kind, words in PLURALS.items() if numbers[kind]]
    return f"{count(len(found), 'track')}: {', '.join(said)}"


def likely_in_words(one: Verdict) -> str:
    """The more likely genre with its probability, and that of the track's own."""
    return f"{one.likely} {one.probability:.2f}, {one.genre} {one.own:.2f}"


def summary(found: Sequence[Verdict], albums: Sequence[Together], artists: Sequence[Together]) -> str:
    """For the terminal."""
    lines = [tally(found)]
    conflicts = of_kind(found, "conflict")
    width = max((len(one.track.name) for one in conflicts[:FIRST]), default=0)
    lines += [f"  {one.track.name:<{width}}  {one.genre} → {likely_in_words(one)}" for one in conflicts[:FIRST]]
    if len(conflicts) > FIRST:
        lines.append(f"  … and {len(conflicts) - FIRST} more conflicts")
    for noun, those in (("album", albums), ("artist", artists)):
        odd = sum(one.odd is not None for one in those)
        if those:
            lines.append(f"{count(len(those), noun)} of several genres, {odd} of them with one odd track")
    return "\n".join(lines)


def markdown(found: Sequence[Verdict], albums: Sequence[Together], artists: Sequence[Together], library: str) -> str:
    """The whole audit; of long tables the first rows, since the CSV files have all."""
    lines = [f"# Audit of {_cell(library)}", "", f"{tally(found)}."]
    lines += _tracks("Conflicts", of_kind(found, "conflict"))
    lines += _tracks("Unsure differences", of_kind(found, "unsure"))
    lines += _together("Albums of several genres", albums)
    lines += _together("Artists of several genres", artists)
    lines += _tracks("Tracks without a genre", of_kind(found, "missing"))
    lines += _tracks("Tracks of genres that the run does not know", of_kind(found, "unknown"))
    lines += _reasons(of_kind(found, "not judged"))
    return "\n".join(lines) + "\n"


def _tracks(title: str, found: Sequence[Verdict]) -> list[str]:
    rows = [
        [one.track.name, one.genre, one.likely, f"{one.probability:.2f}", f"{one.own:.2f}", one.answer.source]
        for one in found
    ]
    return _table(title, ("track", "genre", "more likely", "probability", "of its genre", "answer"), rows)


def _together(title: str, found: Sequence[Together]) -> list[str]:
    rows = [
        [
            f"{one.name} ({one.by})" if one.by else one.name,
            genres_in_words(one.genres),
            genres_in_words(one.likely),
            one.odd.track.name if one.odd else "",
        ]
        for one in found
    ]
    return _table(title, ("name", "genres", "answers", "odd track"), rows)


def _reasons(found: Sequence[Verdict]) -> list[str]:
    reasons = Counter(one.answer.reason for one in found).most_common()
    return _table("Not judged", ("tracks", "reason"), [[str(number), reason] for reason, number in reasons])


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = ["", f"## {title}: {len(rows)}" if columns[0] != "tracks" else f"## {title}", ""]
    lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows[:SHOWN]]
    return lines + ([f"\n… and {len(rows) - SHOWN} more in the CSV file"] if len(rows) > SHOWN else [])


def _cell(text: str) -> str:
    """The text inside a table of Markdown."""
    return " ".join(text.split()).replace("|", "\\|")
