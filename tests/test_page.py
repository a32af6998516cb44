"""The page by plain requests: what it answers, and what it refuses to those who attack it."""

import csv
import io
import json
import shutil
import socket
import zipfile
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import soundfile

import signals
from tonearm.api import predict
from tonearm.errors import TonearmError
from web_client import FORM, Page, form

pytest.importorskip("jinja2", reason="needs the extra ui")

from tonearm.web.limits import Limits
from tonearm.web.page import open_page


@pytest.fixture
def place(web_folder: Path) -> Path:
    return web_folder


@pytest.fixture
def page(web_page: Page) -> Page:
    return web_page


def model_of(page: Page, name: str = "") -> str:
    found = page.ask("/api/models").json
    return str(next(one for one in found if name in one["title"])["key"])


def uploads_in(place: Path) -> list[Path]:
    return [path for path in (place / "uploads").glob("tonearm-uploads-*/*") if not path.name.startswith(".")]


def test_a_sent_file_gets_the_answer_of_predict_bit_for_bit(page: Page, place: Path) -> None:
    sound = (place / "secret.wav").read_bytes()
    [sent] = page.send(("rock/a song.wav", sound)).json
    assert sent["name"] == "rock/a song.wav"
    found = page.ask(f"/api/answer/{sent['key']}?model={model_of(page, 'logistic')}").json
    expected = predict(place / "trained" / "runs" / "logistic", place / "secret.wav", neighbours=3).rows[0]
    assert found["probabilities"] == expected.probabilities
    assert found["sure"] == expected.sure
    assert [one["name"] for one in found["neighbours"]] == [one.name for one in expected.neighbours]
    heard = page.ask(f"/audio/{sent['key']}", headers={"range": "bytes=0-99"})
    assert heard.status == 206
    assert heard.headers["content-range"] == f"bytes 0-99/{len(sound)}"
    assert heard.body == sound[:100]
    neighbour = page.ask(f"/audio/{found['neighbours'][0]['key']}")
    assert neighbour.status == 200
    assert neighbour.body[:4] == b"RIFF"
    assert page.ask(f"/api/picture/{sent['key']}").body.startswith(b"\x89PNG")
    [kept] = [path for path in uploads_in(place) if path.stem == sent["key"]]
    assert page.ask(f"/api/uploads/{sent['key']}", "DELETE").status == 200
    assert not kept.exists()
    assert page.ask(f"/audio/{sent['key']}").status == 404


def test_allowed_music_is_answered_played_and_exported(page: Page, place: Path) -> None:
    found = page.ask("/api/music", "POST", {"path": str(place / "allowed")}).json
    assert [one["name"] for one in found] == ["deep/one.wav", "two.au"]  # and no link that leads out
    model = model_of(page, "svm")
    answers = [page.ask(f"/api/answer/{one['key']}?model={model}").json for one in found]
    converted = page.ask(f"/audio/{found[1]['key']}")  # which no browser plays as it is
    samples, rate = soundfile.read(io.BytesIO(converted.body))
    assert rate == signals.SR
    assert np.abs(samples - signals.tone(800.0, 0.5)).max() < 1e-4
    keys = [one["key"] for one in found]
    table = page.ask("/api/export", "POST", {"format": "csv", "model": model, "items": keys}).body.decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["label"] for row in rows] == [one["label"] for one in answers]
    assert rows[0]["filename"] == str(place / "allowed" / "deep" / "one.wav")
    body = {"format": "m3u8", "model": model, "items": keys, "label": answers[0]["label"]}
    playlist = page.ask("/api/export", "POST", body).body.decode().splitlines()
    assert playlist[:3] == ["#EXTM3U", "#EXTINF:-1,one", str(place / "allowed" / "deep" / "one.wav")]
    plan = page.ask("/api/export", "POST", {"format": "plan", "model": model, "items": keys}).body.decode()
    assert [json.loads(line)["file"] for line in plan.splitlines()[1:]] == ["deep/one.wav", "two.au"]


