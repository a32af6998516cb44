"""The addresses of the server: files to answers, long files to a stream, the run, its health and its counts.

Conventions
-----------
An answer is the object that `predict --json` prints (`answers.SCHEMA`). Whatever is not answered with 200 is
`{"status": …, "error": "…"}`, with the answers beside it where there are some. A file is deleted once it is answered.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from tonearm.answers import AnswerRecord, FailureRecord, Prediction
from tonearm.errors import AudioError, ConfigError
from tonearm.timeline import STICKINESS
from tonearm.web import listening
from tonearm.web.app import Web, web_of
from tonearm.web.errors import RequestError
from tonearm.web.listening import LastLine, WindowLine
from tonearm.web.metrics import TEXT, Metrics
from tonearm.web.models import RunKey
from tonearm.web.safety import HEALTH
from tonearm.web.uploads import Upload
from tonearm.wording import count, duration

NDJSON = "application/x-ndjson"
FILE_KINDS = ("audio/", "video/", "image/", "application/octet-stream")  # of a body that is one file
# what has no mark of its own inside, so that its name decides how it is read
ENDINGS = {"audio/mp4": ".m4a", "audio/x-m4a": ".m4a", "audio/aac": ".aac", "audio/webm": ".webm", "video/mp4": ".mp4"}
ANSWERED, UNUSABLE, FAILED = 200, 422, 503
WORDS = {ANSWERED: "answered", UNUSABLE: "unusable", FAILED: "failed"}
router = APIRouter()


@dataclass
class Served:
    """What the routes of the server share. most: requests with files at a time. inside: those that are here."""

    key: RunKey
    most: int
    metrics: Metrics = field(default_factory=Metrics)
    inside: int = 0
    card: dict[str, Any] | None = None


class Problem(BaseModel):
    """Why a request was not answered, in words."""

    status: int
    error: str


REASONS = {
    401: "the token is missing",
    408: "the file did not come in time",
    413: "a file, or all of them together, are too large",
    415: "the body is neither multipart/form-data nor a file",
    422: "no file that can be used, or a parameter that is not allowed",
    429: "too many requests are here; try again later",
    503: "the server stops, or the process that worked on the file ended or took too long",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text} for status, text in REASONS.items()
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PARTS = {"schema": {"type": "object", "properties": {"file": {"type": "array", "items": _BINARY["schema"]}}}}
BODY = {"requestBody": {"required": True, "content": {"multipart/form-data": _PARTS, "audio/*": _BINARY}}}
Name = Annotated[str, Query(max_length=500, description="Name of a file that is sent as the body itself.")]


def known(request: Request) -> None:
    """Refuse a parameter that the address does not have, such as a misspelt one. Raises RequestError."""
    allowed = [one.alias for one in request.scope["route"].dependant.query_params]
    strange = next((name for name in request.query_params if name not in allowed), None)
    if strange is not None:
        raise RequestError(422, f"{strange}: there is no such parameter; there are {', '.join(allowed)}")


@router.post(
    "/predict",
    dependencies=[Depends(known)],
    response_model=list[AnswerRecord | FailureRecord],
    responses=PROBLEMS,
    openapi_extra=BODY,
    summary="Answers for one file or several",
)
async def predict(
    request: Request,
    name: Name = "",
    neighbours: Annotated[int, Query(ge=0, le=100, description="How many of the nearest training clips to name.")] = 0,
    none: Annotated[bool, Query(description='Whether "none" stands for labels that are not sure.')] = False,
) -> JSONResponse:
    """Answers in the order of the files. Status 422 or 503 where there is none."""
    web, served = web_of(request), served_of(request)
    async with _received(request, name) as uploads:
        free = asyncio.Semaphore(web.limits.workers)  # so that one request of many files leaves room for others

        async def ask(upload: Upload) -> tuple[int, Prediction]:
            async with free:
                task = web.pool.run(listening.answer, served.key, upload.path, upload.name, neighbours, none)
                return await _tried(upload, task)

        found = await asyncio.gather(*map(ask, uploads))
    for status, _ in found:
        served.metrics.files[WORDS[status]] += 1
    rows = [row for _, row in found]
    best = min(status for status, _ in found)
    return JSONResponse([row.to_json() for row in rows]) if best == ANSWERED else _none(found)


async def _tried(upload: Upload, task: Awaitable[Prediction]) -> tuple[int, Prediction]:
    """What became of a file: a status, and the answer. Raises TonearmError where the request is to blame."""
    try:
        row = await task
    except RequestError as problem:
        if problem.status < 500:
            raise
        return FAILED, Prediction(upload.name, "", 0.0, {}, problem.reason)
    return (UNUSABLE if row.error else ANSWERED), row


def _none(found: list[tuple[int, Prediction]]) -> JSONResponse:
    """The answer to a request of which no file could be used."""
    status, first = max(found, key=lambda one: one[0])
    said = f"{first.name}: {first.error}"
    if len(found) > 1:
        said = f"none of {count(len(found), 'file')} could be answered, such as {said}"
    body = {**RequestError(status, said).to_json(), "answers": [row.to_json() for _, row in found]}
    return JSONResponse(body, status)


@router.post(
    "/predict/stream",
    dependencies=[Depends(known)],
    response_class=StreamingResponse,
    responses={**PROBLEMS, 200: {"model": WindowLine | LastLine, "content": {NDJSON: {}}}},
    openapi_extra=BODY,
    summary="The genre of a long file over time, line by line",
)
async def stream(
    request: Request,
    name: Name = "",
    window: Annotated[float | None, Query(description="Seconds of a window; the model's own by default.")] = None,
    hop: Annotated[
        float | None,
        Query(description="Seconds from one window to the next; by default the encoder's own, else half a window."),
    ] = None,
    stickiness: Annotated[float, Query(ge=0, description="Seconds that a genre lasts on average.")] = STICKINESS,
) -> StreamingResponse:
    """A line of JSON for each window as soon as it was heard, and a last one with the segments."""
    web, served = web_of(request), served_of(request)
    async with AsyncExitStack() as opened:
        uploads = await opened.enter_async_context(_received(request, name))
        if len(uploads) > 1:
            raise RequestError(422, f"{len(uploads)} files came; one is streamed at a time")
        [upload] = uploads
        task = (listening.follow, served.key, upload.path, upload.name, window, hop, stickiness)
        lines = web.pool.stream(*task)
        opened.push_async_callback(lines.aclose)  # type: ignore[attr-defined]  # an async generator
        try:
            first = await anext(lines)  # so that a file that cannot be read has a status of its own
        except AudioError as error:
            served.metrics.files[WORDS[UNUSABLE]] += 1
            raise RequestError(UNUSABLE, f"{upload.name}: {error.reason}") from error
        except ConfigError as error:
            raise RequestError(422, str(error).removeprefix("--")) from error  # parameters, not options
        except RequestError:
            served.metrics.files[WORDS[FAILED]] += 1
            raise
        served.metrics.files[WORDS[ANSWERED]] += 1
        return _Lines(_written(upload.name, first, lines), opened.pop_all().aclose)
    raise AssertionError


async def _written(name: str, first: Any, lines: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    yield _line(first)
    try:
        async for line in lines:
            yield _line(line)
    except RequestError as problem:  # the status is sent already
        yield _line({"version": listening.VERSION, "file": name, "error": problem.reason})


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"


class _Lines(StreamingResponse):
    """Lines of JSON as they come; closed however they end, also where the client has gone before the first."""

    def __init__(self, lines: AsyncIterator[bytes], close: Callable[[], Awaitable[None]]) -> None:
        super().__init__(lines, media_type=NDJSON)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._close()


@asynccontextmanager
async def _received(request: Request, name: str) -> AsyncIterator[list[Upload]]:
    """The files of the request, deleted after the block. Raises RequestError where there is no room, or no file."""
    web, served = web_of(request), served_of(request)
    if served.inside >= served.most:
        raise RequestError(429, f"{served.inside} requests are here already, which is the most; try again later")
    served.inside += 1
    uploads: list[Upload] = []
    try:
        async with asyncio.timeout(web.limits.task_seconds):
            uploads = await _receive(request, web, name)
        yield uploads
    except TimeoutError as error:
        allowed = duration(web.limits.task_seconds)
        raise RequestError(
            408, f"the file did not come within {allowed}, which is the most that one may take"
        ) from error
    finally:
        served.inside -= 1
        for upload in uploads:
            web.uploads.remove(upload.key)


async def _receive(request: Request, web: Web, name: str) -> list[Upload]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith(FILE_KINDS):
        upload = await web.uploads.receive_body(request, name or f"file{ENDINGS.get(kind, '')}")
        if not upload.size:
            web.uploads.remove(upload.key)
            raise RequestError(422, "the body is empty; send the bytes of a file")
        return [upload]
    if kind != "multipart/form-data":
        raise RequestError(
            415,
            f"the body is {kind or 'of no type'}; send multipart/form-data, each file in a part with a filename, or "
            "one file as the body itself, as audio/… or application/octet-stream",
        )
    return await web.uploads.receive(request)


@router.get(HEALTH, summary="Whether the server answers")
async def health() -> dict[str, str]:
    """Status 503 while the server stops."""
    return {"status": "ok"}


@router.get("/model", summary="What is known of the run")
async def model(request: Request) -> dict[str, Any]:
    """Labels, settings, scores, encoder and versions: the card of `tonearm.load`."""
    served = served_of(request)
    if served.card is None:
        served.card = await web_of(request).pool.run(listening.card, served.key)
    return served.card


@router.get("/metrics", response_class=PlainTextResponse, summary="Counts in Prometheus' text format")
async def metrics(request: Request) -> PlainTextResponse:
    """Requests by address and status, their times, files by what became of them, workers and queue."""
    return PlainTextResponse(served_of(request).metrics.text(web_of(request)), media_type=TEXT)


@router.get("/", include_in_schema=False)
async def index() -> dict[str, Any]:
    """What can be asked."""
    return {"addresses": ["POST /predict", "POST /predict/stream", "/model", HEALTH, "/metrics", "/openapi.json"]}


def served_of(request: Request) -> Served:
    """What the server of a request shares."""
    served: Served = request.app.state.served
    return served
