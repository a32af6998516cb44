"""The server as a process of its own: the answers of `predict` over HTTP, its limits, what ends it or its workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import soundfile

import signals
import tonearm
from tonearm.answers import SCHEMA
from tonearm.prediction import predict
from tonearm.timeline import segments, windows

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
httpx = pytest.importorskip("httpx")

SECONDS = 6.0  # that a file may take
WAITING = 1
AUDIO = {"content-type": "audio/wav"}


@dataclass
class Server:
    process: "subprocess.Popen[str]"
    address: str
    folder: Path  # of its temporary files
    client: Any

    @property
    def workers(self) -> list[int]:
        """The numbers of its worker processes."""
        found = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(line.split()[0]) for line in found.stdout.splitlines() if "spawn_main" in line]

    def count(self, line: str) -> float:
        """A number of /metrics."""
        [found] = [one for one in self.client.get("/metrics").text.splitlines() if one.startswith(f"{line} ")]
        return float(found.split()[-1])

    def send(self, path: Path, address: str = "/predict", **parameters: Any) -> Any:
        with path.open("rb") as file:
            return self.client.post(address, files={"file": (path.name, file)}, params=parameters)

    def streamed(self, path: Path, **parameters: Any) -> Any:
        """An open answer of /predict/stream, over a connection of its own."""
        address = f"{self.address}predict/stream"
        return httpx.stream("POST", address, params=parameters, content=path.read_bytes(), headers=AUDIO, timeout=60.0)


@contextmanager
def serving(small: Path, folder: Path) -> Iterator[Server]:
    """A server of a small run. folder: for its temporary files."""
    limits = ["--workers", "1", "--max-mb", "2", "--max-seconds", str(SECONDS), "--queue", str(WAITING)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tonearm", "serve", str(small / "out"), "--port", "0", *limits],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().split("predict answers")[0]
    assert address, process.communicate()
    with httpx.Client(base_url=address, timeout=30.0) as client:
        yield Server(process, address, folder, client)
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def server(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(small, tmp_path_factory.mktemp("temporary")) as server:
        yield server


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of many windows: low, then high."""
    path = tmp_path_factory.mktemp("long") / "long.wav"
    parts = [signals.tone(hertz, 12.0, 0.3) + signals.noise(12.0, 0.01, 0) for hertz in (220.0, 1760.0)]
    soundfile.write(path, [*parts[0], *parts[1]], signals.SR)
    return path


def expected(small: Path, paths: list[Path]) -> list[dict[str, Any]]:
    """What `predict` says, under the names that clients give."""
    rows = predict(small / "out", paths).rows
    return [replace(row, name=path.name).to_json() for row, path in zip(rows, paths, strict=True)]


def test_answers_are_those_of_predict_bit_for_bit_also_of_many_clients_at_once(server: Server, small: Path) -> None:
    paths = sorted((small / "music").rglob("*.wav"))
    right = expected(small, paths)
    with ThreadPoolExecutor(2) as clients:
        answers = list(clients.map(server.send, paths))
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    assert [row for answer in answers for row in answer.json()] == right
    broken = ("broken.wav", b"words")
    some = [("file", broken), *(("file", (path.name, path.read_bytes())) for path in paths[:3])]
    found = server.client.post("/predict", files=some).json()
    assert [row["file"] for row in found] == ["broken.wav", *(path.name for path in paths[:3])]
    assert found[1:] == right[:3]
    for row in found:
        jsonschema.validate(row, SCHEMA)
    body = server.client.post(
        "/predict?name=0.wav", content=paths[0].read_bytes(), headers={"content-type": "audio/wav"}
    )
    assert body.json() == right[:1]
    answer = server.send(paths[0], neighbours=2)
    assert answer.status_code == 200, answer.text
    [near] = answer.json()
    assert len(near["neighbours"]) == 2
    jsonschema.validate(near, SCHEMA)
    assert list(server.folder.glob("tonearm-uploads-*/[0-9a-f]*")) == []


def test_a_long_file_is_a_stream_of_windows_and_their_segments(server: Server, small: Path, long: Path) -> None:
    model = tonearm.load(small / "out")
    right = list(windows(model, long, 0.4, 0.4))
    answer = server.send(long, "/predict/stream", window=0.4, hop=0.4, stickiness=3)
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, last = map(json.loads, answer.text.splitlines())
    assert [list(line["probabilities"].values()) for line in lines] == [one.probabilities.tolist() for one in right]
    assert [(line["start"], line["end"]) for line in lines] == [(one.start, one.end) for one in right]
    assert (
        [part["label"] for part in last["segments"]] == [one.label for one in segments(right, 3.0)] == ["low", "high"]
    )
    assert last["seconds"] == pytest.approx(24.0)
    assert {line["file"] for line in (*lines, last)} == {"long.wav"}
    refused = server.send(long, "/predict/stream", window=1000)
    assert (refused.status_code, refused.json()["error"].split(":")[0]) == (422, "window 1000")


