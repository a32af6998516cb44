"""An audit as one HTML page: conflicts with players, then what is unsure, albums, artists and tracks without a genre.

Conventions
-----------
The frame, the look and the players are those of the report. Names come from whoever made the music, and are escaped.
"""

from collections import Counter
from collections.abc import Sequence
from html import escape

from tonearm.library.audit_text import genres_in_words, tally
from tonearm.library.honest import OUT_OF_FOLD, PREDICTED
from tonearm.library.verdicts import Together, Verdict, of_kind
from tonearm.report.cards import card
from tonearm.report.clips import Excerpts
from tonearm.report.html import document, sentence, table
from tonearm.wording import count

SHOWN_CARDS, SHOWN_ROWS = 24, 60
HOW = (
    "No answer on this page is by a model that was trained on the track: {tested} are of the experiment's test "
    "parts, and {predicted} are predictions of tracks that the run has not seen. The library was only read."
)
CONFLICTS = (
    "Another genre is confidently more likely than the one that the track has (confident learning), the most confident "
    "first. Listen before you change a genre: a model can be wrong, too."
)
UNSURE = (
    "Another genre is more likely, but less so than is usual for its tracks: more often the model's fault than the "
    "tag's."
)
ALBUMS = (
    "Albums whose tracks do not have one genre, those with one odd track first; the answers say what the tracks sound "
    "like."
)
ARTISTS = "Artists whose tracks do not have one genre, those with one odd track first."
MISSING = "Tracks without a genre, and what they most likely are; <code>tonearm tag plan</code> makes a plan of them."
UNKNOWN = "Tracks of genres that the run does not know, and which of its genres they are most like."


def audit_page(
    found: Sequence[Verdict],
    albums: Sequence[Together],
    artists: Sequence[Together],
    library: str,
    excerpts: Excerpts,
) -> str:
    """The whole page."""
    sections = [
        _head(found, library),
        _conflicts(of_kind(found, "conflict"), excerpts),
        _tracks("Unsure differences", UNSURE, of_kind(found, "unsure")),
        _together("Albums of several genres", ALBUMS, albums),
        _together("Artists of several genres", ARTISTS, artists),
        _tracks("Without a genre", MISSING, of_kind(found, "missing")),
        _tracks("Genres that the run does not know", UNKNOWN, of_kind(found, "unknown")),
        _reasons(of_kind(found, "not judged")),
    ]
    return document(f"tonearm: audit of {library}", sections, ("conflicts", "to the conflicts"))


def _head(found: Sequence[Verdict], library: str) -> str:
    sources = Counter(one.answer.source for one in found)
    how = HOW.format(tested=sources[OUT_OF_FOLD], predicted=sources[PREDICTED])
    return (
        f'<h1>Audit of {escape(library)}</h1>\n<p class="verdict">{escape(sentence(tally(found)))}</p>\n'
        f'<p class="soft">{how}</p>'
    )


def _conflicts(found: Sequence[Verdict], excerpts: Excerpts) -> str:
    if not found:
        return (
            '<h2 id="conflicts">Conflicts</h2><p>None: no genre is confidently more likely than the one there is.</p>'
        )
    cards = "".join(card(one.track.name, _said(one), excerpts.of(one.track.name)) for one in found[:SHOWN_CARDS])
    rest = found[SHOWN_CARDS:]
    more = _table(rest) if rest else ""
    return f'<h2 id="conflicts">Conflicts</h2><p>{CONFLICTS}</p><ul class="clips">{cards}</ul>{more}'


def _said(one: Verdict) -> str:
    """What a card says below the file's name."""
    track = one.track
    who = " – ".join(filter(None, (track.artist, track.title)))
    line = f"{escape(who)}<br>" if who else ""
    doubt = " (not sure)" if one.sure is False else ""
    return (
        f"{line}genre {escape(one.genre)} ({one.own:.2f}), more likely <strong>{escape(one.likely)}</strong> "
        f"({one.probability:.2f}){doubt}"
    )


def _tracks(title: str, words: str, found: Sequence[Verdict]) -> str:
    return f"<h2>{title}</h2><p>{words}</p>{_table(found)}" if found else ""


def _table(found: Sequence[Verdict]) -> str:
    """The first tracks as a table."""
    known = any(one.genre for one in found)
    columns = [
        "<track",
        *(["<genre"] if known else []),
        "<more likely",
        "probability",
        *(["of its genre"] if known else []),
    ]
    rows = "".join(_row(one, known) for one in found[:SHOWN_ROWS])
    return table(columns, rows, "plain") + _rest(len(found))


def _row(one: Verdict, known: bool) -> str:
    genre = f'<td class="text">{escape(one.genre)}</td>' if known else ""
    own = f"<td>{one.own:.2f}</td>" if known else ""
    return (
        f'<tr><td class="text">{escape(one.track.name)}</td>{genre}<td class="text">{escape(one.likely)}</td>'
        f"<td>{one.probability:.2f}</td>{own}</tr>"
    )


def _rest(number: int) -> str:
    more = number - SHOWN_ROWS
    return f'<p class="soft">… and {more} more in the CSV file</p>' if more > 0 else ""


def _together(title: str, words: str, found: Sequence[Together]) -> str:
    if not found:
        return ""
    rows = "".join(
        f'<tr><td class="text">{_named(one)}</td><td class="text">{escape(genres_in_words(one.genres))}</td>'
        f'<td class="text">{escape(genres_in_words(one.likely))}</td><td class="text">{_odd(one)}</td></tr>'
        for one in found[:SHOWN_ROWS]
    )
    columns = ("<name", "<genres", "<answers", "<odd track")
    return f"<h2>{title}</h2><p>{words}</p>{table(columns, rows, 'plain')}{_rest(len(found))}"


def _named(one: Together) -> str:
    by = f'<br><span class="soft">{escape(one.by)}</span>' if one.by else ""
    return f"{escape(one.name)}{by}"


def _odd(one: Together) -> str:
    if one.odd is None:
        return ""
    likely = f", more likely {escape(one.odd.likely)}" if one.odd.likely else ""
    return f"{escape(one.odd.track.title or one.odd.track.name)}: {escape(one.odd.genre)}{likely}"


def _reasons(found: Sequence[Verdict]) -> str:
    if not found:
        return ""
    items = "".join(
        f"<li>{count(number, 'track')}: {escape(reason)}</li>"
        for reason, number in Counter(one.answer.reason for one in found).most_common(20)
    )
    return f"<h2>Not judged</h2><ul>{items}</ul>"
