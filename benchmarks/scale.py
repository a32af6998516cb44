"""What the process that leads the work holds and sends, from a thousand to a million catalog rows.

    python benchmarks/scale.py [--clips 1000 10000 100000 1000000]

The rows are synthetic: files that are not there, and features made of the clip's name, so that what is measured is the
driver's part alone: listing, dividing, sending, finding the parts again, and writing CSV and Parquet. Everything runs
in one process; what would travel to other processes is pickled as it would be, and counted.
"""

import argparse
import hashlib
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.catalog import Catalog, Clip
from tonearm.dsp.sound import ClipSound
from tonearm.representations import extract, shards
from tonearm.representations.features import representation
from tonearm.representations.features.representation import Features
from tonearm.runtime.pool import Shared
from tonearm.settings import AudioSettings, FeatureSettings


class NamedNumbers:
    """A reader without music: as many numbers as the preset has columns, from the clip's name."""

    batch = 1

    def __init__(self, representation: Features) -> None:
        self.columns = len(representation.columns)

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[Any]]:
        """The same numbers for the same name."""
        return [np.random.default_rng(_seed(sound.path)).normal(size=self.columns) for sound in sounds]


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


class Counted:
    """`run_tasks` in this process, which counts the tasks and the bytes that would travel."""

    tasks = sent = received = 0

    def __call__(
        self, function: Callable[..., Any], tasks: Iterable[Sequence[Any]], workers: int = 1, ordered: bool = True
    ) -> Iterator[Any]:
        """Results of the tasks, one after another."""
        for task in tasks:
            self.tasks += 1
            self.sent += sum(len(pickle.dumps(one)) for one in task if not isinstance(one, Shared))
            result = function(*(one.value if isinstance(one, Shared) else one for one in task))
            self.received += len(pickle.dumps(result))
            yield result


def held() -> float:
    """Megabytes that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(clips: int) -> None:
    """Print a row of the table; to be run in a process of its own, whose memory nothing else has touched."""
    counted = Counted()
    representation.FeatureReader = NamedNumbers  # type: ignore[assignment,misc]
    shards.run_tasks = counted  # type: ignore[attr-defined]
    start = held()
    names = (f"genre{n % 10}/album{n // 100:06}/{n:08}.wav" for n in range(clips))
    catalog = Catalog("music", tuple(Clip(f"music/{name}", name, name.split("/")[0]) for name in names), {})
    listed = held()
    with tempfile.TemporaryDirectory() as out:
        begin = time.perf_counter()
        extract.extract_feature_table(catalog, AudioSettings(), FeatureSettings(preset="gtzan57"), Path(out))
        spent = time.perf_counter() - begin
        table = (Path(out) / "features.parquet").stat().st_size
    print(
        f"| {clips:,} | {listed - start:.0f} MB | {held() - start:.0f} MB | {counted.tasks:,} | "
        f"{counted.sent / 1e6:.1f} MB | {counted.received / 1e6:.2f} MB | {table / 1e6:.0f} MB | {spent:.0f} s |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    print("| clips | catalog | driver at most | tasks | sent | received | features.parquet | time |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for clips in arguments.clips:
        subprocess.run([sys.executable, __file__, "--measure", str(clips)], check=True)


if __name__ == "__main__":
    main()
