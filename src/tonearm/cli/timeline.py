"""`tonearm timeline`."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import Out, Trust, Workers, app, note
from tonearm.cli.collection import list_failures
from tonearm.cli.progress import counting
from tonearm.errors import RunError
from tonearm.runtime.remote import place
from tonearm.timeline.smoothing import STICKINESS
from tonearm.wording import count


@app.command()
def timeline(
    paths: Annotated[
        list[Path], typer.Argument(parser=place, metavar="FILE_OR_FOLDER...", help="recordings, or folders of them")
    ],
    run_folder: Annotated[
        Path,
        typer.Option("--run", parser=place, metavar="RUN", help="a run, a model's folder, an experiment or a sweep"),
    ],
    out: Out,
    window: Annotated[
        float | None,
        typer.Option("--window", metavar="SECONDS", help="length of a window; default: the encoder's, or 10"),
    ] = None,
    hop: Annotated[
        float | None,
        typer.Option("--hop", metavar="SECONDS", help="from one window to the next; default: the encoder's, or half"),
    ] = None,
    stickiness: Annotated[
        float,
        typer.Option(min=0.0, metavar="SECONDS", help="how long a genre lasts on average; more gives fewer segments"),
    ] = STICKINESS,
    cue: Annotated[bool, typer.Option("--cue", help="write cue sheets, too")] = False,
    workers: Workers = 1,
    trust: Trust = None,
) -> None:
    """Say the genre over time of mixes and long files."""
    from tonearm.timeline.driver import write_timelines

    done = write_timelines(run_folder, paths, out, window, hop, stickiness, cue, counting, workers, trust or ())
    note(*(f"note: {line}" for line in done.notes))
    if done.rows:
        print(done.text())
    if done.failures:
        list_failures(done.failures, out / "failures.csv")
    fresh = len(done.rows) - done.reused
    broken = f", {len(done.broken)} broken off" if done.broken else ""
    print(f"\n{out}: {count(len(done.rows), 'recording')}{broken}, {fresh} heard, {done.reused} there already")
    if not done.rows:
        raise RunError("none of the recordings could be used")
