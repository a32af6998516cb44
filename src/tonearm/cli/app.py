"""The commands.

Conventions
-----------
As in the package. A setting is never an option of its own: `--config` names the TOML file and `--set a.b=c`
overrides one setting of it, whatever the command. Only what is not a setting is an option (where to write, how
many processes).
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tonearm.cli.progress import counting
from tonearm.runtime.remote import is_url, place, staged

app = typer.Typer(
    help="From a folder of labelled music to honest, compared, usable genre classifiers.",
    no_args_is_help=True,
    add_completion=False,
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
RunFolder = Annotated[Path, typer.Argument(parser=place, metavar="RUN", help="a run folder that `tonearm run` wrote")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="number of parallel processes")]
Cluster = Annotated[
    str,
    typer.Option(
        "--cluster", metavar="ADDRESS", help="run on a Dask cluster: tcp://HOST:8786, or local:N", callback=_work_on
    ),
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


def _config(path: Path | None, overrides: list[str] | None, **arguments: dict[str, Any]) -> Any:
    """The config of the file and the overrides, with settings by section that were arguments."""
    from tonearm.config import load_config

    return load_config(path, overrides or (), arguments)


def _check_file(out: Path | None) -> None:
    """Refuse a folder before the work, not after it."""
    if out is not None and out.is_dir():
        raise typer.BadParameter(f"{out}: is a folder; --out names the file to write")


def _note(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)


@app.command()
def scan(
    folder: Folder,
    config: ConfigFile = None,
    set_: Set = None,
    workers: Workers = 1,
    as_json: AsJson = False,
    cluster: Cluster = "",
) -> None:
    """Report classes, broken files and duplicates of a folder."""
    from tonearm.data.catalog import read_catalog
    from tonearm.data.tables import is_table, read_table
    from tonearm.scan.scan import scan_catalog, scan_dataset

    settings = _config(config, set_, data={"folder": folder}).data
    if is_table(folder):
        dataset, notes = read_table(settings)
        report = scan_dataset(dataset, folder, notes)
    else:
        with counting("scan", "clips") as progress:
            report = scan_catalog(read_catalog(settings), workers, progress)
    print(json.dumps(report.to_json(), indent=2, ensure_ascii=False) if as_json else report.text())
    if report.problems or any(group.contradicts for group in report.duplicates):
        raise typer.Exit(1)


@app.command()
def features(config: ConfigFile = None, set_: Set = None) -> None:
    """List the feature families with unit, formula and source."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from tonearm.representations.features.families import FAMILIES
    from tonearm.representations.features.presets import plan

    settings = _config(config, set_).features
    columns = plan(settings)
    chosen = {column.family for column in columns}
    table = Table(box=SIMPLE, pad_edge=False)
    for title in ("", "family", "series", "unit", "formula", "source"):
        table.add_column(title)
    for name, family in FAMILIES.items():
        mark = "*" if name in chosen else ""
        table.add_row(mark, name, str(family.series), family.unit, family.formula, family.source)
    Console(width=None if sys.stdout.isatty() else 130).print(table)
    statistics = list(dict.fromkeys(column.statistic for column in columns if column.statistic))
    print(f"* chosen by preset {settings.preset!r} and features.families: {len(columns)} columns")
    print(f"statistics over frames: {', '.join(statistics)}")
    print(
        "presets: gtzan57 (57 columns), fma518 (518), basic, full; every family equals librosa's function of its name"
    )


