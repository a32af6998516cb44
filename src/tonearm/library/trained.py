"""The settings that a run was trained with: the aliases of its genres, and the folder that it learned from."""

import tomllib
from pathlib import Path

from tonearm.config import Config, parse_config
from tonearm.errors import ConfigError
from tonearm.experiment.records import ADVICE, DamagedError, read_words
from tonearm.experiment.runs import CONFIG_TOML
from tonearm.runtime.owncode import distrusting


def trained_config(folder: Path) -> Config:
    """The config of a run folder; paths as they were given. Raises DamagedError."""
    path = folder / CONFIG_TOML
    try:
        with distrusting():  # what the config of a run names is not executed
            return parse_config(tomllib.loads(read_words(path, ADVICE)))
    except (ConfigError, ValueError) as error:
        raise DamagedError(f"{path}: is damaged ({error}); {ADVICE}") from error
