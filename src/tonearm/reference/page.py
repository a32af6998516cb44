"""The page that sets our tables beside the published ones, as HTML and as Markdown of the same content."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from tonearm.reference.plan import TABLES
from tonearm.reference.sections import NOTHING, Grid, Section
from tonearm.report.html import document, sentence, table
from tonearm.runtime.files import write_text

NAME = "reference"
TITLE = "The reference tables, ours beside the published"
THEIRS = (
    "Published: by a student project on GTZAN, 1,000 clips of 30 s; accuracies are of 100 clips, chosen at random and "
    "judged by Kaggle, unless said otherwise. Only the same clips, split alike, compare: a split by artist asks more "
    "of a model than a random one."
)
OVERVIEW = ("<table", "valid", "<test", "published")
BEST = (
    "The best of each table: ours on the validation clips that chose it and on the test clips, with the 95 % interval, "
    "and the best published."
)


def write_page(
    out: Path, split: str, notes: Sequence[str], sections: Sequence[Section], missing: Mapping[str, str]
) -> Path:
    """reference.html and reference.md in `out`; the path of the first.

    split: how our clips were divided. missing: why a table is not there, by its name.
    """
    titles = {one.name: one.title for one in TABLES}
    reasons: dict[str, list[str]] = {}
    for name, reason in missing.items():
        reasons.setdefault(reason, []).append(titles[name])
    gaps = [f"Left out ({reason}): {'; '.join(names)}." for reason, names in reasons.items()]
    head = [sentence(split), THEIRS, *map(sentence, notes), *gaps] if split else [THEIRS, *map(sentence, notes), *gaps]
    listed = [one for one in sections if one.theirs != NOTHING]
    overview = Grid(OVERVIEW, tuple((one.title, *one.ours, one.theirs) for one in listed))
    write_text(out / f"{NAME}.md", _markdown(head, overview, sections))
    write_text(out / f"{NAME}.html", _html(head, overview, listed, sections))
    return out / f"{NAME}.html"


def _markdown(head: Sequence[str], overview: Grid, sections: Sequence[Section]) -> str:
    parts = [f"# {TITLE}", *head, BEST, _lines(overview)]
    for one in sections:
        parts += [f"## {one.title}", *one.paragraphs, *map(_lines, one.grids), f"More: [{one.folder}]({one.folder})"]
    return "\n\n".join(parts) + "\n"


def _lines(grid: Grid) -> str:
    titles = [title.removeprefix("<") for title in grid.titles]
    lines = [titles, ["---"] * len(titles), *grid.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _html(head: Sequence[str], overview: Grid, listed: Sequence[Section], sections: Sequence[Section]) -> str:
    """listed: the sections of the overview's rows."""
    first, *others = head
    parts = [
        f'<h1>{TITLE}</h1><p class="verdict">{escape(first)}</p>'
        + "".join(f'<p class="soft">{escape(line)}</p>' for line in others),
        f"<p>{BEST}</p>",
        _table(overview, [f"#{one.name}" for one in listed]),
    ]
    for one in sections:
        words = "".join(f"<p>{escape(line)}</p>" for line in one.paragraphs)
        more = f'<p class="soft">More: <a href="{one.folder}">{one.folder}</a></p>'
        parts.append(f'<h2 id="{one.name}">{escape(one.title)}</h2>{words}{"".join(map(_table, one.grids))}{more}')
    return document(TITLE, parts, (sections[0].name if sections else "", "to the first table"))


def _table(grid: Grid, links: Sequence[str] = ()) -> str:
    """links: of the rows' first cells."""
    rows = ""
    for place, row in enumerate(grid.rows):
        first, *cells = map(_cell, row)
        first = f'<a href="{links[place]}">{first}</a>' if links else first
        rows += f'<tr><td class="text">{first}</td>'
        for title, cell in zip(grid.titles[1:], cells, strict=True):
            rows += f'<td class="text">{cell}</td>' if title.startswith("<") else f"<td>{cell}</td>"
        rows += "</tr>"
    return table([f"<{escape(t[1:])}" if t.startswith("<") else escape(t) for t in grid.titles], rows, "plain")


def _cell(text: str) -> str:
    bold = text.startswith("**")
    return f"<strong>{escape(text.strip('*'))}</strong>" if bold else escape(text)
