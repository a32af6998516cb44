"""A plan in other hands: playlists, a table, and a script for beets; none of them needs the writer of tags.

Conventions
-----------
A playlist (M3U in UTF-8, `.m3u8`) is one genre's files, by paths relative to it: what a file would hold after the plan,
or holds. Genres that one text names, as in "Blues; Live", are told apart as in training (`data.genres`). Existing files
are only replaced where tonearm wrote them. The script is for a POSIX shell and says `beet modify --yes --nomove`, so
that beets moves nothing either; values are templates to beets, so `$`, `%` and `}` are escaped.
"""

import os
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tonearm.data.genres import Genres, fold
from tonearm.errors import PlanError
from tonearm.library.plan_file import Plan, PlanRow
from tonearm.runtime.files import write_bytes, write_csv, write_text
from tonearm.runtime.names import to_native
from tonearm.runtime.system import fitting
from tonearm.settings import GenreSettings

MARK = "#tonearm: from a plan of tags, written anew with it"
COLUMNS = ("file", "old", "new", "probability", "sure", "reason")
BEETS = {"genre": "genre", "grouping": "grouping", "comment": "comments", "mood": "mood"}


def write_playlists(plan: Plan, folder: Path) -> tuple[list[Path], list[str]]:
    """Write one playlist a value; which, and the names of files that no playlist can hold.

    Raises PlanError where a file of a playlist's name was not written by tonearm.
    """
    library = Path(to_native(plan.header.library))
    members: defaultdict[str, list[str]] = defaultdict(list)
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    apart = _telling_apart(plan)
    left = []
    for row in plan.rows:
        entry = _relative(row.path(library), folder)
        if not entry:
            left.append(row.file)
            continue
        for value in apart(_values(row)):
            spellings[fold(value)][value.strip()] += 1
            if entry not in members[fold(value)][-1:]:
                members[fold(value)].append(entry)
    titles = {key: spelled.most_common(1)[0][0] for key, spelled in spellings.items()}
    paths = _names(titles, folder)
    for path in paths.values():
        _check_ours(path)
    for key, path in paths.items():
        lines = ["#EXTM3U", f"#PLAYLIST:{titles[key]}", MARK, *members[key]]
        write_text(path, "\n".join(lines) + "\n")
    return list(paths.values()), left


def _values(row: PlanRow) -> tuple[str, ...]:
    """What the file's tag holds after the plan."""
    values = row.old if row.new is None else (row.new,) if isinstance(row.new, str) else row.new
    return tuple(value for value in values if value.strip())


def _telling_apart(plan: Plan) -> Callable[[Iterable[str]], Iterable[str]]:
    """How several values in one text are told apart: those of genres are, but for what the plan writes as one."""
    if plan.header.field != "genre":
        return tuple
    new = {value: value for row in plan.planned for value in row.values("values")}
    genres = Genres(GenreSettings(alias=new))
    return lambda values: (written for _, written in genres.spelled(values))


def _relative(path: Path, folder: Path) -> str:
    """The path as a playlist in the folder names it, "" if its name cannot be written there."""
    try:
        relative = Path(os.path.relpath(path, folder.absolute())).as_posix()
    except ValueError:  # another drive of Windows
        relative = path.as_posix()
    try:
        relative.encode()
    except UnicodeEncodeError:
        return ""
    if "\n" in relative or "\r" in relative:
        return ""
    return f"./{relative}" if relative.startswith("#") else relative


def _names(titles: dict[str, str], folder: Path) -> dict[str, Path]:
    """A file for each value, whose name every system allows."""
    taken: set[str] = set()
    found = {}
    for key, title in titles.items():
        stem = fitting(title[:100])
        name, number = stem, 2
        while name.casefold() in taken:
            name, number = f"{stem} {number}", number + 1
        taken.add(name.casefold())
        found[key] = folder / f"{name}.m3u8"
    return found


def _check_ours(path: Path) -> None:
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace").splitlines()[:5]:
        raise PlanError(f"{path}: is not a playlist that tonearm wrote; choose another folder for playlists")


def write_table(plan: Plan, path: Path) -> None:
    """Write the plan as a CSV file for people."""
    write_csv(path, COLUMNS, map(_cells, plan.rows))


def _cells(row: PlanRow) -> list[object]:
    new = () if row.new is None else (row.new,) if isinstance(row.new, str) else row.new
    sure = "" if row.sure is None else "yes" if row.sure else "no"
    probability = "" if row.probability is None else row.probability
    return [row.file, "; ".join(row.old), "; ".join(new), probability, sure, row.reason]


def write_beets(plan: Plan, path: Path) -> None:
    """Write a script of `beet modify` commands, which beets' owner may read and run."""
    field = plan.header.field
    name = BEETS.get(field, field.removeprefix("TXXX:"))
    if not name.isidentifier():
        raise PlanError(f"beets can have no field {name!r}: letters, digits and '_' alone are allowed")
    library = Path(to_native(plan.header.library))
    lines = [
        "#!/bin/sh",
        f"# Written by tonearm: the {field} of {len(plan.planned)} files. Nothing is moved.",
        f"field={name}",
        *(
            ["beet fields | grep -q '^ *genres$' && field=genres  # as later versions of beets call it"]
            if name == "genre"
            else []
        ),
    ]
    lines += [_modify(row.path(library), row.values(";")) for row in plan.planned]
    write_bytes(path, os.fsencode("\n".join(lines) + "\n"))


def _modify(path: Path, values: Sequence[str]) -> str:
    """One command."""
    value = re.sub(r"[$%}]", r"$\g<0>", values[0])
    return f'beet modify --yes --nomove {shlex.quote(f"path:{path}")} "$field"={shlex.quote(value)}'
