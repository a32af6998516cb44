"""The command line: each command reads its arguments, calls one function and prints what it gives.

Conventions
-----------
Results go to standard output, progress and notes to standard error. Exit codes: 0 done; 1 done, but
something was left out (a broken clip, a failed model); 2 a mistake that the user can fix, reported in one
message; 130 interrupted from the keyboard. Libraries are loaded by the command that needs them, so that `--help`
answers at once.
"""

import io
import sys

from tonearm.cli import bench, collection, encoders, experiments, sweep
from tonearm.cli.app import app
from tonearm.errors import TonearmError

__all__ = [
    "app",
    "bench",
    "collection",
    "encoders",
    "experiments",
    "main",
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
        sys.exit(2)
    except KeyboardInterrupt:
        print("\ntonearm: stopped; run the same command again to resume", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as in `tonearm … | head`
        sys.exit(0)
    except OSError as error:  # a full disk, a folder where a file was to be written
        where = error.filename2 or error.filename
        print(f"tonearm: {f'{where}: ' if where else ''}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
