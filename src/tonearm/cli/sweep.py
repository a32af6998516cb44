"""`tonearm sweep`."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import Cluster, Out, Set, Workers, _config, _note, app
from tonearm.cli.progress import counting


@app.command()
def sweep(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="a config with [sweep]; configs/ has examples")],
    set_: Set = None,
    out: Out = Path("sweep"),
    workers: Workers = 1,
    cluster: Cluster = "",
) -> None:
    """Try many settings of a model; judge the best by the test."""
    from tonearm.sweep import run_sweep

    results = run_sweep(_config(config, set_), out, lambda line: _note(line), counting, workers)
    print((out / "sweep.md").read_text(encoding="utf-8"), end="")
    if results.winner is not None:
        print(f"\nclassify files with: tonearm predict {results.winner} FILE_OR_FOLDER")
    print(f"look at it with: tonearm report {out}")
    if results.failed:
        raise typer.Exit(1)
