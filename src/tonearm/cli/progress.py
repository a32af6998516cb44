"""How far a long task is: a bar on a terminal, plain lines elsewhere.

Conventions
-----------
Everything goes to standard error, so that standard output stays the result alone, and as lines to the log file.
"""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from tonearm.runtime.logs import now
from tonearm.runtime.progress import Progress

_LOG = logging.getLogger("tonearm.cli.progress")
SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def counting(title: str, unit: str) -> Iterator[Progress]:
    """Yield a function of (done, total, failed) that shows progress with rate and time left."""
    how = now()
    if how is None or how.level > logging.INFO or not sys.stderr.isatty():
        yield _lines(title, unit, on_screen=True)
        return
    lines = _lines(title, unit, on_screen=False)
    with _bar(title, unit) as bar:

        def report(done: int, total: int, failed: int) -> None:
            bar(done, total, failed)
            lines(done, total, failed)

        yield report


@contextmanager
def _bar(title: str, unit: str) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    start = time.monotonic()
    # standard output may be a file or a pipe, and is none of the bar's business
    with Bar(*columns, console=Console(stderr=True), redirect_stdout=False) as progress:
        task = progress.add_task(title, total=None, note="")

        def report(done: int, total: int, failed: int) -> None:
            rate = done / max(time.monotonic() - start, 1e-9)
            note = f"{rate:.1f} {unit}/s" + (f", {failed} failed" if failed else "")
            progress.update(task, completed=done, total=total, note=note)

        yield report


def _lines(title: str, unit: str, on_screen: bool) -> Progress:
    start = time.monotonic()
    last = -SECONDS_BETWEEN_LINES

    def report(done: int, total: int, failed: int) -> None:
        nonlocal last
        elapsed = time.monotonic() - start
        if done < total and elapsed - last < SECONDS_BETWEEN_LINES:
            return
        last = elapsed
        rate = done / max(elapsed, 1e-9)
        pace = f", {rate:.1f} {unit}/s, {(total - done) / rate:.0f} s left" if done else ""
        failures = f", {failed} failed" if failed else ""
        line = f"{title}: {done}/{total} {unit}{pace}{failures}"
        _LOG.info("%s", line, extra={"on_screen": on_screen})

    return report
