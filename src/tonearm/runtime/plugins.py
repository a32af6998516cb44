"""Entries that installed packages add to our registries by entry points, loaded when somebody asks for their name.

Conventions
-----------
A package declares, for example, `[project.entry-points."tonearm.models"]` with `mine = "package.module:MODEL"`; the
value is what our own registry holds. Reading the names imports nothing. A name that we have, or that two packages give,
is refused when a config asks for it, and never chosen silently. Iterating gives our own entries alone, so that an
installed package changes no default and no preset.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from tonearm.errors import ConfigError

Entry = TypeVar("Entry")


@lru_cache(maxsize=16)
def _found(group: str, path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    """The group's entry points by name. path: of `sys.path`, whose packages they are."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=group):
        if point not in found.get(point.name, ()):  # a package may be seen twice on the path
            found[point.name] = (*found.get(point.name, ()), point)
    return found


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.module


class Registry(dict[str, Entry]):
    """Our entries by name, and those of installed packages where they are asked for by name.

    group: of the entry points. what: an entry is called, for messages. check: raises TypeError or ValueError, which
    says what an entry must be, for one of another kind. taken: further names that are ours.
    """

    def __init__(
        self,
        group: str,
        what: str,
        ours: Mapping[str, Entry],
        check: Callable[[str, Any], None],
        taken: Iterable[str] = (),
    ) -> None:
        super().__init__(ours)
        self.group, self.what, self._check = group, what, check
        self._ours = {*ours, *taken}
        self._loaded: dict[EntryPoint, Entry] = {}

    def _points(self) -> dict[str, tuple[EntryPoint, ...]]:
        return _found(self.group, tuple(sys.path))

    def names(self) -> list[str]:
        """All names, ours first."""
        return [*self, *(name for name in self._points() if not dict.__contains__(self, name))]

    def known(self) -> dict[str, Entry]:
        """Our entries, and those of packages that were loaded before."""
        return {**self, **{point.name: entry for point, entry in self._loaded.items()}}

    def usable(self) -> tuple[dict[str, Entry], list[str]]:
        """All entries, those of packages loaded, and why some cannot be used."""
        found, reasons = dict(self), []
        for name in self.names()[len(self) :]:
            try:
                found[name] = self[name]
            except ConfigError as error:
                reasons.append(str(error))
        return found, reasons

    def package(self, name: str) -> str:
        """Name and version of the package that an entry comes from, "" for ours."""
        points = self._points().get(name, ())
        return _package(points[0]) if points and not dict.__contains__(self, name) else ""

    def check_clash(self, name: str) -> None:
        """Raise ConfigError if a package gives a name that we have, or two packages the same."""
        points = self._points().get(name, ())
        if points and name in self._ours:
            raise ConfigError(
                f"{self.what} {name!r}: the installed package {_package(points[0])} registers this name too "
                f"({self.group}), which is one of tonearm's; uninstall it, or ask its makers for another name"
            )
        if len(points) > 1 and not dict.__contains__(self, name):
            raise ConfigError(
                f"{self.what} {name!r}: the installed packages {' and '.join(map(_package, points))} both register "
                f"this name ({self.group}); uninstall one of them"
            )

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._points()

    def get(self, name: str, default: Any = None) -> Any:
        """The entry, or the default if there is none."""
        try:
            return self[name]
        except KeyError:
            return default

    def __missing__(self, name: str) -> Entry:
        points = self._points().get(name)
        if not points:
            raise KeyError(name)
        self.check_clash(name)
        [point] = points
        if point not in self._loaded:
            where = f"{self.what} {name!r} of the installed package {_package(point)} ({point.value})"
            try:
                entry = point.load()
                self._check(name, entry)
            except Exception as error:  # whatever somebody else's package raises
                said = " ".join(str(error).split())
                raise ConfigError(f"{where} cannot be used: {type(error).__name__}: {said}") from error
            self._loaded[point] = entry
        return self._loaded[point]
