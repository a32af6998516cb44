"""`tonearm serve`."""

from typing import TYPE_CHECKING, Annotated

import typer

from tonearm.cli.app import RunFolder, Trust, app
from tonearm.cli.listening import Port, Token, limits_of, needing

if TYPE_CHECKING:
    from tonearm.web.limits import Limits


@app.command()
def serve(
    run_folder: RunFolder,
    host: Annotated[
        str, typer.Option("--host", help="address to listen on; beyond this machine, clients need a token")
    ] = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="ask nobody for a token: a proxy before it decides who may ask")
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="further host name that clients use; may be repeated"),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=256, help="processes that each load the run")] = 1,
    max_mb: Annotated[int, typer.Option("--max-mb", min=1, help="most megabytes of a file")] = 200,
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", min=1.0, help="most seconds of a file to come, and to be answered")
    ] = 120.0,
    queue: Annotated[int, typer.Option("--queue", min=0, help="most requests that wait for a worker")] = 100,
    trust: Trust = None,
) -> None:
    """Answer over HTTP: files to labels, for programs."""
    with needing("serve"):
        from tonearm.web.serving import serve_run

    if token and no_token:
        raise typer.BadParameter("--token and --no-token: choose one of them")
    limits = limits_of(
        host,
        port,
        token,
        max_mb,
        open_=no_token,
        names=tuple(name or ()),
        task_seconds=max_seconds,
        waiting=queue,
        workers=workers,
    )

    def started(now: "Limits") -> None:
        print(f"{now.address}predict answers; Ctrl-C ends it", flush=True)
        if now.token and not token:
            print(f"Authorization: Bearer {now.token}", flush=True)

    serve_run(run_folder, limits, trust or (), started)