def test_a_misspelt_parameter_is_refused_with_those_that_there_are(server: Server, small: Path) -> None:
    for address in ("/predict", "/predict/stream"):
        refused = server.send(small / "music" / "low" / "0.wav", address, neighbors=3)
        assert refused.status_code == 422
        assert refused.json()["error"].startswith("neighbors: there is no such parameter; there are name, ")


def test_the_run_its_health_its_counts_and_its_addresses_are_told(server: Server, small: Path) -> None:
    assert server.client.get("/health").json() == {"status": "ok"}
    assert server.client.get("/model").json() == json.loads(json.dumps(tonearm.load(small / "out").card))
    addresses = server.client.get("/openapi.json").json()["paths"]
    assert set(addresses) == {"/predict", "/predict/stream", "/health", "/model", "/metrics"}
    before = server.count('tonearm_requests_total{route="/health",method="GET",status="200"}')
    server.client.get("/health")
    assert server.count('tonearm_requests_total{route="/health",method="GET",status="200"}') == before + 1
    buckets = [server.count(f'tonearm_request_seconds_bucket{{route="/health",le="{le}"}}') for le in ("0.005", "+Inf")]
    assert buckets[0] <= buckets[1] == server.count('tonearm_request_seconds_count{route="/health"}')
    assert server.count("tonearm_workers") == 1
    for line in server.client.get("/metrics").text.splitlines():
        assert line.startswith("#") or float(line.rsplit(" ", 1)[1]) >= 0


def refusals(small: Path) -> list[tuple[int, str, dict[str, Any]]]:
    """Status, words of the reason, and the request."""
    begun = b'--x\r\ncontent-disposition: form-data; filename="a"\r\n'
    part = {"file": ("a.wav", b"words")}
    clip = {"file": ("a.wav", (small / "music" / "low" / "0.wav").read_bytes())}
    return [
        (413, "larger than the 2.0 MB that a file may have", {"files": {"file": ("a.wav", bytes(2_100_000))}}),
        (415, "the body is application/json; send multipart/form-data", {"json": {}}),
        (415, "the body is of no type", {"content": b"words"}),
        (422, "a.wav: it cannot be decoded", {"files": part}),
        (422, "the request holds no file", {"files": {"file": (None, b"words")}}),
        (422, "the body is empty", {"content": b"", "headers": AUDIO}),
        (422, "neighbours: Input should be less than or equal to 100", {"files": clip, "params": {"neighbours": 101}}),
        (422, "the run was not calibrated", {"files": clip, "params": {"none": True}}),
        (400, "is not multipart/form-data as announced", _torn(b"words")),
        (
            400,
            "the request ends in the middle of a file",
            _torn(begun),
        ),
        (421, "is not a name of this application", {"files": part, "headers": {"host": "music.example"}}),
        (403, "another page asks", {"files": part, "headers": {"origin": "http://music.example"}}),
    ]


def _torn(content: bytes) -> dict[str, Any]:
    return {"content": content, "headers": {"content-type": "multipart/form-data; boundary=x"}}


def test_what_cannot_be_answered_is_refused_with_the_reason(server: Server, small: Path) -> None:
    for status, said, request in refusals(small):
        answer = server.client.post("/predict", **request)
        assert answer.status_code == status == answer.json()["status"], answer.text
        assert said in answer.json()["error"]
    assert server.client.get("/predict").status_code == 405
    assert server.client.get("/elsewhere").status_code == 404
    assert list(server.folder.glob("tonearm-uploads-*/[0-9a-f]*")) == []


def connected(server: Server, length: int, body: bytes) -> socket.socket:
    """A client that announces more than it sends."""
    address = httpx.URL(server.address)
    client = socket.create_connection((address.host, address.port))
    head = f"POST /predict HTTP/1.1\r\nhost: {address.netloc.decode()}\r\ncontent-type: audio/wav\r\n"
    client.sendall(f"{head}content-length: {length}\r\n\r\n".encode() + body)
    return client


def test_slow_clients_get_no_more_than_their_time_and_full_is_said_at_once(server: Server, small: Path) -> None:
    clip = small / "music" / "low" / "0.wav"
    slow = [connected(server, 1000, b"RIFF") for _ in range(1 + WAITING)]
    while server.count("tonearm_uploads_bytes") < 4 * len(slow):
        time.sleep(0.02)
    answer = server.send(clip)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "2 requests are here already" in answer.json()["error"]
    for client in slow:
        assert b" 408 " in client.recv(100)
        client.close()
    assert server.send(clip).status_code == 200
    gone = connected(server, 1000, b"RIFF")
    gone.close()  # a client that goes in the middle leaves nothing
    while server.count("tonearm_uploads_bytes"):
        time.sleep(0.02)
    assert server.send(clip).status_code == 200


