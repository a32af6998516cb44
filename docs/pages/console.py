"""Directives for commands that are run while the site is built, so that a page shows what they really print.

Conventions
-----------
All commands run in one folder, `docs/_build/walk`, in which `music` is the built-in music; a page may use what its
earlier commands have written. `{console}` runs commands and shows what they print; `:exit:` is the exit code of the
last one, 0 by default, and any other is an error of the build. `{file} NAME` shows a text and writes it into that
folder.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

PROGRESS = re.compile(r"^[^|]*: \d+/\d+ \w+(, |$)")  # of a terminal's progress display, a line each elsewhere
TIMEOUT = 600  # seconds


def walk_folder(app_or_env: Any) -> Path:
    """The folder in which all commands and examples run."""
    return Path(app_or_env.srcdir) / "_build" / "walk"


def run_command(line: str, folder: Path) -> tuple[int, str]:
    """Exit code of one command, and what it printed: standard output and notes, without the progress display."""
    words = shlex.split(line, comments=True)
    if words[0] != "tonearm":
        raise ValueError(f"{line}: only tonearm's own commands are run")
    environment = {**os.environ, "COLUMNS": "110", "TONEARM_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tonearm", *words[1:]],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    kept = [text for text in done.stdout.splitlines() if not PROGRESS.match(text)]
    return done.returncode, "\n".join(kept).replace(f"{folder}/", "")


class Console(SphinxDirective):
    """`{console}`: commands, one a line, and what each prints.

    `:lines:` shows the first so many lines alone, `:hide: PATTERN` puts "…" in place of those that begin like that, and
    `:fresh: NAME` first removes a folder that an earlier build has written.
    """

    has_content = True
    option_spec: ClassVar[Any] = {
        "exit": directives.nonnegative_int,
        "lines": directives.positive_int,
        "hide": directives.unchanged_required,
        "fresh": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """The commands with what they printed. Raises an error of the build for an unexpected exit code."""
        shown, code, printed = [], 0, ""
        if "fresh" in self.options:
            shutil.rmtree(walk_folder(self.env) / self.options["fresh"], ignore_errors=True)
        for line in self.content:
            code, printed = run_command(line, walk_folder(self.env))
            lines = shorten(printed.splitlines(), self.options.get("hide", ""))
            most = self.options.get("lines", len(lines))
            shown += [f"$ {line}", *lines[:most], *(["…"] if len(lines) > most else [])]
        if code != self.options.get("exit", 0):
            raise self.error(f"{self.content[-1]}: exit code {code}\n{printed}")
        return [_block("\n".join(shown), "console")]


def shorten(lines: list[str], pattern: str) -> list[str]:
    """The lines, with "…" in place of each run of lines that begin like the pattern; all of them if it is "".

    >>> shorten(["a", "b1", "b2", "c"], "b")
    ['a', '…', 'c']
    """
    kept: list[str] = []
    for line in lines:
        hidden = bool(pattern) and re.match(pattern, line) is not None
        if not hidden or kept[-1:] != ["…"]:
            kept.append("…" if hidden else line)
    return kept


class File(SphinxDirective):
    """`{file} NAME`: a text, shown and written."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The text as a block of code with its name above it."""
        name, text = self.arguments[0], "\n".join(self.content)
        (walk_folder(self.env) / name).write_text(text + "\n", encoding="utf-8")
        block = _block(text, Path(name).suffix[1:])
        caption = nodes.caption("", "", nodes.literal(text=name))
        return [nodes.container("", caption, block, literal_block=True, classes=["literal-block-wrapper"])]


def _block(text: str, language: str) -> nodes.literal_block:
    block = nodes.literal_block(text, text)
    block["language"] = language
    return block


def setup(app: Any) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("console", Console)
    app.add_directive("file", File)
    return {"parallel_read_safe": False}
