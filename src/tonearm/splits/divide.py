"""Divide clips into training, validation and test parts, before anything is sliced, scaled or fitted.

Conventions
-----------
`group` keeps all clips of an artist or recording in one part and the shares of the classes as even as that
allows; a clip without a known group is a group of its own. `stratified` evens out the classes alone, `random`
nothing; both are optimistic where artists cross parts. `listed` takes the parts from the data. The division's
sentence says which artists cross, and of how many clips the artist is not known: a group that only ties copies
of one recording is not an artist. Clips without a label are in no part. Every evaluated class has clips to train on,
or the division is refused; only listed parts are taken as they are, and the sentence names such classes. The same
data, settings and seed give the same division.
"""

import warnings
from collections import Counter
from collections.abc import Iterator

import numpy as np

from tonearm.data.dataset import Dataset
from tonearm.data.metadata import name_some
from tonearm.errors import SplitError
from tonearm.settings import SplitSettings
from tonearm.splits.checks import check_class_sizes, check_fold_count, check_groups, evidence, groups_of
from tonearm.splits.parts import Division, Rows, Split, never_trained
from tonearm.splits.wording import describe


def divide(dataset: Dataset, settings: SplitSettings) -> Division:
    """Divide the labelled rows: one hold-out split, or `settings.folds` folds that each test their share.

    Raises SplitError where the data cannot be divided so: no label, no listed part, too few clips or groups.
    """
    if not len(dataset.classes):
        raise SplitError("no clip has a label, so there is nothing to learn")
    method = settings.method if settings.method != "auto" else _choose(dataset)
    if method == "group" and (settings.folds or settings.valid or settings.test):
        check_groups(dataset)
    if method == "listed":
        splits: tuple[Split, ...] = (_listed(dataset, settings),)
    elif settings.folds:
        splits = _folds(dataset, settings, method)
    else:
        splits = (_hold_out(dataset, settings, method),)
    for split in splits:
        _check_trainable(dataset, split, method)
    return Division(splits, method, describe(dataset, settings, method, splits))


def _choose(dataset: Dataset) -> str:
    if (dataset.splits[dataset.labels != ""] != "").any():
        return "listed"
    return "group" if (dataset.groups != "").any() else "stratified"


def _listed(dataset: Dataset, settings: SplitSettings) -> Split:
    """The parts that the data name; where no validation is named, it comes from the training clips."""
    if settings.folds:
        raise SplitError("split.folds and listed parts exclude each other: set folds = 0 or another split.method")
    labelled = dataset.labels != ""
    parts = {part: np.flatnonzero(labelled & (dataset.splits == part)) for part in ("train", "valid", "test")}
    unlisted = dataset.names[labelled & (dataset.splits == "")]
    if not len(parts["train"]):
        raise SplitError(
            'split.method = "listed", but no labelled clip is listed as train; parts come from train/ and test/ '
            "folders or from the column that data.split_column names"
        )
    if len(unlisted):
        raise SplitError(
            f"{len(unlisted)} labelled clips are listed in no part: {name_some(list(unlisted))}; list them, as "
            "train, valid, test or excluded"
        )
    if not len(parts["valid"]) and settings.valid:
        method = "group" if (dataset.groups != "").any() else "stratified"
        share = settings.valid * labelled.sum() / len(parts["train"])
        if share >= 1:
            raise SplitError(
                f"split.valid = {settings.valid} of {labelled.sum()} labelled clips is more than the "
                f"{len(parts['train'])} that are listed as train; choose less, or list the validation clips"
            )
        parts["train"], parts["valid"] = _part_off(dataset, parts["train"], share, method, settings.seed)
    return Split("holdout", parts["train"], parts["valid"], parts["test"])


def _hold_out(dataset: Dataset, settings: SplitSettings, method: str) -> Split:
    if settings.valid + settings.test >= 1:
        raise SplitError(
            f"split.valid = {settings.valid} and split.test = {settings.test} leave nothing to train on; "
            "together they must stay below 1"
        )
    rows = np.flatnonzero(dataset.labels != "")
    rest, test = _part_off(dataset, rows, settings.test, method, settings.seed)
    train, valid = _part_off(dataset, rest, settings.valid / (1 - settings.test), method, _next_seed(settings.seed, 1))
    return Split("holdout", train, valid, test)


def _folds(dataset: Dataset, settings: SplitSettings, method: str) -> tuple[Split, ...]:
    if settings.folds < 2:
        raise SplitError("split.folds = 1: cross-validation needs at least 2 folds; 0 means one hold-out split")
    if settings.valid + 1 / settings.folds >= 1:
        raise SplitError(
            f"split.valid = {settings.valid} and a test of 1/{settings.folds} of the clips, as split.folds = "
            f"{settings.folds} has it, leave nothing to train on; together they must stay below 1"
        )
    rows = np.flatnonzero(dataset.labels != "")
    splits = []
    for repeat in range(1, settings.repeats + 1):
        seed = _next_seed(settings.seed, 1000 * (repeat - 1))
        for number, (rest, test) in enumerate(_fold_rows(dataset, rows, settings.folds, method, seed), start=1):
            share = settings.valid * len(rows) / len(rest)
            train, valid = _part_off(dataset, rest, share, method, _next_seed(seed, number))
            name = f"fold{number}" if repeat == 1 else f"repeat{repeat}-fold{number}"
            splits.append(Split(name, train, valid, test))
    return tuple(splits)


