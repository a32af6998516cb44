"""`tonearm reference`."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import Folder, Out, Set, Strict, app, note
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting


@app.command()
def reference(
    folder: Folder,
    out: Out = Path("reference"),
    quick: Annotated[bool, typer.Option("--quick", help="short trainings, to see that all works")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="processes; all cores by default")] = None,
    set_: Set = None,
    strict: Strict = False,
) -> None:
    """Make the reference tables beside the published figures."""
    from tonearm.reference import make_tables
    from tonearm.runtime.machine import available_cores

    made = make_tables(folder, out, set_ or (), quick, workers or available_cores(), note, counting)
    print(made.page.with_suffix(".md").read_text(encoding="utf-8"), end="")
    print(f"\n{made.page}")
    conclude(strict, {"table": len(made.missing)}, done=bool(made.sections))
