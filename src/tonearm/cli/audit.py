"""`tonearm audit`."""

from typing import Annotated

import typer

from tonearm.cli.app import Out, RunOption, Set, Strict, Trust, Workers, app, note
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting


@app.command()
def audit(
    library: Annotated[str, typer.Argument(metavar="LIBRARY", help="the folder of your music")],
    run_folder: RunOption,
    out: Out,
    set_: Set = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="embed short audio excerpts")] = True,
    workers: Workers = 1,
    trust: Trust = None,
    strict: Strict = False,
) -> None:
    """Check the genres that a library has against what a run hears."""
    from tonearm.library.audit import AUDIT_HTML, write_audit

    found = write_audit(library, run_folder, out, set_ or (), audio, counting, workers, trust or ())
    note(*(f"note: {line}" for line in found.notes))
    print(found.text())
    print(f"\n{out / AUDIT_HTML}")
    conclude(strict, {"track": found.unusable}, done=found.unusable < len(found.tracks))
