"""The command line: each command reads its arguments, calls one function and prints what it gives.

Conventions
-----------
Results go to standard output, progress and warnings to standard error. Exit codes: 0 done; 1 done, but
something was left out (a broken clip, a failed model); 2 a mistake that the user can mend, said in one
message; 130 stopped by the keyboard. Libraries are loaded by the command that needs them, so that `--help`
answers at once.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tonearm.errors import TonearmError

app = typer.Typer(
    help="From a folder of labelled music to honest, compared, usable genre classifiers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Set = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=C", help="override a setting; may be repeated")]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file with settings")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="processes that work side by side")]
