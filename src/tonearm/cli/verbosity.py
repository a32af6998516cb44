"""`--quiet`, `--verbose` and `--log-file`, which every command has, before its name and after it.

Conventions
-----------
Results go to standard output whatever is chosen. By default notes, warnings and progress are shown beside them;
`--quiet` leaves errors alone, `--verbose` adds files read, what is reused, and times. A log file gets what is said by
default, with `--verbose` all of that, whatever is shown.
"""

import logging
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from tonearm.runtime.logs import Shown, head, show, shown
from tonearm.wording import count

_LOG = logging.getLogger("tonearm.cli")


class Session:
    """One command: its words, and how what it says is shown."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.command = ""
        self.quiet = False
        self.verbose = False
        self.file: Path | None = None

    def choose(self, name: str, value: Any, context: typer.Context) -> None:
        """Take up one option of the command that the context is of."""
        named = context.command_path.removeprefix(context.find_root().command_path).strip()
        if not value and named == self.command:
            return
        self.command = named
        if value:
            setattr(self, name, value)
        if self.quiet and self.verbose:
            raise typer.BadParameter("--quiet and --verbose are opposites; choose one")
        self.show()

    def show(self) -> None:
        """Show messages as is chosen by now. Raises BadParameter where the log file cannot be written."""
        level = logging.ERROR if self.quiet else logging.DEBUG if self.verbose else logging.INFO
        in_file = logging.DEBUG if self.verbose else logging.INFO
        try:
            show(Shown(level, self.file, in_file, head(self.command) if self.file else ""))
        except OSError as error:
            raise typer.BadParameter(f"{self.file}: cannot be written ({error.strerror}); name another file") from error


@contextmanager
def session(words: Sequence[str]) -> Iterator[Session]:
    """Show what is said during the block; a log file also gets the command, and how it ended."""
    chosen, start = Session(words), time.monotonic()
    with shown(Shown()):
        code: object = 0
        try:
            yield chosen
        except SystemExit as ended:
            code = ended.code
            raise
        except BaseException as error:
            code = type(error).__name__
            if isinstance(error, Exception):  # a fault of ours, which is not for a log alone
                _LOG.critical("%s", code, exc_info=error, extra={"on_screen": False})
            raise
        finally:
            if chosen.file:
                how = code if isinstance(code, str) else f"exit code {code}"
                took = count(round(time.monotonic() - start), "second")
                _LOG.info("ended with %s after %s", how, took, extra={"on_screen": False})


def _quiet(context: typer.Context, value: bool) -> None:
    _choose(context, "quiet", value)


def _verbose(context: typer.Context, value: bool) -> None:
    _choose(context, "verbose", value)


def _log_file(context: typer.Context, value: Path | None) -> None:
    _choose(context, "file", value)
    if value and isinstance(context.obj, Session):
        _LOG.info("%s", shlex.join(["tonearm", *context.obj.words]), extra={"on_screen": False})


def _choose(context: typer.Context, name: str, value: Any) -> None:
    if isinstance(context.obj, Session):  # not where a shell asks how to complete a line
        context.obj.choose(name, value, context)


def everywhere(
    quiet: Annotated[
        bool, typer.Option("--quiet", help="show errors and results alone", callback=_quiet, is_eager=True)
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", help="show also files read, what is reused, and times", callback=_verbose, is_eager=True
        ),
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(
            "--log-file",
            metavar="FILE",
            help="append what is said to a file, with time and version",
            callback=_log_file,
            is_eager=True,
        ),
    ] = None,
) -> None:
    """The options that every command has."""


def add_options(command: Any) -> None:
    """Give the command, and all below it, the options of `everywhere`."""
    declared = typer.Typer(add_completion=False)
    declared.command()(everywhere)
    options = typer.main.get_command(declared).params
    for option in options:
        option.expose_value = False  # to the command's function
    _add(command, options)


def _add(command: Any, options: list[Any]) -> None:
    command.params = [*command.params, *options]
    for each in getattr(command, "commands", {}).values():
        _add(each, options)
