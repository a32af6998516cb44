"""The application: checks, uploads, workers and routes as one, and the server that runs it.

Conventions
-----------
`create_app` gives the ground; who builds on it passes routers. A route finds what it needs with `web_of(request)`.
Every error is answered in JSON, `{"status": 413, "error": "…"}`, in the words of the error itself.
"""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import FrameType

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tonearm.errors import ConfigError, TonearmError
from tonearm.runtime.stopping import ending_within, saying
from tonearm.web.errors import RequestError
from tonearm.web.limits import Limits
from tonearm.web.safety import Guard
from tonearm.web.uploads import Uploads
from tonearm.web.workers import WorkerPool

SECONDS_BETWEEN_CLEANINGS = 30.0
SECONDS_TO_STOP = 5  # that answers which are on their way may take when the server stops
WORDS = {
    404: "there is nothing at this address",
    405: "this address does not take such a request",
}
_log = logging.getLogger(__name__)


@dataclass
class Web:
    """What the routes share. uploads: there while the application runs."""

    limits: Limits
    pool: WorkerPool
    uploads: Uploads


def web_of(request: Request) -> Web:
    """What the application of a request shares."""
    web: Web = request.app.state.web
    return web


def create_app(
    limits: Limits,
    pool: WorkerPool,
    routers: Sequence[APIRouter] = (),
    title: str = "tonearm",
    openapi: bool = False,
    closing: Sequence[Callable[[], None]] = (),
) -> FastAPI:
    """The application. pool: not started yet. openapi: whether /openapi.json describes it; FastAPI's pages of it come
    from a CDN, and are off. closing: called when the application stops.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        uploads = Uploads(limits)
        app.state.web = Web(limits, pool, uploads)
        cleaning = asyncio.create_task(_clean(uploads))
        try:
            await asyncio.to_thread(pool.start)
            yield
        except TonearmError as error:
            app.state.failed = error
            raise
        finally:
            cleaning.cancel()
            with suppress(asyncio.CancelledError):
                await cleaning
            try:
                await asyncio.to_thread(pool.stop)
            finally:
                uploads.close()
            for close in closing:
                await asyncio.to_thread(close)

    described = "/openapi.json" if openapi else None
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=described, lifespan=life)
    app.state.limits = limits
    app.state.stopping = False
    app.add_middleware(Guard, limits=limits)
    app.add_exception_handler(TonearmError, _of_error)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(ClientDisconnect, _of_leaving)
    app.add_exception_handler(Exception, _of_fault)
    for router in routers:
        app.include_router(router)
    return app


def listen(limits: Limits) -> tuple[socket.socket, Limits]:
    """A socket at the host and port, and the limits with the port that it got (0 asks for any free one).

    Raises ConfigError where it is taken, or the host is none of this machine.
    """
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(
            limits.host, limits.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.create_server(address[:2], family=family, backlog=limits.connections)
    except OSError as error:
        raise ConfigError(
            f"{limits.host} port {limits.port}: cannot be listened on ({error.strerror or error}); choose another "
            "--port, or stop what uses it"
        ) from error
    # asyncio does so for sockets that name their protocol, which create_server's do not; without it answers wait 40 ms
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening, replace(limits, port=listening.getsockname()[1])


def serve(
    app: FastAPI, listening: socket.socket, started: Callable[[], None] = lambda: None, finish_seconds: float = 0.0
) -> None:
    """Run the server until a signal ends it. started: called when it answers.

    finish_seconds: how long requests may take, after the signal, that it has begun to answer; `app.state.stopping` is
    true meanwhile. A second signal ends it at once.
    Raises TonearmError where the application cannot start, such as for a run that cannot be loaded.
    """
    import uvicorn

    class Server(uvicorn.Server):
        signal: tuple[int, float] | None = None  # the first one, and until when requests may take

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                started()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if finish_seconds and self.signal is None:
                app.state.stopping = True
                self.signal = sig, time.monotonic() + finish_seconds
            else:
                if self.signal:
                    config.timeout_graceful_shutdown = 0  # what is being answered is given up
                super().handle_exit(sig, frame)

        async def on_tick(self, counter: int) -> bool:
            if self.signal and (not self.server_state.tasks or time.monotonic() > self.signal[1]):
                super().handle_exit(self.signal[0], None)
            return await super().on_tick(counter)

    config = uvicorn.Config(
        app,
        http="h11",  # whose limit is known: 64 kB of headers in all
        ws="none",
        lifespan="on",
        log_config=None,
        log_level=logging.CRITICAL,  # what goes wrong is said once, by us
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=app.state.limits.connections,
        timeout_graceful_shutdown=SECONDS_TO_STOP,
    )
    with listening, ending_within(finish_seconds + 2 * SECONDS_TO_STOP), saying("what was sent to it is deleted"):
        Server(config).run(sockets=[listening])
    failed: BaseException | None = getattr(app.state, "failed", None)
    if failed is not None:
        raise failed


async def _clean(uploads: Uploads) -> None:
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_CLEANINGS)
        uploads.expire()


async def _of_error(_: Request, error: Exception) -> JSONResponse:
    """A mistake of the client, or a task that could not be done."""
    problem = error if isinstance(error, RequestError) else RequestError(422, str(error))
    later = {"retry-after": "1"} if problem.status in (429, 503) else None
    return JSONResponse(problem.to_json(), problem.status, later)


async def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = error.status_code
    plain = error.detail == HTTPStatus(status).phrase
    reason = WORDS.get(status, error.detail) if plain else error.detail
    return JSONResponse(RequestError(status, reason).to_json(), status)


async def _of_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    said = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
    return JSONResponse(RequestError(422, f"the request does not fit: {said}").to_json(), 422)


async def _of_leaving(_: Request, error: Exception) -> JSONResponse:
    """The client has gone in the middle of its request; nobody reads this."""
    return JSONResponse(RequestError(400, "the request was not sent to its end").to_json(), 400)


async def _of_fault(_: Request, error: Exception) -> JSONResponse:
    _log.error("a request failed", exc_info=error)
    said = "something went wrong here; whoever started the application finds the reason where it prints"
    return JSONResponse(RequestError(500, said).to_json(), 500)
