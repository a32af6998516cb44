"""`tonearm warm`: compile beforehand what the first clip would wait for."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import Trust, app
from tonearm.runtime.remote import place


@app.command()
def warm(
    run_folder: Annotated[
        Path | None,
        typer.Argument(
            parser=place,
            metavar="RUN",
            help="a run, a model's folder, an experiment or a sweep; without one, everything is compiled",
        ),
    ] = None,
    trust: Trust = None,
) -> None:
    """Compile what the first clip would wait for.

    The compiled code is kept, so that later commands start at once: for a layer of a container's image, with
    NUMBA_CACHE_DIR set to a folder of the image, or after an installation.
    """
    from tonearm.warming import warm

    print(warm(run_folder, trust or ()).text())
