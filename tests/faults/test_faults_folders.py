"""Damaged files of a results folder, through every command that reads them: made again, or one sentence."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tables import clouds, write_table
from tonearm.config import Config, parse_config
from tonearm.errors import RunError, TonearmError
from tonearm.experiment.comparison import compare_folders
from tonearm.experiment.experiment import run_experiment
from tonearm.experiment.records import DamagedError
from tonearm.experiment.runs import load_run
from tonearm.prediction import predict
from tonearm.report import write_report
from tonearm.submission import write_submission
from tonearm.sweep import run_sweep

MODELS = {"descent": {"type": "logistic", "solver": "gradient-descent", "epochs": 3}}
RUN = "runs/descent/holdout"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "t.csv", *clouds(60, spread=4.0))


@pytest.fixture(scope="module")
def experiment(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("experiment")
    run_experiment(config(table), out)
    return out


@pytest.fixture(scope="module")
def folded(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("folded")
    run_experiment(config(table, split={"folds": 2}), out)
    return out


@pytest.fixture(scope="module")
def swept(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("swept")
    run_sweep(sweep_config(table), out)
    return out


def config(table: Path, **sections: Any) -> Config:
    return parse_config({"data": {"folder": str(table)}, "models": MODELS, "train": {"calibrate": False}, **sections})


def sweep_config(table: Path) -> Config:
    return config(table, sweep={"grid": {"models.descent.epochs": [2, 3]}})


def without(key: str) -> Callable[[Any], Any]:
    def edit(value: Any) -> Any:
        value.pop(key)
        return value

    return edit


def first_key(value: Any) -> str:
    return str(next(iter(value)))


def in_json(edit: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps(edit(json.loads(data))).encode()


def every_number(data: bytes) -> bytes:
    def huge(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: huge(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [huge(inner) for inner in value]
        return 10**300 if isinstance(value, int | float) and not isinstance(value, bool) else value

    return json.dumps(huge(json.loads(data))).encode()


ANY: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "binary": lambda data: bytes(range(256)) * 20,
}
TOML: dict[str, Callable[[bytes], bytes]] = {**ANY, "half": lambda data: data[: len(data) // 2] + b"\n[half"}
JSON: dict[str, Callable[[bytes], bytes]] = {
    **ANY,
    "list": lambda data: b"[]",
    "null": lambda data: b"null",
    "deep": lambda data: b"[" * 100_000,
    "lacks its first key": in_json(lambda value: without(first_key(value))(value)),
    "words for tables": in_json(lambda value: dict.fromkeys(value, "word")),
    "null for all": in_json(lambda value: dict.fromkeys(value)),
    "huge": every_number,
}
CSV: dict[str, Callable[[bytes], bytes]] = {
    **ANY,
    "words for numbers": lambda data: data.replace(b"0.", b"nought point "),
    "a column less": lambda data: b"\n".join(line.split(b",", 1)[-1] for line in data.splitlines()),
    "huge field": lambda data: data + b"x" * 200_000 + b"\n",
}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(ask: Callable[[], object], name: str) -> bool:
    """Whether the command ends in an error; then it is one sentence of ours, which names the file."""
    try:
        ask()
    except TonearmError as error:
        said = str(error)
    else:
        return False
    assert "\n" not in said
    assert name in said, said
    assert not name or any(word in said for word in ("again", "older tonearm", "use ")), said
    return True


FILES = {
    "layout.json": JSON,
    "leaderboard.json": JSON,
    "leaderboard.md": {"no text": ANY["binary"]},
    "config.toml": TOML,
    "splits.csv": {damage: mutate for damage, mutate in CSV.items() if damage != "words for numbers"},
    f"{RUN}/run.json": JSON,
    f"{RUN}/scores.json": JSON,
    f"{RUN}/predictions.csv": CSV,
    f"{RUN}/history.csv": CSV,
    f"{RUN}/model/model.json": JSON,
    f"{RUN}/model/model.skops": ANY,
}
READERS = {  # which of the files each command needs
    "predict": {"layout.json", "run.json", "model.json", "model.skops"},
    "submit": {"layout.json", "run.json", "model.json", "model.skops"},
    "compare": {"layout.json", "splits.csv", "run.json", "predictions.csv"},
    "report": {
        "layout.json",
        "leaderboard.json",
        "leaderboard.md",
        "config.toml",
        "splits.csv",
        "run.json",
        "scores.json",
    }
    | {"predictions.csv", "history.csv"},
}

# what shows no more than another damage, or the other command with the same reader, to save time
SPARED = {("report", damage) for damage in ("empty", "null", "list", "binary", "huge field")}
SPARED |= {("submit", damage) for damage in {*JSON, *CSV} - {"half"}}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_an_experiment(name: str, experiment: Path, table: Path, work: Path) -> None:
    out, base = work / "out", Path(name).name
    shutil.copytree(experiment, out)
    before = predict(out, [table])
    board = json.loads((out / "leaderboard.json").read_text())
    whole = (out / name).read_bytes()
    commands: dict[str, Callable[[], object]] = {
        "predict": lambda: predict(out, [table]),
        "submit": lambda: write_submission(out, table, work / "s.csv"),
        "compare": lambda: compare_folders([out]),
        "report": lambda: write_report(out),
    }
    for damage, mutate in FILES[name].items():
        (out / name).write_bytes(mutate(whole))
        for command, ask in commands.items():
            if (command, damage) in SPARED:
                continue
            if base in READERS[command]:
                harmless = damage in ("lacks its first key",) and name.endswith("json")  # such as the date of run.json
                assert told(ask, base) or harmless, f"{command} takes {name}: {damage}"
            elif base != "config.toml" and damage == "half":
                assert not told(ask, base), f"{command} needs {name}: {damage}"
    said: list[str] = []
    again = run_experiment(config(table), out, said.append)
    assert not again.rows[0].error
    assert predict(out, [table]) == before
    anew = json.loads((out / "leaderboard.json").read_text())
    for model in (*board["models"], *anew["models"]):
        model.pop("train_seconds"), model.pop("predict_milliseconds_a_clip")
    assert anew == board
    written_each_time = base in ("leaderboard.json", "leaderboard.md", "config.toml", "splits.csv")
    assert written_each_time or any(("again" in line and base in line) or "anew" in line for line in said), said
    assert not any(told(ask, base) for ask in commands.values())


def test_missing_rows_and_changed_numbers_are_not_scored(experiment: Path, folded: Path, work: Path) -> None:
    """The file is whole, and says something else than the files beside it."""
    for source, name in ((experiment, f"{RUN}/predictions.csv"), (folded, "runs/descent/folds/predictions.csv")):
        out = work / source.name
        shutil.copytree(source, out)
        whole = (out / name).read_text()
        *most, last = whole.splitlines()
        cells = last.split(",")
        other = next(label for label in ("blues", "disco", "metal") if label != cells[3])
        for text, word in (
            ("\n".join(most) + "\n", "clips were predicted"),
            ("\n".join([*most, last, last]) + "\n", "clips were predicted"),
            ("\n".join([*most, ",".join([*cells[:3], other, *cells[4:]])]) + "\n", "highest probability"),
            ("\n".join([*most, ",".join([*cells[:4], "2.0", *cells[5:]])]) + "\n", "sum to 1"),
            ("\n".join([*most, ",".join([*cells[:4], "nan", *cells[5:]])]) + "\n", "not a number from 0 to 1"),
        ):
            (out / name).write_text(text)
            with pytest.raises(DamagedError, match=rf"predictions\.csv: is damaged .*{word}"):
                compare_folders([out])
    scores = work / experiment.name / RUN / "scores.json"
    (work / experiment.name / RUN / "predictions.csv").write_bytes((experiment / RUN / "predictions.csv").read_bytes())
    facts = json.loads(scores.read_text())
    facts["test"]["scores"]["accuracy"]["value"] = 0.99
    scores.write_text(json.dumps(facts))
    with pytest.raises(DamagedError, match="the accuracy is not that of the confusion"):
        write_report(work / experiment.name)


def test_a_damaged_folds_json(folded: Path, table: Path, work: Path) -> None:
    shutil.copytree(folded, work / "out")
    path = work / "out" / "runs" / "descent" / "folds" / "folds.json"
    for damage, mutate in JSON.items():
        path.write_bytes(mutate((folded / path.relative_to(work / "out")).read_bytes()))
        assert told(lambda: compare_folders([work / "out"]), "folds"), damage
    run_experiment(config(table, split={"folds": 2}), work / "out")
    assert compare_folders([work / "out"]).answers[0].accuracy == compare_folders([folded]).answers[0].accuracy


@pytest.mark.parametrize("name", ["trial", "layout.json", "sweep.json", "sweep.csv", "winner/run.json"])
def test_a_damaged_file_of_a_sweep(name: str, swept: Path, table: Path, work: Path) -> None:
    out = work / "out"
    shutil.copytree(swept, out)
    path = sorted((out / "trials").glob("*.json"))[0] if name == "trial" else out / name
    whole, results = path.read_bytes(), json.loads((out / "sweep.json").read_text())
    for damage, mutate in (CSV if name.endswith("csv") else JSON).items():
        path.write_bytes(mutate(whole))
        if name != "trial":
            told(lambda: write_report(out), path.name)
        said: list[str] = []
        if name == "sweep.json":
            unread = damage in ("lacks its first key", "huge")  # only the winners that were judged are read
            assert told(lambda: run_sweep(sweep_config(table), out), "sweep.json") or unread, damage
            path.unlink()
        if damage in ("half", "words for tables"):
            run_sweep(sweep_config(table), out, said.append)
            anew = json.loads((out / "sweep.json").read_text())
            assert anew["winner"] == results["winner"]
            if name in ("trial", "layout.json", "winner/run.json"):
                assert any(path.name in line and "again" in line for line in said), (damage, said)
            write_report(out)


DAMAGED_FACTS: list[tuple[tuple[str, ...], Any]] = [
    (("labels",), []),
    (("labels",), ["blues", "disco"]),
    (("labels",), ["blues", "blues", "disco", "metal"]),
    (("labels",), "blues"),
    (("labels",), [1, 2, 3]),
    (("representation",), None),
    (("representation",), {}),
    (("representation",), {"kind": "table"}),
    (("representation", "columns"), ["c0", "c1"]),
    (("representation", "columns"), ["c0", "c0", "c1", "c2", "c3"]),
    (("representation", "columns"), {"c0": 1}),
    (("representation", "audio"), {"sr": -1}),
    (("representation", "audio"), {"sr": 10**12}),
    (("representation", "audio"), "loud"),
    (("representation", "features"), {"n_fft": 3}),
    (("representation", "spectrogram"), {"height": 10**9}),
    (("representation",), {"kind": "joined", "parts": [{"kind": "joined", "parts": []}]}),
    (("representation",), {"kind": "pictures", "spectrogram": {"height": 64}}),
    (("calibration",), {"temperature": 0, "threshold": 0.5}),
    (("calibration",), {"temperature": "hot", "threshold": 0.5}),
    (("majority",), "polka"),
    (("model",), "logistic"),
    (("kept",), "perhaps"),
    (("format",), "one"),
    (("format",), True),
    (("seconds",), {"train": -1, "predict_a_clip": 0}),
]


@pytest.mark.parametrize("number", range(len(DAMAGED_FACTS)))
def test_facts_that_are_not_those_of_the_model(number: int, experiment: Path, table: Path, work: Path) -> None:
    place, value = DAMAGED_FACTS[number]
    run = work / "run"
    shutil.copytree(experiment / RUN, run)
    facts = inner = json.loads((run / "run.json").read_text())
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (run / "run.json").write_text(json.dumps(facts))
    for ask in (lambda: predict(run, [table]), lambda: write_submission(run, table, work / "s.csv")):
        with pytest.raises(RunError, match=r"run\.json: ") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_layout_that_leads_elsewhere(experiment: Path, table: Path, work: Path) -> None:
    shutil.copytree(experiment, work / "out")
    path = work / "out" / "layout.json"
    for elsewhere in ("../../elsewhere", "/etc", "runs/../../x"):
        facts = json.loads((experiment / "layout.json").read_text())
        facts["models"]["descent"]["predict"] = elsewhere
        path.write_text(json.dumps(facts))
        with pytest.raises(DamagedError, match="is not a path inside the folder"):
            predict(work / "out", [table])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", [name for name in FILES if "model" not in name])
def test_pipes_in_a_results_folder_are_not_waited_for(name: str, experiment: Path, table: Path, work: Path) -> None:
    out = work / "out"
    shutil.copytree(experiment, out)
    (out / name).unlink()
    os.mkfifo(out / name)
    for ask in (lambda: predict(out, [table]), lambda: compare_folders([out]), lambda: write_report(out)):
        told(ask, "")
    run_experiment(config(table), out)
    assert load_run(out / RUN).labels == ("blues", "disco", "metal")
    write_report(out)
