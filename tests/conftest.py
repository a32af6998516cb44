"""Fixtures that every test may use."""

import atexit
import inspect
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from web_client import Page

# one thread a process: reproducible sums, and no fight for the two cores of a small machine
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# a cache of the tests' own, before any worker process is started, and no network
os.environ["TONEARM_OFFLINE"] = "1"
os.environ["TONEARM_CACHE"] = tempfile.mkdtemp(prefix="tonearm-tests-")
atexit.register(shutil.rmtree, os.environ["TONEARM_CACHE"], ignore_errors=True)

# what Windows has no means for: kills, FIFOs, links and rights, devices, names that are no text
POSIX_ONLY = re.compile(r"killpg|SIGKILL|SIGHUP|mkfifo|symlink_to|chmod\(|/dev/|setrlimit|os\.fsencode|os\.fsdecode")
if os.name == "nt":
    collect_ignore = ["faults"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "gtzan"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, on Windows, tests that do what only POSIX systems can."""
    for item in items if os.name == "nt" else ():
        function = getattr(item, "function", None)
        if function is not None and POSIX_ONLY.search(inspect.getsource(function)):
            item.add_marker(pytest.mark.skip(reason="does what only POSIX systems can"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference music and tables, where they are; else the test is skipped and says so."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference data in ../shared/data/gtzan, which is not here")
    return SHARED


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are decoded from now on."""
    from tonearm.dsp import audio

    names: list[str] = []
    read = audio.read

    def count(path: Path, *part: Any) -> audio.Waveform:
        names.append(path.name)
        return read(path, *part)

    monkeypatch.setattr("tonearm.dsp.sound.read", count)
    return names


@pytest.fixture
def corrected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Replaces a text in the source of a module, as an upgrade does, for all that asks for the source from now on."""
    from tonearm.runtime import source

    texts: dict[str, str] = {}
    caches = (source.source_digest, source._read)
    read = source.read_source

    def correct(module: str, old: str, new: str) -> None:
        text = texts.get(module) or read(module) or ""
        assert text.count(old) == 1
        texts[module] = text.replace(old, new)
        for cached in caches:
            cached.cache_clear()

    monkeypatch.setattr(source, "read_source", lambda name: texts.get(name) or read(name))
    yield correct
    for cached in caches:
        cached.cache_clear()


@pytest.fixture(scope="module")
def tiny_encoders() -> Iterator[Path]:
    """The cache, with tiny networks in the place of the weights of mn04_as and MSD_musicnn, and without them after."""
    pytest.importorskip("onnx")
    from encoder_files import keep_tiny

    cache = Path(os.environ["TONEARM_CACHE"])
    for name in ("mn04_as", "MSD_musicnn"):
        keep_tiny(name, cache)
    yield cache
    shutil.rmtree(cache / "encoders")  # the default models are those without encoders


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `music`, twelve short clips of two classes, and `out`, an experiment with one run on features."""
    import soundfile

    import signals
    from tonearm.config import parse_config
    from tonearm.experiment.experiment import run_experiment

    folder = tmp_path_factory.mktemp("small")
    for label, hertz in (("low", 220.0), ("high", 1760.0)):
        (folder / "music" / label).mkdir(parents=True)
        for take in range(6):
            sound = signals.tone(hertz * (1 + 0.01 * take), 0.4, 0.3) + signals.noise(0.4, 0.01, take)
            soundfile.write(folder / "music" / label / f"{take}.wav", sound, signals.SR)
    features = {"families": ["rms", "mfcc"], "statistics": ["mean", "std"]}
    sections = {"features": features, "models": {"logistic": {}}, "split": {"test": 0.25, "valid": 0}}
    run_experiment(parse_config({"data": {"folder": str(folder / "music")}, **sections}), folder / "out")
    return folder


@pytest.fixture(scope="session")
def web_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page of `web_page` shows, see `web_client.prepare`."""
    pytest.importorskip("jinja2", reason="needs the extra ui")
    from web_client import prepare

    folder = tmp_path_factory.mktemp("page")
    prepare(folder)
    return folder


@pytest.fixture(scope="session")
def web_page(web_folder: Path) -> "Iterator[Page]":
    """`tonearm ui` as a process, which leaves nothing behind when it is stopped."""
    from web_client import opened

    music = ("--music", web_folder / "allowed", "--music", web_folder / "music")
    with opened(web_folder / "trained", *music, "--max-mb", "1", folder=web_folder / "uploads") as page:
        yield page
    assert page.process.returncode == 143
    assert page.lines[-1] == "tonearm: stopped; what was sent to it is deleted\n"
    assert "Traceback" not in "".join(page.lines)
    assert list((web_folder / "uploads").iterdir()) == []  # what was sent has gone
