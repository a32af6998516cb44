"""Names of models in a config, which name folders too."""

import re
from collections.abc import Iterable

from tonearm.errors import ConfigError
from tonearm.runtime.system import unfit

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_names(names: Iterable[object]) -> None:
    """Raise ConfigError for a name that cannot be a folder's on every system, or is another's but for its case."""
    taken: dict[str, str] = {}
    for name in map(str, names):
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"models.{name}: a model's name is a folder's too: letters, digits, '.', '_' and '-' "
                "after a first letter or digit, at most 100"
            )
        if unfit(name):
            raise ConfigError(
                f"models.{name}: a model's name is a folder's too, and Windows allows none that {unfit(name)}; "
                "choose another one"
            )
        first = taken.setdefault(name.lower(), name)
        if first != name:
            raise ConfigError(
                f"models.{name}: another model is called {first}, and Windows and macOS take both for one folder; "
                "choose a name that differs in more than capital letters"
            )
