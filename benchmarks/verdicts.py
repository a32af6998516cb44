"""How often the verdict is wrong, and how often it finds a model that is worse: before (Holm) and now (max-T).

Simulated models answer clips of groups (artists), five a group; `tests/equal_models.py` says how. Where all are
equally good, every model that is called "behind" another is a mistake; at most 5 % of the experiments may hold one.
Before, each model was tested against the best one by resampling groups, and the p-values were corrected by Holm, which
does not know that the best was chosen on the same clips. Now all pairs are tested at once. Prints the two side by side.

    python benchmarks/verdicts.py [--experiments 500]
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonearm.evaluation.sign_flips import max_t
from tonearm.evaluation.uncertainty import holm, resampled, sums_by_group

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from equal_models import CLIPS_A_GROUP, simulated_answers

MODELS, GROUPS, LAGS = (2, 5, 10, 20), (30, 150), (0.05, 0.1, 0.2)
Verdict = Callable[[NDArray[np.float64]], NDArray[np.bool_]]  # sums by group and model to who is behind


def before(sums: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Each against the best: the spread of resampled groups around the observed difference, corrected by Holm."""
    groups, models = sums.shape
    clips = CLIPS_A_GROUP * groups
    drawn = resampled(sums) / clips
    accuracy = sums.sum(axis=0) / clips
    best = int(np.argmax(accuracy))
    others = [model for model in range(models) if model != best]
    p = []
    for other in others:
        observed = accuracy[best] - accuracy[other]
        noise = (drawn[:, best] - drawn[:, other] - observed) * np.sqrt(groups / (groups - 1))
        p.append((np.sum(np.abs(noise) >= observed - 1e-12) + 1) / (len(noise) + 1))
    behind = np.zeros(models, dtype=bool)
    behind[others] = np.array(holm(p)) < 0.05
    return behind


def now(sums: NDArray[np.float64]) -> NDArray[np.bool_]:
    """All pairs at once: behind is who is distinguishable from a better one."""
    total = sums.sum(axis=0)
    behind: NDArray[np.bool_] = ((max_t(sums) < 0.05) & (total[:, None] < total[None, :])).any(axis=1)
    return behind


def share(verdict: Verdict, experiments: int, models: int, groups: int, lag: float = 0.0, repeats: int = 1) -> float:
    """Of experiments in which somebody is behind, or where one is worse by `lag`, in which that one is."""
    found = 0
    for experiment in range(experiments):
        generator = np.random.default_rng([experiment, models, groups, repeats, round(100 * lag)])
        right, group = simulated_answers(generator, models, groups, lag, repeats)
        behind = verdict(sums_by_group(right.mean(axis=1), group.astype(object)))
        found += bool(behind[-1] if lag else behind.any())
    return found / experiments


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=500)
    experiments = parser.parse_args().experiments
    noise = 100 * np.sqrt(0.05 * 0.95 / experiments)
    print(f"{experiments} experiments in each cell; 5 % is measured to within {2 * noise:.1f} points\n")

    def line(title: str, *arguments: float) -> None:
        models, groups, lag, repeats = arguments
        both = [share(verdict, experiments, int(models), int(groups), lag, int(repeats)) for verdict in (before, now)]
        print(f"{title:<52} {both[0]:6.1%}  {both[1]:6.1%}", flush=True)

    print(f"{'all equally good; somebody is called behind':<52} before     now")
    for groups in GROUPS:
        for models in MODELS:
            line(f"  {models} models, {groups} groups", models, groups, 0.0, 1)
    line("  5 models, 40 groups, 5 repeats of the folds", 5, 40, 0.0, 5)
    line("  100 trials of a sweep, 60 groups", 100, 60, 0.0, 1)
    for lag in LAGS:
        print(f"\n{f'one is {100 * lag:.0f} points worse; it is called behind':<52} before     now")
        for groups in GROUPS:
            for models in MODELS:
                line(f"  {models} models, {groups} groups", models, groups, lag, 1)


if __name__ == "__main__":
    main()
