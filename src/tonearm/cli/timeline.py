"""`tonearm timeline`."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import Out, RunOption, Strict, Trust, Workers, app, note
from tonearm.cli.collection import list_failures
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting
from tonearm.runtime.remote import place
from tonearm.wording import count


@app.command()
def timeline(
    paths: Annotated[
        list[Path], typer.Argument(parser=place, metavar="FILE_OR_FOLDER...", help="recordings, or folders of them")
    ],
    run_folder: RunOption,
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
    ] = 30.0,
    cue: Annotated[bool, typer.Option("--cue", help="write cue sheets, too")] = False,
    workers: Workers = 1,
    trust: Trust = None,
    strict: Strict = False,
) -> None:
    """Segment mixes and long files by genre over time."""
    from tonearm.representations.extract import FAILURES_CSV
    from tonearm.timeline.driver import write_timelines

    done = write_timelines(run_folder, paths, out, window, hop, stickiness, cue, counting, workers, trust or ())
    note(*(f"note: {line}" for line in done.notes))
    if done.rows:
        print(done.text())
    if done.failures:
        list_failures(done.failures, out / FAILURES_CSV)
    print(f"{out}: {count(len(done.rows), 'recording')}, {len(done.rows) - done.reused} heard, {done.reused} reused")
    conclude(strict, {"recording": len(done.failures), "broken end": len(done.broken)}, bool(done.rows))
