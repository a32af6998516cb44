"""`tonearm freeze`: what predicting with a run needs."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import RunFolder, Trust, app, check_file, note


@app.command()
def freeze(
    run_folder: RunFolder,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="requirements file to write")] = None,
    trust: Trust = None,
) -> None:
    """Print the packages that predicting with a run needs.

    Each is pinned to its version here. They are found by predicting: see the lines above them.
    """
    from tonearm.freezing import freeze as freeze_run
    from tonearm.freezing import write_frozen
    from tonearm.wording import count, size

    check_file(out)
    frozen = freeze_run(run_folder, trust or ())
    note(f"{count(len(frozen.requirements), 'package')}, {size(frozen.size)}")
    if out:
        write_frozen(frozen, out)
        print(out)
    else:
        print(frozen.text, end="")
