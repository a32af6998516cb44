"""One config to learning curves: every model trained on growing parts of its training clips, judged by the same ones.

Conventions
-----------
Clips are divided as `tonearm run` divides them, and validation and test parts stay as they are; so the last size of a
curve is the training that `tonearm run` does. Every training is kept (`points`); what is there is not trained again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm.config import Config, to_toml
from tonearm.curve.conclude import conclude
from tonearm.curve.folder import CurveFolder
from tonearm.curve.output import write_curve
from tonearm.curve.records import CurveRecord, PromiseRecord
from tonearm.curve.subsets import NO_ARTISTS, artist_codes, artists_known, axes
from tonearm.curve.trainings import Row, planned, train_all
from tonearm.curve.wording import markdown
from tonearm.errors import ConfigError, SplitError
from tonearm.experiment.experiment import divide_data
from tonearm.experiment.inputs import read_inputs
from tonearm.experiment.own import own_models
from tonearm.runtime.files import write_text
from tonearm.runtime.pool import check_visible
from tonearm.runtime.progress import Counting, quietly
from tonearm.settings import CurveAxis
from tonearm.splits.parts import Division

if TYPE_CHECKING:
    import pandas

Tell = Callable[[str], None]


@dataclass(frozen=True)
class LearningCurve:
    """What came out. record: sizes, accuracies and promises, as curve.json has them. rows: of curve.csv."""

    record: CurveRecord
    rows: tuple[Row, ...]

    @property
    def table(self) -> "pandas.DataFrame":
        """A row for each model, axis and size: artists, clips, accuracy, low, high, spread."""
        import pandas

        rows = [
            {"model": model.model, "by": axis.by, **size.model_dump(exclude={"interval"})}
            | dict(zip(("low", "high"), size.interval, strict=True))
            for model in self.record.models
            for axis in model.axes
            for size in axis.sizes
        ]
        return pandas.DataFrame(rows)

    @property
    def trainings(self) -> "pandas.DataFrame":
        """A row for each training: the columns of curve.csv."""
        import pandas

        return pandas.DataFrame(list(self.rows), columns=list(Row._fields))

    @property
    def text(self) -> str:
        """Tables and sentences: curve.md."""
        return markdown(self.record)

    def promise(self, model: str, by: CurveAxis = "artist") -> PromiseRecord | None:
        """The fitted law and what it gives for twice as many, None where nothing is promised; `text` says why.

        Raises ConfigError where there is no such model or axis.
        """
        found = {(one.model, axis.by): axis.promise for one in self.record.models for axis in one.axes}
        if (model, by) not in found:
            known = ", ".join(f"{name} by {axis}" for name, axis in found)
            raise ConfigError(f"there is no curve of {model!r} by {by!r}; known: {known}")
        return found[model, by]

    @property
    def failed(self) -> int:
        """Number of trainings that failed."""
        return sum(row.state == "failed" for row in self.rows)


def run_curve(
    config: Config, out: Path, tell: Tell = lambda line: None, counting: Counting = quietly, workers: int = 1
) -> LearningCurve:
    """Train every model of the config on every subset that is not there yet; write everything to `out`/curve.

    out: a results folder of `tonearm run`, or a new one. tell, counting, workers: as for `run_experiment`; trainings
    run side by side by `config.train.workers`. Raises ConfigError, CatalogError and SplitError where nothing can be
    trained or judged; a training's own failure is a row.
    """
    if config.train.accelerate:
        raise ConfigError("train.accelerate is for `tonearm run`; a curve trains side by side, with train.workers")
    own = own_models(config)
    folder = CurveFolder(out)
    with folder.held():
        check_visible([config.data.folder, out])
        data = read_inputs(config, out, counting, workers)
        for note in data.notes:
            tell(f"note: {note}")
        division, warnings = divide_data(data, config)
        tell(division.sentence)
        _check_judged(division)
        notes = [*([] if artists_known(data.clips) else [NO_ARTISTS])]
        notes += [line.removeprefix("warning: ") for line in warnings]
        for note in notes:
            tell(f"note: {note}")
        found = axes(data.clips, division.splits, config.curve, config.split.seed)
        write_text(folder.config_toml, to_toml(config))
        each = (planned(name, own.get(name), found, data, config, division, folder) for name in config.models)
        trainings = [one for of_model in each for one in of_model]
        points = train_all(trainings, data, config, tell, counting)
        artists = artist_codes(data.clips)
        rows = tuple(row for one in trainings for row in one.rows(artists, points))
        record = conclude(data.clips, division, trainings, points, config.curve.repeats, notes)
        write_curve(folder, record, rows)
    return LearningCurve(record, rows)


def _check_judged(division: Division) -> None:
    for split in division.splits:
        if not len(split.judged):
            raise SplitError(f"split {split.name}: no clip judges; set split.test above 0, or split.folds = 5")
