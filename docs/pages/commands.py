"""Every command as a page of Markdown, from the declarations of the command line itself.

Conventions
-----------
The declarations are read, not the parser that typer builds of them, which differs from version to version: a command
is a function whose parameters are annotated with typer's options and arguments.
"""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

import typer
from typer.models import OptionInfo

from tonearm.cli import app
from tonearm.cli.ending import EXIT_CODES
from tonearm.cli.verbosity import everywhere

HEAD = """# Commands

Every command with its arguments and options, generated from the program itself; `tonearm COMMAND --help` prints the
same. Settings are not options: `--config FILE` names a TOML file and `--set train.seed=3` overrides one setting of it.
[Settings](settings.md) says which there are.

The exit codes of every command:

"""
EVERYWHERE = """
## Options of every command

Before the command's name or after it. `tonearm --install-completion` lets the shell complete commands and options.

"""
WORDS = {int: "INTEGER", float: "NUMBER", Path: "FILE"}


class Parameter(NamedTuple):
    """An argument or option: written: as it is typed. default: `inspect.Parameter.empty` where it is required."""

    written: str
    is_option: bool
    default: Any
    info: Any

    @property
    def required(self) -> bool:
        """Whether the command needs it."""
        return self.default is inspect.Parameter.empty


def commands_page() -> str:
    """The page of all commands."""
    codes = [f"`{code}`\n: {_sentence(meaning)}\n" for code, meaning in EXIT_CODES.items()]
    shared = [_entry(one) for one in parameters(everywhere)]
    return "\n".join([HEAD, *codes, EVERYWHERE, *shared, *(_section(name, call) for name, call in every_command())])


def every_command() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Each command, with its full name, such as `tonearm encoders get`."""
    yield from _below("tonearm", app)


def _below(name: str, group: typer.Typer) -> Iterator[tuple[str, Callable[..., Any]]]:
    for info in group.registered_commands:
        if info.callback is not None and not info.hidden:
            yield f"{name} {info.name or info.callback.__name__.replace('_', '-')}", info.callback
    for found in group.registered_groups:
        inner = found.typer_instance
        if inner is None:
            continue
        callback = inner.registered_callback
        if callback is not None and callback.callback is not None and callback.invoke_without_command is True:
            yield f"{name} {found.name}", callback.callback  # a group that does something by itself
        yield from _below(f"{name} {found.name}", inner)


def parameters(call: Callable[..., Any]) -> list[Parameter]:
    """Arguments and options of a command, in its order."""
    found = []
    for name, parameter in inspect.signature(call, eval_str=True).parameters.items():
        annotation, *extra = get_args(parameter.annotation) or (parameter.annotation,)
        info = next((one for one in extra if hasattr(one, "param_decls")), None)
        if info is None:
            continue  # typer's own context
        is_option = isinstance(info, OptionInfo)
        written = _option(name, annotation, info) if is_option else str(info.metavar or name.upper())
        found.append(Parameter(written, is_option, parameter.default, info))
    return found


def _option(name: str, annotation: Any, info: Any) -> str:
    """An option with what follows it, such as `--out FOLDER`."""
    words = (info.default, *(info.param_decls or ()))  # inside Annotated typer takes the first name for a default
    names = [word for word in words if isinstance(word, str) and word.startswith("-")]
    flag = names[0] if names else f"--{name.replace('_', '-')}"
    if annotation is bool:
        return flag if names else f"{flag}/--no-{flag.removeprefix('--')}"
    if get_origin(annotation) is Literal:
        return f"{flag} {'|'.join(get_args(annotation))}"
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not NoneType]
    return f"{flag} {info.metavar or WORDS.get(kinds[0], 'TEXT')}"


def _section(name: str, call: Callable[..., Any]) -> str:
    """A command's heading, meaning, usage, arguments and options."""
    found = parameters(call)
    arguments = [one for one in found if not one.is_option]
    options = [one for one in found if one.is_option]
    usage = " ".join([name, *(one.written for one in [*arguments, *options] if one.required)])
    optional = " [OPTIONS]" if any(not one.required for one in options) else ""
    lines = [f"## `{name}`", "", " ".join((call.__doc__ or "").split()), "", f"```text\n{usage}{optional}\n```", ""]
    lines += [f"`{one.written}`\n: {_sentence(one.info.help)}\n" for one in arguments]
    lines += [f":::{{program}} {name}\n:::\n"]
    return "\n".join([*lines, *map(_entry, options)])


def _entry(option: Parameter) -> str:
    return f":::{{option}} {_names(option)}\n{_sentence(option.info.help)}{_rest(option)}\n:::\n"


def _names(option: Parameter) -> str:
    """An option as the directive takes it: a flag and its opposite are two names."""
    return option.written.replace("/", ", ") if " " not in option.written else option.written


def _rest(option: Parameter) -> str:
    """Default and limits, in words."""
    if option.required:
        return " Required."
    said, default = "", option.default
    if default is not None and default is not False and default != "":
        shown = option.written.partition("/")[0] if default is True else default
        said = f" Default: `{shown}`."
    limits = (("at least", option.info.min), ("at most", option.info.max))
    bounds = [f"{words} {limit:g}" for words, limit in limits if limit is not None]
    return said + (f" Allowed: {' and '.join(bounds)}." if bounds else "")


def _sentence(text: str | None) -> str:
    """A help text, closed by a full stop where nothing else closes it."""
    words = " ".join((text or "").split())
    return words if not words or words.endswith((".", "…")) else f"{words}."
