"""Features of the user's own: a function from samples to named numbers, whose columns join those of the families.

Conventions
-----------
The function is called with a copy of a clip's samples, float32 of shape (samples,) at `audio.sr`, and that rate in Hz.
It gives a dict of names to finite numbers, the same names for every clip. Which names, is asked once of ten seconds of
noise. In run.json and tables, facts hold the function, the digest of its file (`runtime.owncode`) and its columns.
"""

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import ClipError, ConfigError
from tonearm.representations.probe import probe_noise
from tonearm.runtime.owncode import CodeError, Source, call, read_source, trusted


@dataclass(frozen=True)
class Extra:
    """A function and the names of its numbers, in the order of the columns."""

    source: Source
    columns: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**self.source.facts(), "columns": list(self.columns)}


def build_extras(objects: Iterable[str], sr: int, taken: Iterable[str]) -> tuple[Extra, ...]:
    """The functions of `features.extra`, with their columns. taken: names of the other columns.

    Raises ConfigError where one is not there, fails, or gives a name that is taken.
    """
    known = dict.fromkeys(taken, "the preset or families")
    extras = []
    for text in objects:
        try:
            source = read_source(text)
            columns = _asked(source, sr)
        except CodeError as error:
            raise ConfigError(f"features.extra: {text}: {error}") from error
        for name in columns:
            if name in known:
                raise ConfigError(
                    f"features.extra: {text} gives a number named {name!r}, which is a column of {known[name]} too; "
                    "give it another name"
                )
        known |= dict.fromkeys(columns, text)
        extras.append(Extra(source, columns))
    return tuple(extras)


def restore_extras(facts: Mapping[str, Any]) -> tuple[Extra, ...]:
    """The functions of stored facts, with the code that is trusted now. Raises UntrustedError for any other."""
    return tuple(
        Extra(trusted(Source(one["object"], one["sha256"], one.get("package", ""))), tuple(one["columns"]))
        for one in facts.get("extra", ())
    )


@lru_cache(maxsize=32)
def _asked(source: Source, sr: int) -> tuple[str, ...]:
    """The names that the function gives. Raises CodeError."""
    found = _called(source, probe_noise(sr), sr)
    if not found:
        raise CodeError(f"{source.object} gives no numbers")
    return tuple(found)


def _called(source: Source, samples: NDArray[np.float32], sr: int) -> dict[str, Any]:
    found = call(source, samples, sr)
    if not isinstance(found, Mapping):
        raise CodeError(
            f"{source.object} gives a {type(found).__name__}; it must give a dict of names to numbers, such as "
            '{"loudness": 0.3}'
        )
    for name, value in found.items():
        if not isinstance(name, str) or not name.strip():
            raise CodeError(f"{source.object} gives a number whose name is {name!r}; names must be words")
        if not isinstance(value, numbers.Real) and not (isinstance(value, np.ndarray) and value.ndim == 0):
            raise CodeError(f"{source.object} gives a {type(value).__name__} as {name!r}; it must be a number")
    return dict(found)


def extra_numbers(extra: Extra, samples: NDArray[np.float32], sr: int, path: str) -> NDArray[np.float64]:
    """The function's numbers of a clip, shape (columns,). path: of the clip. Raises ClipError of kind "extra"."""
    try:
        found = _called(extra.source, samples.copy(), sr)
        if set(found) != set(extra.columns):
            odd = sorted(set(found) ^ set(extra.columns))
            there = "a further number" if odd[0] in found else "no number"
            raise CodeError(
                f"{extra.source.object} gives {there} {odd[0]!r} here; names must be the same for every clip"
            )
        row = np.array([float(found[name]) for name in extra.columns])
    except CodeError as error:
        raise ClipError(path, "extra", str(error)) from error
    for name, value in zip(extra.columns, row.tolist(), strict=True):
        if not math.isfinite(value):
            raise ClipError(path, "extra", f"{extra.source.object} gives {name} = {value}, which is not finite")
    return row
