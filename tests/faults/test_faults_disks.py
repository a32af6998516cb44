"""A disk that takes no more inside every writer: one sentence, nothing half written, and no clip or model blamed."""

import errno
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import hostile
from tables import clouds, write_table
from test_training import make, parts
from tonearm.config import parse_config
from tonearm.data.catalog import read_catalog
from tonearm.data.pictures import pack_files
from tonearm.dsp.sound import ClipSound
from tonearm.errors import AudioError, OutOfMemoryError, OutputError, TonearmError
from tonearm.experiment.experiment import run_experiment
from tonearm.matrix_plot import confusion_figure
from tonearm.models.logistic import LogisticSettings
from tonearm.models.logistic import build as build_logistic
from tonearm.models.storage import save_classifier
from tonearm.plots import save_figure
from tonearm.representations import parts as part_files
from tonearm.representations.base import read_clips
from tonearm.representations.extract import Extraction, draw_spectrograms, extract_feature_table
from tonearm.representations.frozen import FrozenNetwork
from tonearm.runtime.files import replacing, replacing_folder, write_bytes, write_csv, write_json, write_text
from tonearm.runtime.leftovers import claim, clear_leftovers, release
from tonearm.runtime.locks import HOLDER_JSON, LOCK, hold
from tonearm.runtime.pool import run_tasks
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings, SpectrogramSettings, TrainSettings
from tonearm.sweep import run_sweep
from tonearm.sweep.output import _write_parquet

BASIC = FeatureSettings(families=("rms", "zero_crossing_rate"), statistics=("mean",))
MEL = SpectrogramSettings(kinds=("mel",))


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = hostile.write_noise(tmp_path_factory.mktemp("music"), 12, 0.5)
    (folder / "a" / "broken.wav").write_text("words")
    return folder


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes: EFBIG, which fills no disk of anybody."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def sklearn_model(path: Path) -> None:
    X, y = clouds(60)
    save_classifier(build_logistic(LogisticSettings(), TrainSettings()).fit(X, y), path)


def torch_model(path: Path) -> None:
    X, y, *_ = parts()
    save_classifier(make(hidden=[90], epochs=1).fit(X, y), path)


def checkpoint(path: Path) -> None:
    X, y, *_ = parts()
    model = make(hidden=[90], epochs=1, checkpoint_epochs=1)
    model.set_params(checkpoint_dir=path)
    model.fit(X, y)


def frozen(path: Path) -> None:
    path.mkdir(exist_ok=True)
    FrozenNetwork(nn.Linear(100, 100), 32).kept(torch.zeros(64, 100), path, [], (100,), "float32", "cpu")


