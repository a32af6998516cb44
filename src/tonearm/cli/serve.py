"""`tonearm serve`."""

from typing import Annotated

import typer

from tonearm.cli.app import RunFolder, Trust, app
from tonearm.errors import TonearmError


@app.command()
def serve(
    run_folder: RunFolder,
    host: Annotated[
        str, typer.Option("--host", help="address to listen on; beyond this machine, clients need a token")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="port; 0: any that is free")] = 8000,
    token: Annotated[
        str | None, typer.Option("--token", envvar="TONEARM_TOKEN", help="token in place of a random one")
    ] = None,
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
    try:
        from tonearm.web.limits import MEGABYTE, Limits, is_loopback, new_token
        from tonearm.web.serving import serve_run
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "starlette", "uvicorn", "python_multipart"):
            raise
        raise TonearmError(f'tonearm serve needs {error.name}: pip install "tonearm[serve]"') from error

    if token and no_token:
        raise typer.BadParameter("--token and --no-token: choose one of them")
    limits = Limits(
        host,
        port,
        token or ("" if no_token or is_loopback(host) else new_token()),
        tuple(name or ()),
        file_bytes=max_mb * MEGABYTE,
        kept_bytes=max(Limits.kept_bytes, 2 * max_mb * MEGABYTE),
        task_seconds=max_seconds,
        waiting=queue,
        workers=workers,
        open=no_token,
    )

    def started(now: Limits) -> None:
        print(f"{now.address}predict answers; Ctrl-C ends it", flush=True)
        if now.token and not token:
            print(f"Authorization: Bearer {now.token}", flush=True)

    serve_run(run_folder, limits, trust or (), started)
