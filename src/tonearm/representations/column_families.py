"""Which family of numbers each column of a model's rows belongs to, from the facts of its representation."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from tonearm.data.described import own_families
from tonearm.representations.combined import ENCODER, PUBLISHED_PRESETS, name_of
from tonearm.representations.features.presets import plan
from tonearm.settings import FeatureSettings, Statistic

# what ends a column's name without naming its family: statistics, and numbers of series
_ENDING = re.compile(rf"([_.\- ]*\d+|[_.\- ]+({'|'.join((*get_args(Statistic), 'var', 'avg'))}))$")


def column_families(facts: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """The family of each column. facts: of the representation. columns: as the data set names them.

    A feature's family is that of its definition; an encoder is one family, whose dimensions mean nothing one by one;
    of a table from elsewhere it is that of a published table, or the column's name without its number and statistic.
    Where all columns would be one family, each is its own.
    """
    if facts.get("kind") == "joined":
        parts = {name_of(part): part for part in facts["parts"]}
        return tuple(_of_joined(parts, column) for column in columns)
    if facts.get("kind") == ENCODER:
        return (name_of(facts),) * len(columns)
    known = _planned(facts, columns)
    found = tuple(known.get(column) or stem(column) for column in columns)
    return found if len(set(found)) > 1 else tuple(columns)


def stem(column: str) -> str:
    """The name of a column without its number and statistic.

    >>> [stem(name) for name in ("mfcc1_mean", "rms_var", "energy", "chroma_mean_07", "12")]
    ['mfcc', 'rms', 'energy', 'chroma', '12']
    """
    shorter = _ENDING.sub("", column)
    return column if not shorter else (shorter if shorter == column else stem(shorter))


def _of_joined(parts: Mapping[str, Mapping[str, Any]], column: str) -> str:
    """The family of a column whose name begins with that of its representation, the longest that fits."""
    fitting = [name for name in parts if column.startswith(f"{name}:")]
    if not fitting:
        return stem(column)
    name = max(fitting, key=len)
    [family] = column_families(parts[name], [column.removeprefix(f"{name}:")])
    return family


def _planned(facts: Mapping[str, Any], columns: Sequence[str]) -> dict[str, str]:
    """Families by column where the features' settings, or those of a published table, give them."""
    if facts.get("kind") == "features":
        settings = FeatureSettings(**facts["features"])
        return {column.name: column.family for column in plan(settings)} | own_families(dict(facts))
    for preset in PUBLISHED_PRESETS:
        planned = {column.name: column.family for column in plan(FeatureSettings(preset=preset))}
        if set(columns) <= set(planned):
            return planned
    return {}