@pytest.mark.parametrize(
    ("deed", "said"),
    [(signal.SIGKILL, "the process that worked on it ended"), (signal.SIGSTOP, "took longer than 6 seconds")],
)
def test_a_worker_that_dies_or_hangs_costs_one_request_and_is_replaced(
    deed: signal.Signals, said: str, server: Server, small: Path, long: Path
) -> None:
    clip = small / "music" / "low" / "0.wav"
    [worker] = server.workers
    before = server.count("tonearm_workers_replaced_total")
    with httpx.stream(
        "POST",
        f"{server.address}predict/stream?window=0.2&hop=0.1",
        content=long.read_bytes(),
        headers=AUDIO,
        timeout=60,
    ) as answer:
        lines = answer.iter_lines()
        assert json.loads(next(lines))["start"] == 0.0
        os.kill(worker, deed)
        *_, last = map(json.loads, lines)
    assert said in last["error"]
    assert "segments" not in last
    assert server.send(clip).json() == expected(small, [clip])
    assert server.count("tonearm_workers_replaced_total") == before + 1
    [successor] = server.workers
    assert successor != worker


def is_dead(process: int) -> bool:
    """Whether a child of another process has ended with all its threads; its number is there until it is asked for."""
    here = Path(f"/proc/{process}")
    return not here.exists() or (" Z " in (here / "stat").read_text() and len(list((here / "task").iterdir())) == 1)


def test_a_worker_that_died_while_idle_costs_no_request(server: Server, small: Path) -> None:
    [worker] = server.workers
    os.kill(worker, signal.SIGKILL)
    while not is_dead(worker):
        time.sleep(0.02)
    answer = server.send(small / "music" / "low" / "0.wav")
    assert answer.status_code == 200, answer.text


def test_a_signal_lets_the_running_request_end_and_refuses_others_and_leaves_nothing(
    server: Server, small: Path
) -> None:
    """The last test of the server: it ends it."""
    workers, clip = server.workers, small / "music" / "low" / "0.wav"
    data = clip.read_bytes()
    with connected(server, len(data), data[:100]) as client:
        while server.count("tonearm_uploads_bytes") < 100:
            time.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        while (refused := server.client.get("/health")).status_code == 200:
            time.sleep(0.02)
        assert refused.status_code == 503
        assert "the application is stopping" in refused.json()["error"]
        client.sendall(data[100:])
        with client.makefile("rb") as answer:
            head, body = answer.read().split(b"\r\n\r\n")
    assert b" 200 " in head
    assert json.loads(body) == [{**expected(small, [clip])[0], "file": "file"}]
    _, errors = server.process.communicate(timeout=20)
    assert server.process.returncode == 128 + signal.SIGTERM
    assert errors.strip() == "tonearm: stopped; what was sent to it is deleted"
    assert list(server.folder.glob("tonearm-*")) == []
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_a_second_signal_gives_up_what_is_being_answered(small: Path, long: Path, tmp_path: Path) -> None:
    with serving(small, tmp_path) as server, server.streamed(long, window=0.2, hop=0.1) as answer:
        lines = answer.iter_lines()
        next(lines)
        [worker] = server.workers
        os.kill(worker, signal.SIGSTOP)  # so that the answer is not whole before the signals
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        while server.client.get("/health").status_code == 200:
            time.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 128 + signal.SIGTERM
        assert time.monotonic() - start < 4
        assert list(tmp_path.glob("tonearm-*")) == []
        assert is_dead(worker)


def test_beyond_this_machine_a_token_is_asked_for_but_of_whoever_looks_after_the_server(small: Path) -> None:
    from starlette.testclient import TestClient

    from tonearm.errors import ConfigError
    from tonearm.web.limits import Limits
    from tonearm.web.models import RunKey
    from tonearm.web.serving import application

    with pytest.raises(ConfigError, match="it needs a token"):
        Limits("0.0.0.0")
    key = RunKey(small / "out", "")
    guarded = TestClient(application(key, Limits("0.0.0.0", token="secret")), base_url="http://localhost")
    assert guarded.get("/metrics").status_code == 401
    assert guarded.get("/health").status_code == 200
    assert guarded.get("/", headers={"authorization": "Bearer secret"}).status_code == 200
    assert guarded.get("/", headers={"authorization": "Bearer guessed"}).status_code == 401
    assert (
        TestClient(application(key, Limits("0.0.0.0", open=True)), base_url="http://localhost").get("/").status_code
        == 200
    )
    named = Limits("0.0.0.0", open=True, names=("genres",))
    assert TestClient(application(key, named), base_url="http://genres:8000").get("/").status_code == 200
    assert TestClient(application(key, named), base_url="http://other:8000").get("/").status_code == 421
