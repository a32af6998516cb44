"""The command line end to end, as a user types it, and what it says when something is wrong."""

import csv
import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import soundfile
import typer
from typer.testing import CliRunner

import signals
from tonearm.cli import app, main
from tonearm.cli.ending import conclude
from tonearm.config import Config, load_config
from tonearm.representations.features.families import FAMILIES
from tonearm.runtime import logs

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short clips of two classes."""
    folder = tmp_path_factory.mktemp("music")
    for label, hertz in (("low", 220.0), ("high", 1760.0)):
        (folder / label).mkdir()
        for take in range(6):
            sound = signals.tone(hertz * (1 + 0.01 * take), 0.4, 0.3) + signals.noise(0.4, 0.01, take)
            soundfile.write(folder / label / f"{take}.wav", sound, signals.SR)
    return folder


def call(*arguments: object, code: int = 0) -> str:
    result = RUNNER.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def fail(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """What the program says on standard error when it refuses."""
    monkeypatch.setattr(sys, "argv", ["tonearm", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


def test_from_a_folder_to_predictions_with_two_commands(music: Path, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(
        f'[data]\nfolder = "{music.as_posix()}"\n[features]\npreset = "basic"\n[models.logistic]\n'
    )
    said = call("run", tmp_path / "my.toml", "--out", tmp_path / "out", "--set", "split.test=0.25")
    assert "| logistic |" in said
    assert f"tonearm predict {tmp_path / 'out' / 'runs' / 'logistic'}" in said
    found = json.loads(call("predict", tmp_path / "out" / "runs" / "logistic", music / "low" / "0.wav", "--json"))
    assert found[0]["label"] == "low"
    assert sum(found[0]["probabilities"].values()) == pytest.approx(1.0)
    call("predict", tmp_path / "out" / "runs" / "logistic", music, "--out", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 12
    assert "logistic is the only run" in call("compare", tmp_path / "out")
    assert "12 rows" in call("submit", tmp_path / "out" / "runs" / "logistic", music, "--out", tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text().startswith("id,class\nhigh/0.wav,")  # each class has a 0.wav


def test_a_folder_is_run_without_a_config_file_and_its_config_runs_again(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(music.parent)
    options = ["--set", "features.preset=basic", "--set", "models.logistic={}", "--out", str(tmp_path / "out")]
    done = RUNNER.invoke(app, ["run", music.name, *options], catch_exceptions=False)
    assert done.exit_code == 0
    shown = done.stderr.partition("config.toml in the results has them all\n")[2].partition("features: ")[0]
    (tmp_path / "shown.toml").write_text(shown)
    assert load_config(tmp_path / "shown.toml") == load_config(tmp_path / "out" / "config.toml")
    (tmp_path / "copy.toml").write_bytes((tmp_path / "out" / "config.toml").read_bytes())
    for same in ("copy.toml", "shown.toml"):
        again = RUNNER.invoke(app, ["run", str(tmp_path / same), "--out", str(tmp_path / "out")])
        assert "logistic, holdout: is there already, with the same settings and data" in again.stderr
        assert again.stdout == done.stdout


def test_without_torch_the_default_models_are_of_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonearm.config.defaults.torch_lacks", lambda: "torch")
    assert list(Config().models) == ["logistic", "trees"]
    said = call("config").splitlines()
    assert "[models.trees]" in said
    assert "# [models.mlp]" in said


def test_scan_prints_text_or_json_and_tells_of_faults_by_its_exit_code_if_asked(music: Path, tmp_path: Path) -> None:
    assert "12 clips in 2 classes" in call("scan", music)
    assert json.loads(call("scan", music, "--json"))["classes"] == {"high": 6, "low": 6}
    (tmp_path / "rock").mkdir()
    (tmp_path / "rock" / "bad.wav").touch()
    assert "unusable: 1 clip" in call("scan", tmp_path)
    assert "unusable: 1 clip" in call("scan", tmp_path, "--strict", code=3)
    (tmp_path / "t.csv").write_text("filename,label,x\na,rock,1\nb,jazz,1\n")
    assert "THE SAME MUSIC WITH DIFFERENT LABELS" in call("scan", tmp_path / "t.csv", "--strict", code=3)


def test_extract_and_spectrograms_write_their_files(music: Path, tmp_path: Path) -> None:
    assert "12 clips, 12 computed, 0 reused" in call("extract", music, "--out", tmp_path / "f", "--preset", "gtzan57")
    assert len((tmp_path / "f" / "features.csv").read_text().splitlines()[0].split(",")) == 4 + 57
    said = call("spectrograms", music, "--out", tmp_path / "s", "--kinds", "log,mel")
    assert "12 clips as log, mel; 12 drawn" in said
    assert (tmp_path / "s" / "mel" / "low" / "5.wav.png").is_file()
    (music / "low" / "bad.wav").touch()
    try:
        call("extract", music, "--out", tmp_path / "f", "--set", "features.preset=basic", "--strict", code=3)
        done = RUNNER.invoke(app, ["spectrograms", str(music), "--out", str(tmp_path / "s")])
        assert (done.exit_code, done.stderr.splitlines()[-1]) == (0, "done; left out: 1 clip")
    finally:
        (music / "low" / "bad.wav").unlink()
    (tmp_path / "only" / "low").mkdir(parents=True)
    (tmp_path / "only" / "low" / "bad.wav").touch()
    assert "0 clips" in call("extract", tmp_path / "only", "--out", tmp_path / "g", code=1)


def test_features_lists_every_family_and_marks_the_chosen() -> None:
    said = call("features", "--set", 'features.families=["rms","tempo"]', "--set", 'features.statistics=["mean"]')
    assert "2 columns" in said
    lines = said.splitlines()[3 : 3 + len(FAMILIES)]
    rows = {line.replace("*", "").split()[0]: line.strip().startswith("*") for line in lines}
    assert list(rows) == list(FAMILIES)
    assert [name for name, chosen in rows.items() if chosen] == ["rms", "tempo"]


def test_brackets_of_a_formula_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from tonearm.representations.features.families import FAMILIES

    monkeypatch.setitem(FAMILIES, "rms", replace(FAMILIES["rms"], formula="S[t] - S[t-1]"))
    assert "S[t] - S[t-1]" in call("features")


def test_config_prints_a_file_that_loads_as_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "all.toml").write_text(call("config"))
    assert load_config(tmp_path / "all.toml").model_dump() == Config().model_dump()


def test_jam_renders_music(tmp_path: Path) -> None:
    pytest.importorskip("midirenderer")
    said = call("jam", "--out", tmp_path / "jam", "--clips-per-genre", 1, "--seconds", 2, "--clean", "--format", "flac")
    assert "10 clips of 2 s" in said
    assert (tmp_path / "jam" / "blues" / "blues.00000.flac").is_file()


def test_demo_shows_everything_and_where_it_lies(tmp_path: Path) -> None:
    pytest.importorskip("midirenderer")
    said = call("demo", "--out", tmp_path / "demo", "--clips-per-genre", 6, "--seconds", 2)
    for step in ("1. Music", "2. Scan", "3. Train", "4. The same clips", "5. Predict", "Everything lies in"):
        assert step in said
    assert "what the random split adds" in said
    assert "musicnn, a pretrained network, is left out: musicnn==0.1.0: is not fetched, since TONEARM_OFFLINE" in said
    assert "artists stand in two parts of one fold" in said
    assert (tmp_path / "demo" / "by-artist" / "leaderboard.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scan", "nowhere"], "nowhere: there is no such folder"),
        (["run", "nowhere.toml"], "nowhere.toml: no such config file"),
        (["run", "nowhere"], "nowhere: there is no such config file, folder or table"),
        (["sweep", "."], "sweep.model: say which model is swept"),
        (["extract", ".", "--out", "x", "--set", "feature.preset=full"], "did you mean 'features'"),
        (["extract", ".", "--out", "x", "--preset", "gtzan"], "gtzan57"),
        (["extract", ".", "--out", "x", "--set", 'features.families=["mfc"]'], "did you mean 'mfcc'"),
        (["spectrograms", ".", "--out", "x", "--kinds", "liner"], "did you mean 'linear'?"),
        (["encoders", "get", "musicn"], "did you mean 'musicnn'?"),
        (["predict", "nowhere", "a.wav"], "nowhere: there is no such run folder"),
        (["scan", ".", "--set", "data"], "write a key, =, and a value"),
        (["extract", ".", "--out", "a.wav"], "a.wav: is a file, not a folder"),
        (["predict", "nowhere", "a.wav", "--out", "."], "is a folder; --out names the file to write"),
        (["submit", "nowhere", "tets"], "tets: there is no such folder"),
        (["extract", ".", "--out", "x", "--set", "audio.offset=inf"], "audio.offset = inf"),
        (["extract", "."], "Missing option '--out'"),
        (["scann", "."], "Did you mean 'scan'?"),
    ],
)
def test_mistakes_are_one_message_and_one_exit_code(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "a.wav", signals.tone(300.0, 0.3), signals.SR)
    assert says in fail(capsys, monkeypatch, *arguments)


@pytest.mark.parametrize(
    ("strict", "left_out", "done", "says", "code"),
    [
        (True, {"clip": 0}, True, "", 0),
        (False, {"clip": 2, "model": 1}, True, "done; left out: 2 clips, 1 model\n", 0),
        (True, {"clip": 0, "trial": 3}, True, "done; left out: 3 trials\n", 3),
        (True, {"model": 1}, False, "nothing was done; left out: 1 model\n", 1),
        (False, {}, False, "", 1),
    ],
)
def test_one_place_decides_the_last_line_and_the_code(
    strict: bool,
    left_out: dict[str, int],
    done: bool,
    says: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logs.shown(logs.Shown()), pytest.raises(typer.Exit) if code else nullcontext() as ended:
        conclude(strict, left_out, done)
    assert capsys.readouterr().err == says
    assert code == (ended.value.exit_code if ended else 0)


def test_help_needs_none_of_the_heavy_libraries() -> None:
    check = (
        "import sys; from tonearm.cli import app; "
        "heavy = {'numpy', 'librosa', 'sklearn', 'torch', 'pandas', 'matplotlib', 'scipy', 'numba'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))))"
    )
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stderr.strip() == ""
    shown = subprocess.run([sys.executable, "-m", "tonearm", "--help"], capture_output=True, text=True).stdout
    for command in ("scan", "features", "extract", "spectrograms", "run", "predict", "submit", "config", "jam", "demo"):
        assert f"\n  {command} " in shown


def test_version() -> None:
    assert call("--version").startswith("tonearm 0.")
