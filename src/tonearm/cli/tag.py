"""`tonearm tag`: what a run would write into the tags of a library, written, taken back, and how far that is."""

import json
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from tonearm.cli.app import (
    AsJson,
    ConfigFile,
    RunOption,
    Set,
    Strict,
    Trust,
    Workers,
    app,
    check_file,
    note,
    read_config,
)
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting
from tonearm.library.fields import By, Multi, Only
from tonearm.wording import count

if TYPE_CHECKING:
    from tonearm.library.plan_file import Plan

tag = typer.Typer(
    help="Write a run's genres into a library's tags: as a plan first, and with an undo.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(tag, name="tag")

PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="a file that `tonearm tag plan` wrote")]
JournalArgument = Annotated[
    Path, typer.Argument(metavar="JOURNAL", help="the journal that `tonearm tag apply` wrote, or the plan it is beside")
]
Library = Annotated[
    Path | None, typer.Option("--library", metavar="FOLDER", help="where the library is now, if it was moved")
]
PartLinks = Annotated[
    bool,
    typer.Option("--part-links", help="write to files with hard links, too; their other names keep the old file"),
]
Playlists = Annotated[
    Path | None, typer.Option("--playlists", metavar="FOLDER", help="also write one playlist (.m3u8) a genre there")
]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="also write the plan as a CSV file")]
Beets = Annotated[
    Path | None, typer.Option("--beets", metavar="FILE", help="also write a shell script of `beet modify` commands")
]


@tag.command()
def plan(
    library: Annotated[Path, typer.Argument(metavar="LIBRARY", help="the folder of the library, which is only read")],
    run_folder: RunOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="file to write")] = Path("plan.jsonl"),
    only: Annotated[
        Only, typer.Option("--only", help="files without the tag, those whose tag says otherwise, or all")
    ] = "missing",
    unsure: Annotated[bool, typer.Option("--unsure", help="plan answers that are not sure, too")] = False,
    min_probability: Annotated[
        float, typer.Option("--min-probability", min=0.0, max=1.0, help="plan no answer of a lower probability")
    ] = 0.0,
    field: Annotated[
        str, typer.Option("--field", metavar="FIELD", help="genre, grouping, comment, mood, or TXXX:NAME")
    ] = "genre",
    by: Annotated[By, typer.Option("--by", help="each track for itself, or the tracks of an album together")] = "track",
    add: Annotated[bool, typer.Option("--add", help="keep what is there, behind the new value")] = False,
    multi: Annotated[
        Multi, typer.Option("--multi", help="write several values as such, or as one text with semicolons")
    ] = "values",
    playlists: Playlists = None,
    csv: Csv = None,
    beets: Beets = None,
    config: ConfigFile = None,
    set_: Set = None,
    workers: Workers = 1,
    trust: Trust = None,
    strict: Strict = False,
) -> None:
    """Plan what would be written into a library's tags, and say it; nothing is written there."""
    from tonearm.library.asking import plan_library
    from tonearm.library.journal import check_spent
    from tonearm.library.plan import Policy
    from tonearm.library.plan_text import summary

    for path in (out, csv, beets):
        check_file(path)
    journal = check_spent(out)
    policy = Policy(field, only, min_probability, unsure, by, add, multi)
    genres = read_config(config, set_).genres if config or set_ else None
    made, notes, unusable = plan_library(
        library, run_folder, policy, genres, counting, workers, trust or (), out.with_suffix(".answers")
    )
    made.write(out)
    journal.unlink(missing_ok=True)  # of an earlier plan of this name, all of which was taken back
    print(summary(made))
    note(*(f"note: {line}" for line in notes))
    _export(made, playlists, csv, beets)
    if made.planned:
        print(f"\nnothing has been written to the library; read {out}, change it if you like, and then:")
        print(f"  tonearm tag apply {quote(str(out))}")
    conclude(strict, {"file": unusable}, done=unusable < len(made.rows))


@tag.command()
def apply(
    path: PlanArgument,
    keep_times: Annotated[
        bool, typer.Option("--keep-times", help="leave the files' times of their last change as they are")
    ] = False,
    tags: Annotated[bool, typer.Option("--tags/--no-tags", help="write tags, or only what else is asked for")] = True,
    playlists: Playlists = None,
    csv: Csv = None,
    beets: Beets = None,
    library: Library = None,
    part_links: PartLinks = False,
    strict: Strict = False,
) -> None:
    """Write what a plan says into the tags, with a journal beside it; started again, it goes on."""
    from tonearm.library.plan_file import read_plan
    from tonearm.library.writing import apply_plan

    _export(read_plan(path), playlists, csv, beets)
    if not tags:
        return
    with counting("tags", "files") as progress:
        outcome = apply_plan(path, library, keep_times, part_links, progress)
    before = f", {outcome.already} were before" if outcome.already else ""
    print(f"{count(outcome.done, 'file', 'was', 'were')} written{before}")
    _list("left alone", (f"{name}: {reason}" for name, reason in outcome.left.items()))
    if outcome.done or outcome.already:
        print(f"to take all of it back: tonearm tag undo {quote(str(outcome.journal))}")
    conclude(strict, {"file": len(outcome.left)}, done=bool(outcome.done or outcome.already or not outcome.left))


@tag.command()
def undo(
    path: JournalArgument,
    library: Library = None,
    part_links: PartLinks = False,
    strict: Strict = False,
) -> None:
    """Make the files again what they were before `apply`; started again, it goes on."""
    from tonearm.library.writing import undo as take_back

    with counting("undo", "files") as progress:
        outcome = take_back(path, library, part_links, progress)
    before = f", {outcome.already} were already" if outcome.already else ""
    print(f"{count(outcome.done, 'file', 'is what it was', 'are what they were')} before{before}")
    _list("changed by other programs since, so that only the tag went back", outcome.by_field)
    _list("left alone", (f"{name}: {reason}" for name, reason in outcome.left.items()))
    conclude(strict, {"file": len(outcome.left)}, done=bool(outcome.done or outcome.already or not outcome.left))


@tag.command()
def status(path: PlanArgument, library: Library = None, as_json: AsJson = False) -> None:
    """Say how far a plan is: what is planned, written, taken back, and changed since."""
    from tonearm.library.status import status_of

    found = status_of(path, library)
    print(json.dumps(found.to_json(), indent=2, ensure_ascii=False) if as_json else found.text())


def _export(made: "Plan", playlists: Path | None, csv: Path | None, beets: Path | None) -> None:
    """Write what else is asked for, and say so."""
    from tonearm.library.exports import write_beets, write_playlists, write_table

    if playlists is not None:
        written, left = write_playlists(made, playlists)
        note(f"{count(len(written), 'playlist')} in {playlists}")
        _list("no playlist can hold the names of these files", left)
    if csv is not None:
        write_table(made, csv)
    if beets is not None:
        write_beets(made, beets)


def _list(title: str, lines: Iterable[str]) -> None:
    """Note each line below the title, if there are any."""
    if listed := [f"  {line}" for line in lines]:
        note(f"{title}:", *listed)
