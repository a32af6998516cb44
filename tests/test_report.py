"""The report against the files that it was made from."""

import base64
import csv
import hashlib
import io
import json
import re
import shutil
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from test_experiment import FAST, config, music  # noqa: F401  # the fixture
from tonearm.errors import RunError
from tonearm.experiment.experiment import run_experiment
from tonearm.experiment.importance import measure_importance
from tonearm.experiment.neighbours import near_clips
from tonearm.experiment.reopened import reopen
from tonearm.report import write_report
from tonearm.report.charts import swatch
from tonearm.report.clips import Excerpts
from tonearm.report.collect import Answers, collect, suspicious_clips, worst_mistakes
from tonearm.report.confused import ConfusedClasses
from tonearm.report.style import CSS
from tonearm.theme import COLOURS, look


@pytest.fixture(scope="module")
def folders(music: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:  # noqa: F811
    """An experiment by artist and one by chance on music with three wrong labels, in one of them a model that fails."""
    out = tmp_path_factory.mktemp("report")
    music = Path(shutil.copytree(music, out / "music"))
    rows = (music / "metadata.csv").read_text()
    for name, wrong in (
        ("bass/00.wav,bass", "treble"),
        ("bass/13.wav,bass", "middle"),
        ("middle/21.wav,middle", "bass"),
    ):
        rows = rows.replace(name, f"{name.split(',')[0]},{wrong}")
    (music / "metadata.csv").write_text(rows)
    models = {**FAST, "narrow": {"type": "mlp", "batch_norm": True, "batch_size": 1}}
    run_experiment(config(music, models=models, split={"folds": 2, "valid": 0.25}), out / "by-artist")
    run_experiment(config(music, split={"folds": 2, "method": "stratified"}), out / "by-chance")
    return out / "by-artist", out / "by-chance"


@pytest.fixture(scope="module")
def html(folders: tuple[Path, Path]) -> str:
    return write_report(folders[0], folders[0] / "report", folders[1]).read_text(encoding="utf-8")


class Tags(HTMLParser):
    """All elements with their attributes, and whether every one that is opened is closed."""

    VOID = frozenset({"meta", "link", "img", "br", "line", "circle", "polyline"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_well_formed_alone_and_without_scripts(html: str) -> None:
    tags = Tags(html)
    assert tags.open == []
    assert "script" not in {tag for tag, _ in tags.found}
    sources = [attributes[key] for _, attributes in tags.found for key in ("src", "href") if key in attributes]
    assert all(str(source).startswith(("data:", "#")) for source in sources)
    assert "url(" not in html
    assert "@import" not in html


def test_every_picture_has_words(html: str) -> None:
    for tag, attributes in Tags(html).found:
        if tag == "img":
            assert attributes["alt"]
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
        if tag == "audio":
            assert attributes["aria-label"]


def test_the_leaderboards_numbers_are_those_of_the_folder(html: str, folders: tuple[Path, Path]) -> None:
    board = json.loads((folders[0] / "leaderboard.json").read_text())
    for row in board["models"]:
        if row["error"]:
            assert f"<strong>{row['model']}</strong> could not be trained: batch_size = 1: batch normalisation" in html
            continue
        cells = re.search(
            rf'<tr><th class="text" scope="row"><svg[^>]*><path[^>]*></svg>{row["model"]}</th>(.*?)</tr>', html
        )
        assert cells
        for part in ("train", "valid", "test"):
            assert re.search(rf'<td class="[abc]">{row["scores"][part]["accuracy"]:.3f}</td>', cells[1])
        assert f"{row['interval'][0]:.3f} to {row['interval'][1]:.3f}" in cells[1]
        size = sum(path.stat().st_size for path in (folders[0] / "runs" / row["model"] / "final" / "model").iterdir())
        assert f">{size / 1e6:.1f} MB</td>" in cells[1] or f">{size / 1e3:.0f} kB</td>" in cells[1]
    assert escape(board["verdict"][1:]) in html


def test_the_two_splits_stand_side_by_side_and_the_easy_one_is_labelled(html: str, folders: tuple[Path, Path]) -> None:
    here, there = (
        {row["model"]: row for row in json.loads((folder / "leaderboard.json").read_text())["models"]}
        for folder in folders
    )
    for name in FAST:
        both = here[name]["scores"]["test"]["accuracy"], there[name]["scores"]["test"]["accuracy"]
        assert f"<td>{name}</td><td>{both[0]:.3f}</td><td>{both[1]:.3f}</td>" in html
    assert "Optimistic" not in html
    easy = write_report(folders[1], folders[1] / "report", audio=False).read_text(encoding="utf-8")
    assert "Optimistic: artists are known here and cross the parts" in easy


def test_mistakes_are_the_surest_wrong_answers_of_the_best_model(folders: tuple[Path, Path]) -> None:
    best = json.loads((folders[1] / "leaderboard.json").read_text())["models"][0]["model"]
    with (folders[1] / "runs" / best / "folds" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = [row for row in rows if row["truth"] != row["prediction"]]
    wrong.sort(key=lambda row: -float(row[f"p_{row['prediction']}"]))
    material = collect(folders[1])
    found = worst_mistakes(material.models[0], 1000)
    assert [(one.name, one.said) for one in found] == [(row["filename"], row["prediction"]) for row in wrong]
    write_report(folders[1], folders[1] / "again", audio=False)
    with (folders[1] / "again" / "mistakes.csv").open(newline="") as file:
        assert [row["filename"] for row in csv.DictReader(file)] == [one.name for one in found]
    suspicious = {one.name: one.said for one in suspicious_clips(material.models[0], 1000)}
    assert suspicious.items() >= {"bass/00.wav": "bass", "bass/13.wav": "bass", "middle/21.wav": "middle"}.items()


def test_nearest_training_clips_stand_under_the_clips_and_in_a_table(html: str, folders: tuple[Path, Path]) -> None:
    material = collect(folders[0])
    shown = [*worst_mistakes(material.trained[0], 12), *suspicious_clips(material.trained[0], 20)]
    near, space = near_clips(reopen(folders[0]), material.trained[0].name, [clip.name for clip in shown], 3)
    with (folders[0] / "report" / "neighbours.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["filename"] for row in rows} >= {clip.name for clip in shown}
    assert escape(space) in html
    for clip in shown:
        table = [row["neighbour"] for row in rows if row["filename"] == clip.name]
        assert table == [one.name for one in near[clip.name]]
        for one in near[clip.name]:
            assert f"<li>{escape(one.words())}<audio" in html
    other = Path(shutil.copytree(folders[0], folders[0].parent / "without-rows"))
    shutil.rmtree(other / "features")
    page = write_report(other, other / "report", audio=False).read_text(encoding="utf-8")
    assert "Their nearest training clips are not shown: " in page
    assert "nearest in training" not in page


def test_confused_classes_are_told_in_words(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Bass is often called middle, and all other mistakes are alike."""
    out = Path(shutil.copytree(folders[0], tmp_path / "confused"))
    record = collect(out)
    best = record.trained[0]
    assert best.answers is not None
    assert ConfusedClasses(record).sentences() == []  # there are three classes, and few mistakes
    names = np.array([f"{number}" for number in range(400)], dtype=object)
    labels = ("bass", "middle", "treble", "high")
    truth = np.array([labels[number % 4] for number in range(400)], dtype=object)
    said = np.array([labels.index(label) for label in truth])
    said[:160:4] = 1  # bass is middle
    for number in range(40):  # every other mistake there is, as often
        row = 200 + 5 * number
        said[row] = (said[row] + 1 + number % 3) % 4
    answers = Answers(names, truth, np.eye(4)[said], labels)
    told = ConfusedClasses(
        replace(record, classes=dict.fromkeys(labels, 100), models=(replace(best, answers=answers),))
    )
    [line] = told.sentences()
    assert re.fullmatch(r"Bass is heard as middle 4\d times \(about \d+ expected\), middle as bass \d times .*", line)
    assert "confuses these more often than" in told.section()
    assert told.markdown()[1] == "## Confused classes"


def test_importance_of_models_that_were_not_kept_is_that_of_the_same_models(folders: tuple[Path, Path]) -> None:
    out = Path(shutil.copytree(folders[0], folders[0].parent / "important"))
    assert "What the models rely on" not in write_report(out, out / "report", audio=False).read_text(encoding="utf-8")
    found = {one.model: one for one in measure_importance(out, shuffles=2)}
    for row in json.loads((out / "leaderboard.json").read_text())["models"]:
        if not row["error"]:
            assert not (out / "runs" / row["model"] / "fold1" / "model").exists()
            assert found[row["model"]].accuracy == pytest.approx(row["scores"]["test"]["accuracy"])
    html = write_report(out, out / "report", audio=False).read_text(encoding="utf-8")
    assert "What the models rely on" in html
    assert Tags(html).open == []
    for one in found.values():
        for drop in one.drops:
            assert re.search(rf"<tr><td>{drop.name}</td><td>[+-]{abs(drop.accuracy):.3f}</td>", html)


def test_an_excerpt_is_the_middle_of_the_clip_and_its_spectrogram(music: Path) -> None:  # noqa: F811
    excerpt = Excerpts({"folder": str(music)}).of("bass/00.wav")
    kind, _, data = excerpt.sound.partition(";base64,")
    samples, sr = soundfile.read(io.BytesIO(base64.b64decode(data)))
    original, rate = soundfile.read(music / "bass" / "00.wav")
    assert kind == "data:audio/mpeg"
    assert sr == rate
    assert len(samples) / sr == pytest.approx(len(original) / rate, abs=0.1)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * sr / len(samples) == pytest.approx(200.0, abs=10)
    with Image.open(io.BytesIO(base64.b64decode(excerpt.picture.partition(";base64,")[2]))) as image:
        assert image.size == (173, 172)


def test_names_are_text_and_never_markup(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evil = tmp_path / "<script>alert(1)</script>"
    shutil.copytree(folders[0], evil)
    for path in (*evil.glob("runs/*/*/predictions.csv"), evil / "splits.csv"):
        path.write_text(path.read_text().replace("bass", "<img src=x onerror=alert(2)>"))
    html = write_report(evil, tmp_path / "out").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(2)&gt;" in html


def test_what_is_no_experiment_says_so(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is not an experiment, since it has no layout\.json; `tonearm run` makes one"):
        write_report(tmp_path, tmp_path)
    shutil.copytree(folders[0], tmp_path / "old")
    board = json.loads((tmp_path / "old" / "leaderboard.json").read_text())
    del board["verdict"]
    (tmp_path / "old" / "leaderboard.json").write_text(json.dumps(board))
    with pytest.raises(
        RunError, match=r"leaderboard\.json: is damaged \(verdict: Field required\); run the command again"
    ):
        write_report(tmp_path / "old", tmp_path)


def test_a_model_has_one_colour_and_one_shape_on_the_whole_page(html: str, folders: tuple[Path, Path]) -> None:
    for place, colour in enumerate(COLOURS):
        assert f"--s{place}: {colour};" in CSS
    board = [model.name for model in collect(folders[0]).trained]
    for place, name in enumerate(board):
        assert f"{swatch(place)}{name}</th>" in html
        own = re.findall(rf"<figcaption>{name}, test of all folds</figcaption>(.*?)</figure>", html)
        assert own  # reliability, and accuracy against the share answered
        for chart in own:
            assert set(re.findall(r'class="(?:mark|line|whisker|count|band) s(\d)', chart)) == {str(look(place)[0])}
    assert len({look(place) for place in range(49)}) == 49


def test_a_clip_is_shown_once(html: str, folders: tuple[Path, Path]) -> None:
    best = collect(folders[0]).trained[0]
    mistakes = [clip.name for clip in worst_mistakes(best, 12)]
    suspicious = [clip.name for clip in suspicious_clips(best, 20)]
    both = [name for name in suspicious if name in mistakes]
    assert both
    for name in {*mistakes, *suspicious}:
        assert html.count(f"<strong>{name}</strong><br>labelled") == 1
    for name in both:
        assert f'<li id="mistake{mistakes.index(name) + 1}"><strong>{name}</strong>' in html
        assert f'<a href="#mistake{mistakes.index(name) + 1}">{name}</a>' in html
    assert html.count("its label is suspicious") == len(both)


def test_the_page_allows_its_own_style_and_nothing_else(html: str) -> None:
    tags = Tags(html).found
    [policy] = [one["content"] for name, one in tags if name == "meta" and "http-equiv" in one]
    [style] = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert html.index("Content-Security-Policy") < html.index("<title>")  # it holds for what follows it
    assert not any("style" in one or any(key.startswith("on") for key in one) for _, one in tags)
    assert all(name != "script" for name, _ in tags)
    for _, one in tags:
        assert (one.get("src") or "data:").startswith("data:")
