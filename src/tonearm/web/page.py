"""`tonearm ui`: the page as one application, and the server that shows it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

from fastapi import FastAPI

from tonearm.experiment.trust import Trust
from tonearm.web import collection_routes, pages, routes
from tonearm.web.app import create_app, listen, serve
from tonearm.web.choices import Choices
from tonearm.web.limits import Limits
from tonearm.web.session import Session
from tonearm.web.shelf import Shelf
from tonearm.web.workers import WorkerPool


def page_app(limits: Limits, choices: Choices, shelf: Shelf, trust: Trust = ()) -> FastAPI:
    """The application of the page. Its workers load the first model at once, others when they are asked for."""
    first = next(iter(choices)).run
    session = Session(choices, shelf, trust)
    pool = WorkerPool(limits, [first], trust)
    routers = [pages.router, routes.router, collection_routes.router]
    app = create_app(limits, pool, routers, "tonearm ui", closing=[session.stop])
    app.state.session = session
    return app


def open_page(
    runs: Sequence[str | Path],
    music: Sequence[str | Path],
    limits: Limits,
    trust: Trust = (),
    told: Callable[[str], None] = print,
) -> None:
    """Show the page until a signal ends it.

    runs: runs and experiments. music: folders whose files may be read. told: called with the address, token and all,
    when the page answers. Raises RunError, CatalogError, ConfigError.
    """
    choices, shelf = Choices(runs), Shelf(music)
    listening, limits = listen(limits)
    app = page_app(limits, choices, shelf, trust)
    shown = f"?{urlencode({'token': limits.token})}" if limits.token else ""
    serve(app, listening, lambda: told(f"{limits.address}{shown}"))
