"""Music and results by URL: in fsspec's memory, and on an S3 server of the tests' own, with processes."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joblib.externals.loky import get_reusable_executor
from typer.testing import CliRunner

from test_experiment import FEATURES, config, music  # noqa: F401  # the fixture
from tonearm.cli import app
from tonearm.data.catalog import read_catalog
from tonearm.dsp.sound import ClipSound
from tonearm.errors import AudioError, TonearmError
from tonearm.experiment.experiment import run_experiment
from tonearm.prediction import predict
from tonearm.representations.extract import draw_spectrograms, extract_feature_table
from tonearm.runtime.remote import place, put, staged
from tonearm.scan.scan import scan_catalog
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings, SpectrogramSettings

pytest.importorskip("upath", reason="the extra remote is not installed")
SETTINGS = FeatureSettings.model_validate(FEATURES)
PICTURES = SpectrogramSettings(kinds=("mel",), n_fft=512)
TABLES = ("features.csv", "features.parquet", "failures.csv")


def upload(folder: Path, url: str) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            target = place(f"{url}/{path.relative_to(folder).as_posix()}")
            target.write_bytes(path.read_bytes())


@pytest.fixture
def memory(music: Path) -> Iterator[str]:  # noqa: F811
    """The music in fsspec's memory."""
    from fsspec.implementations.memory import MemoryFileSystem

    upload(music, "memory://bucket/music")
    yield "memory://bucket"
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def catalog(folder: str | Path) -> Any:
    return read_catalog(DataSettings(folder=str(folder)))


def test_a_catalog_by_url_is_that_of_the_folder(music: Path, memory: str) -> None:  # noqa: F811
    here, there = catalog(music), catalog(f"{memory}/music")
    assert [(c.name, c.label, c.group) for c in there.clips] == [(c.name, c.label, c.group) for c in here.clips]
    report = scan_catalog(there).to_json()
    assert {**report, "root": ""} == {**scan_catalog(here).to_json(), "root": ""}


def test_class_folders_and_parts_by_url_are_those_of_the_folder(music: Path, memory: str, tmp_path: Path) -> None:  # noqa: F811
    for part in ("train", "test"):
        shutil.copytree(music / "bass", tmp_path / part / "bass")
    (tmp_path / "train" / ".hidden.wav").write_bytes(b"x")
    (tmp_path / "train" / "cover.txt").write_bytes(b"x")
    upload(tmp_path, f"{memory}/parts")
    here, there = catalog(tmp_path), catalog(f"{memory}/parts")
    assert [(c.name, c.label, c.split) for c in there.clips] == [(c.name, c.label, c.split) for c in here.clips]
    assert there.ignored == here.ignored == {".txt": 1}
    assert there.clips[0].path == f"{memory}/parts/{there.clips[0].name}"


def test_tables_and_pictures_have_the_bytes_of_local_ones_and_are_reused(
    music: Path,  # noqa: F811
    memory: str,
    tmp_path: Path,
) -> None:
    extract_feature_table(catalog(music), AudioSettings(), SETTINGS, tmp_path)
    out = place(f"{memory}/out")
    first = extract_feature_table(catalog(f"{memory}/music"), AudioSettings(), SETTINGS, out)
    assert [failure.name for failure in first.failures] == ["bass/broken.wav"]
    assert all((out / name).read_bytes() == (tmp_path / name).read_bytes() for name in TABLES)
    place(f"{memory}/music/bass/00.wav").write_bytes((music / "treble" / "00.wav").read_bytes())
    again = extract_feature_table(catalog(f"{memory}/music"), AudioSettings(), SETTINGS, out)
    assert (again.computed, again.reused) == (2, 47)  # the one that changed, and the broken one
    assert (out / "features.csv").read_bytes() != (tmp_path / "features.csv").read_bytes()


