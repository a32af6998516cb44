"""The pages themselves: HTML from templates, and the files of style and script that they load.

Conventions
-----------
A page holds no name of a file or a label: scripts fetch these and write them as text. So nothing that a stranger named
is ever read as HTML. The look is that of the report, whose style sheet comes first.
"""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tonearm.report.style import CSS
from tonearm.theme import COLOURS
from tonearm.web.errors import RequestError
from tonearm.web.session import session_of

router = APIRouter()
HERE = Path(__file__).parent
PAGES = {"": "Listen", "map": "Map", "corrections": "Corrections", "results": "Results"}
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
LOOK = "look.css"  # the report's style, the colours of labels and the page's own style as one


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)


def _page(request: Request, name: str) -> HTMLResponse:
    title = PAGES[name]
    words: dict[str, Any] = {"pages": PAGES, "here": name, "title": title, "roots": session_of(request).shelf.roots}
    words["local"] = request.app.state.limits.loopback
    return HTMLResponse(_templates().get_template(f"{name or 'listen'}.html").render(words))


def _shows(name: str) -> Callable[[Request], Awaitable[HTMLResponse]]:
    """The route of a page."""

    async def show(request: Request) -> HTMLResponse:
        return _page(request, name)

    return show


for _name in PAGES:
    router.add_api_route(f"/{_name}", _shows(_name), response_class=HTMLResponse)


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """A file of style or script."""
    known = _static()
    if name not in known:
        raise RequestError(404, "there is nothing at this address")
    return Response(known[name], media_type=KINDS[Path(name).suffix])


@lru_cache(maxsize=1)
def _static() -> dict[str, str]:
    files = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "static").iterdir()}
    return {**files, LOOK: CSS + _label_colours() + files["page.css"]}


def _label_colours() -> str:
    """A colour for each label by its place, as `theme` has them; the second and third turn have another filling."""
    return "".join(f".g{number} {{ --g: var(--s{number}); }}\n" for number in range(len(COLOURS)))