def test_the_map_places_every_training_clip(page: Page, place: Path) -> None:
    model = model_of(page, "logistic")
    found = page.ask(f"/api/map?model={model}").json
    assert len(found["names"]) == len(found["x"]) == len(found["y"]) > 15
    assert {min(found["x"] + found["y"]), max(found["x"] + found["y"])} == {0.0, 1.0}
    assert 0.2 < found["kept"] < 1
    by_label: dict[str, list[float]] = {}
    for label, x in zip(found["labels"], found["x"], strict=True):
        by_label.setdefault(label, []).append(x)
    means = [float(np.mean(values)) for values in by_label.values()]
    assert max(means) - min(means) > 0.3  # three registers of tones are not one cloud
    listed = page.ask("/api/playlist", "POST", {"model": model, "clips": [*found["names"][:2], "../x"]}).body.decode()
    assert [Path(line).name for line in listed.splitlines()[2::2]] == [Path(name).name for name in found["names"][:2]]
    clip = page.ask(f"/api/clip?model={model}&name={quote(found['names'][0])}").json
    assert page.ask(f"/audio/{clip['key']}").status == 200


def test_every_answer_forbids_what_it_does_not_need(page: Page) -> None:
    for path in ("/", "/map", "/corrections", "/results", "/static/look.css", "/static/listen.js", "/nowhere"):
        headers = page.ask(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    text = page.ask("/").body.decode()
    assert "style=" not in text
    assert "onclick" not in text
    assert page.ask("/nowhere").json == {"status": 404, "error": "there is nothing at this address"}
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert page.ask(path).status == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "evil.example:80", ""])
def test_a_foreign_host_is_refused(page: Page, host: str) -> None:
    assert page.ask("/api/models", host=host or " ").status == 421
    assert page.ask("/api/models", host=f"localhost:{page.port}").status == 200
    assert page.ask("/api/models", host="LOCALHOST.").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
)
def test_a_foreign_page_changes_nothing_and_reads_nothing(page: Page, place: Path, headers: dict[str, str]) -> None:
    before = uploads_in(place)
    assert page.ask("/api/uploads", "POST", form(("a.wav", b"x")), {**FORM, **headers}).status == 403
    assert page.ask("/api/uploads/x", "DELETE", headers=headers).status == 403
    assert uploads_in(place) == before
    if headers.get("sec-fetch-site", "none") != "none":
        assert page.ask("/api/models", headers={**headers, "sec-fetch-mode": "no-cors"}).status == 403
        assert page.ask("/", headers={**headers, "sec-fetch-mode": "navigate"}).status == 200  # a link to the page


def paths_out(place: Path) -> list[str]:
    return [
        "../secret.wav",
        "deep/../../secret.wav",
        str(place / "secret.wav"),
        str(place),
        "/etc/passwd",
        "out.wav",
        str(place / "allowed" / "out.wav"),
        "~",
        "file:///etc/passwd",
        "s3://bucket/x.wav",
        "..",
        "deep/one.wav\0.txt",
        "",
    ]


def test_no_path_leads_out_of_the_allowed_folders(page: Page, place: Path) -> None:
    for path in paths_out(place):
        answer = page.ask("/api/music", "POST", {"path": path})
        assert answer.status in (403, 422), path
        assert "secret" not in json.dumps(answer.json.get("key", ""))
    assert page.ask("/api/music", "POST", {"path": "words.txt"}).status == 422  # nor to what is no music
    for path in ("/static/../page.py", "/static/%2e%2e/page.py", "/static/..%2fpage.py", "/static/page.py"):
        assert page.ask(path).status == 404
    for key in ("../../secret.wav", "..%2f..%2fsecret.wav", quote(str(place / "secret.wav"), safe="")):
        assert page.ask(f"/audio/{key}").status == 404
    model = model_of(page)
    for name in ("../secret.wav", str(place / "secret.wav"), "metadata.csv"):
        assert page.ask(f"/api/clip?model={model}&name={quote(name, safe='')}").status == 404
    assert "sandbox; default-src 'none'" in page.ask("/report/0").headers["content-security-policy"]
    assert {page.ask(f"/report/{number}").status for number in (-1, 1, 10**30)} == {404}


