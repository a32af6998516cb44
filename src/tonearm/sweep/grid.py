"""`[sweep]` to cells: every combination of the grid's values, and the config that each of them is.

Conventions
-----------
A cell is a value for each swept setting, by its config path. The settings of the grid are crossed in the order
in which they stand, the last one fastest, as the cells of a printed table are read; those of a `zipped` group go
in step and count as one axis. All cells are checked before anything is trained.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tonearm.config import Config, key_parts, parse_config
from tonearm.errors import ConfigError
from tonearm.models import reads
from tonearm.representations.registry import known_kind
from tonearm.settings import SweepSettings
from tonearm.wording import nearest

SWEPT = ("audio", "encoders", "features", "models", "spectrogram", "train")
Axis = tuple[str, ...]
Values = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One combination: number (from 1, in the grid's order), values by path, and whether it is left out."""

    number: int
    values: Values
    skipped: bool = False


def axes(settings: SweepSettings) -> tuple[Axis, ...]:
    """The grid's axes, in order: one setting each, or a zipped group. Raises ConfigError.

    >>> axes(SweepSettings(grid={"a": [1, 2], "b": [3, 4], "c": [5, 6]}, zipped=[["a", "c"]]))
    (('a', 'c'), ('b',))
    """
    group_of: dict[str, Axis] = {}
    for group in settings.zipped:
        lengths = {}
        for path in group:
            if path not in settings.grid:
                raise ConfigError(f"sweep.zipped: {path!r} is not in sweep.grid; {nearest(path, settings.grid)}")
            if path in group_of or path in lengths:
                raise ConfigError(f"sweep.zipped: {path!r} is listed twice")
            lengths[path] = len(settings.grid[path])
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{path} has {length}" for path, length in lengths.items())
            raise ConfigError(f"sweep.zipped: lists that go in step are equally long, but {said}")
        group_of |= dict.fromkeys(group, group)
    return tuple(dict.fromkeys(group_of.get(path, (path,)) for path in settings.grid))


def expand(settings: SweepSettings) -> tuple[Cell, ...]:
    """All cells of the grid. Raises ConfigError where it does not fit together, or has a cell twice.

    >>> [cell.values for cell in expand(SweepSettings(grid={"a": [1, 2], "b": [3, 4]}))]
    [{'a': 1, 'b': 3}, {'a': 1, 'b': 4}, {'a': 2, 'b': 3}, {'a': 2, 'b': 4}]
    """
    steps = [
        [dict(zip(axis, values, strict=True)) for values in zip(*(settings.grid[path] for path in axis), strict=True)]
        for axis in axes(settings)
    ]
    for axis, values in zip(axes(settings), steps, strict=True):
        twice = [value for place, value in enumerate(values) if value in values[:place]]
        if twice:
            raise ConfigError(f"sweep.grid: {describe(twice[0])} is listed twice among the values of {', '.join(axis)}")
    combined = [{key: value for step in steps_ for key, value in step.items()} for steps_ in product(*steps)]
    skipped = _skipped(settings, combined)
    published_figures(settings, combined)  # whose mistakes are told before anything is trained
    return tuple(Cell(place + 1, values, place in skipped) for place, values in enumerate(combined))


def _skipped(settings: SweepSettings, cells: list[Values]) -> set[int]:
    """Places of the cells that `skip` names."""
    places: set[int] = set()
    for entry in settings.skip:
        places |= _places(settings, "skip", entry, cells)
    if cells and len(places) == len(cells):
        raise ConfigError("sweep.skip: leaves no cell to run")
    return places


def published_figures(settings: SweepSettings, cells: Sequence[Values]) -> dict[int, dict[str, float | str]]:
    """Published figures (`PublishedFigures.figures`) by the place of their cell.

    Raises ConfigError where an entry names no cell.
    """
    return {
        place: entry.figures()
        for entry in settings.published
        for place in _places(settings, "published", entry.cell, cells)
    }


def _places(settings: SweepSettings, key: str, entry: Mapping[str, Any], cells: Sequence[Values]) -> set[int]:
    """Places of the cells that have all values of the entry, one at least. Raises ConfigError."""
    for path in entry:
        if path not in settings.grid:
            raise ConfigError(f"sweep.{key}: {path!r} is not in sweep.grid; {nearest(path, settings.grid)}")
    found = {place for place, cell in enumerate(cells) if all(_fits(cell[path], entry[path]) for path in entry)}
    if not found:
        raise ConfigError(f"sweep.{key}: no cell has {describe(entry)}")
    return found


