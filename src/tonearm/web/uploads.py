"""Files that clients send: streamed to a folder of their own, under names of ours, within limits, for a time.

Conventions
-----------
Nothing that a client writes becomes part of a path: a file is called by a random key, and of its name only an ending of
the known ones is kept. The name itself is shown, and nothing else. The folder is removed at the end; that of a process
that was killed, by the next start.
"""

import asyncio
import logging
import re
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.runtime.leftovers import claim, clear_leftovers, release
from tonearm.web.errors import RequestError
from tonearm.web.limits import Limits
from tonearm.wording import shorten, size

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FOLDER_PREFIX = "tonearm-uploads-"
KNOWN = EXTENSIONS | PICTURE_EXTENSIONS
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what a client does wrong is told to the client
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Upload:
    """A file that was sent. key: what it is called here. name: what its sender calls it, for people's eyes alone."""

    key: str
    name: str
    path: Path
    size: int
    since: float


class Uploads:
    """The folder of uploads. Its methods are called from one thread, that of the event loop."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._kept: dict[str, Upload] = {}
        self._receiving = 0  # bytes of files that are not whole yet
        clear_abandoned()
        self.folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        _, self._handle = claim(self.folder)

    @property
    def kept_bytes(self) -> int:
        """Of all files that are here."""
        return sum(one.size for one in self._kept.values()) + self._receiving

    def get(self, key: str) -> Upload:
        """The upload of a key. Raises RequestError where there is none (any more)."""
        found = self._kept.get(key)
        if found is None:
            raise RequestError(404, "this upload is not here, or not any more; send the file again")
        return found

    def remove(self, key: str) -> None:
        """Delete an upload; one that is not there is deleted already."""
        found = self._kept.pop(key, None)
        if found is not None:
            for path in self.folder.glob(f"{key}*"):  # and what was made of it, by names that begin with the key
                path.unlink(missing_ok=True)

    def expire(self) -> None:
        """Delete what has been here for longer than is allowed."""
        oldest = time.monotonic() - self.limits.keep_seconds
        for one in [one for one in self._kept.values() if one.since < oldest]:
            self.remove(one.key)

    def close(self) -> None:
        """Delete everything."""
        self._kept.clear()
        release(self._handle)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def receive_body(self, request: Request, name: str) -> Upload:
        """The file that a request's body is, streamed to the folder. Raises RequestError, and keeps nothing then."""
        reading = _Reading(self)
        try:
            reading.start(name)
            async for block in request.stream():
                reading.write(block)
            reading.finish()
        except BaseException:
            reading.undo()
            raise
        [upload] = reading.done
        return upload

    async def receive(self, request: Request) -> list[Upload]:
        """The files of a multipart request, streamed to the folder. Raises RequestError, and keeps none then."""
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise RequestError(415, "files are sent as multipart/form-data, each in a part with a filename")
        reading = _Reading(self)
        try:
            parser = MultipartParser(options[b"boundary"], reading.callbacks())
            async for block in request.stream():
                parser.write(block)
                await asyncio.sleep(0)  # let others in between the blocks of a long file
            parser.finalize()
            if not reading.whole:
                raise RequestError(400, "the request ends in the middle of a file")
        except MultipartParseError as error:
            reading.undo()
            raise RequestError(400, f"the request is not multipart/form-data as announced ({error})") from error
        except BaseException:
            reading.undo()
            raise
        if not reading.done:
            raise RequestError(422, "the request holds no file; send each in a part with a filename")
        return reading.done

    def new_path(self, name: str) -> tuple[str, Path]:
        """A new key, and the path of the file that gets it."""
        ending = PurePosixPath(name).suffix.lower()
        key = secrets.token_hex(12)
        return key, self.folder / f"{key}{ending if ending in KNOWN else ''}"

    def _add(self, upload: Upload) -> None:
        self._kept[upload.key] = upload

    def _count(self, number: int) -> None:
        self._receiving += number


@dataclass
class _Reading:
    """One request's files on their way to the folder."""

    uploads: Uploads
    done: list[Upload] = field(default_factory=list)
    whole: bool = False
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _name: bytes = b""
    _value: bytes = b""
    _file: BinaryIO | None = None
    _key: str = ""
    _shown: str = ""
    _size: int = 0

    def callbacks(self) -> "MultipartCallbacks":
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._write,
            "on_part_end": self._close,
            "on_end": self._end,
        }

    def undo(self) -> None:
        """Delete what has come."""
        if self._file is not None:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)
            self.uploads._count(-self._size)
        for one in self.done:
            self.uploads.remove(one.key)

    def _begin(self) -> None:
        self._headers = {}
        self._name = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]  # the parser ends headers that are too long

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"filename" not in options:
            self._file = None  # a field without a file, which nobody needs
            return
        self.start(options[b"filename"].decode("utf-8", "replace"))

    def start(self, name: str) -> None:
        """Begin a file. name: its sender's."""
        limits = self.uploads.limits
        if len(self.uploads._kept) >= limits.kept_files:
            raise RequestError(413, f"{limits.kept_files} files are here already, which is the most; remove some")
        self._shown = shown_name(name)
        self._key, path = self.uploads.new_path(self._shown)
        self._size = 0
        self._file = path.open("xb")

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self.write(data[start:end])

    def write(self, data: bytes) -> None:
        """Write a piece of the file."""
        assert self._file is not None
        limits = self.uploads.limits
        self._size += len(data)
        self.uploads._count(len(data))
        if self._size > limits.file_bytes:
            raise RequestError(413, f"{self._shown}: is larger than the {size(limits.file_bytes)} that a file may have")
        if self.uploads.kept_bytes > limits.kept_bytes:
            raise RequestError(
                413, f"{self._shown}: does not fit into the {size(limits.kept_bytes)} for all files together"
            )
        self._file.write(data)

    def _close(self) -> None:
        if self._file is not None:
            self.finish()

    def finish(self) -> None:
        """End the file: it is whole."""
        assert self._file is not None
        self._file.close()
        upload = Upload(self._key, self._shown, Path(self._file.name), self._size, time.monotonic())
        self.uploads._count(-self._size)
        self._file = None
        self.uploads._add(upload)
        self.done.append(upload)

    def _end(self) -> None:
        self.whole = True


def shown_name(name: str) -> str:
    r"""A client's name of a file as it is shown: one line, not too long.

    >>> shown_name("rock\n/a\x00b.wav")
    'rock/ab.wav'
    """
    return shorten(_UNSHOWN.sub("", name).strip()) or "unnamed"


def clear_abandoned() -> None:
    """Remove the folders of uploads that killed processes left: those whose file nobody has locked."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        if clear_leftovers(folder, owned=False):
            shutil.rmtree(folder, ignore_errors=True)
