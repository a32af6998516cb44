"""The files of a folder that fills, each once it is whole: looked for again and again, by the standard library alone.

Conventions
-----------
A file is taken when its size and times have stood still for `STILL_SECONDS`, since nothing tells that whoever writes it
has finished; once, and again when it has changed since.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tonearm.bulk.answering import state_of
from tonearm.data.walk import walk

STILL_SECONDS = 2.0
LOOK_SECONDS = 0.5  # between two looks
LOOK_SHARE = 0.1  # of the time that looking at a large folder may take


def arriving(
    folder: Path,
    extensions: frozenset[str],
    known: Callable[[Path], bool] = lambda file: False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[Path]]:
    """Files that are whole, as they arrive; never ends. An empty list now and then tells that nothing has come.

    known: whether a file needs not be taken, unless it changes. Raises CatalogError where the folder cannot be read.
    """
    seen: dict[Path, tuple[str, float | None]] = {}  # the state of each file, and since when; None: it was taken
    while True:
        began = clock()
        ready = []
        there = walk(folder, extensions).found.values()
        for file in there:
            state = state_of(file)
            before, since = seen.setdefault(file, (state, None if known(file) else began))
            if state != before:
                seen[file] = (state, began)
            elif since is not None and began - since >= STILL_SECONDS:
                seen[file] = (state, None)
                ready.append(file)
        for gone in seen.keys() - set(there):
            del seen[gone]
        yield ready
        took = clock() - began
        if not ready:
            sleep(max(LOOK_SECONDS, took / LOOK_SHARE - took))
