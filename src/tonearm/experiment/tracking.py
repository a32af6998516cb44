"""The numbers of each training, written also for TensorBoard and MLflow.

Conventions
-----------
Both are off unless `[track]` names them, and what they are told stays where that says: no account, no report to
the makers of these tools. Epochs go there through skorch's own callbacks, while they happen; models that have no
epochs have their scores only. What they are told changes no result.
"""

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tonearm.errors import ConfigError, TonearmError
from tonearm.experiment.folder import ResultsFolder
from tonearm.settings import TrackSettings

SCORE = "score"  # what the names of the last scores begin with, since epochs have an accuracy, too


@dataclass
class Tracked:
    """One training that is followed. callbacks: skorch's, for the net. scores: what is told when it is over."""

    callbacks: list[Any] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)


def check_tracking(settings: TrackSettings) -> None:
    """Raise ConfigError where a package is missing, TonearmError where MLflow does not answer."""
    for wanted, package in ((settings.tensorboard, "tensorboard"), (settings.mlflow, "mlflow")):
        if wanted and importlib.util.find_spec(package) is None:
            raise ConfigError(f'track.{package} needs {package}: pip install "tonearm[{package}]"')
    if settings.mlflow:
        try:
            _mlflow_client(settings.mlflow).search_experiments(max_results=1)
        except Exception as error:  # each kind of store has errors of its own
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise TonearmError(f"track.mlflow = {settings.mlflow!r}: MLflow cannot be used there ({reason})") from error


@contextmanager
def tracked(settings: TrackSettings, out: Path, name: str, split: str, values: Mapping[str, Any]) -> Iterator[Tracked]:
    """Follow the training of the block.

    out: folder of the experiment, whose name is that of MLflow's experiment. name: of the model. values: settings
    that MLflow lists as parameters.
    """
    training = Tracked()
    with (
        _on_tensorboard(settings, ResultsFolder(out).tensorboard(name, split), training),
        _on_mlflow(settings, out.resolve().name, f"{name}/{split}", values, training),
    ):
        yield training


@contextmanager
def _on_tensorboard(settings: TrackSettings, folder: Path, training: Tracked) -> Iterator[None]:
    if not settings.tensorboard:
        yield
        return
    from skorch.callbacks import TensorBoard
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        training.callbacks.append(TensorBoard(writer, close_after_train=False, key_mapper=_chart))
        yield
        for name, value in training.scores.items():
            writer.add_scalar(f"{SCORE}/{name}", value)


def _chart(key: str) -> str:
    """TensorBoard's name of a number of an epoch: training and validation share a chart.

    >>> _chart("valid_loss"), _chart("learning_rate")
    ('loss/valid', 'training/learning_rate')
    """
    part, _, metric = key.partition("_")
    return f"{metric}/{part}" if part in ("train", "valid") else f"training/{key}"


@contextmanager
def _on_mlflow(
    settings: TrackSettings, experiment: str, name: str, values: Mapping[str, Any], training: Tracked
) -> Iterator[None]:
    if not settings.mlflow:
        yield
        return
    client = _mlflow_client(settings.mlflow)
    known = client.get_experiment_by_name(experiment)
    place = known.experiment_id if known else client.create_experiment(experiment)
    run = client.create_run(place, run_name=name)
    for key, value in values.items():
        client.log_param(run.info.run_id, key, value)
    if importlib.util.find_spec("skorch") is not None:
        from skorch.callbacks import MlflowLogger

        # the run folder holds the model; here are only numbers
        logger = MlflowLogger(run, client, create_artifact=False, terminate_after_train=False)
        training.callbacks.append(logger)
    try:
        yield
    except BaseException:
        client.set_terminated(run.info.run_id, "FAILED")
        raise
    for key, value in training.scores.items():
        client.log_metric(run.info.run_id, f"{SCORE}/{key}", value)
    client.set_terminated(run.info.run_id)


def _mlflow_client(uri: str) -> Any:
    # asked before the import: MLflow reports its use to its makers unless told not to
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)
