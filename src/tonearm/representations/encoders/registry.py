"""All encoders by name: those built in, and those that installed packages add by entry points."""

from typing import get_args

from tonearm.representations.encoders.card import BuiltIn
from tonearm.representations.encoders.efficientat import EFFICIENTAT
from tonearm.representations.encoders.musicnn import MUSICNN
from tonearm.runtime.plugins import Registry
from tonearm.settings import PictureKind

_OURS = {built_in.encoder.name: built_in for built_in in (*EFFICIENTAT, *MUSICNN)}
ALIASES = {"musicnn": "MSD_musicnn"}
NAMES = (*_OURS, *ALIASES)


def _check(name: str, entry: object) -> None:
    """Raise what says why an entry of an installed package is not an encoder of this name."""
    if not isinstance(entry, BuiltIn):
        raise TypeError(f"it is a {type(entry).__name__}, where an encoders.card.BuiltIn is needed")
    if entry.encoder.name != name or ":" in name:
        raise ValueError(
            f"its encoder is named {entry.encoder.name!r}; the entry point's name is needed, without a colon"
        )


TAKEN = (*ALIASES, "features", *get_args(PictureKind))
ENCODERS: Registry[BuiltIn] = Registry("tonearm.encoders", "encoder", _OURS, _check, TAKEN)
