"""What the server counts, in the text format of Prometheus; and the gate before it, which closes when it stops.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tonearm.web.app import Web
from tonearm.web.errors import RequestError

TEXT = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
NOWHERE = "none"  # the address of a request for which there is no route


class Metrics:
    """Counts since the server started. Called from the thread of the event loop alone."""

    def __init__(self) -> None:
        self.started = time.time()
        self.requests: Counter[tuple[str, str, int]] = Counter()  # by address, method and status
        self.buckets: Counter[tuple[str, int]] = Counter()  # by address, and number of the bucket
        self.seconds: dict[str, float] = {}  # of all requests, by address
        self.files: Counter[str] = Counter()  # answered, unusable, failed

    def add(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests[route, method, status] += 1
        self.buckets[route, bisect_left(BUCKETS, seconds)] += 1
        self.seconds[route] = self.seconds.get(route, 0.0) + seconds

    def text(self, web: Web) -> str:
        """All counts, and how busy the server is."""
        return "\n".join((*self._requests(), *self._state(web), ""))

    def _requests(self) -> Iterator[str]:
        yield from _head("tonearm_requests_total", "counter", "Requests that were answered.")
        for (route, method, status), number in sorted(self.requests.items()):
            yield f'tonearm_requests_total{{route="{route}",method="{method}",status="{status}"}} {number}'
        yield from _head("tonearm_request_seconds", "histogram", "Time from a request's headers to its answer's end.")
        for route, total in sorted(self.seconds.items()):
            number = 0
            for bucket, limit in enumerate((*map(str, BUCKETS), "+Inf")):
                number += self.buckets[route, bucket]
                yield f'tonearm_request_seconds_bucket{{route="{route}",le="{limit}"}} {number}'
            yield f'tonearm_request_seconds_sum{{route="{route}"}} {total!r}'
            yield f'tonearm_request_seconds_count{{route="{route}"}} {number}'
        yield from _head("tonearm_files_total", "counter", "Files that came, by what became of them.")
        for result in ("answered", "unusable", "failed"):
            yield f'tonearm_files_total{{result="{result}"}} {self.files[result]}'

    def _state(self, web: Web) -> Iterator[str]:
        now = (
            ("tonearm_workers", "gauge", "Processes that answer.", web.limits.workers),
            ("tonearm_workers_busy", "gauge", "Processes that are at work.", web.pool.busy),
            ("tonearm_workers_replaced_total", "counter", "Processes that died or took too long.", web.pool.replaced),
            ("tonearm_tasks_waiting", "gauge", "Tasks that wait for a process.", web.pool.waiting),
            ("tonearm_uploads_bytes", "gauge", "Bytes of files that are here.", web.uploads.kept_bytes),
            ("tonearm_start_time_seconds", "gauge", "When the server started, Unix time.", self.started),
        )
        for name, kind, meaning, value in now:
            yield from _head(name, kind, meaning)
            yield f"{name} {value!r}"


class Gate:
    """The application behind its counts; while it stops, every new request is answered with 503."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if scope["app"].state.stopping:
                problem = RequestError(503, "the application is stopping; send this to another one, or again later")
                headers = {"retry-after": "5", "connection": "close"}
                await JSONResponse(problem.to_json(), problem.status, headers)(scope, receive, counted)
            else:
                await self.app(scope, receive, counted)
        finally:
            # the route's own address, so that no client can make up further ones
            route = getattr(scope.get("route"), "path", NOWHERE)
            method = scope["method"] if route != NOWHERE else ""
            self.metrics.add(route, method, status, time.perf_counter() - began)


def _head(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"
