"""The ground of the page and the server: tokens, uploads, and workers that hang, die and go on."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="needs the extra serve")

import httpx
from fastapi import APIRouter
from starlette.requests import Request

from tonearm.errors import AudioError, ConfigError, RunError
from tonearm.web import tasks
from tonearm.web.app import create_app
from tonearm.web.errors import RequestError
from tonearm.web.limits import Limits
from tonearm.web.models import Models, RunKey
from tonearm.web.uploads import Uploads
from tonearm.web.workers import WorkerPool
from web_client import FORM, form

TOKEN = "a/secret+token"


def hang(models: Models) -> None:
    time.sleep(1000)


def die(models: Models) -> None:
    os._exit(3)


def fail(models: Models, error: Exception) -> None:
    raise error


def process(models: Models) -> int:
    return os.getpid()


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    found = WorkerPool(Limits(waiting=3))
    found.start()
    yield found
    found.stop()


def test_a_task_that_hangs_or_dies_fails_alone(pool: WorkerPool) -> None:
    first = pool.submit(process).result(60)
    hanging, waiting = pool.submit(hang, seconds=0.2), pool.submit(process)
    with pytest.raises(RequestError, match="took longer than 1 second"):
        hanging.result(60)
    second = waiting.result(60)  # which waited for the one that hung
    dying, waiting = pool.submit(die), pool.submit(process)
    with pytest.raises(RequestError, match="the process that worked on it ended"):
        dying.result(60)
    assert len({first, second, waiting.result(60), os.getpid()}) == 4


def test_long_silence_in_a_small_file_ends_at_the_limit(pool: WorkerPool, tmp_path: Path) -> None:
    bomb = tmp_path / "long.flac"
    with soundfile.SoundFile(bomb, "w", 48_000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(5):
            file.write(np.zeros(60 * 48_000, dtype=np.int16))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(RequestError, match="took longer"):
        pool.submit(tasks.picture, bomb, seconds=0.1).result(60)
    assert pool.submit(process).result(60)


def test_errors_come_back_as_they_are(pool: WorkerPool) -> None:
    with pytest.raises(AudioError) as found:
        pool.submit(fail, AudioError("x.wav", "empty", "it holds no samples")).result(60)
    assert found.value.reason == "it holds no samples"
    with pytest.raises(RequestError, match="cannot be done: ZeroDivisionError: by nothing"):
        pool.submit(fail, ZeroDivisionError("by nothing")).result(60)


def test_too_many_waiting_are_refused_and_given_up_ones_are_not_done(pool: WorkerPool) -> None:
    busy = pool.submit(time_of, 0.5)
    while not pool.busy:
        time.sleep(0.01)
    waiting = [pool.submit(process) for _ in range(3)]
    with pytest.raises(RequestError, match="3 tasks are waiting already") as found:
        pool.submit(process)
    assert found.value.status == 429
    assert waiting[1].cancel()
    assert busy.result(60) == 0.5
    assert waiting[2].result(60) == waiting[0].result(60)


def time_of(models: Models, seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_a_run_that_cannot_be_loaded_is_said_at_the_start(tmp_path: Path) -> None:
    broken = WorkerPool(Limits(), [RunKey(tmp_path / "none", "")])
    with pytest.raises(RunError, match="there is no such run folder"):
        broken.start()
    with pytest.raises(RequestError, match="stopping"):
        broken.submit(process)


def asked(limits: Limits, *requests: tuple[str, str, dict[str, str]]) -> list[httpx.Response]:
    """Answers of an application with one route."""
    router = APIRouter()

    @router.get("/here")
    async def here() -> dict[str, str]:
        return {"here": "yes"}

    async def ask() -> list[httpx.Response]:
        app = create_app(limits, WorkerPool(limits), [router])
        transport = httpx.ASGITransport(app=app)
        found = []
        for method, path, headers in requests:
            async with httpx.AsyncClient(transport=transport, base_url="http://music.example") as client:
                found.append(await client.request(method, path, headers=headers))
        return found

    return asyncio.run(ask())


def test_other_machines_need_the_token() -> None:
    limits = Limits("0.0.0.0", token=TOKEN, names=("music.example",))
    shown = "/here?token=a%2Fsecret%2Btoken&x=1"
    wrong = [
        ("GET", "/here", {}),
        ("GET", "/here?token=wrong", {}),
        ("GET", "/here", {"authorization": "Bearer wrong"}),
        ("GET", "/here", {"cookie": f"tonearm-{limits.port}=wrong"}),
        ("POST", shown, {}),
    ]
    assert {one.status_code for one in asked(limits, *wrong)} == {401}
    first, away, bearer, stranger, address = asked(
        limits,
        ("GET", shown, {}),
        ("GET", shown.replace("/here", "/%2Fevil.example/"), {}),
        ("GET", "/here", {"authorization": f"Bearer {TOKEN}"}),
        ("GET", shown, {"host": "evil.example"}),
        ("GET", "/here", {"authorization": f"Bearer {TOKEN}", "host": "192.168.0.7:8000"}),
    )
    assert (first.status_code, first.headers["location"]) == (303, "/here?x=1")
    assert away.headers["location"] == "/evil.example/?x=1"  # two slashes would lead to that host
    assert (bearer.status_code, stranger.status_code, address.status_code) == (200, 421, 200)
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert asked(limits, ("GET", "/here", {"cookie": cookie.split(";")[0]}))[0].status_code == 200
    with pytest.raises(ConfigError, match="needs a token"):
        Limits("0.0.0.0")


def request_of(body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(name.encode(), value.encode()) for name, value in FORM.items()]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Uploads]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = Uploads(Limits(file_bytes=100, kept_bytes=250, kept_files=3, keep_seconds=50.0))
    yield found
    found.close()
    assert not found.folder.exists()


def test_all_files_together_have_limits_and_a_time(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = asyncio.run(uploads.receive(request_of(form(("a.wav", bytes(100)), ("b.wav", bytes(100))))))
    with pytest.raises(RequestError, match="does not fit into the 250 bytes for all files together"):
        asyncio.run(uploads.receive(request_of(form(("c.wav", bytes(51))))))
    assert uploads.kept_bytes == 200
    asyncio.run(uploads.receive(request_of(form(("c.wav", bytes(50))))))
    with pytest.raises(RequestError, match="3 files are here already"):
        asyncio.run(uploads.receive(request_of(form(("d.wav", b"")))))
    uploads.remove(second.key)
    assert not second.path.exists()
    now = time.monotonic()
    monkeypatch.setattr("time.monotonic", lambda: now + 60)
    uploads.expire()
    assert not first.path.exists()
    assert uploads.kept_bytes == 0
    with pytest.raises(RequestError, match="send the file again"):
        uploads.get(first.key)


def test_a_client_that_goes_in_the_middle_leaves_nothing(uploads: Uploads) -> None:
    class GoneError(Exception):
        pass

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield form(("a.wav", bytes(50)), ("b.wav", bytes(50)))[:-40]
        raise GoneError

    request = request_of(b"")
    request.stream = pieces  # type: ignore[method-assign]
    with pytest.raises(GoneError):
        asyncio.run(uploads.receive(request))
    assert uploads.kept_bytes == 0
    assert [path.name for path in uploads.folder.iterdir() if not path.name.startswith(".")] == []


def test_folders_of_killed_processes_are_cleared_and_living_ones_are_not(uploads: Uploads) -> None:
    asyncio.run(uploads.receive(request_of(form(("a.wav", b"abc")))))
    abandoned = uploads.folder.with_name("tonearm-uploads-abandoned")
    abandoned.mkdir()
    (abandoned / ".tonearm-lock").touch()
    (abandoned / "song.wav").touch()
    other = Uploads(replace(uploads.limits))
    assert not abandoned.exists()
    assert len(list(uploads.folder.glob("*.wav"))) == 1
    other.close()
