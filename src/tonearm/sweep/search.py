"""A search: Optuna chooses the settings of the next trials from the scores of those before.

Conventions
-----------
Trials are chosen `batch` at a time and their results told in the order of their choice, so that the number of
workers changes nothing. Optuna keeps nothing on the disk: a search that is started again chooses the same trials,
finds the finished ones in their files, and goes on after them. What is searched for is the highest validation
accuracy. T. Akiba et al., "Optuna", KDD 2019.
"""

import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tonearm.errors import ConfigError
from tonearm.settings import SearchRange, SweepSettings
from tonearm.sweep.grid import Values
from tonearm.sweep.trials import Limits, Trial, median_limits

if TYPE_CHECKING:
    import optuna

Run = Callable[[Sequence[Values], Limits], list[Trial]]


def search(settings: SweepSettings, seed: int, run: Run) -> list[Trial]:
    """All trials of the search in the order of their choice, each choice of values once.

    run: from values and the median rule's limits to trials. Raises ConfigError where Optuna is not installed.
    """
    study = _study(settings, seed)
    found: dict[str, Trial] = {}
    end = time.monotonic() + 60 * settings.minutes
    asked = 0
    while asked < settings.trials and not (asked and settings.minutes and time.monotonic() >= end):
        asks = [study.ask() for _ in range(min(settings.batch, settings.trials - asked))]
        asked += len(asks)
        choices = [{path: _suggest(ask, path, place) for path, place in settings.search.items()} for ask in asks]
        new = {_key(values): values for values in choices if _key(values) not in found}
        limits = median_limits(list(found.values())) if settings.prune else ()
        found |= dict(zip(new, run(list(new.values()), limits), strict=True))
        for ask, values in zip(asks, choices, strict=True):
            _tell(study, ask, found[_key(values)])
    return list(found.values())


def _study(settings: SweepSettings, seed: int) -> "optuna.Study":
    if importlib.util.find_spec("optuna") is None:
        raise ConfigError('sweep.search needs optuna, which is not installed; pip install "tonearm[sweep]"')
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    return optuna.create_study(direction="maximize", sampler=samplers[settings.sampler](seed=seed))


def _suggest(ask: "optuna.Trial", path: str, place: SearchRange) -> Any:
    """A value of the range; choices by their number, since Optuna takes no lists."""
    if place.choices:
        return place.choices[ask.suggest_categorical(path, range(len(place.choices)))]
    low, high = place.low, place.high
    if isinstance(low, int) and isinstance(high, int):
        return ask.suggest_int(path, low, high, log=place.log)
    assert low is not None  # checked by SearchRange
    assert high is not None
    return ask.suggest_float(path, low, high, log=place.log)


def _tell(study: "optuna.Study", ask: "optuna.Trial", trial: Trial) -> None:
    from optuna.trial import TrialState

    if trial.state == "done":
        study.tell(ask, trial.score("accuracy"))
    else:
        study.tell(ask, state=TrialState.PRUNED if trial.state == "pruned" else TrialState.FAIL)


def _key(values: Values) -> str:
    return json.dumps(values, sort_keys=True)
