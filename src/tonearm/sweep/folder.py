"""The owner of a sweep's folder; `experiment.folder` says what it has in common with an experiment's.

Conventions
-----------
```
layout.json, config.toml, splits.csv, report/    as in an experiment's folder
features/, …       what the models read; data/<key>/ where settings of audio, features or pictures are swept
trials/            one file for each trial; unfinished/ the state of trainings that were killed
sweep.csv/.parquet/.md/.json, heatmap.* or parallel.*
winner/            a run folder, as `tonearm run` makes one
fold1/ …, nested/  with split.folds: the folder of each fold's own sweep, and all winners' predictions of their tests
```
"""

from pathlib import Path

from tonearm.experiment.folder import LEADERBOARD_JSON, SWEEP_JSON, ModelRuns, ResultsFolder

WINNER, NESTED = "winner", "nested"


class SweepFolder(ResultsFolder):
    """The folder of `tonearm sweep`, or of one of its folds."""

    kind = "sweep"
    foreign = (LEADERBOARD_JSON,)

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.sweep_json = self.path / SWEEP_JSON
        self.sweep_csv = self.path / "sweep.csv"
        self.sweep_parquet = self.path / "sweep.parquet"
        self.sweep_md = self.path / "sweep.md"
        self.heatmap, self.parallel = self.path / "heatmap", self.path / "parallel"
        self.trials = self.path / "trials"
        self.winner, self.nested = self.path / WINNER, self.path / NESTED

    def fold(self, name: str) -> "SweepFolder":
        """The folder of a fold's own sweep."""
        return SweepFolder(self.path / name)

    def data(self, key: str) -> Path:
        """What the models read under swept settings of its making."""
        return self.path / "data" / key

    def plan(self, model: str, digest: str) -> dict[str, ModelRuns]:
        """The only run of a sweep, by its model."""
        return {model: ModelRuns((WINNER,), WINNER, WINNER, {WINNER: digest})}
