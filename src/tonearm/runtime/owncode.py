"""Functions and classes of the user's own: named in a config, known by a digest, run only where somebody asked for it.

Conventions
-----------
An object is written `mine.py:make`, a file and a name in it, or `package.module:make`. Its digest is the SHA-256 of the
file that defines it. That does not cover what this file imports, data that it reads, or the other files of a package;
of an installed package the version stands beside the digest. The bytes that were digested are the bytes that run: a
`Source` carries those of a file to other processes and hosts, which need not see it. A module is imported there by its
name, and has to be the same file.

A config asks for what it names. A run folder may come from a stranger, so what it names runs only inside
`trusting(...)`, with the sources that the user named; so does what the config in a results folder names, where that is
read inside `distrusting()`.
"""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tonearm.errors import TonearmError

ADDED = "added"  # the place of objects that were never named by a text
MODULES = "tonearm_own_"  # how the modules of files are named, with the start of the digest
FORM = 'write it as "mine.py:make", a file and a name in it, or "package.module:make"'
MOST_WORDS = 300  # of what somebody else's code says of its mistake


class CodeError(TonearmError):
    """A function or class of the user's own that cannot be used; the message can follow the setting that names it."""


class UntrustedError(TonearmError):
    """A run needs code that nobody has allowed to run. source: which."""

    def __init__(self, source: "Source") -> None:
        super().__init__(f"needs {source.sentence()}, which nobody has allowed to run")
        self.source = source