@app.command()
def extract(
    folder: Music,
    out: OutAnywhere,
    preset: Annotated[str | None, typer.Option("--preset", help="gtzan57, fma518, basic or full")] = None,
    config: ConfigFile = None,
    set_: Set = None,
    workers: Workers = 1,
    cluster: Cluster = "",
) -> None:
    """Compute the features of every clip, as CSV and Parquet."""
    from tonearm.data.catalog import read_catalog
    from tonearm.representations.extract import FAILURES_CSV, FEATURES_CSV, extract_features

    chosen = {"preset": preset} if preset else {}
    settings = _config(config, set_, data={"folder": folder}, features=chosen)
    catalog = read_catalog(settings.data)
    _note(*(f"note: {note}" for note in catalog.notes))
    with counting("features", "clips") as progress:
        done = extract_features(catalog, settings.audio, settings.features, out, workers, progress)
    print(f"{out / FEATURES_CSV}: {done.usable} clips, {done.usable - done.reused} computed, {done.reused} reused")
    if done.failures:
        _list_failures(done.failures, out / FAILURES_CSV)
        raise typer.Exit(1)


@app.command()
def spectrograms(
    folder: Music,
    out: OutAnywhere,
    kinds: Annotated[str | None, typer.Option("--kinds", help="comma-separated: linear, log, layl, mel, mfcc")] = None,
    config: ConfigFile = None,
    set_: Set = None,
    workers: Workers = 1,
    cluster: Cluster = "",
) -> None:
    """Draw spectrograms: OUT/KIND/GENRE/FILE.png."""
    from tonearm.data.catalog import read_catalog
    from tonearm.representations.extract import FAILURES_CSV, draw_spectrograms

    chosen = {"kinds": kinds.split(",")} if kinds else {}
    settings = _config(config, set_, data={"folder": folder}, spectrogram=chosen)
    catalog = read_catalog(settings.data)
    _note(*(f"note: {note}" for note in catalog.notes))
    with counting("pictures", "clips") as progress:
        done = draw_spectrograms(catalog, settings.audio, settings.spectrogram, out, workers, progress)
    made = ", ".join(settings.spectrogram.kinds)
    print(f"{out}: {done.usable} clips as {made}; {done.usable - done.reused} drawn, {done.reused} there already")
    if done.failures:
        _list_failures(done.failures, out / FAILURES_CSV)
        raise typer.Exit(1)


def _list_failures(failures: tuple[Any, ...], path: Path) -> None:
    _note(f"{len(failures)} clips cannot be used ({path}):")
    _note(*(f"  {failure.name}: {failure.reason}" for failure in failures[:10]))
    if len(failures) > 10:
        _note(f"  … and {len(failures) - 10} more")


@app.command()
def run(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.toml", help="TOML file of settings; `tonearm config` prints a template")
    ],
    set_: Set = None,
    out: OutAnywhere = Path("experiment"),
    workers: Workers = 1,
    cluster: Cluster = "",
) -> None:
    """Train, evaluate and compare the config's models."""
    from tonearm.experiment.experiment import run_experiment
    from tonearm.experiment.folder import ExperimentFolder

    settings = _config(config, set_)
    if settings.sweep.grid or settings.sweep.search:
        _note("note: [sweep] is for `tonearm sweep`; this trains the models as they stand")
    with staged(out) as folder:
        experiment = run_experiment(settings, folder, lambda line: _note(line), counting, workers)
        if not experiment.rows:
            return  # one of several processes that train together, and not the one that speaks
        print(ExperimentFolder(folder).leaderboard_md.read_text(encoding="utf-8"), end="")
        best = experiment.rows[0]
        if not best.error:
            model = out / experiment.folder_of(best).parent.relative_to(folder).as_posix()
            print(f"\nclassify files with: tonearm predict {model} FILE_OR_FOLDER")
    if experiment.unusable or any(row.error for row in experiment.rows):
        raise typer.Exit(1)


