"""The command of the page."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import Trust, app, note
from tonearm.cli.listening import Port, Token, limits_of, needing
from tonearm.runtime.remote import place

Runs = Annotated[
    list[Path] | None,
    typer.Argument(parser=place, metavar="RUN_OR_EXPERIMENT...", help="runs or experiments; ./experiment by default"),
]


@app.command()
def ui(
    runs: Runs = None,
    music: Annotated[
        list[Path] | None, typer.Option("--music", metavar="DIR", help="folder that the page may read; may be repeated")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="address to listen on; beyond this machine, the page needs a token")
    ] = "127.0.0.1",
    port: Port = 8765,
    token: Token = None,
    max_mb: Annotated[int, typer.Option("--max-mb", min=1, help="most megabytes of a file that is sent")] = 200,
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", min=1.0, help="most seconds that a file may take")
    ] = 60.0,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="processes that listen to music")] = 1,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open the page in a browser")] = True,
    trust: Trust = None,
) -> None:
    """Open a local page: drop music, hear why, correct labels, learn anew."""
    with needing("ui"):
        from tonearm.web.page import open_page

    def told(address: str) -> None:
        print(f"{address}\nCtrl-C stops the page, and deletes what was sent to it.", flush=True)
        if browser:
            import webbrowser

            if not webbrowser.open(address):
                note("note: no browser could be opened; open the address above")

    limits = limits_of(host, port, token, max_mb, task_seconds=max_seconds, workers=workers)
    open_page(runs or [Path("experiment")], music or [], limits, trust or (), told)
