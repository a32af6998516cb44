"""All representations: the name in a model's `reads` → how it is built from a config and restored from a run.

Conventions
-----------
The names of pictures are those of `spectrogram.KINDS`, as a test asserts. This module imports nothing heavy.
"""

from collections.abc import Callable, Sequence
from typing import get_args

from tonearm.data.pictures import READY
from tonearm.errors import RepresentationError
from tonearm.representations.base import Facts, Kind, Representation, Sections
from tonearm.representations.combined import Joined, Table, name_of
from tonearm.representations.features.representation import Features
from tonearm.representations.pictures import Pictures, ReadyPictures
from tonearm.settings import PictureKind

_PICTURES = Kind("images", frozenset({"audio", "spectrogram"}), Pictures.build, Pictures.restore)

REPRESENTATIONS: dict[str, Kind] = {
    "features": Kind("rows", frozenset({"audio", "features"}), Features.build, Features.restore),
    **dict.fromkeys(get_args(PictureKind), _PICTURES),
}


def represent(names: Sequence[str], sections: Sections) -> Representation:
    """The representation for the names in a model's `reads`, with a config's settings; several are concatenated.

    Raises ConfigError if the settings do not fit.
    """
    parts = tuple(REPRESENTATIONS[name].build(name, sections) for name in names)
    return parts[0] if len(parts) == 1 else Joined(parts)


def restore(facts: Facts) -> Representation:
    """The representation with these facts. Raises RepresentationError if this tonearm cannot compute the same."""
    name = name_of(facts)
    restorers = {**{known: kind.restore for known, kind in REPRESENTATIONS.items()}, **_READY}
    if name not in restorers:
        raise RepresentationError(
            f"reads the representation {name!r}, which this tonearm does not have; known: {', '.join(REPRESENTATIONS)}"
        )
    try:
        return restorers[name](facts)
    except (KeyError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise RepresentationError(f"its facts do not describe {name!r} ({type(error).__name__}: {said})") from error


def _restore_joined(facts: Facts) -> Joined:
    return Joined(tuple(restore(part) for part in facts["parts"]))


_READY: dict[str, Callable[[Facts], Representation]] = {
    "table": Table.restore,
    READY: ReadyPictures.restore,
    "joined": _restore_joined,
}
