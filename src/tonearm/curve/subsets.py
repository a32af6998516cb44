"""Which clips a model is trained on: nested subsets of each split's training part, by artists and by clips.

Conventions
-----------
In each repeat the artists of a training part are put in a random order, and a size is a beginning of it, so each
subset contains the smaller ones. The order is stratified: one artist of each class first, then all classes in even
shares. With `clip` all artists stay: the clips are ordered so that each artist has one before any has a second in
proportion, and a size has exactly as many clips as the subset of artists of the same repeat; so the two differ in
nothing but the number of artists. Validation and test parts are those of `tonearm run`, whole. A clip without a known
artist is an artist of its own; copies of one recording tie artists to one, as in the splits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import Dataset
from tonearm.settings import CurveAxis, CurveSettings
from tonearm.splits.checks import groups_of
from tonearm.splits.parts import Rows, Split

APART = 0.85  # a size below this share of the next one is worth its trainings
NO_ARTISTS = (
    "no artists are known, so the curve goes by clips alone; a metadata column of artists would tell them apart"
)


@dataclass(frozen=True)
class Axis:
    """What grows, and the training clips of each size, the whole training part last.

    rows: by size, split and repeat; of the last size one for all repeats. shared: for each size of `clip` the size of
    `artist` with as many clips, -1 where there is none; () for others.
    """

    by: CurveAxis
    rows: tuple[tuple[tuple[Rows, ...], ...], ...]
    shared: tuple[int, ...] = ()


def artists_known(clips: Dataset) -> bool:
    """Whether any labelled clip has a known artist."""
    return bool((clips.artists[clips.labels != ""] != "").any())


def artist_codes(clips: Dataset) -> NDArray[np.intp]:
    """Number of each clip's artist, shape (clips,), a clip without one having its own; (0,) where none are known."""
    return _codes(groups_of(clips, np.arange(len(clips)))) if artists_known(clips) else np.zeros(0, dtype=np.intp)


def axes(clips: Dataset, splits: Sequence[Split], settings: CurveSettings, seed: int) -> tuple[Axis, ...]:
    """The axes that are asked for; by clips alone where no artists are known.

    Sizes that would not differ from the next one in every split are left out. seed: of the random orders.
    """
    shares = tuple(share for share in settings.sizes if share < 1)
    if not artists_known(clips):
        own = [np.arange(len(split.train)) for split in splits]
        return (Axis("clip", _sizes(_orders(clips, splits, own, settings.repeats, seed), shares, splits)),)
    units = [_codes(groups_of(clips, split.train)) for split in splits]
    each = _orders(clips, splits, units, settings.repeats, seed)
    artist = Axis("artist", _sizes(each, shares, splits))
    found = [artist] if "artist" in settings.by else []
    if "clip" in settings.by:
        found.append(_by_clips(clips, splits, units, artist, seed))
    return tuple(found)


@dataclass(frozen=True)
class _Orders:
    """Of one split: in each repeat the place of every training clip's unit in the order, shape (repeats, clips).

    least: the fewest units that hold all classes in every repeat. units: how many there are.
    """

    places: NDArray[np.intp]
    least: int
    units: int


def _codes(values: NDArray[np.str_] | NDArray[np.object_]) -> NDArray[np.intp]:
    codes: NDArray[np.intp] = np.unique(values.astype(str), return_inverse=True)[1]
    return codes


def _orders(
    clips: Dataset, splits: Sequence[Split], units: Sequence[NDArray[np.intp]], repeats: int, seed: int
) -> list[_Orders]:
    """Orders of each split's units, stratified by the commonest class of each. units: of each training clip, from 0."""
    orders = []
    for number, (split, own) in enumerate(zip(splits, units, strict=True)):
        classes = _codes(clips.labels[split.train])
        counts = np.zeros((own.max() + 1, classes.max() + 1), dtype=np.int32)
        np.add.at(counts, (own, classes), 1)
        strata = counts.argmax(axis=1)
        found = []
        for repeat in range(repeats):
            generator = np.random.default_rng([seed, number, repeat])
            found.append(nested_order(own, strata, classes, generator))
        places = np.array([order[own] for order, _ in found])
        orders.append(_Orders(places, max(least for _, least in found), len(strata)))
    return orders


