"""Commands on a collection: what it holds, its features and its spectrograms."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tonearm.cli.app import (
    AsJson,
    Cluster,
    ConfigFile,
    Folder,
    Music,
    OutAnywhere,
    Set,
    Strict,
    Workers,
    app,
    note,
    read_config,
)
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting
from tonearm.wording import count


@app.command()
def scan(
    folder: Folder,
    labels: Annotated[
        Literal["folders", "tags"] | None, typer.Option("--labels", help="where labels come from, as data.labels")
    ] = None,
    config: ConfigFile = None,
    set_: Set = None,
    workers: Workers = 1,
    as_json: AsJson = False,
    strict: Strict = False,
    cluster: Cluster = "",
) -> None:
    """Report classes, broken files and duplicates of a folder."""
    from tonearm.data.catalog import read_catalog
    from tonearm.data.tables import is_table, read_table
    from tonearm.scan.scan import scan_catalog, scan_dataset

    source = {"labels": labels} if labels else {}
    settings = read_config(config, set_, data={"folder": folder, **source})
    if is_table(folder):
        dataset, notes = read_table(settings.data)
        report = scan_dataset(dataset, folder, notes)
    else:
        with counting("scan", "clips") as progress:
            report = scan_catalog(
                read_catalog(settings.data, genres=settings.genres), workers, progress, settings.audio
            )
    print(json.dumps(report.to_json(), indent=2, ensure_ascii=False) if as_json else report.text())
    contradictions = sum(group.contradicts for group in report.duplicates)
    conclude(strict, {"clip": len(report.problems), "contradiction": contradictions})


@app.command()
def features(config: ConfigFile = None, set_: Set = None) -> None:
    """List the feature families with unit, formula and source."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tonearm.representations.features.families import FAMILIES
    from tonearm.representations.features.presets import plan

    settings = read_config(config, set_).features
    columns = plan(settings)
    chosen = {column.family for column in columns}
    table = Table(box=SIMPLE, pad_edge=False)
    for title in ("", "family", "series", "unit", "formula", "source"):
        table.add_column(title)
    every, broken = FAMILIES.usable()
    note(*(f"note: {reason}" for reason in broken))
    for name, family in every.items():
        mark = "*" if name in chosen else ""
        cells = (mark, name, str(family.series), family.unit, family.formula, family.source)
        table.add_row(*map(Text, cells))  # and not markup, to which S[t] would be a style
    Console(width=None if sys.stdout.isatty() else 130).print(table)
    statistics = list(dict.fromkeys(column.statistic for column in columns if column.statistic))
    print(f"* chosen by preset {settings.preset!r} and features.families: {len(columns)} columns")
    print(f"statistics over frames: {', '.join(statistics)}")
    others = ", ".join(name for name, family in FAMILIES.items() if not family.librosa)
    equals = "every family equals librosa's function of its name" + (
        f", except what librosa lacks: {others}" if others else ""
    )
    print(f"presets: gtzan57 (57 columns), fma518 (518), basic, full; {equals}")


@app.command()
def extract(
    folder: Music,
    out: OutAnywhere,
    preset: Annotated[str | None, typer.Option("--preset", help="gtzan57, fma518, basic or full")] = None,
    config: ConfigFile = None,
    set_: Set = None,
    workers: Workers = 1,
    cluster: Cluster = "",
    strict: Strict = False,
) -> None:
    """Compute the features of every clip, as CSV and Parquet."""
    from tonearm.data.catalog import read_catalog
    from tonearm.representations.extract import FAILURES_CSV, FEATURES_CSV, extract_feature_table

    chosen = {"preset": preset} if preset else {}
    settings = read_config(config, set_, data={"folder": folder}, features=chosen)
    catalog = read_catalog(settings.data, genres=settings.genres)
    note(*(f"note: {line}" for line in catalog.notes))
    with counting("features", "clips") as progress:
        done = extract_feature_table(catalog, settings.audio, settings.features, out, workers, progress)
    note(*(f"note: {line}" for line in done.notes))
    clips = count(done.usable, "clip")
    print(f"{out / FEATURES_CSV}: {clips}, {done.usable - done.reused} computed, {done.reused} reused")
    list_failures(done.failures, out / FAILURES_CSV)
    conclude(strict, {"clip": len(done.failures)}, done=done.usable > 0)


@app.command()
def spectrograms(
    folder: Music,
    out: OutAnywhere,
    kinds: Annotated[str | None, typer.Option("--kinds", help="comma-separated: linear, log, layl, mel, mfcc")] = None,
    config: ConfigFile = None,
    set_: Set = None,
    workers: Workers = 1,
    cluster: Cluster = "",
    strict: Strict = False,
) -> None:
    """Draw spectrograms of every clip.

    They are OUT/KIND/GENRE/FILE.png, inside train/ and test/ as the music is.
    """
    from tonearm.data.catalog import read_catalog
    from tonearm.representations.extract import FAILURES_CSV, draw_spectrograms

    chosen = {"kinds": kinds.split(",")} if kinds else {}
    settings = read_config(config, set_, data={"folder": folder}, spectrogram=chosen)
    catalog = read_catalog(settings.data, genres=settings.genres)
    note(*(f"note: {line}" for line in catalog.notes))
    with counting("pictures", "clips") as progress:
        done = draw_spectrograms(catalog, settings.audio, settings.spectrogram, out, workers, progress)
    note(*(f"note: {line}" for line in done.notes))
    made = ", ".join(settings.spectrogram.kinds)
    print(
        f"{out}: {count(done.usable, 'clip')} as {made}; {done.usable - done.reused} drawn, {done.reused} there already"
    )
    list_failures(done.failures, out / FAILURES_CSV)
    conclude(strict, {"clip": len(done.failures)}, done=done.usable > 0)


def list_failures(failures: tuple[Any, ...], path: Path) -> None:
    """Name the first clips that could not be used, if any, on standard error. path: the table that names them all."""
    if not failures:
        return
    note(f"{count(len(failures), 'clip')} cannot be used ({path}):")
    note(*(f"  {failure.name}: {failure.reason}" for failure in failures[:10]))
    if len(failures) > 10:
        note(f"  … and {len(failures) - 10} more")