def pack(path: Path) -> None:
    from PIL import Image

    picture = path.parent / "picture.png"
    if not picture.exists():
        Image.new("RGB", (200, 100)).save(picture)
    pack_files([str(picture)], path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "bytes": lambda path: write_bytes(path, bytes(20_000)),
    "text": lambda path: write_text(path, "é" * 20_000),
    "json": lambda path: write_json(path, list(range(9_000))),
    "csv": lambda path: write_csv(path, ["x"], ([number] for number in range(9_000))),
    "part": lambda path: part_files.write_part(path.parent, ["k"], [np.zeros(9_000)]),
    "parquet": lambda path: _write_parquet(path, ["x"], [[number * 0.37] for number in range(9_000)]),
    "figure": lambda path: save_figure(confusion_figure(np.eye(12, dtype=int), [*"abcdefghijkl"]), path),
    "sklearn": sklearn_model,
    "torch": torch_model,
    "checkpoint": checkpoint,
    "frozen": frozen,
    "pack": pack,
}


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_says_which_file_and_leaves_nothing_half_written(writer: str, tmp_path: Path) -> None:
    if writer == "pack":
        WRITERS[writer](tmp_path / "x")  # so that its picture is there
        shutil.rmtree(tmp_path / "x")
    before = hostile.contents(tmp_path)
    with (
        files_of_at_most(512),
        pytest.raises(OutputError, match=r"cannot be written: .*what is finished is kept") as no,
    ):
        WRITERS[writer](tmp_path / "x")
    assert str(tmp_path) in str(no.value)
    assert hostile.leftovers(tmp_path) == []
    assert {name: state for name, state in hostile.contents(tmp_path).items() if not name.endswith(".lock")} == before
    WRITERS[writer](tmp_path / "x")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_what_the_disk_says_at_the_last_moment_is_told_and_the_old_file_stays(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "a.txt", "old")

    def refuse(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(OutputError, match=r"a\.txt: cannot be written: (its|your|the) .*start the same"):
            write_text(tmp_path / "a.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


needs_mount = pytest.mark.skipif(not hostile.can_mount(), reason="mounts a small disk, as only root on Linux may")


@needs_mount
@pytest.mark.parametrize("workers", [2])
def test_a_full_disk_blames_no_clip_and_what_follows_is_as_if_it_had_room(
    workers: int, music: Path, tmp_path: Path
) -> None:
    catalog = read_catalog(DataSettings(folder=str(music)))

    def draw(out: Path) -> Extraction:
        return draw_spectrograms(catalog, AudioSettings(), MEL, out, workers)

    draw(tmp_path / "good")
    with hostile.small_disk(tmp_path / "small", 160) as disk:
        with pytest.raises(OutputError, match=r"its disk is full: .* needed and .* free; make room"):
            draw(disk / "out")
        assert not (disk / "out" / "failures.csv").exists()
        assert hostile.leftovers(disk) == []
        hostile.enlarge(disk, 4000)
        assert [failure.name for failure in draw(disk / "out").failures] == ["a/broken.wav"]
        assert hostile.contents(disk / "out", "*.npz") == hostile.contents(tmp_path / "good", "*.npz")


def test_a_command_that_fails_clears_what_its_ended_workers_had_half_written(tmp_path: Path) -> None:
    def work() -> None:
        with hold(tmp_path):
            list(run_tasks(_half_write_or_fail, [(tmp_path, True), (tmp_path, False)], workers=2))

    with pytest.raises(OutputError, match="full"):
        work()
    assert hostile.leftovers(tmp_path) == []


def _half_write_or_fail(folder: Path, writes: bool) -> None:
    """One process is writing a file when the other one fails."""
    if writes:
        with replacing(folder / "a" / "x.png"):
            time.sleep(hostile.LONGEST)
    hostile.wait_for(lambda: bool(hostile.leftovers(folder)))
    raise OutputError("full")


@needs_mount
def test_a_disk_without_numbers_for_files_is_not_called_full(tmp_path: Path) -> None:
    with hostile.small_disk(tmp_path / "small", 1000, inodes=3) as disk:
        write_text(disk / "a", "")
        write_text(disk / "b", "")
        with pytest.raises(OutputError, match="allows no further files, though it has"):
            write_text(disk / "c", "")


@needs_mount
def test_a_run_and_a_sweep_go_on_after_a_full_disk(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv", *clouds(60, spread=4.0))
    sections: dict[str, Any] = {"data": {"folder": str(table)}, "models": {"logistic": {}}}
    sweep = {**sections, "sweep": {"grid": {"models.logistic.C": [0.1, 1.0]}}}
    times = ("run.json", "scores.md", "leaderboard.*", "layout.json", "sweep.*", "trials/*", "report/*", "model/*")
    for name, command in (
        ("run", lambda out: run_experiment(parse_config(sections), out)),
        ("sweep", lambda out: run_sweep(parse_config(sweep), out)),
    ):
        command(tmp_path / name)
        with hostile.small_disk(tmp_path / "small", 24) as disk:
            for kilobytes in (48, 96, 200, 4000):
                with pytest.raises(OutputError, match="its disk is full") if kilobytes < 4000 else nullcontext():
                    command(disk / "out")
                hostile.enlarge(disk, kilobytes)
                assert hostile.leftovers(disk) == []
            command(disk / "out")
            ours = hostile.contents(disk / "out", *times)
            assert ours == hostile.contents(tmp_path / name, *times)
            assert len(ours) >= 8


class Reader:
    """Raises what it is given; reads all else."""

    batch = 2

    def __init__(self, error: Exception, at: str) -> None:
        self.error, self.at = error, at

    def read(self, sounds: Any) -> list[Any]:
        if any(self.at in sound.path for sound in sounds):
            raise self.error
        return [np.ones(1) for _ in sounds]


class Alone(Reader):
    """Raises where it is given several clips."""

    def read(self, sounds: Any) -> list[Any]:
        return super().read(sounds) if len(sounds) > 1 else [np.ones(1)]


def test_what_a_clip_cannot_help_ends_the_command_and_the_rest_is_its_row() -> None:
    sounds = [ClipSound("one.wav"), ClipSound("two.wav")]
    for error, kind in (
        (OSError(errno.EIO, "Input/output error", "two.wav"), "internal"),  # of an input: a row
        (AudioError("two.wav", "undecodable", "bad"), "undecodable"),
    ):
        assert [result.kind for result in read_clips(Reader(error, "two"), sounds)] == ["", kind]
    with pytest.raises(OutputError, match=r"cache\.nbc: cannot be written: its disk is full"):
        read_clips(Reader(OSError(errno.ENOSPC, "No space left on device", "cache.nbc"), "two"), sounds)
    for memory in (MemoryError("Unable to allocate 3.2 GiB"), RuntimeError("can't allocate memory: 9 bytes")):
        with pytest.raises(
            OutOfMemoryError, match=r"two\.wav: memory ran out \(.*\); what is finished is kept.* fewer"
        ):
            read_clips(Reader(memory, "two"), sounds)
    # together they need too much, one by one they do not
    assert [result.kind for result in read_clips(Alone(MemoryError(), ""), sounds)] == ["", ""]


def test_a_model_that_memory_does_not_hold_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = write_table(tmp_path / "t.csv", *clouds(60, spread=4.0))
    config = parse_config({"data": {"folder": str(table)}, "models": {"logistic": {}, "svm": {}}})

    def fit(*_: Any, **__: Any) -> None:
        raise MemoryError("Unable to allocate 80 GiB")

    monkeypatch.setattr("sklearn.svm.SVC.fit", fit)
    with pytest.raises(OutOfMemoryError, match=r"models\.svm, holdout: memory ran out \(Unable to allocate 80 GiB\)"):
        run_experiment(config, tmp_path / "out")
    assert (tmp_path / "out" / "runs" / "logistic" / "holdout" / "run.json").is_file()


def test_a_rename_that_a_network_file_system_did_but_denies_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.replace
    (tmp_path / "a.txt").write_text("of another process")

    def and_deny(number: int, done: bool) -> Callable[[Path, Path], None]:
        def replace(source: Path, target: Path) -> None:
            if done:
                rename(source, target)
            raise OSError(number, os.strerror(number))

        return replace

    for number in (errno.ENOENT, errno.ESTALE):
        monkeypatch.setattr(Path, "replace", and_deny(number, done=True))
        write_text(tmp_path / "a.txt", f"new {number}")
        assert (tmp_path / "a.txt").read_text() == f"new {number}"
        monkeypatch.setattr(Path, "replace", and_deny(number, done=False))
        with pytest.raises(OSError, match=os.strerror(number)):
            write_text(tmp_path / "a.txt", "lost")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_cannot_be_exchanged_comes_back_and_one_in_use_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replacing_folder(tmp_path / "run") as temporary:
        (temporary / "first").touch()
    replace = Path.replace

    def refuse(source: Path, target: Path) -> Path:
        if source.name.startswith(".tonearm-"):
            raise OSError(errno.EIO, "Input/output error")
        return replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        with (
            pytest.raises(OutputError, match="run: cannot be written: the disk reports"),
            replacing_folder(tmp_path / "run"),
        ):
            pass
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "first"]
    remove = os.unlink

    def busy(path: Any, **more: Any) -> None:
        if str(path).endswith("first"):
            raise OSError(errno.EBUSY, "Device or resource busy")  # as of an open file that became .nfs…
        remove(path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", busy)
        with replacing_folder(tmp_path / "run") as temporary:
            (temporary / "second").touch()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["second"]
    assert clear_leftovers(tmp_path) == 1


def test_temporary_files_of_the_living_stay_and_those_of_the_dead_go(tmp_path: Path) -> None:
    dead, handle = claim(tmp_path, ".csv")
    release(handle)
    with replacing(tmp_path / "a.csv") as living:
        assert clear_leftovers(tmp_path, owned=False) == 1
        assert clear_leftovers(tmp_path, owned=True) == 0
        living.write_text("whole")
    assert not dead.exists()
    assert (tmp_path / "a.csv").read_text() == "whole"
    (tmp_path / ".tonearm-folder").mkdir()
    os.mkfifo(tmp_path / ".tonearm-pipe")
    assert clear_leftovers(tmp_path, owned=False) == 1  # a folder may be anybody's
    assert clear_leftovers(tmp_path, owned=True) == 1


def test_after_a_kill_the_whole_folder_is_cleared_and_only_then(tmp_path: Path) -> None:
    out, away = tmp_path / "out", tmp_path / "away"
    away.mkdir()
    (away / ".tonearm-of-others").touch()
    deep = out / "log" / "rock" / ".tonearm-x.png"
    deep.parent.mkdir(parents=True)
    (out / "link").symlink_to(away)
    deep.touch()
    with hold(out):
        assert deep.exists()  # the last command, if there was one, ended by itself
    (out / HOLDER_JSON).write_text('{"process": 1, "host": "elsewhere", "since": "2999-01-01T00:00:00+00:00"}')
    with hold(out):  # whatever the clock says, and on whatever host it was: the lock is free
        assert not deep.exists()
    assert (away / ".tonearm-of-others").exists()
    assert sorted(path.name for path in out.iterdir()) == [LOCK, "link", "log"]


def test_a_disk_that_locks_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import filelock

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with (
        pytest.raises(TonearmError, match=r"cannot lock files \(No locks available\).*choose a folder"),
        hold(tmp_path),
    ):
        pass


@pytest.mark.parametrize("what", ["folder", "parts", "renamed"])
def test_an_output_folder_that_goes_away_is_one_sentence(
    what: str, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    written = part_files.write_part

    def remove(parts: Path, *rest: Any) -> None:
        written(parts, *rest)
        if what == "renamed":
            if not (tmp_path / "elsewhere").exists():
                out.rename(tmp_path / "elsewhere")
        else:
            shutil.rmtree(out if what == "folder" else parts, ignore_errors=True)

    monkeypatch.setattr("tonearm.representations.shards.write_part", remove)
    with pytest.raises(OutputError, match=r"removed .*while .*; start the same command again"):
        extract_feature_table(read_catalog(DataSettings(folder=str(music))), AudioSettings(), BASIC, out)


def test_a_clock_that_goes_back_changes_nothing(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = read_catalog(DataSettings(folder=str(music)))
    for hours in (0, -5):
        now = time.time() + 3600 * hours
        monkeypatch.setattr(time, "time", lambda now=now: now)
        done = extract_feature_table(catalog, AudioSettings(), BASIC, tmp_path)
        os.utime(tmp_path / "features.csv", (now, now))
    assert done.reused == 12
