"""`tonearm predict`: files to labels, written as they come; a folder that fills, watched."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import AsJson, Cluster, RunFolder, Strict, Trust, Workers, app, check_file, note
from tonearm.cli.ending import conclude
from tonearm.runtime.remote import place


def _print_schema(wanted: bool) -> None:
    if wanted:
        from tonearm.answers import SCHEMA

        print(json.dumps(SCHEMA, indent=2))
        raise typer.Exit


@app.command()
def predict(
    run_folder: RunFolder,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=place, metavar="FILE_OR_FOLDER...", help="audio or image files, folders of them, or a feature table"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", parser=place, metavar="FILE", help="CSV file to write")] = None,
    as_json: AsJson = False,
    jsonl: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="file of answers, one a line as JSON, written as they come; the same command goes on with it. "
            "- prints them",
        ),
    ] = "",
    watch: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="predict the files that arrive in the folder, until Ctrl-C")
    ] = None,
    neighbours: Annotated[
        int,
        typer.Option(min=0, max=100, help="nearest training clips to name for each file"),
    ] = 0,
    none: Annotated[bool, typer.Option("--none", help='write "none" in place of labels that are not sure')] = False,
    sure_only: Annotated[bool, typer.Option("--sure-only", help="leave out files whose label is not sure")] = False,
    workers: Workers = 1,
    cluster: Cluster = "",
    trust: Trust = None,
    strict: Strict = False,
    schema: Annotated[
        bool,
        typer.Option("--schema", is_eager=True, callback=_print_schema, help="print the JSON Schema of an answer"),
    ] = False,
) -> None:
    """Predict the genre of files, with probabilities."""
    from tonearm.bulk.answering import Answering
    from tonearm.cli.answers import Ways, answer_all, watch_folder
    from tonearm.prediction import ask

    _check_ways(paths, out, as_json, jsonl, watch, sure_only)
    asked = ask(run_folder, paths or (), neighbours, trust or ())
    answering = Answering(asked, none, sure_only, workers)
    note(*(f"note: {line}" for line in asked.notes()))
    lines = Path(jsonl) if jsonl not in ("", "-") else None
    ways = Ways(lines, out, as_list=as_json, as_lines=jsonl == "-")
    if watch is not None:
        watch_folder(answering, watch, ways)
    else:
        conclude(strict, {"file": answer_all(answering, ways).failed})


def _check_ways(
    paths: list[Path] | None, out: Path | None, as_json: bool, jsonl: str, watch: Path | None, sure_only: bool
) -> None:
    """Refuse what does not go together, before the work."""
    check_file(out)
    if bool(paths) == (watch is not None):
        raise typer.BadParameter("name files or folders to predict, or one folder to --watch")
    if jsonl and as_json:
        raise typer.BadParameter("--json prints one list and --jsonl one answer a line: choose one of them")
    if watch is not None and (out or as_json):
        raise typer.BadParameter("what --watch finds has no end: write it with --jsonl FILE, or print it")
    if jsonl not in ("", "-"):
        check_file(Path(jsonl))
        if sure_only:
            raise typer.BadParameter(
                '--jsonl FILE keeps every answer, with "sure" in it, so that it can go on: leave out --sure-only'
            )
