"""Commands on pretrained networks: which there are, their weights, and the rows that they give."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tonearm.cli.app import (
    AsJson,
    Cluster,
    ConfigFile,
    Music,
    OutAnywhere,
    Set,
    Strict,
    Workers,
    app,
    note,
    read_config,
)
from tonearm.cli.collection import list_failures
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting
from tonearm.wording import count

encoders = typer.Typer(
    help="List the pretrained networks, or fetch the weights of one.", rich_markup_mode=None, add_completion=False
)
app.add_typer(encoders, name="encoders")


@encoders.callback(invoke_without_command=True)
def listing(context: typer.Context, as_json: AsJson = False) -> None:
    """List the pretrained networks that a model can read, or fetch the weights of one."""
    if context.invoked_subcommand:
        return
    from tonearm.representations.encoders.registry import ALIASES, ENCODERS
    from tonearm.representations.encoders.weights import encoders_folder, is_kept

    every, broken = ENCODERS.usable()
    note(*(f"note: {reason}" for reason in broken))
    if as_json:
        print(json.dumps([_facts(name) for name in every], indent=2, ensure_ascii=False))
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False)
    for title in ("", "name", "layers", "rate, window", "trained on", "licence"):
        table.add_column(title)
    other = {name: alias for alias, name in ALIASES.items()}
    for name, built_in in every.items():
        encoder = built_in.encoder
        layers = ", ".join(f"{layer} ({found.dimensions})" for layer, found in encoder.layers.items())
        called = f"{name} ({other[name]})" if name in other else name
        rate = f"{encoder.sr // 1000} kHz, {encoder.window:.0f} s"
        table.add_row("*" if is_kept(name) else "", called, layers, rate, encoder.card.trained_on, encoder.card.weights)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    print(f"* weights are here, in {encoders_folder()}; fetch others by: tonearm encoders get NAME")
    print(
        'read by a model with reads = "NAME" or "NAME:LAYER"; the first layer is the default; [encoders] has the pool'
    )


def _facts(name: str) -> dict[str, Any]:
    from tonearm.representations.encoders.registry import ENCODERS
    from tonearm.representations.encoders.weights import is_kept

    encoder, weights = ENCODERS[name].encoder, ENCODERS[name].weights
    return {
        "name": name,
        "layers": {layer: found.dimensions for layer, found in encoder.layers.items()},
        "sr": encoder.sr,
        "window": encoder.window,
        "hop": encoder.hop,
        "card": encoder.card._asdict(),
        "weights": weights._asdict(),
        "here": is_kept(name),
    }


@encoders.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="an encoder that `tonearm encoders` lists")],
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="the file of weights, in place of fetching it")
    ] = None,
    sha256: Annotated[str, typer.Option("--sha256", help="hash to trust, where tonearm does not know the file's")] = "",
    again: Annotated[bool, typer.Option("--again", help="even if the weights are here")] = False,
) -> None:
    """Fetch the weights of an encoder, check them, and convert them once."""
    from tonearm.representations.encoders.weights import get_weights

    if not get_weights(name, from_, sha256, again, tell=print):
        print(f"the weights of {name} are here already; --again fetches them anew")


@app.command()
def embed(
    folder: Music,
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="NAME", help="an encoder that `tonearm encoders` lists, or NAME:LAYER")
    ],
    out: OutAnywhere,
    layer: Annotated[str | None, typer.Option("--layer", help="its layer, if not the default")] = None,
    pool: Annotated[str | None, typer.Option("--pool", help="mean, mean+std or mean+max of the windows")] = None,
    config: ConfigFile = None,
    set_: Set = None,
    workers: Workers = 1,
    cluster: Cluster = "",
    strict: Strict = False,
) -> None:
    """Compute a pretrained network's rows, as CSV and Parquet."""
    from tonearm.data.catalog import read_catalog
    from tonearm.representations.base import file_name
    from tonearm.representations.encoders.representation import Embeddings
    from tonearm.representations.extract import FAILURES_CSV, extract_rows

    chosen = {key: value for key, value in (("layer", layer), ("pool", pool)) if value is not None}
    settings = read_config(config, set_, data={"folder": folder}, encoders=chosen)
    representation = Embeddings.of(encoder, settings.audio, settings.encoders)
    catalog = read_catalog(settings.data, genres=settings.genres)
    note(*(f"note: {line}" for line in catalog.notes))
    with counting(encoder, "clips") as progress:
        done = extract_rows(catalog, representation, out, workers, progress)
    clips = count(done.usable, "clip")
    table = out / f"{file_name(encoder)}.csv"
    print(f"{table}: {clips}, {done.usable - done.reused} computed, {done.reused} reused")
    list_failures(done.failures, out / FAILURES_CSV)
    conclude(strict, {"clip": len(done.failures)}, done=done.usable > 0)