@app.command()
def predict(
    run_folder: RunFolder,
    paths: Annotated[
        list[Path],
        typer.Argument(
            parser=place, metavar="FILE_OR_FOLDER...", help="audio or image files, folders of them, or a feature table"
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", parser=place, metavar="FILE", help="CSV file to write")] = None,
    as_json: AsJson = False,
    workers: Workers = 1,
    cluster: Cluster = "",
) -> None:
    """Predict the genre of files, with probabilities."""
    from tonearm.prediction import predict as predict_paths

    _check_file(out)
    found = predict_paths(run_folder, paths, workers)
    _note(*(f"note: {note}" for note in found.notes))
    if out:
        found.to_csv(out)
    if as_json:
        print(json.dumps([row.to_json() for row in found.rows], indent=2, ensure_ascii=False))
    else:
        print(f"{out}: {len(found.rows)} files" if out else found.text())
    if found.failed:
        raise typer.Exit(1)


@app.command()
def submit(
    run_folder: RunFolder,
    test_folder: Annotated[Path, typer.Argument(parser=place, metavar="TEST_FOLDER", help="the files to classify")],
    out: Annotated[Path, typer.Option("--out", help="CSV file to write")] = Path("submission.csv"),
    id_column: Annotated[str, typer.Option(help="name of the id column")] = "id",
    label_column: Annotated[str, typer.Option(help="name of the label column")] = "class",
) -> None:
    """Write predictions as a Kaggle-style submission."""
    from tonearm.prediction import write_submission

    _check_file(out)
    rows, warnings = write_submission(run_folder, test_folder, out, id_column, label_column)
    _note(*(f"warning: {warning}" for warning in warnings))
    print(f"{out}: {rows} rows")


@app.command("compare")
def compare_runs(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN_OR_EXPERIMENT...", help="folders of `tonearm run`")],
) -> None:
    """Compare runs on the same clips with the best of them."""
    from tonearm.experiment.comparison import compare_folders

    found = compare_folders(folders)
    print(found.text())
    if found.refused:
        raise typer.Exit(1)


@app.command()
def report(
    experiment: Annotated[
        Path, typer.Argument(metavar="EXPERIMENT", help="a folder that `tonearm run` or `tonearm sweep` wrote")
    ],
    against: Annotated[
        Path | None, typer.Option("--against", help="another experiment to compare with, such as one on a random split")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="folder to write to; EXPERIMENT/report by default")] = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="embed short audio excerpts")] = True,
    workers: Workers = 1,
) -> None:
    """Write an experiment's or a sweep's report as one HTML file."""
    from tonearm.report import write_report

    print(write_report(experiment, out, against, audio, counting, workers))


@app.command("config")
def show_config() -> None:
    """Print a TOML template of all settings with descriptions."""
    from tonearm.config import template

    print(template(), end="")


@app.command()
def jam(
    out: Out,
    clips_per_genre: Annotated[int, typer.Option(min=1, help="clips per genre, of ten genres")] = 30,
    seconds: Annotated[float, typer.Option(min=1.0, max=600.0, help="clip length in seconds")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="random seed")] = 0,
    format_: Annotated[Literal["wav", "flac", "ogg", "au"], typer.Option("--format", help="audio file format")] = "wav",
    clean: Annotated[bool, typer.Option("--clean", help="leave out the planted faults")] = False,
    workers: Workers = 1,
) -> None:
    """Render the built-in data set of labelled music."""
    from tonearm.jam import render_jam

    with counting("music", "clips") as progress:
        summary = render_jam(
            out,
            clips_per_genre=clips_per_genre,
            seconds=seconds,
            seed=seed,
            format=format_,
            clean=clean,
            workers=workers,
            progress=progress,
        )
    print(summary.text())


@app.command()
def demo(
    out: Out = Path("demo"),
    clips_per_genre: Annotated[int, typer.Option(min=4, help="clips per genre, of ten genres")] = 30,
    seconds: Annotated[float, typer.Option(min=2.0, max=60.0, help="clip length in seconds")] = 10.0,
) -> None:
    """Demonstrate every step on the built-in music."""
    from tonearm.demo import run_demo

    run_demo(out, lambda paragraph: print(paragraph + "\n", flush=True), counting, clips_per_genre, seconds)
