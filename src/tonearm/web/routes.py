"""What the page asks for, as JSON: files, answers, timelines, pictures, sounds, exports."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from tonearm.answers import Prediction
from tonearm.web import tasks
from tonearm.web.app import web_of
from tonearm.web.session import as_csv, as_json, item_of, known_answers, playlist, session_of, tag_plan, titles_of
from tonearm.web.shelf import MOST_FILES, Item

router = APIRouter()
Key = Annotated[str, Field(max_length=64)]
LONGER = 10.0  # times the limit of a file may take what goes over all clips, or through every second of a file


class Body(BaseModel):
    """A request's JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PathBody(Body):
    """A path on this machine."""

    path: Annotated[str, Field(max_length=4096)]


class ExportBody(Body):
    """What to export: the answers of a model to these files, as which file; of a playlist, of one label alone."""

    format: Literal["csv", "json", "m3u8", "plan"]
    model: Key
    items: Annotated[list[Key], Field(max_length=2 * MOST_FILES)]
    label: Annotated[str, Field(max_length=1000)] = ""


@router.get("/api/models")
async def models(request: Request) -> list[dict[str, Any]]:
    """The models to choose among."""
    return [
        {
            "key": one.key,
            "name": one.name,
            "title": one.title,
            "labels": one.labels,
            "experiment": str(one.experiment or ""),
            "why": one.why,
            "doubt": one.doubt,
        }
        for one in session_of(request).choices
    ]


@router.post("/api/uploads")
async def upload(request: Request) -> list[dict[str, str]]:
    """Files that are sent."""
    shelf = session_of(request).shelf
    return [shelf.of_upload(one).to_json() for one in await web_of(request).uploads.receive(request)]


@router.post("/api/music")
def music(request: Request, body: PathBody) -> list[dict[str, str]]:
    """Files of this machine below a folder that was allowed."""
    return [item.to_json() for item in session_of(request).shelf.find(body.path)]


@router.delete("/api/uploads/{key}")
async def forget(request: Request, key: str) -> dict[str, bool]:
    """Delete an upload before its time."""
    web_of(request).uploads.remove(key)
    session_of(request).forget(key)
    return {"deleted": True}


@router.get("/api/answer/{key}")
async def answer(request: Request, key: str, model: str) -> dict[str, Any]:
    """What a model says of a file: the JSON of `tonearm predict`, and of neighbours the key of their sound."""
    session = session_of(request)
    choice = session.choices.get(model)
    found, why = await session.answer(web_of(request), item_of(request, key), choice)
    return {**found.to_json(), "neighbours": session.neighbours(choice, found), "why": choice.why or why}


@router.get("/api/timeline/{key}")
async def timeline(request: Request, key: str, model: str) -> dict[str, Any]:
    """The genre over time."""
    web = web_of(request)
    choice, item = session_of(request).choices.get(model), item_of(request, key)
    seconds = LONGER * web.limits.task_seconds
    found: dict[str, Any] = await web.pool.run(tasks.timeline, choice.run, item.path, seconds=seconds)
    return found


@router.get("/api/picture/{key}")
async def picture(request: Request, key: str) -> Response:
    """The spectrogram of a file."""
    drawn = await web_of(request).pool.run(tasks.picture, item_of(request, key).path)
    return Response(drawn, media_type="image/png")


@router.get("/audio/{key}")
async def audio(request: Request, key: str) -> FileResponse:
    """The sound of a file, in parts where the browser asks for them (RFC 9110, section 14)."""
    item, web = item_of(request, key), web_of(request)
    kind = tasks.PLAYED.get(item.path.suffix.lower())
    if kind is not None:
        return FileResponse(item.path, media_type=kind)
    target = web.uploads.folder / f"{item.key}.converted.wav"  # which goes when the page stops
    if not target.exists():
        await web.pool.run(tasks.convert, item.path, target)
    return FileResponse(target, media_type=tasks.PLAYED[".wav"])


@router.post("/api/export")
def export(request: Request, body: ExportBody) -> Response:
    """Answers as a file."""
    session, web = session_of(request), web_of(request)
    choice = session.choices.get(body.model)
    items = [item_of(request, key) for key in body.items]
    found = known_answers(session, choice, items)
    if body.format == "csv":
        _, target = web.uploads.new_path("answers.csv")
        return _file(as_csv(found, target), "text/csv; charset=utf-8", "csv")
    if body.format == "json":
        return _file(as_json(found), "application/json", "json")
    if body.format == "plan":
        _, target = web.uploads.new_path("plan")
        return _file(tag_plan(session, choice, items, target), "application/jsonl; charset=utf-8", "jsonl")
    labelled = [item for item in items if _has_label(session.answers.get((item.key, choice.key)), body.label)]
    return playlist_of(labelled)


def _has_label(found: tuple[Prediction, str] | None, label: str) -> bool:
    return found is not None and not found[0].error and label in ("", found[0].label)


def _file(data: bytes, kind: str, ending: str) -> Response:
    """A file to keep; the page gives it a name, so that nothing of a person's is in a header."""
    return Response(data, media_type=kind, headers={"content-disposition": f'attachment; filename="tonearm.{ending}"'})


def playlist_of(items: list[Item]) -> Response:
    """A playlist of these files."""
    return _file(playlist(titles_of(items)), "audio/x-mpegurl; charset=utf-8", "m3u8")
