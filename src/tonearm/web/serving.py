"""A run as a server for machines."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI

from tonearm.experiment.lookup import run_to_load
from tonearm.experiment.runs import read_facts
from tonearm.experiment.trust import Trust
from tonearm.runtime.remote import is_url
from tonearm.web.api import Served, router
from tonearm.web.app import create_app, listen, serve
from tonearm.web.limits import Limits
from tonearm.web.metrics import Gate
from tonearm.web.models import RunKey
from tonearm.web.workers import WorkerPool

SPARE_CONNECTIONS = 100  # of those who wait, ask how it goes, or are refused


def serve_run(run: str | Path, limits: Limits, trust: Trust, started: Callable[[Limits], None]) -> None:
    """Serve a run until a signal ends it; requests that have begun are answered first.

    run: as of `tonearm.load`. limits: `waiting` is how many requests with files may wait. started: called with the
    limits when it answers, which then have the port. Raises RunError where there is no such run, it cannot be loaded or
    needs other code; ConfigError where the address cannot be listened on.
    """
    folder = run_to_load(run)
    key = RunKey(folder if is_url(folder) else folder.resolve(), read_facts(folder).digest)
    listening, limits = listen(limits)
    app = application(key, limits, trust)
    serve(app, listening, lambda: started(limits), finish_seconds=2 * limits.task_seconds)


def application(key: RunKey, limits: Limits, trust: Trust = ()) -> FastAPI:
    """The server's application."""
    most = limits.waiting + limits.workers
    connections = most + SPARE_CONNECTIONS
    # of each request as many files as there are workers wait at a time
    limits = replace(limits, connections=connections, waiting=most * limits.workers)
    app = create_app(limits, WorkerPool(limits, [key], trust), [router], title="tonearm serve", openapi=True)
    app.state.served = Served(key, most)
    app.add_middleware(Gate, metrics=app.state.served.metrics)
    return app
