"""`tonearm export`: a run as an ONNX model that needs no tonearm, and as a model card."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import Out, RunFolder, Trust, app, note
from tonearm.runtime.remote import place


class _Form(StrEnum):
    onnx = "onnx"
    card = "card"


@app.command()
def export(
    run_folder: RunFolder,
    out: Out,
    to: Annotated[
        list[_Form],
        typer.Option("--to", help="onnx: a model without tonearm; card: README.md of a model hub; may be repeated"),
    ] = [_Form.onnx],  # noqa: B006  # typer copies it
    check: Annotated[
        list[Path] | None,
        typer.Option(
            "--check",
            parser=place,
            metavar="FILE_OR_FOLDER",
            help="compare the ONNX model with the run on these, instead of clips of the run; may be repeated",
        ),
    ] = None,
    licence: Annotated[
        str, typer.Option("--license", metavar="ID", help="the model's license on the card, such as cc-by-4.0")
    ] = "unknown",
    push: Annotated[
        str,
        typer.Option("--push", metavar="OWNER/NAME", help="then upload it to this repository of the Hugging Face Hub"),
    ] = "",
    private: Annotated[
        bool, typer.Option("--private", help="with --push: make a new repository a private one")
    ] = False,
    trust: Trust = None,
) -> None:
    """Write a run as an ONNX model, checked against it, or as a model card."""
    from tonearm.export import export_run

    done = export_run(run_folder, out, [form.value for form in to], check or (), licence, trust or ())
    note(*(f"note: {line}" for line in done.notes))
    print("\n".join([*done.lines, *(str(done.folder / name) for name in done.files)]))
    if push:
        from tonearm.export.hub import push as upload

        print(upload(done.folder, push, done.files, private))
