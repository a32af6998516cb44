"""Which code of the user's own a run folder may run when it is loaded: what `--trust` names, and nothing else.

Conventions
-----------
A run that was made with code of the user's own records its digest (`owncode`), and has a copy of each file in `code/`.
Loading the run executes neither the copy nor what its facts name. It executes the file, or imports the module, that the
user names, and only if that has the recorded digest: then it is the code that the user has read, whatever the folder
says.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm.data.described import extras_of
from tonearm.errors import RunError
from tonearm.experiment.facts import OwnFacts, RunFacts
from tonearm.runtime.files import write_bytes
from tonearm.runtime.owncode import CodeError, Source, UntrustedError, is_file, read_source

if TYPE_CHECKING:
    from tonearm.experiment.runs import Run

CODE = "code"
Trust = Sequence[str | Path | Source]


def keep_code(folder: Path, own: Sequence[tuple[Source, str]]) -> list[dict[str, str]]:
    """Copy the files into the run folder; the facts of all, with what each is used as."""
    for source, _ in own:
        if source.text:
            write_bytes(copy_of(folder, source), source.text)
    return [{**source.facts(), "used": used} for source, used in own]


def copy_of(folder: Path, source: Source) -> Path:
    """Where the run folder keeps a file of the user's own: two of one name are told apart by their digests."""
    name = Path(source.place)
    return folder / CODE / f"{name.stem}-{source.digest[:8]}{name.suffix}"


def trusted_sources(folder: Path, facts: RunFacts, trust: Trust) -> tuple[Source, ...]:
    """The sources of the run that the user has named; nothing is run here.

    trust: paths of files, names of modules, or sources that were found before. Raises RunError where one is not there,
    or is another version than the run was made with.
    """
    found: dict[Source, Source] = {}
    for named in trust:
        if isinstance(named, Source):
            found[named] = named
            continue
        text = str(named)
        text = text.rpartition(":")[0] if ":" in text and text.rpartition(":")[2].isidentifier() else text
        try:
            source = read_source(f"{text}:_")
        except CodeError as error:
            raise RunError(f"--trust {named}: {error}") from error
        for wanted in _wanted(facts):
            if _names(source, wanted):
                _check_digest(folder, wanted, source, str(named))
                mine = Source(wanted.object, source.digest, source.package, source.path, source.text)
                found[mine] = mine
    return tuple(found)


def model_source(facts: RunFacts) -> Source | None:
    """The code of the run's model as its facts tell it, which does not run by that; None for a model of tonearm."""
    known = [one for one in facts.own if one.used == "model"]
    return Source(known[0].object, known[0].sha256, known[0].package) if known else None


def _wanted(facts: RunFacts) -> list[OwnFacts]:
    """The code that the run was made with, and that of its features, which may come from a table."""
    features = [OwnFacts.model_validate(one) for one in extras_of(facts.representation)]
    return list(dict.fromkeys([*facts.own, *features]))


def _names(source: Source, wanted: OwnFacts) -> bool:
    """Whether the user's file or module is what the run names: of files the contents alone decide."""
    place = wanted.object.rpartition(":")[0]
    if is_file(source.object) != is_file(wanted.object):
        return False
    return place == source.place or (is_file(source.object) and source.digest == wanted.sha256)


def _check_digest(folder: Path, wanted: OwnFacts, source: Source, named: str) -> None:
    if source.digest == wanted.sha256:
        return
    of = f" of {wanted.package}" if wanted.package else ""
    copy = copy_of(folder, Source(wanted.object, wanted.sha256))
    hint = f"; the copy in the run has that digest: --trust {copy}" if _holds(copy, wanted.sha256) else ""
    raise RunError(
        f"{folder}: was made with {wanted.object}{of} of SHA-256 {wanted.sha256}, and {named} has {source.digest}, so "
        f"nothing was executed{hint}"
    )


def _holds(copy: Path, digest: str) -> bool:
    return copy.is_file() and hashlib.sha256(copy.read_bytes()).hexdigest() == digest


@contextmanager
def telling_what_to_trust(folder: Path, facts: RunFacts) -> Iterator[None]:
    """Say which file of the run would have to be executed, and how to allow it. Raises RunError."""
    try:
        yield
    except UntrustedError as error:
        wanted = error.source
        if not wanted.digest:  # a torch model's settings do not say it
            known = [Source(one.object, one.sha256) for one in facts.own if one.object == wanted.object]
            wanted = known[0] if known else wanted
        copy = copy_of(folder, wanted)
        place = copy if is_file(wanted.object) and copy.is_file() else wanted.place
        what = "file" if is_file(wanted.object) else "module"
        raise RunError(
            f"{folder}: needs {wanted.object}, code of its maker's own (SHA-256 {wanted.digest}), and nothing of it "
            f"was executed; read the {what}, and if you trust it, add --trust {place}"
        ) from error
    except CodeError as error:
        raise RunError(f"{folder}: {error}") from error


def executed(run: "Run") -> tuple[str, ...]:
    """A sentence on the code that a loaded run executes; () for none."""
    used = [source for source in run.trusted if source.module in sys.modules]
    places = dict.fromkeys(f"{source.path} (SHA-256 {source.digest[:16]}…)" for source in used)
    return (f"executes {', '.join(places)}, as --trust allows",) if places else ()
