"""The training clips that are nearest to a clip, as its model sees them: does the genre decide, or the artist's sound?

Conventions
-----------
Of rows of numbers it is the columns, standardised on the run's own training clips: logistic regression, SVM and MLP
see exactly these, and the scaler that is fitted here again on the same rows has the same numbers as theirs. (Trees see
only the order of each column, which has no distance, and are shown the same.) Of pictures it is what the network's
last layer reads, where the run keeps its network; the folds of `split.keep = "final"` do not, and then it is the
logarithms of the fold's own probabilities. A clip is compared with the training clips of the run that had it in its
test, so neither the clip itself nor another clip of its artist is among them where the split is by artist.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.pictures import open_pack
from tonearm.errors import RunError
from tonearm.evaluation.nearest import Standardised, nearest, usual_distance
from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.jobs import Job
from tonearm.experiment.lookup import owner_of
from tonearm.experiment.named_neighbours import Neighbour
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.reopened import Clips, Reopened, reopen
from tonearm.experiment.runs import load_run, read_facts
from tonearm.models import takes
from tonearm.runtime.remote import inside, is_url
from tonearm.training.contract import Embeds

SMALLEST_PROBABILITY = 1e-6  # whose logarithm still says something
PICTURES_AT_A_TIME = 128
COLUMNS_SPACE = "columns standardised on the training clips"
LAYER_SPACE = "what the network's last layer reads"
LOGARITHMS_SPACE = "logarithms of the run's probabilities, since its network is not kept"


@dataclass(frozen=True)
class TrainingClips:
    """The training clips of a run as points. values: shape (clips, columns). space: what the columns are.

    typical: median distance to the nearest other training clip. scaler: of rows, None for other spaces.
    """

    clips: Clips
    values: NDArray[np.float64]
    typical: float
    space: str
    scaler: Standardised | None = None
    model: Embeds | None = None

    def near(self, points: NDArray[np.float64], count: int) -> list[tuple[Neighbour, ...]]:
        """The nearest training clips of each point, the nearest first. points: shape (any, columns)."""
        found, distances = nearest(points, self.values, count)
        return [
            tuple(self._neighbour(int(row), float(distance)) for row, distance in zip(*pair, strict=True))
            for pair in zip(found, distances, strict=True)
        ]

    def near_inputs(self, X: NDArray[Any], count: int) -> list[tuple[Neighbour, ...]]:
        """The nearest training clips of rows or pictures as the model takes them. Raises RunError of no such space."""
        if self.scaler is not None:
            return self.near(self.scaler(X), count)
        if self.model is None:
            raise RunError(f"the model gives no points for new pictures ({self.space}), so no clip is near them")
        return self.near(_embedded(self.model, X), count)

    def _neighbour(self, row: int, distance: float) -> Neighbour:
        clips = self.clips
        relative = distance / self.typical if self.typical > 0 else float("nan")
        return Neighbour(str(clips.names[row]), str(clips.labels[row]), str(clips.groups[row]), distance, relative)


def training_clips(job: Job, data: ModelInputs) -> TrainingClips:
    """The training clips of a run as points. job, data: as `reopened` gives them, checked."""
    dataset, train = data.of(job.settings), job.split.train
    clips = Clips(dataset.names[train], dataset.labels[train], dataset.groups[train])
    if takes(job.settings) == "rows":
        scaler = Standardised.fit(dataset.X[train])
        values = scaler(dataset.X[train])
        return TrainingClips(clips, values, usual_distance(values), COLUMNS_SPACE, scaler)
    model: object = load_run(job.folder).classifier if read_facts(job.folder).kept else None
    if isinstance(model, Embeds):
        values = _embedded(model, pixels(data, job, train))
        return TrainingClips(clips, values, usual_distance(values), LAYER_SPACE, None, model)
    values = _logarithms(job, dataset.names[train])
    return TrainingClips(clips, values, usual_distance(values), LOGARITHMS_SPACE)


def near_clips(
    experiment: Reopened, model: str, names: Sequence[str], count: int
) -> tuple[dict[str, tuple[Neighbour, ...]], str]:
    """The nearest training clips of evaluated clips, by name, each from the run that tested it, and in which space.

    Of repeated folds the first repeat counts. Raises RunError where the rows are not there any more.
    """
    data = experiment.inputs(model)
    wanted, found, space = set(names), dict[str, tuple[Neighbour, ...]](), ""
    for run in experiment.runs[model].evaluated:
        if not wanted:
            break
        job = experiment.job(model, run)
        own = [row for row in job.split.judged if data.clips.names[row] in wanted]
        if not own:
            continue
        experiment.check(job, data)
        train, rows = training_clips(job, data), np.array(own)
        space = train.space
        if train.scaler is not None:
            points = train.scaler(data.of(job.settings).X[rows])
        elif train.model is not None:
            points = _embedded(train.model, pixels(data, job, rows))
        else:
            points = _logarithms(job, data.clips.names[rows])
        near = dict(zip(data.clips.names[rows], train.near(points, count), strict=True))
        found |= near
        wanted -= set(near)
    return found, space


@lru_cache(maxsize=4)  # two runs may be compared side by side
def training_clips_of(folder: Path, digest: str) -> TrainingClips:
    """The training clips of a run folder inside its experiment. digest: of the run, so that a new one is read anew.

    Raises RunError where the folder is a copy, its experiment's rows are not there, or they are of something else.
    """
    owner = owner_of(folder)
    if owner is None:
        raise RunError(
            f"{folder}: --neighbours needs the rows of the training clips, and a copied run folder does not hold them; "
            "name the run inside the folder that `tonearm run` wrote"
        )
    experiment = reopen(owner.path)
    folder = folder if is_url(folder) else folder.resolve()
    run, model = inside(owner.path, folder).as_posix(), experiment.folder.model_of(folder)
    job, data = experiment.job(model, run), experiment.inputs(model)
    experiment.check(job, data)
    return training_clips(job, data)


def pixels(data: ModelInputs, job: Job, rows: NDArray[np.intp]) -> NDArray[Any]:
    """The pictures of clips, shape (rows,) of arrays (height, width, 3), from the pack of their pixels."""
    cache = data.cache_dir(job.settings)
    assert cache is not None
    pack, paths = open_pack(cache), data.of(job.settings).X[rows]
    pictures = np.empty(len(rows), dtype=object)
    pictures[:] = [pack.picture(pack.places[path]) for path in paths]
    return pictures


def _embedded(model: Embeds, pictures: NDArray[Any]) -> NDArray[np.float64]:
    blocks = [
        model.embed(pictures[start : start + PICTURES_AT_A_TIME])
        for start in range(0, len(pictures), PICTURES_AT_A_TIME)
    ]
    return np.concatenate(blocks)


def _logarithms(job: Job, names: NDArray[np.object_]) -> NDArray[np.float64]:
    """Logarithms of a run's probabilities of clips, shape (clips, labels)."""
    table = read_predictions(job.folder)
    place = {name: row for row, name in enumerate(table.names)}
    rows = table.probabilities[[place[name] for name in names]]
    return np.log(np.maximum(rows, SMALLEST_PROBABILITY))
