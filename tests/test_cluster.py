"""A real Dask scheduler and two worker processes on loopback: the same bytes, and nothing lost when some of it dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

import signals
from test_experiment import FAST, config
from tonearm.cli import app
from tonearm.data.catalog import read_catalog
from tonearm.errors import TonearmError
from tonearm.experiment.experiment import run_experiment
from tonearm.prediction import predict
from tonearm.representations.extract import Extraction, extract_feature_table
from tonearm.representations.shards import PARTS
from tonearm.runtime import pool
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings

pytest.importorskip("distributed", reason="the extra dask is not installed")
pytestmark = pytest.mark.cluster
BASIC = FeatureSettings(families=("rms", "mfcc", "harmonic"), statistics=("mean", "std"))
CLIPS = 240


@dataclass
class Cluster:
    """A scheduler and its workers, as processes."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    yield from start_cluster(tmp_path, "1")


def quiet(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_cluster(folder: Path, threads: str) -> Iterator[Cluster]:
    about = folder / "scheduler.json"
    start = [sys.executable, "-m"]
    place = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(about)]
    scheduler = quiet([*start, "distributed.cli.dask_scheduler", *place])
    worker = [*start, "distributed.cli.dask_worker", "--scheduler-file", str(about), "--no-nanny", "--no-dashboard"]
    worker += ["--nthreads", threads, "--local-directory", str(folder / "dask")]
    workers = [quiet(worker) for _ in range(2)]
    try:
        from distributed import Client

        with Client(scheduler_file=str(about), timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield Cluster(address, scheduler, workers)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two genres of clips that take a while."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(CLIPS):
        label = "ab"[number % 2]
        (folder / label).mkdir(exist_ok=True)
        y = signals.noise(3.0, 0.1, seed=number)
        soundfile.write(folder / label / f"{number}.wav", y, signals.SR, subtype="FLOAT")
    (folder / "a" / "broken.wav").write_text("words")
    return folder


def extract(clips: Path, out: Path, workers: int = 1) -> Extraction:
    catalog = read_catalog(DataSettings(folder=str(clips)))
    return extract_feature_table(catalog, AudioSettings(), BASIC, out, workers)


def written(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("features.csv", "features.parquet", "failures.csv")}


@pytest.fixture(scope="module")
def expected(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("expected")
    extract(clips, out)
    return written(out)


def when_parts_lie_in(out: Path, count: int, then: subprocess.Popen[bytes]) -> threading.Thread:
    """Kill a process, in mid-work, when so many parts are written."""

    def watch() -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end and len(list((out / PARTS).glob("*.npz"))) < count:
            time.sleep(0.01)
        os.kill(then.pid, signal.SIGKILL)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_worker_killed_in_mid_work_loses_nothing_and_the_bytes_are_those_of_one_process(
    dask: Cluster, clips: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    with pool.cluster(dask.address):
        killer = when_parts_lie_in(tmp_path / "out", 2, dask.workers[0])
        done = extract(clips, tmp_path / "out")
        killer.join()
        assert pool.worker_count(9) == 1  # the other one has gone
    assert dask.workers[0].wait() == -signal.SIGKILL
    assert done.computed == CLIPS + 1
    assert written(tmp_path / "out") == expected


def test_a_scheduler_that_goes_away_ends_in_an_error_and_what_is_done_is_kept(
    dask: Cluster, clips: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    killer = when_parts_lie_in(tmp_path / "out", 2, dask.scheduler)
    lost = pytest.raises(TonearmError, match=r"scheduler has gone away; .*start the same command again")
    with lost, pool.cluster(dask.address):
        extract(clips, tmp_path / "out")
    killer.join()
    assert not pool.on_cluster()
    again = extract(clips, tmp_path / "out")
    assert again.reused >= 1
    assert again.computed + again.reused == CLIPS + 1
    assert written(tmp_path / "out") == expected


def test_experiments_and_predictions_are_the_same_bits(dask: Cluster, clips: Path, tmp_path: Path) -> None:
    settings = config(clips, models={**FAST}, split={"folds": 2, "valid": 0.2, "recordings": False})
    here = run_experiment(settings, tmp_path / "here")
    with pool.cluster(dask.address):
        there = run_experiment(settings, tmp_path / "there")
        sent = predict(there.folder_of(there.rows[0]), [clips / "a"])
    assert [row.scores for row in there.rows] == [row.scores for row in here.rows]
    for path in sorted((tmp_path / "here").rglob("predictions.csv")):
        assert path.read_bytes() == (tmp_path / "there" / path.relative_to(tmp_path / "here")).read_bytes()
    alone = predict(here.folder_of(here.rows[0]), [clips / "a"])
    assert alone.rows == sent.rows == predict(here.folder_of(here.rows[0]), [clips / "a"], workers=2).rows
    assert len(sent.failed) == 1


def test_a_sweep_on_a_cluster_is_the_sweep_here(dask: Cluster, clips: Path, tmp_path: Path) -> None:
    from tonearm.sweep import run_sweep

    split = {"recordings": False}
    settings = config(clips, models={"logistic": {}}, sweep={"grid": {"models.logistic.C": [0.1, 1]}}, split=split)
    here = run_sweep(settings, tmp_path / "here")
    with pool.cluster(dask.address):
        there = run_sweep(settings, tmp_path / "there")
    assert [trial.scores for trial in there.trials] == [trial.scores for trial in here.trials]


def test_data_that_workers_do_not_see_are_named(
    dask: Cluster, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pool._missing([str(clips), str(tmp_path / "no")]) == [str(tmp_path / "no")]
    monkeypatch.setattr(pool, "_missing", lambda paths: paths)  # a worker that sees nothing
    with pool.cluster(dask.address), pytest.raises(TonearmError, match=f"{clips}: the worker tcp://.*does not see it"):
        extract(clips, tmp_path / "out")


def test_workers_with_several_threads_are_refused(tmp_path: Path) -> None:
    for dask in start_cluster(tmp_path, "2"):
        with pytest.raises(TonearmError, match=r"works with 2 threads.*--nthreads 1"), pool.cluster(dask.address):
            raise AssertionError


def test_an_address_without_a_scheduler_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SECONDS_TO_ANSWER", 1)
    with pytest.raises(TonearmError, match="no scheduler answers there"), pool.cluster("tcp://127.0.0.1:9"):
        raise AssertionError
    with pytest.raises(TonearmError, match="as in local:4"), pool.cluster("local:many"):
        raise AssertionError


def test_the_command_line_starts_a_cluster_of_its_own(clips: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    families = 'features.families=["rms", "mfcc", "harmonic"]'
    arguments = ["extract", str(clips), "--out", str(tmp_path / "out"), "--set", families]
    arguments += ["--set", 'features.statistics=["mean", "std"]', "--cluster", "local:2"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "left out: 1 clip" in result.output
    assert written(tmp_path / "out") == expected
    assert not pool.on_cluster()
