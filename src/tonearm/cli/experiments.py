"""Commands on experiments: train, submit, compare, report; the settings; the built-in music."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tonearm.cli.app import (
    Cluster,
    ConfigOrFolder,
    Out,
    OutAnywhere,
    RunFolder,
    Set,
    Strict,
    Trust,
    Workers,
    app,
    check_file,
    note,
    read_experiment,
)
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting
from tonearm.runtime.remote import place, staged
from tonearm.wording import count


@app.command()
def run(
    config: ConfigOrFolder,
    set_: Set = None,
    out: OutAnywhere = Path("experiment"),
    workers: Workers = 1,
    cluster: Cluster = "",
    strict: Strict = False,
) -> None:
    """Train, evaluate and compare models."""
    from tonearm.experiment.experiment import run_experiment
    from tonearm.experiment.folder import ExperimentFolder

    settings = read_experiment(config, set_)
    if settings.sweep.grid or settings.sweep.search:
        note("note: [sweep] is for `tonearm sweep`; this trains the models as they stand")
    with staged(out) as folder:
        experiment = run_experiment(settings, folder, note, counting, workers)
        if not experiment.rows:
            return  # one of several processes that train together, and not the one that speaks
        print(ExperimentFolder(folder).leaderboard_md.read_text(encoding="utf-8"), end="")
        best = experiment.rows[0]
        if not best.error:
            model = (out / experiment.runs[best.model].predict).parent
            print(f"\nclassify files with: tonearm predict {model} FILE_OR_FOLDER")
    failed = sum(bool(row.error) for row in experiment.rows)
    conclude(strict, {"clip": experiment.unusable, "model": failed}, done=failed < len(experiment.rows))


@app.command()
def submit(
    run_folder: RunFolder,
    test_folder: Annotated[Path, typer.Argument(parser=place, metavar="TEST_FOLDER", help="the files to classify")],
    out: Annotated[Path, typer.Option("--out", help="CSV file to write")] = Path("submission.csv"),
    id_column: Annotated[str, typer.Option(help="name of the id column")] = "id",
    label_column: Annotated[str, typer.Option(help="name of the label column")] = "class",
    none: Annotated[str, typer.Option("--none", metavar="LABEL", help="label to write where none is sure")] = "",
    trust: Trust = None,
    strict: Strict = False,
) -> None:
    """Write predictions as a Kaggle-style submission."""
    from tonearm.submission import write_submission

    check_file(out)
    made = write_submission(run_folder, test_folder, out, id_column, label_column, none, trust or ())
    note(*(f"warning: {warning}" for warning in made.warnings))
    print(f"{out}: {count(made.rows, 'row')}")
    conclude(strict, {"file": made.unusable})


@app.command("compare")
def compare_runs(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_EXPERIMENT...",
            help="folders of `tonearm run`; after them CSV files of answers made elsewhere",
        ),
    ],
    pairs: Annotated[bool, typer.Option("--pairs", help="print every pair, not only those with the best")] = False,
) -> None:
    """Test runs on the same clips against each other."""
    from tonearm.experiment.comparison import compare_folders

    found = compare_folders(folders)
    note(*(f"note: {line}" for line in found.notes))
    print(found.text(pairs))
    conclude(False, {}, done=not found.refused)


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