def _fits(value: Any, wanted: Any) -> bool:
    return bool(value == wanted or (isinstance(wanted, list) and value in wanted))


def describe(values: Mapping[str, Any]) -> str:
    """Values in words, by their short names.

    >>> describe({"models.mlp.hidden": [90, 50], "models.mlp.dropout": 0.2})
    'hidden = 90-50, dropout = 0.2'
    """
    names = short_names(values)
    return ", ".join(f"{names[path]} = {show(value)}" for path, value in values.items())


def show(value: Any) -> str:
    """A value for a person: whole numbers with their thousands, lists with hyphens.

    >>> show(500_000), show(1e-05), show([90, 70]), show(True), show([])
    ('500,000', '1e-05', '90-70', 'true', 'none')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return "-".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """The last part of each path, the whole path where that alone is not unique.

    >>> short_names(["models.mlp.epochs", "train.seed"])
    {'models.mlp.epochs': 'epochs', 'train.seed': 'seed'}
    """
    last = {path: key_parts(path)[-1] for path in paths}
    names = list(last.values())
    return {path: name if names.count(name) == 1 else path for path, name in last.items()}


def swept_model(config: Config) -> str:
    """Name of the model that is swept. Raises ConfigError where it is not to be known."""
    name = config.sweep.model
    if not name and len(config.models) > 1:
        raise ConfigError(f"sweep.model: say which model is swept; known: {', '.join(sorted(config.models))}")
    if name and name not in config.models:
        raise ConfigError(f"sweep.model = {name!r}: no such model in [models]; {nearest(name, config.models)}")
    return name or next(iter(config.models))


def plain(config: Config, model: str) -> Config:
    """The config with this model alone and without a sweep: what `tonearm run` would train."""
    return config.model_copy(update={"models": {model: config.models[model]}, "sweep": SweepSettings()})


def with_values(config: Config, model: str, values: Mapping[str, Any]) -> Config:
    """The plain config of one cell. Raises ConfigError, with the nearest known setting, where it is none."""
    from tonearm.representations.features import check_features

    tables = plain(config, model).model_dump()
    for path, value in values.items():
        _set(tables, _parts(path, config, model), value, path)
    try:
        found = parse_config(tables)
        check_features(found.audio.sr, found.features)
    except ConfigError as error:
        raise ConfigError(f"sweep, {describe(values)}: {error}") from error
    return found


def check_paths(paths: Iterable[str], config: Config, model: str, ready: bool) -> None:
    """Raise ConfigError where a setting cannot be swept, or would change nothing.

    ready: whether the data are a table or pictures, which no setting of audio or features changes.
    """
    used = frozenset().union(*(known_kind(name).sections for name in reads(config.models[model])))
    unused = {"encoders", "features", "spectrogram"} - used
    for path in paths:
        section = _parts(path, config, model)[0]
        if section in unused:
            raise ConfigError(f"sweep, {path}: changes nothing, since {model} does not read it")
        if ready and section in ("audio", "encoders", "features"):
            raise ConfigError(f"sweep, {path}: changes nothing, since {config.data.folder} holds what models read")


def _parts(path: str, config: Config, model: str) -> list[str]:
    """The parts of a setting's path. Raises ConfigError where it is none that can be swept."""
    parts = key_parts(path)
    if len(parts) < 2:
        raise ConfigError(f"sweep, {path!r}: is not a setting; write table.setting, as in models.{model}.epochs")
    if parts[0] not in Config.model_fields:
        raise ConfigError(f"sweep, {path}: no such table; {nearest(parts[0], SWEPT)}")
    if parts[0] not in SWEPT or parts[:2] == ["train", "workers"]:
        raise ConfigError(f"sweep, {path}: cannot be swept, since all trials are judged alike, on the same clips")
    if parts[0] == "models" and parts[1] != model:
        raise ConfigError(f"sweep, {path}: the model that is swept is {model}; {nearest(parts[1], [model])}")
    return parts


def _set(tables: dict[str, Any], parts: list[str], value: Any, path: str) -> None:
    table: Any = tables
    for part in parts[:-1]:
        table = table.get(part)
        if not isinstance(table, dict):
            raise ConfigError(f"sweep, {path}: {part!r} is not a table")
    of_own_code = parts[0] == "models" and parts[2:-1] == ["arguments"]  # whose names only that code knows
    if parts[-1] not in table and not of_own_code:
        raise ConfigError(f"sweep, {path}: is not a setting; {nearest(parts[-1], table)}")
    table[parts[-1]] = value
