"""The page of a trained experiment, as its own process, and plain requests to it."""

import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile

import signals

BOUNDARY = "0123456789abcdef"


@dataclass
class Answer:
    """Of a request: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Page:
    """A page that answers. address: as it was printed. lines: of its standard error, as they come."""

    address: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.address.split(":")[2].split("/")[0])

    def ask(
        self, path: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None, host: str = ""
    ) -> Answer:
        """Send a request exactly as it is written, path and all."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = dict(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            sent["content-type"] = "application/json"
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("host", host or f"127.0.0.1:{self.port}")
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        for name, value in sent.items():
            connection.putheader(name, value)
        try:
            connection.endheaders(body)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def send(self, *files: tuple[str, bytes]) -> Answer:
        """Upload files, under these names."""
        return self.ask("/api/uploads", "POST", form(*files), FORM)


FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(*files: tuple[str, bytes]) -> bytes:
    """Files as multipart/form-data."""
    parts = [
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in files
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@contextmanager
def opened(*arguments: str | Path, folder: Path) -> Iterator[Page]:
    """`tonearm ui` with these arguments and temporary files in a folder, until the block ends."""
    command = [sys.executable, "-m", "tonearm", "ui", *map(str, arguments), "--port", "0", "--no-browser"]
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, encoding="utf-8"
    )
    assert process.stdout is not None
    assert process.stderr is not None
    page = Page("", process)
    errors = process.stderr
    reader = threading.Thread(target=lambda: page.lines.extend(errors), daemon=True)
    reader.start()
    try:
        page.address = process.stdout.readline().strip()
        assert page.address.startswith("http://"), page.lines
        yield page
    finally:
        process.terminate()
        process.wait(30)
        reader.join(5)
        process.stdout.close()
        errors.close()


def prepare(folder: Path) -> None:
    """An experiment with its music and its report, allowed music with a link out of it, a secret, room for uploads."""
    from test_experiment import config, sound
    from tonearm.experiment.experiment import run_experiment
    from tonearm.report import write_report

    rows = ["file_name,label,artist"]
    for genre, label in enumerate(("bass", "middle", "treble")):
        (folder / "music" / label).mkdir(parents=True)
        for number in range(12):
            band, take = divmod(number, 3)
            rows.append(f"{label}/{band}{take}.wav,{label},{label} band {band}")
            soundfile.write(folder / "music" / label / f"{band}{take}.wav", sound(genre, band, take), signals.SR)
    (folder / "music" / "metadata.csv").write_text("\n".join(rows) + "\n")
    models: dict[str, dict[str, int]] = {"logistic": {}, "svm": {}}
    run_experiment(config(folder / "music", models=models), folder / "trained")
    write_report(folder / "trained", audio=False)
    (folder / "allowed" / "deep").mkdir(parents=True)
    soundfile.write(folder / "allowed" / "deep" / "one.wav", sound(0, 5, 0), signals.SR)
    soundfile.write(folder / "allowed" / "two.au", signals.tone(800.0, 0.5), signals.SR, subtype="PCM_16")
    soundfile.write(folder / "secret.wav", sound(0, 5, 1), signals.SR)
    (folder / "allowed" / "out.wav").symlink_to(folder / "secret.wav")
    (folder / "allowed" / "words.txt").write_text("a secret")
    soundfile.write(folder / "a song.wav", sound(2, 5, 0), signals.SR)
    (folder / "broken.mp3").write_text("words")
    (folder / "uploads").mkdir()
