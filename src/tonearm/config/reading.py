"""Whether models can read what their settings name."""

from collections.abc import Iterable

from tonearm.errors import ConfigError
from tonearm.models import MODELS, ModelSettings, reads, takes
from tonearm.representations.encoders.locate import check_layer
from tonearm.representations.encoders.registry import ENCODERS
from tonearm.representations.registry import REPRESENTATIONS, kind_of
from tonearm.wording import nearest


def check_reads(name: str, settings: ModelSettings) -> None:
    """Raise ConfigError where model `name` reads a representation that does not exist or that it cannot take."""
    names = reads(settings)
    if MODELS[settings.type].takes == "any" and (not names or kind_of(names[0]) is None):
        wanted, suited = "rows or images", list(REPRESENTATIONS)
    else:
        wanted = takes(settings)
        suited = [known for known, kind in REPRESENTATIONS.items() if kind.gives == wanted]
    for reading in names:
        ENCODERS.check_clash(reading.partition(":")[0])
        kind = kind_of(reading)
        if kind is None:
            raise ConfigError(f"models.{name}.reads: {reading!r} is not a representation; {nearest(reading, suited)}")
        if kind.gives != wanted:
            raise ConfigError(
                f"models.{name}.reads: {settings.type} takes {wanted}, and {reading!r} gives {kind.gives}; {wanted} "
                f"are given by {', '.join(suited)}"
            )
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"models.{name}.reads = {list(names)}: name one representation, or several different ones")
    if wanted == "images" and len(names) > 1:
        raise ConfigError(f"models.{name}.reads: {settings.type} takes images, which cannot be joined; name one")


def check_layers(models: Iterable[ModelSettings], layer: str) -> None:
    """Raise ConfigError where a model reads an encoder's layer that it lacks. layer: that of `[encoders]`."""
    for settings in models:
        for name in reads(settings):
            check_layer(name, layer)
