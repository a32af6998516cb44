"""Clips that are one recording have one group, so that a division keeps them together, or says where it does not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import Dataset, group_or_own
from tonearm.data.metadata import name_some
from tonearm.splits.parts import Division
from tonearm.wording import count


def tie_groups(
    names: NDArray[np.object_], groups: NDArray[np.object_], recordings: Sequence[tuple[str, ...]]
) -> NDArray[np.object_]:
    """The groups, shape (clips,), so that the clips of a recording have one; artists who share a recording are joined.

    >>> names = np.array(["1", "2", "3", "4"], dtype=object)
    >>> tie_groups(names, np.array(["Ann", "Bob", "", ""], dtype=object), [("1", "2")]).tolist()
    ['Ann + Bob', 'Ann + Bob', '', '']
    >>> tie_groups(names, np.array([""] * 4, dtype=object), [("2", "4")]).tolist()
    ['', 'recording of 2', '', 'recording of 2']
    """
    units = dict(zip(names, group_or_own(groups, names), strict=True))
    joined = {unit: {unit} for unit in units.values()}
    for recording in recordings:
        together = set().union(*(joined[units[name]] for name in recording))
        for unit in together:
            joined[unit] = together
    tied = {units[name] for recording in recordings for name in recording}
    tied = set().union(*(joined[unit] for unit in tied))

    def name_of(name: str) -> str:
        members = sorted(joined[units[name]])
        artists = [unit for unit in members if not unit.startswith("\0")]
        return " + ".join(artists) or f"recording of {members[0][1:]}"

    found = [name_of(name) if units[name] in tied else group for name, group in zip(names, groups, strict=True)]
    return np.array(found, dtype=object)


def crossing_recordings(dataset: Dataset, recordings: Sequence[tuple[str, ...]], division: Division) -> str:
    """A warning where clips of one recording stand in two parts of a split, "" otherwise."""
    for split in division.splits:
        part_of = {
            str(name): part for part in ("train", "valid", "test") for name in dataset.names[getattr(split, part)]
        }
        crossing = [group for group in recordings if len({part_of[name] for name in group if name in part_of}) > 1]
        if crossing:
            clips = " = ".join(f"{name} ({part_of[name]})" for name in crossing[0] if name in part_of)
            return (
                f"{len(crossing)} recordings stand in two parts of {split.name}, such as {clips}: a model scores for "
                'remembering them; split.method = "group" keeps them together'
            )
    return ""


def unlabelled_copies(dataset: Dataset, recordings: Sequence[tuple[str, ...]]) -> str:
    """A note on clips without a label that are the same recording as labelled ones, "" if there are none."""
    labels = dict(zip(dataset.names, dataset.labels, strict=True))
    copies = []
    for group in recordings:
        labelled = [name for name in group if labels.get(name)]
        copies += [f"{name} = {labelled[0]}" for name in group if labelled and labels.get(name) == ""]
    if not copies:
        return ""
    clips = count(len(copies), "unlabelled clip", "is a copy of a labelled one", "are copies of labelled ones")
    return f"{clips}, whose label a model may remember: {name_some(copies)}"
