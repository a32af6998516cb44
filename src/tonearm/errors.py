"""What can go wrong, each with a message that says what was found, what is allowed and where.

Conventions
-----------
Every error that a user can cause is a `TonearmError`; the command line prints its message without a
traceback and exits with code 1. Anything else that escapes is a bug of ours.
"""

from typing import NamedTuple


class TonearmError(Exception):
    """Base of all errors that a user can mend; read the message for what to do."""


class ClipError(TonearmError):
    """A file that cannot become a row.

    path: the file as it was named. kind: one word for machines. reason: why, in words that can stand in a
    failures table.
    """

    def __init__(self, path: str, kind: str, reason: str) -> None:
        super().__init__(path, kind, reason)  # all three, so that the error survives pickling
        self.path = path
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class AudioError(ClipError):
    """A file that cannot become usable samples.

    kind: `missing`, `empty`, `undecodable`, `truncated`, `silent`, `short`, `nonfinite`, `unsupported` or
    `directory`.
    """


class PictureError(ClipError):
    """A file that cannot become usable pixels; kind: `missing`, `undecodable` or `height`."""


class ConfigError(TonearmError):
    """A setting that is unknown, misspelt, of the wrong type or outside its limits."""


class CatalogError(TonearmError):
    """A folder or table that does not hold labelled clips in a layout we know."""


class SplitError(TonearmError):
    """Clips that cannot be divided as asked (too few, no groups, unknown names)."""


class ModelError(TonearmError):
    """A model that cannot be built or trained with these settings or on these rows."""


class RepresentationError(TonearmError):
    """A representation that this version of tonearm, or this machine, cannot compute."""


class WeightsError(RepresentationError):
    """A network whose weights are not on this machine, or not whole; the message says the command that fetches them."""


class RunError(TonearmError):
    """A run folder that is missing, damaged, or written by a newer tonearm."""


class ExportError(TonearmError):
    """A run that cannot be written in another form, or whose copy in that form gives other answers."""


class OutputError(TonearmError):
    """Something of ours cannot be written, such as for a full disk: no clip and no model is to blame for it."""


class OutOfMemoryError(TonearmError):
    """The machine's memory does not hold the work: no clip and no model is a failure for it."""


class TagError(TonearmError):
    """Tags of a file that cannot be read or written; the message is the reason, without the file's name."""


class PlanError(TonearmError):
    """A plan of tags, or its journal, that cannot be used: missing, damaged, wrongly edited, or of another library."""


def model_failure(error: Exception) -> str:
    """Why a model failed, for its row: whatever it raised. Raises the error again where no model is to blame for it."""
    if isinstance(error, ModelError):
        return str(error)
    if isinstance(error, TonearmError):
        raise error
    return " ".join(f"{type(error).__name__}: {error}".split())


class Failure(NamedTuple):
    """A clip that could not be used, and why: a row of a failures table."""

    name: str
    kind: str
    reason: str
