"""The command that starts on a library of tagged music."""

import shlex
from typing import Annotated

import typer

from tonearm.cli.app import Out, Set, Strict, Workers, app, note
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting


@app.command()
def library(
    folder: Annotated[str, typer.Argument(metavar="LIBRARY", help="the folder of your music, which is only read")],
    out: Out,
    set_: Set = None,
    workers: Workers = 1,
    strict: Strict = False,
) -> None:
    """Learn a library's genres from its tags, with a config to edit."""
    from tonearm.experiment.folder import ExperimentFolder
    from tonearm.library.start import start_library

    started = start_library(folder, out, set_ or (), note, counting, workers)
    experiment = started.experiment
    leaderboard = ExperimentFolder(out).leaderboard_md.read_text(encoding="utf-8")
    print("\n\n".join(leaderboard.split("\n\n")[:2]))  # the split, and the table of models
    music, run, audit, plan = (shlex.quote(str(each)) for each in (folder, out, out / "audit", out / "plan.jsonl"))
    print(f"""
{started.report}
    what the models can do, and where they err
{started.config}
    the genres: edit it, and start the same command again
tonearm audit {music} --run {run} --out {audit}
    which tags are likely wrong
tonearm tag plan {music} --run {run} --out {plan}
    what would be written into tracks without a genre; nothing is written before `tonearm tag apply`""")
    failed = sum(bool(row.error) for row in experiment.rows)
    conclude(strict, {"clip": experiment.unusable, "model": failed}, done=failed < len(experiment.rows))
