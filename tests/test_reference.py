"""The reference tables: their figures cell by cell, what a folder allows, and the page that sets ours beside them."""

import csv
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import signals
from tables import clouds, write_table
from tonearm.cli import app
from tonearm.config import load_config, parse_config
from tonearm.errors import ConfigError, ModelError
from tonearm.experiment.experiment import run_experiment
from tonearm.reference import make_tables
from tonearm.reference.backbone import LITE, RESNET, find_backbone
from tonearm.reference.measuring import (
    PROCESSES,
    PUBLISHED_FEATURES,
    PUBLISHED_PICTURES,
    classify_tests,
    scale,
)
from tonearm.reference.outlook import outlook
from tonearm.reference.plan import TABLES, TABLES_FOLDER, plan_tables
from tonearm.scaling import Measurement, Scaling
from tonearm.sweep.grid import expand, published_figures

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
NETWORKS = {"cnn-shape", "cnn-activation", "cnn-optimiser", "resnet", "models"}


def cells(name: str) -> tuple[list[dict[str, Any]], list[dict[str, float | str]], list[bool]]:
    """Values by short name, published figures and whether it is skipped, of each cell of a table."""
    sweep = load_config(TABLES_FOLDER / f"{name}.toml").sweep
    found = expand(sweep)
    figures = published_figures(sweep, [cell.values for cell in found])
    values = [{path.rpartition(".")[2]: value for path, value in cell.values.items()} for cell in found]
    return values, [figures.get(place, {}) for place in range(len(found))], [cell.skipped for cell in found]


def accuracies(name: str) -> list[float | str]:
    _, figures, skipped = cells(name)
    return ["skipped" if left else one.get("published", "") for one, left in zip(figures, skipped, strict=True)]


def test_the_configs_are_those_of_the_package() -> None:
    found = {path.name.removeprefix("table-"): path.read_text() for path in CONFIGS.glob("table-*.toml")}
    assert found == {path.name: path.read_text() for path in TABLES_FOLDER.glob("*.toml")}
    assert {path.stem for path in TABLES_FOLDER.glob("*.toml")} == {table.name for table in TABLES} - {"scaling"}


@pytest.mark.shared
def test_every_cell_is_the_published_one(shared: Path) -> None:
    told = tomllib.loads((shared.parent / "reference" / "tables.toml").read_text())
    grid = told["logistic"]
    values, _, _ = cells("logistic")
    assert [(one["learning_rate"], one["epochs"]) for one in values] == [
        (rate, epochs) for rate in grid["learning_rate"] for epochs in grid["epochs"]
    ]
    assert accuracies("logistic") == [cell for row in grid["accuracy"] for cell in row]
    assert accuracies("logistic").count("skipped") == 5
    shape = told["cnn_shape"]
    values, _, _ = cells("cnn-shape")
    for name in ("layers", "kernel_size", "stride"):
        assert [one[name] for one in values] == shape[name]
    assert accuracies("cnn-shape") == shape["accuracy"]
    activation = told["cnn_activation"]
    values, _, _ = cells("cnn-activation")
    assert [one["activation"] for one in values] == activation["activation"] * 2
    assert [(one["layers"], one["stride"]) for one in values] == [(6, 2)] * 3 + [(4, 4)] * 3
    assert accuracies("cnn-activation") == activation["accuracy_6_layers"] + activation["accuracy_4_layers"]
    optimiser = told["cnn_optimiser"]
    values, figures, _ = cells("cnn-optimiser")
    assert [one["learning_rate"] for one in values] == optimiser["learning_rate"]
    assert [one["weight_decay"] for one in values] == optimiser["weight_decay"]
    assert accuracies("cnn-optimiser") == optimiser["accuracy"]
    assert [one["published epochs"] for one in figures] == optimiser["epochs"]
    blocks = told["resnet50"]
    values, figures, _ = cells("resnet")
    assert [one["unfreeze"] for one in values] == [0, *blocks["unfrozen_blocks"]]
    assert accuracies("resnet") == [blocks["all_frozen"]["accuracy"], *blocks["accuracy"]]
    assert [one["published epochs"] for one in figures[1:]] == blocks["epochs"]
    mlp = told["mlp"]
    values, figures, _ = cells("mlp")
    chosen = next(place for place, one in enumerate(figures) if one)
    assert [[*one["hidden"]] for one in values][chosen] == mlp["chosen"]["hidden"]
    assert values[chosen]["learning_rate"] == mlp["chosen"]["learning_rate"]
    assert figures[chosen] == {
        "published": mlp["chosen"]["accuracy"],
        "published epochs": mlp["chosen"]["epochs"],
    }
    assert mlp["started_with"] in [{**one, "hidden": [*one["hidden"]]} for one in values]
    assert (list(PROCESSES), list(PUBLISHED_FEATURES)) == (told["scaling"]["processes"], told["scaling"]["features"])
    assert list(PUBLISHED_PICTURES) == told["scaling"]["spectrograms"]


