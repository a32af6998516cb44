"""What a command says beside its result, on standard error."""

import sys


def note(*lines: str) -> None:
    """Print lines to standard error."""
    for line in lines:
        print(line, file=sys.stderr)
