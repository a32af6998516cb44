"""The command line: each command reads its arguments, calls one function and prints what it gives.

Conventions
-----------
Results go to standard output, progress and notes to standard error. `ending` decides how a command ends and with which
exit code. Libraries are loaded by the command that needs them, so that `--help` answers at once.
"""

import io
import sys

from tonearm.cli import (
    bench,
    collection,
    curve,
    encoders,
    experiments,
    export,
    importance,
    predict,
    reference,
    serve,
    sweep,
)
from tonearm.cli.app import app
from tonearm.cli.ending import NOTHING
from tonearm.errors import TonearmError
from tonearm.runtime.faults import NO_ROOM, output_error
from tonearm.wording import GO_ON

__all__ = [
    "app",
    "bench",
    "collection",
    "curve",
    "encoders",
    "experiments",
    "export",
    "importance",
    "main",
    "predict",
    "reference",
    "serve",
    "sweep",
]  # the modules add their commands to the app


def main() -> None:
    """Run the command line; `tonearm` and `python -m tonearm`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may hold bytes that are no text
    try:
        app()
    except TonearmError as error:
        print(f"tonearm: {error}", file=sys.stderr)
        sys.exit(NOTHING)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as in `tonearm … | head`
        sys.exit(0)
    except MemoryError as error:
        print(
            f"tonearm: memory ran out ({str(error) or 'MemoryError'}); {GO_ON}, with fewer --workers", file=sys.stderr
        )
        sys.exit(NOTHING)
    except OSError as error:  # a full disk, a folder where a file was to be written
        where = error.filename2 or error.filename
        said = f"{f'{where}: ' if where else ''}{error.strerror or error}"
        if where and error.errno in NO_ROOM:
            said = str(output_error(where, error))
        print(f"tonearm: {said}", file=sys.stderr)
        sys.exit(NOTHING)
