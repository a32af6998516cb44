"""Who may ask the application, and what every answer carries; ASGI around the application itself.

Conventions
-----------
A page of another site can make the visitor's browser ask us. What keeps it out: the Host header must name this
application (else it is DNS rebinding); a browser says with `Sec-Fetch-Site` and `Origin` which page asks, and only our
own may, but for following a link; beyond loopback every request shows the token. No answer allows a script or a style
that is not a file of ours, or to be shown inside another page.
Source: https://fetch.spec.whatwg.org, https://w3c.github.io/webappsec-fetch-metadata, https://www.w3.org/TR/CSP3.
"""

import asyncio
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tonearm.web.errors import RequestError
from tonearm.web.limits import Limits
from tonearm.wording import size

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
HEALTH = "/health"  # whoever keeps a server alive has no token, and learns that it answers
READS = {"GET", "HEAD", "OPTIONS"}
SMALL_BODY = 1_000_000  # bytes of a request that is no upload
SILENT_SECONDS = 60.0  # between two pieces of a request's body
UPLOADS = ("multipart/form-data", "audio/", "video/", "application/octet-stream")


class Guard:
    """The application behind its checks."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. A websocket is refused: the application has none."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            answer = self._check(scope)
        except RequestError as problem:
            answer = JSONResponse(problem.to_json(), problem.status)
        if answer is not None:
            await answer(scope, receive, send_with_headers)
            return
        await self.app(scope, self._limited(scope, receive), send_with_headers)

    def _check(self, scope: Scope) -> Response | None:
        """An answer in place of the application's, None where the request may pass. Raises RequestError."""
        headers = Headers(scope=scope)
        check_host(headers, self.limits)
        check_origin(scope["method"], headers)
        asked = self.limits.token and scope["path"] != HEALTH
        return self._check_token(scope, headers) if asked else None

    def _check_token(self, scope: Scope, headers: Headers) -> Response | None:
        """None where the token is shown; where it is in the address, a cookie takes its place."""
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._same(shown.strip()):
            return None
        if self._same(_cookie(headers, self._cookie)):
            return None
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        if scope["method"] == "GET" and self._same("".join(asked.pop("token", [])[:1])):
            rest = urlencode(asked, doseq=True)
            path = "/" + scope["path"].lstrip("/")  # two slashes would lead to another host
            answer = RedirectResponse(path + (f"?{rest}" if rest else ""), status_code=303)
            answer.set_cookie(self._cookie, self.limits.token, httponly=True, samesite="strict", path="/")
            return answer
        raise RequestError(
            401,
            "this address needs the token that tonearm printed when it started: open the address that it printed, or "
            "send it as `Authorization: Bearer TOKEN`",
        )

    @property
    def _cookie(self) -> str:
        """Name of the cookie; browsers share cookies between the ports of a host."""
        return f"tonearm-{self.limits.port}"

    def _same(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode("utf-8", "replace"), self.limits.token.encode())

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """Receive that ends a body which is too long, or too slow."""
        headers = Headers(scope=scope)
        upload = headers.get("content-type", "").lower().startswith(UPLOADS)
        most = self.limits.kept_bytes if upload else SMALL_BODY
        refusal = HTTPException(413, f"the request is longer than the {size(most)} that are allowed")
        length = headers.get("content-length", "")
        too_long = length.isdecimal() and int(length[:20]) > most
        received, done = 0, False

        async def limited() -> Message:
            nonlocal received, done
            if done:
                return await receive()
            if too_long:
                raise refusal
            try:
                message = await asyncio.wait_for(receive(), SILENT_SECONDS)
            except TimeoutError as error:
                raise HTTPException(408, "the rest of the request did not come") from error
            received += len(message.get("body", b""))
            done = not message.get("more_body", False)
            if received > most:
                raise refusal
            return message

        return limited


def check_host(headers: Headers, limits: Limits) -> None:
    """Raise RequestError unless the one Host header names this application."""
    given = headers.getlist("host")
    host = given[0] if len(given) == 1 else ""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if not limits.knows(name):
        raise RequestError(421, f"Host {host!r} is not a name of this application; open {limits.address}")


def check_origin(method: str, headers: Headers) -> None:
    """Raise RequestError where a page of another site makes the browser ask."""
    site = headers.get("sec-fetch-site", "")
    if method in READS:
        if site in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
            raise RequestError(403, "another page asks for this; only this application's own pages may")
        return
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != headers["host"].lower()
    if foreign or site not in ("", "same-origin"):
        raise RequestError(403, "another page asks for a change; only this application's own pages may")


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""
