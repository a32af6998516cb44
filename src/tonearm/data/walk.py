"""The one walk through a folder: its files, in a stable order, and what could not be looked at.

Conventions
-----------
Hidden names (AppleDouble's `._*` among them) do not count. A link to a folder is followed; a folder that is reached
twice, by a link that leads back up or beside it, is read once. Nothing that lies in a folder ends the walk: what
cannot be accessed is a clip if it is named like one, so that reading it reports why; anything else is passed over, with
its reason. Files are not opened.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tonearm.data.metadata import name_some
from tonearm.errors import CatalogError
from tonearm.runtime.names import to_text
from tonearm.runtime.remote import is_url, names_under
from tonearm.wording import count

METADATA = "metadata.csv"


@dataclass
class Walk:
    """What lies in a folder.

    found: of the files (and folders) that are named like clips, the path by the name relative to the folder, sorted.
    ignored: how many files of each other ending. metadata: names of the files that are called metadata.csv. folders:
    names of all folders. passed: reason by name of what could not be looked at. repeated: links to folders that are
    read already. remarks: what was found out later, for a person.
    """

    found: dict[str, Path] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    metadata: set[str] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)
    passed: dict[str, str] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def inside(self, folder: str) -> "Walk":
        """What lies in one of the folders, by names relative to it; remarks on it are remarks on the whole."""
        start = f"{folder}/"

        def below(names: Iterable[str]) -> list[str]:
            return [name.removeprefix(start) for name in names if name.startswith(start)]

        found = {name.removeprefix(start): path for name, path in self.found.items() if name.startswith(start)}
        return Walk(found, Counter(), set(below(self.metadata)), below(self.folders), remarks=self.remarks)

    @property
    def classes(self) -> list[str]:
        """Names of the folders right inside that could be looked at."""
        unread = {*self.passed, *self.repeated}
        return [name for name in self.folders if "/" not in name and name not in unread]

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user on what was passed over."""
        notes = []
        if self.passed:
            reasons = ", ".join(sorted(set(self.passed.values())))
            number = count(len(self.passed), "file or folder" if len(self.passed) == 1 else "files or folder")
            notes.append(
                f"{number} passed over, since the system refuses them ({reasons}): {name_some([*self.passed])}"
            )
        if self.repeated:
            links = count(len(self.repeated), "link", "leads", "lead")
            notes.append(f"{links} to a folder that is read already, and no further: {name_some(self.repeated)}")
        return (*notes, *self.remarks)


def walk(folder: Path, extensions: frozenset[str]) -> Walk:
    """What lies in the folder, or below the URL.

    extensions: lower-case endings of clips. Raises CatalogError if the folder itself cannot be read.
    """
    walked = Walk()
    found = {}
    for name, reason in names_in(folder, extensions, walked):
        path = PurePosixPath(name)
        if path.suffix.lower() in extensions:
            found[to_text(name) if not is_url(folder) else name] = folder / name
        elif path.name == METADATA:
            walked.metadata.add(to_text(name))
        elif reason:
            walked.passed[to_text(name)] = reason
        else:
            walked.ignored[to_text(path.suffix.lower())] += 1
    walked.found = dict(sorted(found.items()))
    return walked


def names_in(folder: Path, extensions: frozenset[str], walked: Walk) -> Iterator[tuple[str, str]]:
    """Native names of all files, relative to the folder, and of each why it cannot be looked at, mostly "".

    extensions: endings of folders that are taken for files. walked: gets the folders, and what is passed over. Raises
    CatalogError if the folder itself cannot be read.
    """
    if is_url(folder):
        names = [name for name in names_under(folder) if not _is_hidden(name)]
        walked.folders += sorted({str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."})
        yield from ((name, "") for name in names)
        return
    try:
        pending = [("", _entries(folder))]
        seen = {_identity(folder)}
    except OSError as error:
        raise CatalogError(f"{folder}: cannot be read ({error.strerror})") from error
    while pending:
        prefix, entries = pending[-1]
        entry = next(entries, None)
        if entry is None:
            pending.pop()
            continue
        name = prefix + entry.name
        try:
            is_folder = entry.is_dir() and PurePosixPath(name).suffix.lower() not in extensions
        except OSError as error:  # a link that leads in a circle, is too long or ends where nobody may look
            yield name, str(error.strerror)
            continue
        if not is_folder:
            yield name, ""
            continue
        walked.folders.append(to_text(name))
        try:
            identity = _identity(entry.path)
            if identity in seen:
                walked.repeated.append(to_text(name))
            else:
                pending.append((f"{name}/", _entries(entry.path)))
                seen.add(identity)
        except OSError as error:
            walked.passed[to_text(name)] = str(error.strerror)


def _identity(folder: str | Path) -> tuple[int, int]:
    """What a folder is known by, whatever links lead to it."""
    status = os.stat(folder)  # noqa: PTH116
    return status.st_dev, status.st_ino


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """What lies right in the folder, sorted by name."""
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not _is_hidden(entry.name)]
    return iter(sorted(visible, key=lambda entry: entry.name))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or "/." in name
