"""How a command ends: its last line and its exit code, decided here alone.

Conventions
-----------
`DONE`: the work was done, even where some of it was left out, such as clips that cannot be used: these are listed, and
the last line counts them. `NOTHING`: nothing could be done, or a mistake of the user, which is one sentence. One in the
command line itself is one as well, although shells' own commands have another code for it: whoever calls tonearm
asks whether the work was done. `LEFT_OUT`: done with something left out, where `--strict` asks to be told. A signal
ends a command with 128 and its number (`runtime.stopping`).
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

import typer

from tonearm.cli.notes import note
from tonearm.errors import TonearmError
from tonearm.runtime.faults import NO_ROOM, output_error
from tonearm.wording import GO_ON, count

DONE, NOTHING, LEFT_OUT = 0, 1, 3
OF_THE_PARSER = 2  # typer's code for a mistake in the command line
EXIT_CODES = {
    DONE: "the work was done, even where some clips could not be used (they are listed, and counted in the last line)",
    NOTHING: "nothing could be done, or a mistake that you can fix, told in one sentence",
    LEFT_OUT: "with --strict: done, but something was left out, such as a clip that cannot be used",
    130: "stopped by Ctrl-C; what is finished is kept (143: stopped by SIGTERM)",
}
_LOG = logging.getLogger("tonearm.cli")


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn what ends the block into a sentence, where it is not one already, and into our exit codes."""
    try:
        yield
    except SystemExit as ended:
        if ended.code != OF_THE_PARSER:
            raise
        raise SystemExit(NOTHING) from ended
    except TonearmError as error:
        _fail(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as in `tonearm … | head`
        raise SystemExit(DONE) from None
    except MemoryError as error:
        _fail(f"memory ran out ({str(error) or 'MemoryError'}); {GO_ON}, with fewer --workers")
    except OSError as error:  # a full disk, a folder where a file was to be written
        where = error.filename2 or error.filename
        if where and error.errno in NO_ROOM:
            _fail(str(output_error(where, error)))
        _fail(f"{f'{where}: ' if where else ''}{error.strerror or error}")


def _fail(sentence: str) -> NoReturn:
    _LOG.error("tonearm: %s", sentence)
    raise SystemExit(NOTHING)


def conclude(strict: bool, left_out: Mapping[str, int], done: bool = True) -> None:
    """Say what was left out, and end with the code for it; nothing happens where nothing was.

    strict: whether that is an exit code of its own. left_out: how many of what, such as {"clip": 3}. done: whether
    anything was done at all.
    """
    counts = [count(number, what) for what, number in left_out.items() if number]
    if counts:
        note(f"{'done' if done else 'nothing was done'}; left out: {', '.join(counts)}")
    code = NOTHING if not done else LEFT_OUT if counts and strict else DONE
    if code:
        raise typer.Exit(code)
