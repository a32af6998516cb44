"""How much faster more processes are: extraction of features and drawing of pictures, measured here.

Conventions
-----------
Each measurement works on all clips in an empty folder, writing included. The processes have been started and have
worked on a few clips before, since that costs the same seconds however many clips follow; this start-up is measured
apart. The speed-up is against
the fewest processes measured, and the efficiency is the speed-up as a share of what so many processes could give:
G. Amdahl, "Validity of the single processor approach", AFIPS 1967, says why it falls.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tonearm.config import Config
from tonearm.data.catalog import Catalog
from tonearm.errors import CatalogError, ConfigError
from tonearm.plots import save_figure, scaling_figure
from tonearm.representations.extract import Extraction, draw_spectrograms, extract_feature_table
from tonearm.runtime.files import write_csv, write_text
from tonearm.runtime.leftovers import TEMPORARY_PREFIX
from tonearm.runtime.locks import hold
from tonearm.runtime.machine import describe_machine

WARM_CLIPS_A_WORKER = 4
COLUMNS = ("task", "workers", "seconds", "clips", "speed_up", "efficiency", "start_up_seconds", "machine")
Work = Callable[[Catalog, Config, Path, int], Extraction]


@dataclass(frozen=True)
class Measurement:
    """One task by so many processes: seconds in all, and clips that were worked on.

    start_up: seconds before, in which the processes were started and worked on their first clips.
    """

    task: str
    workers: int
    seconds: float
    clips: int
    start_up: float = 0.0


@dataclass(frozen=True)
class Scaling:
    """All measurements, by task and then by the number of processes. machine: processor and cores, in words."""

    measurements: tuple[Measurement, ...]
    machine: str = ""

    def speed_up(self, one: Measurement) -> float:
        """Seconds of the fewest processes over this one's."""
        return self._fewest(one).seconds / one.seconds

    def efficiency(self, one: Measurement) -> float:
        """The speed-up as a share of the processes' number over the fewest; 1 is perfect."""
        return self.speed_up(one) * self._fewest(one).workers / one.workers

    def _fewest(self, one: Measurement) -> Measurement:
        return min((each for each in self.measurements if each.task == one.task), key=lambda each: each.workers)

    def text(self) -> str:
        """The machine, and a Markdown table."""
        lines = [f"{self.machine}; start-up is measured apart.", ""] if self.machine else []
        lines += [
            "| task | workers | seconds | clips/s | speed-up | efficiency | start-up |",
            "|---|---|---|---|---|---|---|",
        ]
        for one in self.measurements:
            speed, share = self.speed_up(one), self.efficiency(one)
            lines.append(
                f"| {one.task} | {one.workers} | {one.seconds:.2f} | {one.clips / one.seconds:.1f} | {speed:.2f} | "
                f"{100 * share:.0f} % | {one.start_up:.2f} s |"
            )
        return "\n".join(lines) + "\n"


def _features(catalog: Catalog, config: Config, out: Path, workers: int) -> Extraction:
    return extract_feature_table(catalog, config.audio, config.features, out, workers)


def _pictures(catalog: Catalog, config: Config, out: Path, workers: int) -> Extraction:
    return draw_spectrograms(catalog, config.audio, config.spectrogram, out, workers)


TASKS: dict[str, Work] = {"features": _features, "pictures": _pictures}


def measure_scaling(
    catalog: Catalog,
    config: Config,
    workers: Sequence[int],
    out: Path,
    tell: Callable[[str], None] = lambda line: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Scaling:
    """Measure each task with each number of processes; write scaling.csv, .md, .png and .svg to `out`.

    tell: is handed a line a measurement. clock: gives seconds. Raises ConfigError where `workers` names no
    numbers, or one twice or below 1, and CatalogError where none of the clips can be read.
    """
    if not workers or min(workers) < 1 or len(set(workers)) < len(workers):
        raise ConfigError(f"--workers {','.join(map(str, workers))}: numbers of processes from 1 on, each once")
    found = []
    with hold(out):
        for task, work in TASKS.items():
            for count in sorted(workers):
                found.append(_measure(task, work, catalog, config, count, out, clock))
                tell(f"{task}, {count} workers: {found[-1].seconds:.2f} s")
    scaling = Scaling(tuple(found), describe_machine())
    rows = [
        [m.task, m.workers, m.seconds, m.clips, scaling.speed_up(m), scaling.efficiency(m), m.start_up, scaling.machine]
        for m in found
    ]
    write_csv(out / "scaling.csv", COLUMNS, rows)
    write_text(out / "scaling.md", scaling.text())
    curves = {task: [(m.workers, scaling.speed_up(m)) for m in found if m.task == task] for task in TASKS}
    save_figure(scaling_figure(curves), out / "scaling")
    return scaling


def _measure(
    task: str, work: Work, catalog: Catalog, config: Config, workers: int, out: Path, clock: Callable[[], float]
) -> Measurement:
    few = replace(catalog, clips=catalog.clips[: WARM_CLIPS_A_WORKER * workers])
    with tempfile.TemporaryDirectory(dir=out, prefix=TEMPORARY_PREFIX) as folder:
        begin = clock()
        work(few, config, Path(folder) / "warm", workers)
        start = clock()
        done = work(catalog, config, Path(folder) / "cold", workers)
        seconds = clock() - start
    clips = done.usable
    if not clips:
        raise CatalogError(f"{catalog.root}: none of its {done.clips} clips can be read, so nothing can be measured")
    return Measurement(task, workers, seconds, clips, start - begin)