@pytest.mark.shared
def test_every_figure_of_the_comparison_is_the_published_one(shared: Path) -> None:
    told = tomllib.loads((shared.parent / "reference" / "tables.toml").read_text())["models"]
    config = load_config(TABLES_FOLDER / "models.toml")
    assert [*config.report.published] == [*config.models] == ["mlp", "cnn", "resnet"]
    for place, figures in enumerate(config.report.published.values()):
        for part in ("train", "valid"):
            scores = getattr(figures, part).model_dump()
            assert scores == {score: values[place] for score, values in told[part].items()}
        assert figures.seconds == told["train_seconds"][place]
        assert figures.accuracy == told["test_accuracy"][place]
        assert figures.test_seconds == told["test_seconds"][place]


def test_networks_are_trained_as_the_reference_system_did() -> None:
    cnn = load_config(TABLES_FOLDER / "cnn-shape.toml").models["cnn"].model_dump()
    chosen = {"activation": "tanh", "padding": 1, "weight_decay": 1e-4, "learning_rate": 1e-3, "batch_size": 32}
    assert chosen.items() <= cnn.items()
    assert cnn["epochs"] == 100
    assert cnn["patience"] > 0
    assert cnn["schedule"] != "none"
    mlp = load_config(TABLES_FOLDER / "mlp.toml").models["mlp"].model_dump()
    plain = {"dropout": 0, "label_smoothing": 0, "schedule": "none", "weight_decay": 1e-3, "batch_size": 32}
    assert {**plain, "epochs": 100}.items() <= mlp.items()
    resnet = load_config(TABLES_FOLDER / "resnet.toml").models["resnet"].model_dump()
    assert {"learning_rate": 1e-3, "weight_decay": 1e-4, "batch_size": 32, "backbone": RESNET}.items() <= resnet.items()
    compared = load_config(TABLES_FOLDER / "models.toml").models
    tried = load_config(TABLES_FOLDER / "resnet.toml").models["resnet"]
    assert compared["resnet"].model_dump() == {**tried.model_dump(), "unfreeze": 2}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("reference") / "t.csv", *clouds(150, spread=4.0))


def test_a_folder_decides_which_tables_there_are(table: Path, tmp_path: Path) -> None:
    plan = plan_tables(str(table), (), False, 1, RESNET)
    assert {*plan.configs} == {"logistic", "mlp", "models"}
    assert [*plan.configs["models"].models] == ["mlp"]
    assert "it reads pictures, which" in plan.left_out["cnn-shape"]
    assert "holds no music" in plan.left_out["scaling"]
    assert len(plan.notes) == 2
    (tmp_path / "music" / "rock").mkdir(parents=True)
    (tmp_path / "music" / "rock" / "1.wav").touch()
    plan = plan_tables(str(tmp_path / "music"), ["models.cnn.channels=[4]", "split.seed=7"], False, 3, LITE)
    assert {*plan.configs} == {one.name for one in TABLES}
    for name, config in plan.configs.items():
        assert (config.split.seed, config.train.workers) == (7, 3)
        if name in NETWORKS:
            settings = config.models.get("cnn") or config.models["resnet"]
            assert settings.model_dump().get("channels", (4,)) == (4,)
        if "resnet" in config.models:
            assert config.models["resnet"].model_dump()["backbone"] == LITE
    without = plan_tables(str(tmp_path / "music"), (), False, 1, None)
    assert "weights of ResNet50" in without.left_out["resnet"]
    assert [*without.configs["models"].models] == ["mlp", "cnn"]
    assert {*without.reading().models} == {"logistic", "mlp", "cnn"}
    with pytest.raises(ConfigError, match=r"^no table can be made of m: it reads pictures"):
        replace(plan, configs={}, left_out={"resnet": "it reads pictures"}, folder="m").reading()
    for wrong in ("models.svm.C=1", "models.logistic.epochs=3", "sweep.folds=2", "report.published.mlp=0.5"):
        with pytest.raises(ConfigError, match=rf"^--set {wrong.partition('=')[0]}"):
            plan_tables(str(table), [wrong], False, 1, RESNET)