@dataclass(frozen=True)
class Source:
    """Where an object comes from.

    object: as above; of a file, its name without folders. digest: SHA-256 of the file. package: name and version, ""
    for what is not installed. path: of the file. text: its bytes, of a file alone. value: the object itself, where it
    was never named by a text.
    """

    object: str
    digest: str
    package: str = ""
    path: str = field(default="", compare=False)
    text: bytes = field(default=b"", compare=False, repr=False)
    value: Any = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The name in the file or module."""
        return self.object.rpartition(":")[2]

    @property
    def place(self) -> str:
        """The file's name, or the module's."""
        return self.object.rpartition(":")[0]

    @property
    def module(self) -> str:
        """Name of the module in this process."""
        return f"{MODULES}{self.digest[:16]}" if is_file(self.object) else self.place

    def sentence(self) -> str:
        """For a person: what, and which version of it."""
        return f"{self.place}{f' of {self.package}' if self.package else ''} (SHA-256 {self.digest[:16]}…)"

    def facts(self) -> dict[str, str]:
        """JSON-ready, without the place on this machine."""
        return {"object": self.object, "sha256": self.digest, "package": self.package}


_offered: dict[str, Source] = {}  # of this process

_trusted: ContextVar[tuple[Source, ...]] = ContextVar("trusted", default=())
_distrusting: ContextVar[bool] = ContextVar("distrusting", default=False)


@contextmanager
def trusting(sources: Sequence[Source]) -> Iterator[None]:
    """Let the block run these sources, and no others."""
    token = _trusted.set(tuple(sources))
    try:
        yield
    finally:
        _trusted.reset(token)


@contextmanager
def distrusting() -> Iterator[None]:
    """Let no config that is read in the block run anything but trusted sources."""
    token = _distrusting.set(True)
    try:
        yield
    finally:
        _distrusting.reset(token)


def trusted(wanted: Source) -> Source:
    """The source that may run in place of one that is only known by its facts. Raises UntrustedError.

    wanted: with the digest "" if any version will do.
    """
    for source in _trusted.get():
        if source.object == wanted.object and wanted.digest in ("", source.digest):
            return source
    raise UntrustedError(wanted)


def is_file(text: str) -> bool:
    """Whether the object, or its place alone, is that of a file.

    >>> is_file("own/mine.py:make"), is_file("package.module:make"), is_file("mine.py")
    (True, False, True)
    """
    return text.rpartition(":")[0].endswith(".py") or text.endswith(".py")


def label(text: str) -> str:
    """The object without the folders of its file.

    >>> label("own/mine.py:make"), label("package.module:make")
    ('mine.py:make', 'package.module:make')
    """
    return f"{Path(text.rpartition(':')[0]).name}:{text.rpartition(':')[2]}" if is_file(text) else text


def check_form(text: str) -> str:
    """The text, which may be empty. Raises ValueError if it cannot be an object."""
    where, _, name = text.rpartition(":")
    formed = name.isidentifier() and (is_file(text) or all(part.isidentifier() for part in where.split(".")))
    if text and not formed:
        raise ValueError(FORM)
    return text


def read_source(text: str) -> Source:
    """The source of an object that the user names; of a file nothing is run yet.

    Raises CodeError, and UntrustedError where it is not the user who names it.
    """
    if _distrusting.get():
        return trusted(Source(label(text), ""))
    where = text.rpartition(":")[0]
    if where == ADDED:
        if text not in _offered:
            raise CodeError("was added in Python and is not known in this process; add it to the experiment again")
        return _offered[text]
    if is_file(text):
        path = Path(where)
        content = _read(path)
        return Source(label(text), hashlib.sha256(content).hexdigest(), "", str(path.absolute()), content)
    path = _module_file(where)
    return Source(text, hashlib.sha256(_read(path)).hexdigest(), _package(where), str(path))


def offer(source: Source) -> None:
    """Let this process find an object by a text, `source.object`, where it has no file."""
    _offered[source.object] = source


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise CodeError(f"there is no file {path.absolute()}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise CodeError(f"{path}: cannot be read ({error.strerror or error})") from error


def _module_file(name: str) -> Path:
    """The file that defines a module. Raises CodeError."""
    importlib.invalidate_caches()
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise CodeError(f"the module {name} cannot be found ({error})") from error
    if found is None:
        raise CodeError(f"there is no module {name}; of a file, name the file: mine.py:make")
    if not found.has_location or not found.origin:
        raise CodeError(f"the module {name} has no file whose digest could be kept; write a function of your own")
    return Path(found.origin)


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    from importlib.metadata import packages_distributions

    return dict(packages_distributions())


def _package(module: str) -> str:
    """Name and version of the installed package that a module belongs to, "" if it is of none."""
    from importlib.metadata import PackageNotFoundError, version

    for name in _distributions().get(module.partition(".")[0], ()):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return ""


def load(source: Source) -> Any:
    """The object; its file is run, once a process. Raises CodeError if that fails, or it has no such name."""
    if source.value is not None:
        return source.value
    module = _run_file(source) if is_file(source.object) else _import(source)
    found = getattr(module, source.name, None)
    if not callable(found):
        known = sorted(name for name, value in vars(module).items() if callable(value) and not name.startswith("_"))
        raise CodeError(
            f"{source.place} has no function or class {source.name!r}; it has {', '.join(known[:10]) or 'none'}"
        )
    return found


def _run_file(source: Source) -> ModuleType:
    if source.module in sys.modules:
        return sys.modules[source.module]
    module = ModuleType(source.module)
    module.__file__ = source.path
    folder = str(Path(source.path).parent)
    sys.modules[source.module] = module
    sys.path.insert(0, folder)  # so that it finds what lies beside it, as a script does
    try:
        exec(compile(source.text, source.path, "exec"), module.__dict__)  # noqa: S102  # what the user asked for
    except BaseException as error:
        del sys.modules[source.module]
        if not isinstance(error, Exception | SystemExit):
            raise
        raise CodeError(f"{source.place} cannot be run: {blame(error, source)}") from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
    return module


def _import(source: Source) -> ModuleType:
    path = _module_file(source.place)
    digest = hashlib.sha256(_read(path)).hexdigest()
    if digest != source.digest:
        raise CodeError(
            f"{path} has the SHA-256 {digest[:16]}…, and {source.digest[:16]}… is needed: it is another version of "
            f"{source.place}"
        )
    try:
        return importlib.import_module(source.place)
    except Exception as error:
        raise CodeError(f"{source.place} cannot be imported: {blame(error, source)}") from error


def blame(error: BaseException, source: Source) -> str:
    """What somebody's code raised, as a part of one sentence, and in which line of the source, where it was there."""
    said = " ".join(str(error).split())[:MOST_WORDS]
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source.path]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    where = f" in line {lines[-1]} of {source.place}" if lines else ""
    return f"{type(error).__name__}{f': {said}' if said else ''}{where}"


def call(source: Source, *arguments: Any, **named: Any) -> Any:
    """What the object gives for these arguments. Raises CodeError, which says what it raised and where."""
    function = load(source)
    try:
        return function(*arguments, **named)
    except TonearmError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        raise CodeError(f"{source.object} failed: {blame(error, source)}") from error