def test_a_link_that_is_turned_outwards_later_is_not_followed(page: Page, place: Path) -> None:
    turning = place / "allowed" / "turning.wav"
    shutil.copy(place / "secret.wav", turning)
    [item] = page.ask("/api/music", "POST", {"path": "turning.wav"}).json
    turning.unlink()
    turning.symlink_to(place / "secret.wav")
    assert page.ask(f"/audio/{item['key']}").status == 404
    turning.unlink()


def test_what_is_too_long_is_refused_and_leaves_nothing(page: Page, place: Path) -> None:
    before = uploads_in(place)
    answer = page.send(("small.wav", b"x"), ("long.wav", bytes(1_100_000)))
    assert answer.status == 413
    assert answer.json["error"] == "long.wav: is larger than the 1.0 MB that a file may have"
    assert uploads_in(place) == before
    big = {"content-type": "application/json", "content-length": str(10**12)}
    assert page.ask("/api/music", "POST", None, big).status == 413
    assert page.ask("/api/music", "POST", {"path": "x" * 1_100_000}).status == 413
    assert page.ask("/api/music", "POST", {"path": "x" * 5000}).status == 422


def test_broken_uploads_are_refused(page: Page, place: Path) -> None:
    before = uploads_in(place)
    whole = form(("a.wav", b"abc"))
    cases = [
        (whole, {"content-type": "text/plain"}, 415),
        (whole, {"content-type": "multipart/form-data"}, 415),
        (whole[:-20], FORM, 400),
        (b"nothing of the kind", FORM, 400),
        (form(), FORM, 422),
        (whole.replace(b'; filename="a.wav"', b""), FORM, 422),
        (whole.replace(b"form-data;", b"form-data; x=" + b"y" * 9000 + b";"), FORM, 400),
    ]
    for body, headers, status in cases:
        assert page.ask("/api/uploads", "POST", body, headers).status == status, body[:80]
    assert uploads_in(place) == before


def test_names_are_shown_and_never_become_paths(page: Page, place: Path) -> None:
    names = ["../../x.wav", "/etc/passwd", "a.php", "b.wav.html", "c\tu.WAV", "x" * 300 + ".mp3"]
    sent = page.send(*((name, b"no sound") for name in names)).json
    for name, one in zip(names, sent, strict=True):
        [kept] = [path for path in uploads_in(place) if path.stem == one["key"]]
        assert kept.parent.parent == place / "uploads"
        assert kept.suffix in (".wav", ".mp3", "")
        assert "\t" not in one["name"]
        assert len(one["name"]) <= 230, name


def test_a_zip_that_is_called_mp3_is_a_file_that_cannot_be_used(page: Page) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(500_000))
    [sent] = page.send(("song.mp3", packed.getvalue())).json
    answer = page.ask(f"/api/answer/{sent['key']}?model={model_of(page)}")
    assert answer.status == 200
    assert "cannot be decoded" in answer.json["error"]
    assert page.ask(f"/api/picture/{sent['key']}").status == 422


def test_too_many_headers_end_the_connection(page: Page) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n" + b"x: " + b"y" * 200_000)
        answer = raw.recv(1000)
    assert answer.startswith(b"HTTP/1.1 400")
    assert page.ask("/api/models").status == 200


def test_mistakes_at_the_start_are_one_sentence(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases = [
            (place / "nowhere", [], 0, "there is no such run folder"),
            (place / "trained", [place / "secret.wav"], 0, "is not a folder of this machine"),
            (place / "trained", [], port, "cannot be listened on"),
        ]
        for run, roots, number, words in cases:
            with pytest.raises(TonearmError, match=words):
                open_page([run], roots, Limits(port=number))
