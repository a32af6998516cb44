"""Class folders whose names look like artists or albums and not like genres.

Conventions
-----------
Two signs: many folders with few clips each, as in a collection sorted by artist; and folders of single discs
("CD1", "Disc 2"), which only albums have, as class folders or right inside them.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from statistics import median

from tonearm.data.metadata import name_some

MANY_FOLDERS = 20
FEW_CLIPS = 40  # sets of many classes have at least this many clips a class; artists and albums mostly fewer
DISC = re.compile(r"(cd|dis[ck])[ _.-]*\d{1,2}", re.IGNORECASE)


def describe_odd_classes(clips: Sequence[tuple[str, str]]) -> str:
    """A note if the folders that give labels look like artists or albums, "" otherwise.

    clips: label and relative name of each; those that are not labelled by a folder of their path do not count.
    """
    counts: Counter[str] = Counter()
    discs: set[str] = set()
    for label, name in clips:
        folders = PurePosixPath(name).parts[:-1]
        if label and label in folders[:2]:  # the second one inside train/ or test/
            counts[label] += 1
            inside = folders[folders.index(label) :][:2]
            discs |= {label} if any(DISC.fullmatch(folder) for folder in inside) else set()
    if not counts:
        return ""
    reasons = []
    middle = median(counts.values())
    if len(counts) >= MANY_FOLDERS and middle < FEW_CLIPS:
        reasons.append(f"there are {len(counts)}, half of them with at most {middle:g} clips")
    if discs:
        reasons.append(f"{len(discs)} of {len(counts)} hold folders of discs")
    if not reasons:
        return ""
    named = sorted(discs) if discs else [label for label, _ in counts.most_common()]
    return (
        f"the folders that give the labels look like artists or albums, not genres ({'; '.join(reasons)}): "
        f"{name_some(named)}; put the clips into one folder a genre, or name a CSV with file_name,label,artist in "
        "data.metadata"
    )