def final_split(dataset: Dataset, settings: SplitSettings, method: str) -> Split:
    """All labelled clips to learn from, but for the share that chooses; nothing judges."""
    rows = np.flatnonzero(dataset.labels != "")
    train, valid = _part_off(dataset, rows, settings.valid, method, settings.seed)
    return Split("final", train, valid, rows[:0])


def _part_off(dataset: Dataset, rows: Rows, share: float, method: str, seed: int) -> tuple[Rows, Rows]:
    """Divide the rows into the rest and about `share` of them; with groups as near as whole groups come."""
    if not share:
        return rows, rows[:0]
    if method != "group":
        return _exact(dataset, rows, share, method, seed)
    # a few of so many folds are the share that keeps groups whole and classes even
    possible = min(len(set(groups_of(dataset, rows))), max(Counter(dataset.labels[rows]).values()))
    folds, taken = _folds_for_share(share, possible)
    tests = [fold for _, fold in _fold_rows(dataset, rows, folds, method, seed)]
    offers = [np.sort(np.concatenate([*tests, *tests][start : start + taken])) for start in range(folds)]
    classes = set(dataset.labels[rows])
    for part in offers:
        rest = np.setdiff1d(rows, part)
        if len(part) and set(dataset.labels[rest]) == classes:
            return rest, part
    raise SplitError(
        f"no share of {share:.3g} of {len(rows)} clips leaves every class something to train on: "
        f"{evidence(dataset, sorted(classes))}; add artists or recordings, or ask for less in split.test or "
        "split.valid"
    )


def _folds_for_share(share: float, most: int) -> tuple[int, int]:
    """The fewest folds, and how many of them to take, that come within a tenth of the share; else the nearest.

    >>> _folds_for_share(0.2, 20), _folds_for_share(0.4, 20), _folds_for_share(0.4, 3)
    ((5, 1), (5, 2), (3, 1))
    """
    offers = [(folds, min(max(1, round(share * folds)), folds - 1)) for folds in range(2, max(2, min(most, 50)) + 1)]
    errors = [abs(taken / folds - share) for folds, taken in offers]
    near = (offer for offer, error in zip(offers, errors, strict=True) if error <= min(share, 1 - share) / 10)
    return next(near, offers[int(np.argmin(errors))])


def _next_seed(seed: int, step: int) -> int:
    return (seed + step) % 2**32


def _exact(dataset: Dataset, rows: Rows, share: float, method: str, seed: int) -> tuple[Rows, Rows]:
    """Without groups the share can be met to the clip."""
    from sklearn.model_selection import train_test_split

    labels = dataset.labels[rows].astype(str)
    check_class_sizes(labels, 2, method)
    try:
        rest, part = train_test_split(
            rows,
            test_size=max(len(set(labels)) if method == "stratified" else 1, round(share * len(rows))),
            random_state=seed,
            stratify=labels if method == "stratified" else None,
        )
    except ValueError as error:
        raise SplitError(f"{len(rows)} clips cannot be divided with a share of {share:.3g}: {error}") from error
    return np.sort(rest), np.sort(part)


def _fold_rows(dataset: Dataset, rows: Rows, folds: int, method: str, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """(rest, fold) for each fold."""
    from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

    labels = dataset.labels[rows].astype(str)
    groups = None
    if method == "group":
        groups = groups_of(dataset, rows)
        check_fold_count(labels, groups, folds)
    else:
        check_class_sizes(labels, folds, method)
    kind = {"random": KFold, "stratified": StratifiedKFold, "group": StratifiedGroupKFold}[method]
    with warnings.catch_warnings():
        # with groups a class may miss from a fold, and that is said by the scores' support
        warnings.filterwarnings("ignore", "The least populated class in y has only", UserWarning)
        folded = list(kind(n_splits=folds, shuffle=True, random_state=seed).split(rows, labels, groups))
    for rest, fold in folded:
        yield rows[rest], rows[fold]


def _check_trainable(dataset: Dataset, split: Split, method: str) -> None:
    classes = set(dataset.labels[split.train])
    if len(classes) < 2:
        raise SplitError(
            f"split {split.name}: {len(split.train)} training clips of {len(classes)} class; at least two classes "
            "are needed"
        )
    lost = never_trained(dataset, split)
    if lost and method != "listed":
        raise SplitError(
            f"split {split.name}: classes are judged, but none of their clips trains: {evidence(dataset, lost)}; "
            "add clips (of other artists), leave the class out, or choose another split.seed"
        )
