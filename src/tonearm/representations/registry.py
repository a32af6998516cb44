"""All representations: the name in a model's `reads` → how it is built from a config and restored from a run.

Conventions
-----------
The names of pictures are those of `spectrogram.KINDS`, as a test asserts. This module imports nothing heavy.
"""

from collections.abc import Callable, Sequence
from typing import get_args

from tonearm.data.pictures import READY
from tonearm.errors import ConfigError, RepresentationError
from tonearm.representations.base import Facts, Kind, Representation, Sections
from tonearm.representations.combined import ENCODER, Joined, Table, name_of
from tonearm.representations.encoders.locate import is_encoder
from tonearm.representations.encoders.registry import NAMES as ENCODER_NAMES
from tonearm.representations.encoders.representation import Embeddings
from tonearm.representations.features.representation import Features
from tonearm.representations.pictures import Pictures, ReadyPictures
from tonearm.settings import PictureKind

_ENCODED = Kind("rows", frozenset({"audio", "encoders"}), Embeddings.build, Embeddings.restore)
_PICTURES = Kind("images", frozenset({"audio", "spectrogram"}), Pictures.build, Pictures.restore)

REPRESENTATIONS: dict[str, Kind] = {
    "features": Kind("rows", frozenset({"audio", "features"}), Features.build, Features.restore),
    **dict.fromkeys(get_args(PictureKind), _PICTURES),
    **dict.fromkeys(ENCODER_NAMES, _ENCODED),
}


def kind_of(name: str) -> Kind | None:
    """The entry for a name in a model's `reads`, None if there is none; an encoder's name may end in a layer's."""
    return REPRESENTATIONS.get(name) or (_ENCODED if is_encoder(name) else None)


def known_kind(name: str) -> Kind:
    """The entry for a name in a model's `reads` that was checked when the config was read. Raises ConfigError."""
    kind = kind_of(name)
    if kind is None:
        raise ConfigError(f"{name!r} is not a representation; known: {', '.join(REPRESENTATIONS)}")
    return kind


def represent(names: Sequence[str], sections: Sections) -> Representation:
    """The representation for the names in a model's `reads`, with a config's settings; several are concatenated.

    Raises ConfigError if the settings do not fit, RepresentationError if a network's weights are missing.
    """
    parts = tuple(known_kind(name).build(name, sections) for name in names)
    return parts[0] if len(parts) == 1 else Joined(parts)


def restore(facts: Facts) -> Representation:
    """The representation with these facts. Raises RepresentationError if this tonearm cannot compute the same."""
    name = name_of(facts)
    kind = kind_of(name)
    restorer = _READY.get(str(facts.get("kind"))) or (kind.restore if kind else None)
    if restorer is None:
        raise RepresentationError(
            f"reads the representation {name!r}, which this tonearm does not have; known: {', '.join(REPRESENTATIONS)}"
        )
    try:
        return restorer(facts)
    except (KeyError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise RepresentationError(f"its facts do not describe {name!r} ({type(error).__name__}: {said})") from error


def _restore_joined(facts: Facts) -> Joined:
    return Joined(tuple(restore(part) for part in facts["parts"]))


_READY: dict[str, Callable[[Facts], Representation]] = {
    "table": Table.restore,
    READY: ReadyPictures.restore,
    "joined": _restore_joined,
    ENCODER: Embeddings.restore,
}
