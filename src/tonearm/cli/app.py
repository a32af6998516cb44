"""The application, and what its commands share: arguments, options, settings, notes.

Conventions
-----------
A setting is never an option of its own: `--config` names the TOML file and `--set a.b=c`
overrides one setting of it, whatever the command. Options are for everything else (where to write, how
many processes).
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from tonearm.cli.application import Application
from tonearm.cli.notes import note as note
from tonearm.errors import ConfigError
from tonearm.runtime.remote import anchored, is_url, place

app = typer.Typer(
    cls=Application,
    help="From a folder of labelled music to honest, compared, usable genre classifiers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _work_on(context: typer.Context, address: str) -> str:
    """Send the command's tasks to the cluster, where there is an address, until the command ends."""
    if address:
        from tonearm.runtime.pool import cluster

        context.with_resource(cluster(address))
    return address


Folder = Annotated[
    str,
    typer.Argument(metavar="FOLDER", help="class folders of audio, a folder with metadata.csv, a table, or a URL"),
]
ConfigOrFolder = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG.toml|FOLDER",
        help="a TOML file of settings (`tonearm config` prints a template); or class folders of audio, a folder with "
        "metadata.csv, a table, or a URL, for the default settings",
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file of settings; `tonearm config` prints a template")
]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=C", help="override a setting; may be repeated")]
Music = Annotated[
    str, typer.Argument(metavar="FOLDER", help="class folders of audio, a folder with metadata.csv, or a URL")
]


def _here(path: str) -> Path:
    if is_url(path):
        raise typer.BadParameter(f"{path}: this command writes to a folder of this machine")
    return place(path)


Out = Annotated[Path, typer.Option("--out", parser=_here, metavar="FOLDER", help="folder to write to")]
OutAnywhere = Annotated[
    Path, typer.Option("--out", parser=place, metavar="FOLDER", help="folder to write to, or a URL such as s3://…")
]
RunFolder = Annotated[
    Path, typer.Argument(parser=place, metavar="RUN", help="a run, a model's folder, an experiment or a sweep")
]
RunOption = Annotated[
    Path, typer.Option("--run", parser=place, metavar="RUN", help="a run, a model's folder, an experiment or a sweep")
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="number of parallel processes")]
Cluster = Annotated[
    str,
    typer.Option(
        "--cluster", metavar="ADDRESS", help="run on a Dask cluster: tcp://HOST:8786, or local:N", callback=_work_on
    ),
]
Trust = Annotated[
    list[str] | None,
    typer.Option(
        "--trust", metavar="FILE_OR_MODULE", help="code of your own that the run needs and may execute; may be repeated"
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="exit with code 3 where anything was left out, such as a clip that cannot be used"),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="print the version and exit")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        print(f"tonearm {installed('tonearm')}")
        raise typer.Exit


def read_config(path: Path | None, overrides: list[str] | None, **arguments: dict[str, Any]) -> Any:
    """The config of the file and the overrides, with settings by section that were arguments."""
    from tonearm.config import load_config

    return load_config(path, overrides or (), arguments)


def read_experiment(given: str, overrides: list[str] | None) -> Any:
    """The config in the file of this name, or that of the folder, table or URL of music: defaults, which are shown."""
    from tonearm.config import changed_toml
    from tonearm.data.tables import is_table

    path = place(given)
    if not is_url(given):
        if not path.is_dir() and (path.suffix.lower() == ".toml" or (path.is_file() and not is_table(given))):
            return read_config(path, overrides)
        if not path.exists():
            raise ConfigError(f"{given}: there is no such config file, folder or table")
    # not relative to here, since it is kept in the results, from where it could be run again
    config = read_config(None, overrides, data={"folder": str(anchored(path))})
    note("there is no config file: these settings are used, else the defaults; config.toml in the results has them all")
    note(*(f"  {line}" for line in changed_toml(config).splitlines() if line))
    return config


def check_file(out: Path | None) -> None:
    """Refuse a folder before the work, not after it."""
    if out is not None and out.is_dir():
        raise typer.BadParameter(f"{out}: is a folder; --out names the file to write")
