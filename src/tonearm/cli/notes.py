"""What a command says beside its result: notes, on standard error and in the log file."""

import logging

_LOG = logging.getLogger("tonearm.cli")


def note(*lines: str) -> None:
    """Say lines: a person's notes and, by their first word, warnings."""
    for line in lines:
        _LOG.log(logging.WARNING if line.startswith("warning: ") else logging.INFO, "%s", line)
