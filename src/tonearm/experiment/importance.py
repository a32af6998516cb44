"""What the models of an experiment listen to: families of columns shuffled, parts of clips muted, on evaluated clips.

Conventions
-----------
Each evaluated run judges the clips of its own test, as it did before, once as they are and once with a family of
columns shuffled among them (`evaluation.permutation`) or a part of them muted (`representations.muting`); all
folds together are the model's. Models of rows shuffle; those that read an encoder alone, whose columns have no
meaning one by one, and those of pictures are muted, which reads the clips' files again, and so takes a sample of them.
Where a run does not keep its model (the folds of `split.keep = "final"`), it is fitted again, on the same rows with
the same seed: the same model. Networks on pictures are fitted again only for those who name them.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import group_or_own, label_codes
from tonearm.errors import RunError
from tonearm.evaluation.permutation import Losses, Predict, correlated, drop, losses, shuffled_losses
from tonearm.experiment.importance_files import (
    COLUMNS,
    DropRecord,
    ModelImportance,
    digests_of,
    read_importance,
    write_importance,
)
from tonearm.experiment.inputs import ModelInputs
from tonearm.experiment.jobs import Job, fit_job
from tonearm.experiment.muted import muted_inputs
from tonearm.experiment.outlook import outlooks
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.reopened import Reopened, reopen
from tonearm.experiment.runs import load_run, probabilities, read_calibration, read_facts
from tonearm.experiment.trust import Trust, telling_what_to_trust, trusted_sources
from tonearm.models import reads, takes
from tonearm.representations.column_families import column_families
from tonearm.representations.encoders.locate import is_encoder
from tonearm.runtime.files import remove_empty
from tonearm.runtime.owncode import distrusting, trusting
from tonearm.runtime.progress import Counting, quietly
from tonearm.runtime.threads import one_thread
from tonearm.wording import count

if TYPE_CHECKING:
    import pandas as pd

SHUFFLES, MOST_CLIPS, MOST_MUTED, SEED = 10, 2_000, 100, 0
SHOWN_PAIRS = 3


@dataclass
class _Changed:
    """Losses of each clip summed over the runs that tested it, by what was changed; "" for nothing.

    Arrays have one place for each clip of the experiment.
    """

    clips: int

    def __post_init__(self) -> None:
        self.sums: dict[str, NDArray[np.float64]] = {}
        self.runs = np.zeros(self.clips)

    def add(self, name: str, rows: NDArray[np.intp], found: Losses) -> None:
        """Add the losses of some clips. rows: their numbers."""
        sums = self.sums.setdefault(name, np.zeros((2, self.clips)))
        sums[0, rows] += found.right
        sums[1, rows] += found.surprise
        if not name:
            self.runs[rows] += 1

    def of(self, name: str) -> Losses:
        """Mean losses over the runs, of the clips that were tested."""
        tested = self.runs > 0
        return Losses(*(self.sums[name][:, tested] / self.runs[tested]))


def measure_importance(
    folder: str | Path,
    models: Sequence[str] = (),
    clips: int | None = None,
    shuffles: int = SHUFFLES,
    tell: Callable[[str], None] = lambda line: None,
    counting: Counting = quietly,
    workers: int = 1,
    trust: Trust = (),
) -> tuple[ModelImportance, ...]:
    """The importance of what the models of an experiment read; what is done already is read from the folder.

    models: names, by default all but networks on pictures that would have to be trained again. clips: of each model at
    most, by default MOST_CLIPS, and MOST_MUTED where parts are muted. workers: processes that read muted clips. trust:
    files, or modules, of the user's own code that a model needs and may execute. Raises RunError where a model is not
    there, or the rows, sounds or trusted code of one that was named are not.
    """
    experiment = reopen(folder)
    unknown = [name for name in models if name not in experiment.ranking]
    if unknown:
        raise RunError(f"{folder}: {unknown[0]!r} is not a trained model of it: {', '.join(experiment.ranking)}")
    wanted = [name for name in experiment.ranking if not models or name in models]
    chosen = [name for name in wanted if models or _affordable(experiment, name, tell)]
    with experiment.folder.held(tell=tell):
        known = {one.model: one for one in read_importance(experiment.folder.path, experiment.runs)}
        for name in chosen:
            measure = _Measurement(experiment, name, clips, shuffles, tell, counting, workers)
            if name in known and known[name].asked == measure.asked:
                continue
            first = experiment.folder.path / experiment.runs[name].evaluated[0]
            facts = read_facts(first)
            allowed = trusted_sources(first, facts, trust)
            try:
                with distrusting(), trusting(allowed), telling_what_to_trust(first, facts):
                    known[name] = measure.result()
            except RunError as error:
                if models:
                    raise
                tell(f"note: {name} is left out: {error}")
                continue
            found = [known[each] for each in experiment.ranking if each in known]
            write_importance(experiment.folder.path, found, experiment.ranking)
    return tuple(known[name] for name in chosen if name in known)


def importance_frame(folder: str | Path, models: Sequence[str] = (), trust: Trust = ()) -> "pd.DataFrame":
    """What `measure_importance` gives, as a table with the columns of importance.csv."""
    import pandas as pd

    rows = [row for one in measure_importance(folder, models, trust=trust) for row in one.rows()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _affordable(experiment: Reopened, model: str, tell: Callable[[str], None]) -> bool:
    """Whether a model is looked at without being named."""
    settings, runs = experiment.settings(model), experiment.runs[model].evaluated
    if takes(settings) == "rows" or all(read_facts(experiment.folder.path / run).kept for run in runs):
        return True
    tell(
        f"note: {model} is left out, since the networks of its folds are not kept and would be trained again; "
        f"--model {model} does it"
    )
    return False


class _Measurement:
    """One model's importance. asked: what its numbers depend on beside the runs."""

    def __init__(
        self,
        experiment: Reopened,
        model: str,
        clips: int | None,
        shuffles: int,
        tell: Callable[[str], None],
        counting: Counting,
        workers: int,
    ) -> None:
        self.experiment, self.model = experiment, model
        self.settings = experiment.settings(model)
        self.muted = takes(self.settings) == "images" or all(map(is_encoder, reads(self.settings)))
        self.most = clips or (MOST_MUTED if self.muted else MOST_CLIPS)
        self.shuffles, self.tell, self.counting, self.workers = shuffles, tell, counting, workers
        self.asked = {"clips": self.most, "shuffles": 0 if self.muted else shuffles, "seed": SEED}
        self.notes: list[str] = []

    def result(self) -> ModelImportance:
        """Measure it."""
        data = self.experiment.inputs(self.model)
        runs = self.experiment.runs[self.model]
        jobs = [self.experiment.job(self.model, run) for run in runs.evaluated]
        for job in jobs:
            self.experiment.check(job, data)
        for line in outlooks((job, data) for job in jobs if not read_facts(job.folder).kept):
            self.tell(line)
        evaluated = np.unique(np.concatenate([job.split.judged for job in jobs]))
        sample = self._sample(evaluated)
        with one_thread():  # as in training and prediction, for their bits
            changed, columns = self._mute(jobs, data, sample) if self.muted else self._shuffle(jobs, data, sample)
        tested = changed.runs > 0
        clips = self.experiment.clips
        groups = group_or_own(clips.groups[tested], clips.names[tested])
        before = changed.of("")
        drops = [
            DropRecord.of(name, columns.get(name, 0), drop(before, changed.of(name), groups))
            for name in changed.sums
            if name
        ]
        return ModelImportance(
            model=self.model,
            runs=digests_of(runs),
            how="muted" if self.muted else "shuffled",
            asked=self.asked,
            clips=int(tested.sum()),
            evaluated=len(evaluated),
            groups=len(set(groups)),
            accuracy=float(before.right.mean()),
            log_loss=float(before.surprise.mean()),
            drops=tuple(drops),
            notes=tuple(self.notes),
        )

    def _sample(self, evaluated: NDArray[np.intp]) -> NDArray[np.intp]:
        if len(evaluated) <= self.most:
            return evaluated
        return np.sort(np.random.default_rng(SEED).choice(evaluated, self.most, replace=False))

    def _shuffle(
        self, jobs: Sequence[Job], data: ModelInputs, sample: NDArray[np.intp]
    ) -> tuple[_Changed, Mapping[str, int]]:
        dataset = data.of(self.settings)
        names = np.array(column_families(dataset.representation, dataset.columns))
        families = {str(name): np.flatnonzero(names == name) for name in dict.fromkeys(names)}
        changed = _Changed(len(dataset))
        with self.counting(f"{self.model}, shuffles", "families") as progress:
            for number, job in enumerate(jobs):
                rows = np.intersect1d(job.split.judged, sample)
                if not len(rows):
                    continue
                predict, codes = self._predict(job, data, rows)
                X, generator = dataset.X[rows], np.random.default_rng([SEED, number])
                before = losses(predict(X), codes)
                self._note_other(job, rows, before)
                changed.add("", rows, before)
                for place, (name, columns) in enumerate(families.items(), start=1):
                    after = shuffled_losses(predict, X, codes, before, columns, self.shuffles, generator)
                    changed.add(name, rows, after)
                    progress(number * len(families) + place, len(jobs) * len(families), 0)
        self._note_correlated(dataset.X[changed.runs > 0], families)
        return changed, {name: len(columns) for name, columns in families.items()}

    def _mute(
        self, jobs: Sequence[Job], data: ModelInputs, sample: NDArray[np.intp]
    ) -> tuple[_Changed, Mapping[str, int]]:
        changed = _Changed(len(self.experiment.clips.names))
        muted = muted_inputs(self.experiment, jobs[0], data, sample, self.counting, self.workers)
        self.notes += muted.notes
        for job in jobs:
            rows = np.intersect1d(job.split.judged, muted.rows)
            if not len(rows):
                continue
            predict, codes = self._predict(job, data, rows)
            for name, inputs in muted.of(rows).items():
                changed.add(name, rows, losses(predict(inputs), codes))
        return changed, {}

    def _predict(self, job: Job, data: ModelInputs, rows: NDArray[np.intp]) -> tuple[Predict, NDArray[np.intp]]:
        """The run's calibrated probabilities of inputs, and the columns of the truth of these clips."""
        facts = read_facts(job.folder)
        calibration = read_calibration(job.folder, facts)
        temperature = calibration.temperature if calibration else 1.0
        codes = label_codes(self.experiment.clips.labels[rows], facts.labels)
        if facts.kept:
            kept = load_run(job.folder).classifier
            return (lambda X: probabilities(kept, X, facts.labels, temperature)), codes
        again = fit_job(job, data, self.experiment.config, self.counting)
        shutil.rmtree(job.unfinished, ignore_errors=True)  # its state, with which a killed command goes on
        remove_empty(self.experiment.folder.unfinished())
        return (lambda X: probabilities(again, X, facts.labels, temperature)), codes

    def _note_other(self, job: Job, rows: NDArray[np.intp], before: Losses) -> None:
        """Say where the model is not to the last bit the one that was evaluated, as on another machine."""
        table = read_predictions(job.folder)
        right = dict(zip(table.names, table.truth == table.predictions, strict=True))
        names = self.experiment.clips.names[rows]
        other = sum(bool(right[name]) != bool(now) for name, now in zip(names, before.right, strict=True))
        if other:
            clips = count(other, "clip", "is", "are")
            self.notes.append(f"{job.split.name}: {clips} answered otherwise than when the model was evaluated")

    def _note_correlated(self, X: NDArray[np.float64], families: Mapping[str, NDArray[np.intp]]) -> None:
        pairs = correlated(X, families)
        if not pairs:
            return
        some = ", ".join(f"{one} and {other}" for one, other, _ in pairs[:SHOWN_PAIRS])
        rest = f" and {count(len(pairs) - SHOWN_PAIRS, 'other pair')}" if len(pairs) > SHOWN_PAIRS else ""
        self.notes.append(f"correlated families ({some}{rest}): one that drops nothing may be carried by another")
