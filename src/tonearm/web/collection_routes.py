"""What the page asks for about an experiment: the map of its clips, corrections, learning anew, its report."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from pydantic import Field

from tonearm.experiment.folder import ExperimentFolder
from tonearm.web import tasks
from tonearm.web.app import web_of
from tonearm.web.choices import title_of
from tonearm.web.errors import RequestError
from tonearm.web.learning import board
from tonearm.web.routes import LONGER, Body, Key, playlist_of
from tonearm.web.session import item_of, session_of

router = APIRouter()
MOST_CLIPS = 100_000
# the report has a style element of its own and sounds inside; it may do nothing else, as what it says itself
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


class CorrectionBody(Body):
    """A label for a file, or for a clip of the model's experiment. was: the label before."""

    model: Key
    item: Key = ""
    clip: Annotated[str, Field(max_length=4096)] = ""
    label: Annotated[str, Field(max_length=1000)]
    was: Annotated[str, Field(max_length=1000)] = ""


class TakeBackBody(Body):
    """A correction to take back."""

    model: Key
    name: Annotated[str, Field(max_length=4096)]


class LearnBody(Body):
    """Start or stop. models: names of those to train, none for all."""

    model: Key
    action: Literal["start", "stop"]
    models: Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Field(max_length=1000)] = ()


class PlaylistBody(Body):
    """Clips of the map."""

    model: Key
    clips: Annotated[list[Annotated[str, Field(max_length=4096)]], Field(max_length=MOST_CLIPS)]


@router.get("/api/map")
async def collection_map(request: Request, model: str, method: Literal["pca", "umap"] = "pca") -> dict[str, Any]:
    """The training clips of a model in two dimensions."""
    session, web = session_of(request), web_of(request)
    choice = session.choices.get(model)
    if choice.experiment is None:
        raise RequestError(422, f"{choice.title} has no map: {choice.why}")
    key = choice.key, method
    if key not in session.maps:
        seconds = LONGER * web.limits.task_seconds
        session.maps[key] = await web.pool.run(tasks.points, choice.run, method, seconds=seconds)
    return session.maps[key]


@router.get("/api/clip")
def clip(request: Request, model: str, name: str) -> dict[str, str]:
    """The key of a clip's sound."""
    session = session_of(request)
    choice = session.choices.get(model)
    item = session.shelf.clip(choice.experiment, name) if choice.experiment else None
    if item is None:
        raise RequestError(404, f"{name}: its file is not there any more, or is none to hear")
    return item.to_json()


@router.post("/api/playlist")
def clips_playlist(request: Request, body: PlaylistBody) -> Response:
    """The clips as a playlist; those whose files have gone are left out."""
    session = session_of(request)
    choice = session.choices.get(body.model)
    found = [session.shelf.clip(choice.experiment, name) for name in body.clips] if choice.experiment else []
    items = [item for item in found if item is not None]
    if not items:
        raise RequestError(422, "none of these clips has a file that is still there")
    return playlist_of(items)


@router.get("/api/corrections")
def corrections(request: Request, model: str) -> dict[str, Any]:
    """The corrections of a model's experiment, and how its training is."""
    session = session_of(request)
    choice = session.choices.get(model)
    if choice.experiment is None:
        return {"why": choice.why, "rows": [], "learning": None, "folder": ""}
    learning = session.learning(choice)
    kept = learning.corrections
    state = learning.state()
    if state["state"] == "done":
        session.choices.renew(kept.results.resolve())
    rows = [{"name": one.name, "label": one.label, "was": one.was} for one in kept.rows().values()]
    return {"why": kept.why_not(), "rows": rows, "learning": state, "folder": str(kept.folder)}


@router.put("/api/corrections")
async def correct(request: Request, body: CorrectionBody) -> dict[str, Any]:
    """Keep a label."""
    session = session_of(request)
    choice = session.choices.get(body.model)
    kept = session.learning(choice).corrections
    if reason := kept.why_not():
        raise RequestError(422, f"{choice.title} cannot learn anew: {reason}")
    item = item_of(request, body.item) if body.item else session.shelf.clip(kept.experiment, body.clip)
    if item is None:
        raise RequestError(404, f"{body.clip}: is no clip of {kept.experiment.name} that can be heard")
    made = await asyncio.to_thread(kept.put, item, body.label, body.was, web_of(request).limits.file_bytes)
    return {"name": made.name, "label": made.label, "was": made.was, "number": len(kept.rows())}


@router.delete("/api/corrections")
def take_back(request: Request, body: TakeBackBody) -> dict[str, int]:
    """Take a correction back."""
    session = session_of(request)
    kept = session.learning(session.choices.get(body.model)).corrections
    kept.remove(body.name)
    return {"number": len(kept.rows())}


@router.post("/api/learn")
async def learn(request: Request, body: LearnBody) -> dict[str, Any]:
    """Start the training, or stop it."""
    learning = session_of(request).learning(session_of(request).choices.get(body.model))
    if body.action == "stop":
        await asyncio.to_thread(learning.stop)
    else:
        await asyncio.to_thread(learning.start, body.models)
    return learning.state()


@router.get("/api/experiments")
def experiments(request: Request) -> list[dict[str, Any]]:
    """The experiments: leaderboard, and whether there is a report."""
    return [
        {"name": title_of(path), "path": str(path), "board": board(path), "report": _report(path).is_file()}
        for path in session_of(request).choices.experiments
    ]


@router.get("/report/{number}")
def report(request: Request, number: int) -> FileResponse:
    """The report of an experiment. number: its place among them."""
    known = session_of(request).choices.experiments
    if not 0 <= number < len(known) or not _report(known[number]).is_file():
        raise RequestError(404, "this experiment has no report; `tonearm report EXPERIMENT` writes it")
    headers = {"content-security-policy": REPORT_POLICY}
    return FileResponse(_report(known[number]), media_type="text/html; charset=utf-8", headers=headers)


def _report(experiment: Any) -> Any:
    return ExperimentFolder(experiment).report / "report.html"
