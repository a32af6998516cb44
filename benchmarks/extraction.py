"""How much sooner two workers extract features than one, whole processes with start-up, on the same clips.

    python benchmarks/extraction.py [FOLDER] [--clips-per-genre 100] [--seconds 30] [--rounds 3]

FOLDER holds class folders; without it built-in music of GTZAN's size is rendered (extra `demo`). One and two
workers take turns, each into a fresh folder; the median of the ratios is printed. Every process loads its
libraries first (about three seconds), so the ratio grows with the number and length of the clips. Then the
memory of the process that drives the work is compared between a quarter of the clips and all of them.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORK = """
import resource, sys
from pathlib import Path
from tonearm.data.catalog import Catalog, read_catalog
from tonearm.representations.extract import extract_feature_table
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings
catalog = read_catalog(DataSettings(folder=sys.argv[1]))
catalog = Catalog(catalog.root, catalog.clips[:: int(sys.argv[4])], catalog.ignored)
extract_feature_table(catalog, AudioSettings(), FeatureSettings(), Path(sys.argv[2]), int(sys.argv[3]))
print(len(catalog), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def extract(folder: Path, workers: int, every: int = 1) -> tuple[float, int, float]:
    """Seconds, clips, and megabytes that the driving process held at most."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        command = [sys.executable, "-c", WORK, str(folder), out, str(workers), str(every)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return time.perf_counter() - start, int(said[0]), float(said[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--clips-per-genre", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = arguments.folder
    if folder is None:
        from tonearm.jam import render_jam

        folder = Path(tempfile.mkdtemp(prefix="tonearm-benchmark-"))
        render_jam(folder, clips_per_genre=arguments.clips_per_genre, seconds=arguments.seconds, clean=True, workers=2)
    extract(folder, 1, every=50)  # the kernels are compiled and cached before anything is timed
    ratios = []
    for _ in range(arguments.rounds):
        one, clips, _ = extract(folder, 1)
        two, _, large = extract(folder, 2)
        ratios.append(one / two)
        print(f"{clips} clips: 1 worker {one:6.1f} s, 2 workers {two:6.1f} s, ratio {one / two:.2f}")
    print(f"median ratio: {statistics.median(ratios):.2f}")
    _, few, small = extract(folder, 2, every=4)
    print(f"driver's memory: {small:.0f} MB for {few} clips, {large:.0f} MB for {clips}")


if __name__ == "__main__":
    main()
