"""How long the built-in music takes to render, and how much room it takes.

    python benchmarks/jam.py [--clips-per-genre 30] [--seconds 10] [--workers 2] [--format wav]

Prints wall-clock time, processor time of all processes (what the machine really worked, when others use it
as well) and bytes on disk, by default for the set that `tonearm demo` renders.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import resource  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

from joblib.externals.loky import get_reusable_executor  # noqa: E402

from tonearm.jam import FORMATS, render_jam  # noqa: E402


def processor_seconds() -> float:
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips-per-genre", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--format", choices=FORMATS, default="wav")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tonearm-benchmark-") as folder:
        start, before = time.perf_counter(), processor_seconds()
        summary = render_jam(
            Path(folder) / "jam",
            clips_per_genre=arguments.clips_per_genre,
            seconds=arguments.seconds,
            workers=arguments.workers,
            format=arguments.format,
        )
        wall = time.perf_counter() - start
        get_reusable_executor().shutdown(wait=True)  # the time of children counts once they have ended
        worked = processor_seconds() - before
    print(
        f"{summary.clips} clips of {summary.seconds:g} s ({arguments.format}, {arguments.workers} workers): "
        f"{wall:.1f} s by the clock, {worked:.1f} s of processor time ({1e3 * worked / summary.clips:.0f} ms a clip), "
        f"{summary.size / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main()
