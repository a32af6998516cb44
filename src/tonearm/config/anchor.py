"""Paths of a config file, which are relative to it, as seen from the working directory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tonearm.runtime.owncode import is_file
from tonearm.runtime.remote import is_url, place

PATHS = ("folder", "metadata")  # of [data]


def anchor(values: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """The values with the paths of `[data]` and of the user's own code seen from the working directory.

    folder: of the config file; None changes nothing.
    """
    if folder is None:
        return values

    def seen(text: Any) -> Any:
        return str(folder / place(text)) if isinstance(text, str) and text and not is_url(text) else text

    def code(text: Any) -> Any:
        return seen(text) if isinstance(text, str) and is_file(text) else text

    found = {**values, **_changed(values, "data", dict.fromkeys(PATHS, seen))}
    found |= _changed(values, "augment", {"object": code})
    found |= _changed(values, "features", {"extra": lambda given: _each(given, code)})
    models = values.get("models")
    if isinstance(models, dict):
        found["models"] = {name: _changed(models, name, {"object": code}).get(name, models[name]) for name in models}
    return found


def _each(given: Any, change: Callable[[Any], Any]) -> Any:
    return [change(item) for item in given] if isinstance(given, list) else given


def _changed(tables: dict[str, Any], name: str, changes: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The table of this name with some of its values changed; {} if it is no table."""
    table = tables.get(name)
    if not isinstance(table, dict):
        return {}
    return {name: table | {key: change(table[key]) for key, change in changes.items() if key in table}}
