"""What a sweep found: all trials, the winner, and the ranked table.

Conventions
-----------
The table has one row for each trial, best first, then those that were skipped, pruned or failed, in the order of their
choice. Scores are of the validation clips. The intervals are those of one trial (95 %, by resampled groups); the best
of many trials is flattered by the choice, which is why the winner is evaluated on the test.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.config import Config
from tonearm.data.dataset import Dataset, group_or_own
from tonearm.evaluation.compare import SIGNIFICANCE
from tonearm.evaluation.scores import Scores
from tonearm.evaluation.sign_flips import max_t
from tonearm.evaluation.uncertainty import sums_by_group
from tonearm.experiment.records import from_bits
from tonearm.published import columns
from tonearm.splits.parts import Division
from tonearm.sweep.grid import axes, published_figures, short_names, show
from tonearm.sweep.trials import Trial

PUBLISHED_MEANING = (
    "Published: figures of others on their own clips, their accuracy on their own test (`sweep.published`); only the "
    "same clips, split alike, compare."
)
SCORES = ("accuracy", "precision", "recall", "f1", "log_loss")
MOST_TESTED = 1_000  # trials, half a million pairs


@dataclass(frozen=True)
class Nested:
    """Scores of the folds' winners, each on its own test clips, and the values that each fold chose."""

    scores: Scores
    chosen: tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True)
class Results:
    """All trials in the order of their choice. judged_clips: that score a trial. winner: run folder, None without.

    nested: what judges the choosing, where the sweep has outer folds. p: of each ranked trial being as good as the
    winner, tested on the clips that chose it, corrected for all pairs of trials; () where nothing was tested.
    """

    config: Config
    model: str
    division: Division
    trials: tuple[Trial, ...]
    judged_clips: int
    winner: Path | None = None
    nested: Nested | None = None
    p: tuple[float, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The swept settings."""
        return tuple(self.config.sweep.grid or self.config.sweep.search)

    @property
    def ranked(self) -> list[Trial]:
        """The trials that were scored, best first: by validation accuracy, then by log loss."""
        done = [trial for trial in self.trials if trial.state == "done"]
        return sorted(done, key=lambda trial: (-trial.score("accuracy"), trial.score("log_loss")))

    @property
    def published(self) -> dict[int, dict[str, float | str]]:
        """Published figures, title by title, by the place of their trial."""
        settings = self.config.sweep
        return published_figures(settings, [trial.values for trial in self.trials]) if settings.published else {}

    @property
    def alike(self) -> int:
        """Scored trials beside the winner that the test does not tell from it."""
        return sum(not p < SIGNIFICANCE for p in self.p[1:])

    @property
    def failed(self) -> int:
        """Trials that could not be trained."""
        return sum(trial.state == "failed" for trial in self.trials)


def table(results: Results) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of sweep.csv; lists of a setting are written as JSON."""
    names = short_names(results.paths)
    header = ["rank", "trial", *names.values(), "state", *(f"valid_{score}" for score in SCORES), "low", "high"]
    header += [f"train_{score}" for score in SCORES[:-1]] + ["trained_epochs", "best_epoch", "train_seconds", "reason"]
    header += ["p_against_winner"]
    published = results.published
    beside = columns(published.values())
    header += beside
    rows = []
    for rank, trial in enumerate(ordered(results), start=1):
        done = trial.state == "done"
        values = [_cell(trial.values[path]) for path in results.paths]
        scores = [trial.score(score) if done else None for score in SCORES]
        learned = [trial.score(score, "train") if done else None for score in SCORES[:-1]]
        number = next(place for place, one in enumerate(results.trials, start=1) if one is trial)
        p = results.p[rank - 1] if done and results.p and np.isfinite(results.p[rank - 1]) else None
        ends = [trial.epochs, trial.best_epoch, trial.seconds, trial.reason, p]
        row = [rank if done else None, number, *values, trial.state, *scores, *trial.interval, *learned, *ends]
        theirs = published.get(number - 1, {})
        rows.append([*row, *(theirs.get(title) for title in beside)])
    return header, rows


def p_against_winner(ranked: Sequence[Trial], judged: Dataset) -> tuple[float, ...]:
    """Of each trial being as good as the first, corrected for all pairs; () for one trial, or more than `MOST_TESTED`.

    judged: the clips that score a trial, in the order of its answers.
    """
    if not 2 <= len(ranked) <= MOST_TESTED:
        return ()
    right = np.stack([from_bits(trial.right) for trial in ranked], axis=1).astype(np.float64)
    return tuple(max_t(sums_by_group(right, group_or_own(judged.groups, judged.names)))[0].tolist())


def ordered(results: Results) -> list[Trial]:
    """The scored trials, best first, then all others in the order of their choice."""
    return [*results.ranked, *(trial for trial in results.trials if trial.state != "done")]


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value


def crossed_axes(results: Results) -> tuple[tuple[str, list[str]], tuple[str, list[str]]] | None:
    """Title and values of the two axes that are crossed, as a person reads them, where it is two."""
    grid, found = results.config.sweep.grid, axes(results.config.sweep)
    if len(found) != 2:
        return None
    names = short_names(results.paths)
    rows, columns = (
        (
            " / ".join(names[path] for path in axis),
            [" / ".join(map(show, values)) for values in zip(*(grid[path] for path in axis), strict=True)],
        )
        for axis in found
    )
    return rows, columns