def nested_order(
    units: NDArray[np.intp], strata: NDArray[np.intp], classes: NDArray[np.intp], generator: np.random.Generator
) -> tuple[NDArray[np.intp], int]:
    """A random order of units in which every beginning is stratified, and how many hold every stratum and every class.

    units: of each clip, from 0, shape (clips,). strata: of each unit, shape (units,). classes: of each clip. Returns
    each unit's place in the order, shape (units,).

    >>> strata = np.array([0, 0, 0, 0, 1, 1])
    >>> place, least = nested_order(np.arange(6), strata, strata, np.random.default_rng(0))
    >>> order = strata[np.argsort(place)].tolist()
    >>> least, sorted(order[:2]), sorted(order[:3])
    (2, [0, 1], [0, 0, 1])
    """
    shuffled = generator.permutation(len(strata))
    by_stratum = shuffled[np.argsort(strata[shuffled], kind="stable")]
    _, first, sizes = np.unique(strata[by_stratum], return_index=True, return_counts=True)
    rank = np.arange(len(strata)) - np.repeat(first, sizes)
    key = np.empty(len(strata))
    key[by_stratum] = (rank + generator.random(len(strata))) / np.repeat(sizes, sizes)
    front = np.zeros(len(strata), dtype=bool)
    front[by_stratum[first]] = True  # one of each stratum before any second
    place = _ranks(key - front)
    earliest = np.full(classes.max() + 1, len(strata))
    np.minimum.at(earliest, classes, place[units])
    front |= np.isin(place, earliest)  # a class that is the commonest of no unit, too
    return _ranks(np.where(front, place - len(strata), place)), int(front.sum())


def _ranks(keys: NDArray[np.float64] | NDArray[np.intp]) -> NDArray[np.intp]:
    """The place of each key among them all, from 0."""
    ranks = np.empty(len(keys), dtype=np.intp)
    ranks[np.argsort(keys, kind="stable")] = np.arange(len(keys))
    return ranks


def _sizes(
    each: Sequence[_Orders], shares: Sequence[float], splits: Sequence[Split]
) -> tuple[tuple[tuple[Rows, ...], ...], ...]:
    """Training clips by size, split and repeat."""
    numbers = [[max(round(share * orders.units), orders.least) for share in shares] for orders in each]
    kept = [
        size
        for size in range(len(shares))
        if all(own[size] < [*own, orders.units][size + 1] for own, orders in zip(numbers, each, strict=True))
    ]
    return (
        *(
            tuple(
                tuple(split.train[places < own[size]] for places in orders.places)
                for split, own, orders in zip(splits, numbers, each, strict=True)
            )
            for size in kept
        ),
        _whole(splits),
    )


def _whole(splits: Sequence[Split]) -> tuple[tuple[Rows, ...], ...]:
    return tuple((split.train,) for split in splits)


def _by_clips(
    clips: Dataset, splits: Sequence[Split], units: Sequence[NDArray[np.intp]], artist: Axis, seed: int
) -> Axis:
    """As many clips as each size of `artist` has, but of all artists; and the fewest clips that all artists have."""
    repeats = len(artist.rows[0][0])
    orders = [
        [
            nested_order(
                np.arange(len(own)), own, _codes(clips.labels[split.train]), np.random.default_rng([seed, number, n, 1])
            )
            for n in range(repeats)
        ]
        for number, (split, own) in enumerate(zip(splits, units, strict=True))
    ]
    least = np.array([[fewest for _, fewest in own] for own in orders])  # (splits, repeats)
    whole = np.array([[len(split.train)] * repeats for split in splits])
    wanted = [np.array([[len(rows) for rows in own] for own in size]) for size in artist.rows[:-1]]
    large = [place for place, numbers in enumerate(wanted) if (numbers >= least).all()]
    sizes = [wanted[place] for place in large]
    if least.sum() < APART * (sizes[0] if sizes else whole).sum():
        sizes, large = [least, *sizes], [-1, *large]
    rows = tuple(
        tuple(
            tuple(split.train[place < number] for (place, _), number in zip(own, few, strict=True))
            for split, own, few in zip(splits, orders, numbers.tolist(), strict=True)
        )
        for numbers in sizes
    )
    return Axis("clip", (*rows, _whole(splits)), (*large, len(artist.rows) - 1))
