"""How a command ends: its last line and its exit code, decided here alone.

Conventions
-----------
`DONE`: the work was done, even where some of it was left out, such as clips that cannot be used: these are listed, and
the last line counts them. `NOTHING`: nothing could be done, or a mistake of the user, which is one sentence. One in the
command line itself is one as well, although shells' own commands have another code for it: whoever calls tonearm
asks whether the work was done. `LEFT_OUT`: done with something left out, where `--strict` asks to be told. A signal
ends a command with 128 and its number (`runtime.stopping`).
"""

from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from tonearm.cli.notes import note
from tonearm.wording import count

DONE, NOTHING, LEFT_OUT = 0, 1, 3
OF_THE_PARSER = 2  # typer's code for a mistake in the command line
EXIT_CODES = (
    "Exit codes: 0 the work was done, even where some clips could not be used (they are listed, and counted in the "
    "last line); 1 nothing could be done, or a mistake that you can fix, told in one sentence; 3 done, but with "
    "--strict and something left out; 130 stopped by Ctrl-C, 143 by SIGTERM."
)


class Application(TyperGroup):
    """The command line, with our exit codes."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command that the arguments name."""
        try:
            return super().main(*arguments, **options)
        except SystemExit as ended:
            if ended.code != OF_THE_PARSER:
                raise
            raise SystemExit(NOTHING) from ended


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
