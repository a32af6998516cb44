"""A scikit-learn estimator of this Python process, judged beside the models of an experiment that is done."""

import hashlib
from typing import TYPE_CHECKING, Any

from tonearm.config import Config, parse_config
from tonearm.errors import ConfigError
from tonearm.models import reads
from tonearm.models.python import PythonSettings
from tonearm.runtime.owncode import ADDED, Source, offer

if TYPE_CHECKING:
    from tonearm.experiment.experiment import Experiment


def add_estimator(experiment: "Experiment", name: str, estimator: Any, reading: str | tuple[str, ...]) -> "Experiment":
    """The experiment with one more model: trained and judged on the same rows of the same parts; written like others.

    Nothing else is trained again. Raises ConfigError where the name is another model's, or the estimator is not a
    classifier with probabilities.
    """
    from tonearm.experiment.experiment import run_experiment

    if experiment.config is None or experiment.data is None:
        raise ConfigError(
            "this experiment was not run in this process; run it again, which trains nothing that is there"
        )
    settings = PythonSettings(object=_offered(name, estimator), reads=reading)
    if experiment.config.models.get(name, settings) != settings:
        raise ConfigError(f"{name!r} is a model of {experiment.out} already; choose another name")
    sections = {section: getattr(experiment.config, section) for section in Config.model_fields}
    config = parse_config({**sections, "models": {**experiment.config.models, name: settings}})
    known = set(reads(settings)) <= set(experiment.data.datasets)
    return run_experiment(config, experiment.out, data=experiment.data if known else None)


def _offered(name: str, estimator: Any) -> str:
    """The text by which the estimator, unfitted, is known in this process. Raises ConfigError if it is none."""
    import joblib
    from sklearn.base import clone

    try:
        unfitted = clone(estimator)
        digest = hashlib.sha256(joblib.hash(unfitted).encode()).hexdigest()
    except Exception as error:  # whatever somebody's estimator raises where it is copied
        said = " ".join(str(error).split())
        raise ConfigError(
            f"{name!r} is not an unfitted scikit-learn estimator ({type(error).__name__}: {said})"
        ) from error
    text = f"{ADDED}:{type(estimator).__name__}_{digest[:16]}"
    offer(Source(text, digest, value=unfitted))
    return text