def test_quick_trainings_keep_their_cells_and_figures(table: Path) -> None:
    short = plan_tables(str(table), (), True, 1, RESNET).configs
    sweep, whole = short["logistic"].sweep, load_config(TABLES_FOLDER / "logistic.toml").sweep
    assert [cell.skipped for cell in expand(sweep)] == [cell.skipped for cell in expand(whole)]
    for long, few in zip(expand(whole), expand(sweep), strict=True):
        assert [100 * value for value in few.values.values()][1] == [*long.values.values()][1]
    figures = [published_figures(one, [cell.values for cell in expand(one)]) for one in (sweep, whole)]
    assert figures[0] == figures[1]
    assert short["models"].models["mlp"].model_dump()["epochs"] == 8


def test_the_page_sets_ours_beside_theirs_and_is_made_again_without_training(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    made = make_tables(str(table), tmp_path / "out", ["models.mlp.epochs=2"], True, 1, said.append)
    assert [one.name for one in made.sections] == ["logistic", "mlp", "models"]
    assert said[0].startswith("3 tables of 150 clips with 1 process: about ")
    assert sum("split by artist" in line for line in said) == 1
    html, text = (made.page.with_suffix(end).read_text() for end in (".html", ".md"))
    with (tmp_path / "out" / "logistic" / "sweep.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == "done"]
    assert len(rows) == 25
    for row in rows:
        cell = f"{float(row['valid_accuracy']):.3f} ({float(row['published']):.2f})"
        assert cell in html
        assert cell in text
    assert html.count("<td>skipped</td>") == text.count("| skipped") == 5
    scores = (tmp_path / "out" / "models" / "leaderboard.md").read_text()
    [line] = [line for line in scores.splitlines() if line.startswith("| mlp | valid |")]
    assert line.endswith("(0.7941) |")
    assert line in text
    assert "CNN: layers, kernel, stride; CNN: activation; CNN: learning rate; ResNet50." in html
    assert "<script" not in html

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("tonearm.training.fit_classifier", refuse)
    make_tables(str(table), tmp_path / "out", ["models.mlp.epochs=2"], True, 1)
    assert (made.page.read_text(), made.page.with_suffix(".md").read_text()) == (html, text)


def test_a_table_that_fails_is_told_and_the_others_are_made(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ModelError("no luck")

    monkeypatch.setattr("tonearm.reference.driver.run_sweep", fail)
    found = CliRunner().invoke(
        app, ["reference", str(table), "--out", str(tmp_path), "--quick", "--workers", "1", "--strict"]
    )
    assert found.exit_code == 3, found.output
    assert "Left out (no luck): Logistic regression; Multilayer perceptron." in (tmp_path / "reference.md").read_text()
    assert "| mlp | test |" in found.stdout


def test_without_weights_another_network_stands_in_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """TONEARM_OFFLINE is set in tests."""
    monkeypatch.setattr("tonearm.reference.backbone._is_here", lambda: False)
    name, note = find_backbone((), print)
    assert name == LITE
    assert note.startswith("Ours is efficientnet_lite0 and not ResNet50 (its weights are not here")
    assert find_backbone(['models.resnet.weights="w.pth"'], print) == (RESNET, "")
    assert find_backbone(["models.resnet.backbone=resnet18"], print)[0] == "resnet18"

    def missing(name: str, weights: str) -> None:
        raise ModelError(f"the weights of {name} are not installed")

    monkeypatch.setattr("tonearm.training.backbones.build_backbone", missing)
    name, note = find_backbone((), print)
    assert name is None
    assert "TONEARM_OFFLINE is set; the weights of efficientnet_lite0 are not installed" in note


def test_the_outlook_grows_with_clips_and_shrinks_with_processes() -> None:
    assert "8 tables of 300 clips with 1 process: about 2 hours" in outlook(TABLES, 300, False, 1, False)
    lite, four = outlook(TABLES, 300, False, 1, True), outlook(TABLES, 300, False, 4, True)
    assert "minutes" in lite
    assert "minutes" in four
    assert int(lite.partition("about ")[2].split()[0]) > int(four.partition("about ")[2].split()[0])


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for label, hertz in (("low", 220.0), ("high", 1760.0)):
        (folder / label).mkdir()
        for take in range(8):
            sound = signals.tone(hertz * (1 + 0.01 * take), 0.5, 0.3) + signals.noise(0.5, 0.01, take)
            soundfile.write(folder / label / f"{take}.wav", sound, signals.SR)
    return folder


def test_classifying_the_test_is_timed_once_for_each_run(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    features = {"families": ["rms", "spectral_centroid"], "statistics": ["mean"]}
    sections = {"features": features, "models": {"logistic": {}}, "split": {"test": 0.25, "valid": 0.25}}
    config = parse_config({"data": {"folder": str(music)}, **sections})
    done = run_experiment(config, tmp_path / "out")
    decoded.clear()
    first = classify_tests(done, config, tmp_path / "classified.json", print)
    seconds, clips = first["logistic"]
    assert clips == 4
    assert seconds > 0
    assert len(decoded) == 5  # one to start everything
    again = classify_tests(done, config, tmp_path / "classified.json", print)
    assert again == first
    assert len(decoded) == 5
    (tmp_path / "classified.json").write_text('{"seconds": {"x": 1}}')
    said: list[str] = []
    classify_tests(done, config, tmp_path / "classified.json", said.append)
    assert "classified.json: is damaged" in said[0]
    folds = config.model_copy(update={"split": config.split.model_copy(update={"folds": 2})})
    assert classify_tests(done, folds, tmp_path / "other.json", print) == {}


def test_what_was_measured_is_kept_for_the_same_clips(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def measure(catalog: Any, config: Any, workers: Any, out: Path, tell: Any) -> Scaling:
        asked.append((len(catalog), tuple(workers)))
        tasks = ("features", "pictures")
        return Scaling(tuple(Measurement(task, n, 8.0 / n, 16, 0.5) for task in tasks for n in workers), "a machine")

    monkeypatch.setattr("tonearm.reference.measuring.measure_scaling", measure)
    monkeypatch.setattr("tonearm.reference.measuring.available_cores", lambda: 6)
    config = parse_config({"data": {"folder": str(music)}})
    (tmp_path / "scaling").mkdir()
    first = scale(config, tmp_path / "scaling", False, print)
    assert scale(config, tmp_path / "scaling", False, print) == first
    assert asked == [(16, (1, 4, 6))]
    other = config.model_copy(update={"audio": config.audio.model_copy(update={"duration": 0.25})})
    scale(other, tmp_path / "scaling", False, print)
    assert len(asked) == 2
    from tonearm.reference.sections import of_scaling

    [grid] = of_scaling(TABLES[-1], first, ()).grids
    cells = {row[:2]: row[2:] for row in grid.rows}
    assert cells["features", "4"] == ("2.0", "8.0", "4.00", "0.5", "638.994", "1.6", "7.38")
    assert cells["pictures", "32"] == ("not measured", "–", "–", "–", "212.532", "4.7", "5.64")
    assert cells["features", "6"][-3:] == ("–", "–", "–")
    assert np.allclose([4716.342 / 638.994, 1198.574 / 212.532], [7.38, 5.64], atol=0.005)
    assert replace(first, machine="").text().startswith("| task |")