def test_pictures_by_url_have_the_bytes_of_local_ones(music: Path, memory: str, tmp_path: Path) -> None:  # noqa: F811
    draw_spectrograms(catalog(music), AudioSettings(), PICTURES, tmp_path)
    out = place(f"{memory}/drawn")
    draw_spectrograms(catalog(f"{memory}/music"), AudioSettings(), PICTURES, out)
    drawn = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    assert len(drawn) == 48
    assert all((out / name).read_bytes() == (tmp_path / name).read_bytes() for name in drawn)
    place(f"{memory}/music/metadata.csv").write_text("file_name,label\nbass/00.wav,bass\n")
    draw_spectrograms(catalog(f"{memory}/music"), AudioSettings(), PICTURES, out)
    assert [path.name for path in out.glob("mel/*/*.png")] == ["00.wav.png"]


def test_a_model_learns_and_predicts_by_url_as_it_does_here(
    music: Path,  # noqa: F811
    memory: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    models: dict[str, Any] = {"logistic": {}}
    run_experiment(config(music, models=models), tmp_path / "here")
    out = place(f"{memory}/experiment")
    given = tmp_path / "c.toml"
    given.write_text(
        f'data.folder = "{memory}/music"\nmodels.logistic = {{}}\nsplit.valid = 0.25\n'
        'features = { families = ["rms", "mfcc", "spectral_centroid"], statistics = ["mean", "std"] }\n'
    )
    found = CliRunner().invoke(app, ["run", str(given), "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert "left out: 1 clip" in found.output
    assert f"tonearm predict {memory}/experiment/runs/logistic" in found.output
    name = "runs/logistic/holdout/predictions.csv"
    assert (out / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert not list((tmp_path / "cache" / "tonearm" / "staged").iterdir())
    again = CliRunner().invoke(app, ["run", str(given), "--out", str(out)])
    assert "is there already" in again.output
    here = predict(tmp_path / "here" / "runs" / "logistic", [music])
    answers = CliRunner().invoke(
        app,
        ["predict", str(out / "runs" / "logistic"), f"{memory}/music", "--out", f"{memory}/answers.csv", "--strict"],
    )
    assert answers.exit_code == 3  # again that one
    there = predict(str(out / "runs" / "logistic"), [f"{memory}/music", f"{memory}/music/bass/00.wav"])
    assert [row.probabilities for row in there.rows[:-1]] == [row.probabilities for row in here.rows]
    assert there.rows[-1].probabilities == next(r for r in here.rows if r.name.endswith("bass/00.wav")).probabilities
    assert len(place(f"{memory}/answers.csv").read_text().splitlines()) == 1 + len(here.rows)
    table = CliRunner().invoke(
        app, ["predict", str(out / "runs" / "logistic"), f"{memory}/experiment/features/features.parquet"]
    )
    assert table.exit_code == 0, table.output


def test_what_a_killed_command_did_is_taken_up_and_what_is_gone_goes(
    memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    url = place(f"{memory}/work")
    (url / "old.txt").write_text("old")

    def killed() -> None:
        with staged(url) as folder:
            (folder / "half.txt").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert [path.name for path in url.iterdir()] == ["old.txt"]
    with staged(url) as folder:
        assert (folder / "half.txt").read_text() == "half"
        (folder / "old.txt").unlink()
    assert [path.name for path in url.iterdir()] == ["half.txt"]


def test_what_others_do_at_the_url_in_the_meantime_stays(
    memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    url = place(f"{memory}/shared")
    for name in ("kept.txt", "changed.txt", "removed.txt"):
        (url / name).write_text("old")
    with staged(url) as folder:
        (folder / "changed.txt").write_text("ours")
        (folder / "removed.txt").unlink()
        (folder / "new").mkdir()
        (folder / "new" / "ours.txt").write_text("ours")
        (url / "theirs.txt").write_text("theirs")  # of another, while the block works
        (url / "kept.txt").write_text("theirs")
    held = {name: (url / name).read_text() for name in ("kept.txt", "changed.txt", "theirs.txt", "new/ours.txt")}
    assert held == {"kept.txt": "theirs", "changed.txt": "ours", "theirs.txt": "theirs", "new/ours.txt": "ours"}
    assert not (url / "removed.txt").exists()


def test_a_copy_back_that_was_killed_still_knows_what_is_its_own(
    memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    url = place(f"{memory}/shared")
    (url / "old.txt").write_text("old")

    def stop(source: Path, path: Path) -> None:
        put(source, path)
        raise KeyboardInterrupt

    def killed() -> None:
        with staged(url) as folder:
            (folder / "ours.txt").write_text("ours")

    with monkeypatch.context() as patch:
        patch.setattr("tonearm.runtime.remote.put", stop)
        with pytest.raises(KeyboardInterrupt):
            killed()
    (url / "theirs.txt").write_text("theirs")
    with staged(url) as folder:
        (folder / "ours.txt").unlink()  # it has reached the URL
        (folder / "old.txt").unlink()
    assert [path.name for path in url.iterdir()] == ["theirs.txt"]


def refuse(*_: object) -> None:
    raise LookupError("no credentials")


def listen_to(url: str) -> None:
    with ClipSound(url) as sound:
        sound.waveform()


def test_mistakes_are_told(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AudioError, match=r"memory://bucket/none\.wav: no such file"):
        listen_to(f"{memory}/none.wav")
    with pytest.raises(AudioError, match=r"memory://bucket/music/bass/broken\.wav: it cannot be decoded"):
        listen_to(f"{memory}/music/bass/broken.wav")
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.get_file", refuse)
    with pytest.raises(AudioError, match=r"00\.wav: it cannot be fetched \(LookupError: no credentials\)"):
        listen_to(f"{memory}/music/bass/00.wav")
    with pytest.raises(TonearmError, match="there is no such folder"):
        catalog(f"{memory}/nowhere")
    with pytest.raises(TonearmError, match="nosuch://x: "):
        place("nosuch://x")
    result = CliRunner().invoke(app, ["jam", "--out", f"{memory}/jam"])
    assert result.exit_code == 1
    assert "writes to a folder of this machine" in result.output
    monkeypatch.setitem(__import__("sys").modules, "upath", None)
    with pytest.raises(TonearmError, match=r'pip install "tonearm\[remote\]"'):
        place("s3://x")


@pytest.fixture(scope="module")
def s3(music: Path) -> Iterator[str]:  # noqa: F811
    """The music in a bucket of an S3 server on loopback; one server, since clients are kept and know its port."""
    pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    server = pytest.importorskip("moto.server", reason="moto, of the extra dev, is not installed")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():
            patch.setenv(name, value)
        get_reusable_executor().shutdown(wait=True)  # processes of earlier tests have another environment
        place("s3://bucket").mkdir()
        upload(music, "s3://bucket/music")
        yield "s3://bucket"
    running.stop()


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")  # of the S3 client's own
@pytest.mark.parametrize("where", [["--workers", "2"], ["--cluster", "local:2"]])
def test_processes_read_and_write_an_object_store(where: list[str], s3: str, music: Path, tmp_path: Path) -> None:  # noqa: F811
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    out = f"{s3}/{where[0].strip('-')}"
    extract_feature_table(catalog(music), AudioSettings(), SETTINGS, tmp_path)
    options = [*where, "--set", 'features.families=["rms","mfcc","spectral_centroid"]']
    options += ["--set", 'features.statistics=["mean","std"]']
    result = CliRunner().invoke(app, ["extract", f"{s3}/music", "--out", out, *options])
    assert result.exit_code == 0, result.output
    assert f"{out}/features.csv: 48 clips, 48 computed, 0 reused" in result.output
    assert all(place(f"{out}/{name}").read_bytes() == (tmp_path / name).read_bytes() for name in TABLES)
    result = CliRunner().invoke(app, ["extract", f"{s3}/music", "--out", out, *options])
    assert "0 computed, 48 reused" in result.output
    result = CliRunner().invoke(app, ["scan", "s3://no-such-bucket/music"])
    assert result.exit_code != 0
