"""The command line as a whole: its overview, the options that all commands have, and how each of them ends."""

import sys
from collections.abc import Sequence
from typing import Any

from typer.core import TyperGroup

from tonearm.cli.ending import EXIT_CODES, exit_codes
from tonearm.cli.verbosity import add_options, session

PURPOSES = {
    "Look at music": ("scan", "audit", "features", "extract", "spectrograms", "encoders", "embed"),
    "Train and compare": ("run", "compare", "report", "sweep", "curve", "importance", "reference", "config"),
    "Use a model": ("predict", "timeline", "library", "tag", "ui", "serve", "submit", "export", "freeze", "warm"),
    "Try it": ("demo", "jam", "bench"),
}
OTHERS = "More commands"


class Application(TyperGroup):
    """The command line."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        add_options(self)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # its parameters' names are typer's
        """The commands, by what they are for."""
        purposes = {name: purpose for purpose, names in PURPOSES.items() for name in names}
        listed = {name: self.commands[name] for name in [*purposes, *self.list_commands(ctx)] if name in self.commands}
        for purpose in (*PURPOSES, OTHERS):
            names = [name for name in listed if purposes.get(name, OTHERS) == purpose and not listed[name].hidden]
            if names:
                with formatter.section(purpose):
                    formatter.write_dl([(name, listed[name].get_short_help_str(limit=100)) for name in names])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """Run the command that the arguments name, and end the process with its code."""
        with session(sys.argv[1:] if args is None else args) as chosen, exit_codes():
            return super().main(args, *more, **options, obj=chosen)
