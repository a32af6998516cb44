"""The command line: each command reads its arguments, calls one function and prints what it gives.

Conventions
-----------
Results go to standard output, progress and notes to standard error. `ending` decides how a command ends and with which
exit code, `verbosity` how much is said. Libraries are loaded by the command that needs them, so that `--help` answers
at once.
"""

import io
import sys

from tonearm.cli import (
    audit,
    bench,
    collection,
    curve,
    encoders,
    experiments,
    export,
    freeze,
    importance,
    library,
    predict,
    reference,
    serve,
    sweep,
    tag,
    timeline,
    ui,
    warm,
)
from tonearm.cli.app import app

__all__ = [
    "app",
    "audit",
    "bench",
    "collection",
    "curve",
    "encoders",
    "experiments",
    "export",
    "freeze",
    "importance",
    "library",
    "main",
    "predict",
    "reference",
    "serve",
    "sweep",
    "tag",
    "timeline",
    "ui",
    "warm",
]  # the modules add their commands to the app


def main() -> None:
    """Run the command line; `tonearm` and `python -m tonearm`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may hold bytes that are no text
    app(prog_name="tonearm")
