"""The user's own models of a config: their code is found and tried before anything is computed."""

import contextlib

from tonearm.config import Config
from tonearm.errors import ConfigError, ModelError
from tonearm.models import ModelSettings
from tonearm.models.python import PythonSettings, build, source_of
from tonearm.runtime.owncode import CodeError, Source, trusting
from tonearm.settings import TrainSettings


def code_of(name: str, settings: ModelSettings) -> Source | None:
    """The code of a model, None for one of tonearm's. Raises ConfigError, which names the setting."""
    try:
        return source_of(settings)
    except CodeError as error:
        raise _named(name, settings, error) from error


def own_models(config: Config) -> dict[str, Source]:
    """The code of each model of the user's own. Raises ConfigError where it does not give what it should.

    A network whose shape depends on the rows is first made when it is trained.
    """
    found = {name: source for name, settings in config.models.items() if (source := code_of(name, settings))}
    for name, source in found.items():
        _try(name, config.models[name], source, config.train)
    return found


def _try(name: str, settings: ModelSettings, source: Source, train: TrainSettings) -> None:
    assert isinstance(settings, PythonSettings)
    try:
        # without torch the model fails as others do that need it
        with trusting([source]), contextlib.suppress(ModelError):
            build(settings, train)
    except CodeError as error:
        raise _named(name, settings, error) from error


def _named(name: str, settings: ModelSettings, error: CodeError) -> ConfigError:
    return ConfigError(f"models.{name}.object = {settings.model_dump()['object']!r}: {error}")
