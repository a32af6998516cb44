"""`tonearm bench`: how fast this machine is."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import ConfigFile, Out, Set, app, note, read_config

bench = typer.Typer(help="Benchmark this machine.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(bench, name="bench")


@bench.callback()
def _bench() -> None:
    """A group, so that `scaling` is named even while it is alone."""


@bench.command()
def scaling(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="class folders, or a folder with metadata.csv")],
    workers: Annotated[str, typer.Option("--workers", help="numbers of processes to try, comma-separated")] = "1,2,4",
    out: Out = Path("scaling"),
    config: ConfigFile = None,
    set_: Set = None,
) -> None:
    """Time features and spectrograms by number of processes."""
    from tonearm.data.catalog import read_catalog
    from tonearm.errors import ConfigError
    from tonearm.scaling import measure_scaling

    settings = read_config(config, set_, data={"folder": folder})
    try:
        counts = [int(count) for count in workers.split(",")]
    except ValueError as error:
        raise ConfigError(f"--workers {workers}: write whole numbers, as in 1,2,4") from error
    found = measure_scaling(read_catalog(settings.data, genres=settings.genres), settings, counts, out, note)
    print(found.text(), end="")
    print(f"\n{out / 'scaling.csv'} and {out / 'scaling.png'} hold the same")
