"""The owner of `curve/` inside a results folder of `tonearm run`, which shares its features, lock and report.

Conventions
-----------
```
curve/points/        one file for each training: whether it was right on each of the judged clips
curve/unfinished/    the state of trainings that were killed
curve/config.toml, curve.csv/.json/.md, curve.png/.svg
```
A curve needs no runs, and `tonearm run` none of the curve: they may be made in either order, or one of them alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tonearm.experiment.folder import ExperimentFolder
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.runtime.locks import hold

CURVE = "curve"


class CurveFolder:
    """`curve/` of the results folder at `results`."""

    def __init__(self, results: str | Path) -> None:
        self.experiment = ExperimentFolder(results)
        self.results = self.experiment.path
        self.path = self.results / CURVE
        self.points = self.path / "points"
        self.config_toml = self.path / "config.toml"
        self.curve_json = self.path / "curve.json"
        self.curve_csv = self.path / "curve.csv"
        self.curve_md = self.path / "curve.md"
        self.picture = self.path / "curve"

    def point(self, digest: str) -> Path:
        """The file of a training."""
        return self.points / f"{digest[:32]}.json"

    def unfinished(self, digest: str) -> Path:
        """Where a training keeps its state."""
        return self.path / "unfinished" / digest[:32]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other commands out of the results folder. Raises as `ResultsFolder.held`."""
        self.experiment.check_layout()
        with hold(self.results):
            for folder in (self.results, self.path, self.points):
                clear_leftovers(folder)
            yield
