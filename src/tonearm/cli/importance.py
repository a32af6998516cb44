"""`tonearm importance`: what the models of an experiment listen to."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import Trust, Workers, app, note
from tonearm.cli.progress import counting


@app.command()
def importance(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="a folder that `tonearm run` wrote")],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="a model of it; may be repeated; by default all that are quick"),
    ] = None,
    clips: Annotated[
        int | None,
        typer.Option(min=2, help="evaluated clips at most; by default 2,000, and 100 where their sound is muted"),
    ] = None,
    shuffles: Annotated[int, typer.Option(min=1, max=10_000, help="shuffles of each feature family")] = 10,
    workers: Workers = 1,
    trust: Trust = None,
) -> None:
    """Show what the models listen to.

    That is, which features, or which parts of a clip, they rely on.
    """
    from tonearm.experiment.importance import measure_importance
    from tonearm.experiment.importance_files import IMPORTANCE

    found = measure_importance(results, model or (), clips, shuffles, note, counting, workers, trust or ())
    print("\n\n".join(one.text() for one in found))
    if found:
        print(f"\n{results / IMPORTANCE}.csv, .json, .png, .svg; `tonearm report` shows them")
