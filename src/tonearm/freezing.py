"""Run folder to the packages that predicting with it needs, at the versions that are installed here.

Conventions
-----------
Nothing is listed by hand: a second process predicts a file with the run, and what it has imported then is what is
needed. Of that only what tonearm asks for, directly or through others, counts: libraries also look for packages that
they can do without. So the list holds for sound that `soundfile` reads, or for pictures, and not for feature tables,
for m4a, aac and wma (`av`), or for training.
"""

import importlib.metadata
import json
import platform
import re
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tonearm.data.pictures import READY
from tonearm.errors import RunError
from tonearm.experiment.lookup import run_to_load
from tonearm.experiment.pretrained import pretrained
from tonearm.experiment.runs import read_facts
from tonearm.experiment.trust import Trust
from tonearm.runtime.files import write_text

HERE = "tonearm"
SR, SECONDS = 44_100, 12  # at another rate than models take, in stereo, so that all that is asked of a file is done
# what it has imported goes to a file, since the command's own words go to the other streams
WATCHED = """
import json, sys
from tonearm.cli import main
target, *words = sys.argv[1:]
sys.argv = ["tonearm", *words]
try:
    main()
finally:
    with open(target, "w", encoding="utf-8") as file:
        json.dump(sorted({name.partition(".")[0] for name in sys.modules}), file)
"""
FOR_DEVELOPERS = frozenset(("dev", "docs"))
LOADS_WHAT_IT_REQUIRES = ("torch",)  # as shared libraries, such as CUDA's, which are imported by nobody


class Frozen(NamedTuple):
    """The packages, as lines of a requirements file; the file as a whole; and what they take on the disk, bytes."""

    requirements: tuple[str, ...]
    text: str
    size: int


def freeze(run: str | Path, trust: Trust = ()) -> Frozen:
    """The packages that predicting with the run imports, each pinned to its version here.

    trust: as for `predict`. Raises RunError where there is no such run, or it cannot predict here.
    """
    folder = run_to_load(run)
    facts = read_facts(folder)
    with tempfile.TemporaryDirectory(prefix="tonearm-") as temporary:
        ready = facts.representation["kind"] == READY
        clip = _picture(Path(temporary), facts.representation) if ready else _sound(Path(temporary))
        modules = _imported(folder, clip, Path(temporary) / "modules.json", trust)
    by_module = importlib.metadata.packages_distributions()
    imported = {_folded(name) for module in modules for name in by_module.get(module, ())} - {HERE}
    needed = sorted(imported if facts.own else _asked_for(imported))  # own code may import whatever it likes
    found = [importlib.metadata.distribution(name) for name in needed]
    lines = tuple(f"{one.metadata['Name']}=={one.version.partition('+')[0]}" for one in found)
    names = facts.model.name, str(facts.representation.get("name", "")).split(" + ")
    weights = [one.name for one in pretrained(dict([names]))]
    return Frozen(lines, "\n".join([*_head(folder, weights), *lines, ""]), sum(map(_size, found)))


def write_frozen(frozen: Frozen, out: Path) -> None:
    """Write the requirements file."""
    write_text(out, frozen.text)


def _head(folder: Path, weights: Iterable[str]) -> Iterator[str]:
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield f"# what predicting with {folder} has imported ({system}, {HERE} {importlib.metadata.version(HERE)});"
    yield "# nothing else is needed to predict with it:"
    yield f"#   pip install --no-deps -r requirements.txt {HERE}"
    for name in weights:
        yield f"# and the weights of {name}, from `tonearm encoders get {name}` or the cache of this machine"


def _imported(folder: Path, clip: Path, target: Path, trust: Trust) -> list[str]:
    """Names of the top-level modules that `tonearm predict` has imported in the end. Raises RunError."""
    trusted = [word for one in trust for word in ("--trust", str(one))]
    command = [sys.executable, "-c", WATCHED, str(target), "predict", str(folder), str(clip), "--strict", *trusted]
    done = subprocess.run(command, capture_output=True, text=True, errors="backslashreplace", check=False)
    if done.returncode or not target.is_file():
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1].removeprefix("tonearm: ")
        raise RunError(f"{folder}: cannot predict here, so nothing can be said of what it needs: {last}")
    return [str(name) for name in json.loads(target.read_text(encoding="utf-8"))]


def _sound(folder: Path) -> Path:
    noise = np.random.default_rng(0).integers(-3000, 3000, SR * SECONDS * 2).astype("<i2")
    with wave.open(str(folder / "noise.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SR)
        file.writeframes(noise.tobytes())
    return folder / "noise.wav"


def _picture(folder: Path, representation: dict[str, object]) -> Path:
    from PIL import Image

    size = int(str(representation["width"])), int(str(representation["height"]))
    Image.effect_noise(size, 60.0).convert("RGB").save(folder / "noise.png")
    return folder / "noise.png"


def _asked_for(imported: set[str]) -> set[str]:
    """Those of the imported packages that tonearm asks for, itself or through others of them."""
    installed = {_folded(one.name) for one in importlib.metadata.distributions()}
    every = importlib.metadata.metadata(HERE).get_all("Provides-Extra") or ()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(HERE, frozenset(every) - FOR_DEVELOPERS, imported)]
    while waiting:
        name, extras, candidates = waiting.pop()
        seen.add((name, extras))
        if name in LOADS_WHAT_IT_REQUIRES:
            candidates = installed
        asked = [one for one in _requirements(name, extras) if one[0] in candidates]
        waiting += [(*one, candidates) for one in asked if one not in seen]
    return {name for name, _ in seen} - {HERE}


def _requirements(package: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """What an installed package asks for, with these extras of it: names, each with the extras that are asked for."""
    for line in importlib.metadata.requires(package) or ():
        wanted, _, marker = line.partition(";")
        for_extras = re.findall(r"extra\s*==\s*['\"]([^'\"]+)", marker)
        if for_extras and extras.isdisjoint(for_extras):
            continue
        name, _, rest = wanted.partition("[")
        inner = rest.partition("]")[0] if rest else ""
        yield _folded(re.split(r"[^A-Za-z0-9._-]", name.strip())[0]), frozenset(re.findall(r"[A-Za-z0-9._-]+", inner))


def _folded(name: str) -> str:
    """A package's name as all its spellings have it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _size(package: importlib.metadata.Distribution) -> int:
    files = (Path(str(file.locate())) for file in package.files or ())
    return sum(file.stat().st_size for file in files if file.is_file())
