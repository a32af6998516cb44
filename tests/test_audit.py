"""An audit: answers that are honest, verdicts that follow from them, and a page that changes nothing."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import library_files
from library_files import Track as Made
from tonearm.api import train
from tonearm.cli import app
from tonearm.experiment.lookup import run_to_load
from tonearm.experiment.predictions import read_predictions
from tonearm.experiment.runs import load_run
from tonearm.library.audit import write_audit
from tonearm.library.audit_text import tally
from tonearm.library.honest import NOTHING, OUT_OF_FOLD, PREDICTED, TRAINED_ON, Answer, without_lone_artists
from tonearm.library.tracks import Track
from tonearm.library.verdicts import Verdict, mixed_albums, mixed_artists, of_kind, verdicts
from tonearm.prediction import predict

LABELS = ("jazz", "rock")
GENRES = ("classical", "metal")
WRONG = "metal/7.mp3"  # a classical recording that says it is metal


def _track(name: str, genre: str = "", **known: str) -> Track:
    return Track(f"/music/{name}", name, (genre,) if genre else (), **known)


def _said(rock: float) -> Answer:
    return Answer(np.array([1.0 - rock, rock]), OUT_OF_FOLD, trained=True)


def _judged(rows: list[tuple[Track, Answer]], threshold: float | None = None) -> list[Verdict]:
    return verdicts([track for track, _ in rows], [answer for _, answer in rows], LABELS, threshold)


def test_each_track_has_the_verdict_of_its_tag_and_its_answer() -> None:
    rows = [
        *((_track(f"r{number}", "rock"), _said(0.8)) for number in range(4)),
        *((_track(f"j{number}", "jazz"), _said(0.3)) for number in range(4)),
        (_track("wrong", "jazz"), _said(0.97)),
        (_track("weaker", "rock"), _said(0.2)),
        (_track("doubt", "jazz"), _said(0.55)),
        (_track("new"), _said(0.9)),
        (_track("polka", "polka"), _said(0.9)),
        (_track("unread", "jazz"), Answer(NOTHING, "", "it is silent")),
    ]
    found = _judged(rows, threshold=0.9)
    kinds = {one.track.name: one.kind for one in found}
    assert {kinds[f"r{number}"] for number in range(4)} | {kinds[f"j{number}"] for number in range(4)} == {"agrees"}
    assert [one.track.name for one in of_kind(found, "conflict")] == ["wrong", "weaker"]
    assert (kinds["doubt"], kinds["new"], kinds["polka"]) == ("unsure", "missing", "unknown")
    assert kinds["unread"] == "not judged"
    sure = {one.track.name: one.sure for one in found}
    assert (sure["wrong"], sure["weaker"], sure["unread"]) == (True, False, None)
    assert {one.sure for one in _judged(rows, threshold=1.5)} == {None}  # of a run that can call no answer sure
    assert tally(found) == (
        "14 tracks: 2 conflicts, 1 unsure difference, 8 agree, 1 without a genre, 1 of a genre that the run does not "
        "know, 1 not judged"
    )


def test_the_first_genre_that_the_run_knows_counts() -> None:
    both = Track("/m/a", "a", ("ambient", "jazz"))
    assert both.genre(LABELS) == "jazz"
    assert both.genre(("techno",)) == "ambient"


def test_an_album_with_one_odd_track_and_an_artist_split_over_two_are_named() -> None:
    def album(title: str, genres: list[str], artist: str, by: str = "") -> list[tuple[Track, Answer]]:
        known = {"album": title, "artist": artist, "album_artist": by or artist}
        return [(_track(f"{title}/{n}", genre, **known), _said(0.8)) for n, genre in enumerate(genres)]

    rows = [
        *album("Odd", ["rock", "rock", "jazz"], "Anna"),
        *album("Split", ["rock", "rock", "jazz", "jazz"], "Bert"),
        *album("Plain", ["jazz", "jazz", "jazz"], "Cleo"),
        *album("Two", ["rock", "jazz"], "Dora"),
        *album("Plain", ["rock", "rock", "rock"], "Emil"),  # another album of that title
    ]
    found = _judged(rows)
    albums, artists = mixed_albums(found), mixed_artists(found)
    assert [(one.name, one.by, one.genres) for one in albums] == [
        ("Odd", "Anna", {"rock": 2, "jazz": 1}),
        ("Split", "Bert", {"rock": 2, "jazz": 2}),
    ]
    assert albums[0].odd is not None
    assert (albums[0].odd.track.name, albums[0].odd.likely) == ("Odd/2", "rock")
    assert albums[1].odd is None
    assert [one.name for one in artists] == ["Anna", "Bert"]
    assert artists[1].likely == {"rock": 4}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of class folders with one wrong genre, and beside it what was learned of it."""
    folder = tmp_path_factory.mktemp("audit")
    made = [Made(f"{genre}/{number}.mp3", (genre, number)) for genre in GENRES for number in range(7)]
    made.append(Made(WRONG, ("classical", 20)))
    library_files.write_library(folder / "music", made, seconds=3.0)
    train(
        folder / "music",
        folder / "results",
        models={"logistic": {}},
        features={"preset": "gtzan57"},
        split={"folds": 3, "valid": 0.0, "recordings": False},
    )
    return folder


@pytest.fixture
def library(learned: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the library in its place, with tracks that the run has not seen; its own files are as they were."""
    new = learned / "music" / "metal" / "new.mp3"
    library_files.encode(new, library_files.music("metal", 21, 3.0)[0])
    yield learned / "music"
    new.unlink()


def _rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_no_answer_is_by_a_model_that_was_trained_on_the_track(learned: Path, library: Path, tmp_path: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in library.rglob("*.mp3")}
    write_audit(str(library), learned / "results", tmp_path / "out", audio=False)
    rows = _rows(tmp_path / "out" / "audit.csv")
    own = read_predictions(learned / "results" / "runs" / "logistic" / "folds").of_part("test")
    values = {
        str(name): dict(zip(own.labels, row, strict=True))
        for name, row in zip(own.names, own.probabilities, strict=True)
    }
    assert len(rows) == len(values) + 1
    for name, spread in values.items():
        row = rows[name]
        assert row["answer"] == OUT_OF_FOLD
        assert float(row["probability"]) == spread[row["likely"]]
        assert float(row["own_probability"]) == spread[row["genre"]]
    new = predict(run_to_load(learned / "results"), [library / "metal" / "new.mp3"]).rows[0]
    assert rows["metal/new.mp3"]["answer"] == PREDICTED
    assert float(rows["metal/new.mp3"]["probability"]) == new.probability
    assert next(iter(rows)) == WRONG
    assert (rows[WRONG]["verdict"], rows[WRONG]["likely"]) == ("conflict", "classical")
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in library.rglob("*.mp3")} == before


def test_an_answer_by_a_fold_to_which_the_genre_is_new_says_nothing(learned: Path) -> None:
    run = load_run(run_to_load(learned / "results"))
    artists = ["Anna"] * 4 + ["Bert"] * 2 + ["Cleo"]
    genres = ["blues"] * 5 + ["rock"] * 2
    tracks = [
        _track(str(number), genre, artist=artist)
        for number, (genre, artist) in enumerate(zip(genres, artists, strict=True))
    ]
    answers = [_said(0.9)] * 7

    def left(method: str) -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tonearm.library.honest.read_division", lambda folder: (method, None))
            found = without_lone_artists(run, tracks, answers, genres)
        return [track.name for track, answer in zip(tracks, found, strict=True) if not answer.reason]

    assert left("group") == ["4"]  # of the blues four tracks are Anna's: Bert's fold knows it, and hers knows one track
    assert left("stratified") == [track.name for track in tracks]


def test_a_track_is_recognised_where_it_was_moved_or_copied(learned: Path, library: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    (other / "metal" / "deep").mkdir(parents=True)
    shutil.copy(library / "metal" / "1.mp3", other / "metal" / "deep" / "another name.mp3")  # a copy, byte by byte
    shutil.copy(library / "metal" / "2.mp3", other / "metal" / "2.mp3")  # of the same name in its library
    shutil.copy(library / "metal" / "new.mp3", other / "metal" / "3 new.mp3")
    write_audit(str(other), learned / "results", tmp_path / "out", audio=False)
    rows = _rows(tmp_path / "out" / "audit.csv")
    assert {name: row["answer"] for name, row in rows.items()} == {
        "metal/deep/another name.mp3": OUT_OF_FOLD,
        "metal/2.mp3": OUT_OF_FOLD,
        "metal/3 new.mp3": PREDICTED,
    }
    shutil.copy(library / "metal" / "1.mp3", library / "metal" / "copy of 1.mp3")  # its original is in its place
    try:
        write_audit(str(library), learned / "results", tmp_path / "out3", audio=False)
        assert _rows(tmp_path / "out3" / "audit.csv")["metal/copy of 1.mp3"]["answer"] == OUT_OF_FOLD
    finally:
        (library / "metal" / "copy of 1.mp3").unlink()
    moved = learned / "music" / "metal" / "sub" / "4.mp3"
    moved.parent.mkdir()
    (library / "metal" / "4.mp3").rename(moved)
    try:
        write_audit(str(library), learned / "results", tmp_path / "out2", audio=False)
        assert _rows(tmp_path / "out2" / "audit.csv")["metal/sub/4.mp3"]["answer"] == OUT_OF_FOLD
    finally:
        moved.rename(library / "metal" / "4.mp3")
        moved.parent.rmdir()


def test_a_run_without_its_experiment_answers_only_for_what_it_has_not_seen(
    learned: Path, library: Path, tmp_path: Path
) -> None:
    shutil.copytree(learned / "results" / "runs" / "logistic" / "final", tmp_path / "alone")
    audit = write_audit(str(library), tmp_path / "alone", tmp_path / "out", audio=False)
    answered = [one.track.name for one in audit.tracks if one.kind != "not judged"]
    assert answered == ["metal/new.mp3"]
    assert {one.answer.reason for one in audit.tracks if one.kind == "not judged"} == {TRAINED_ON}


def test_the_command_writes_a_page_with_players_that_needs_nothing_else(
    learned: Path, library: Path, tmp_path: Path
) -> None:
    arguments = ["audit", str(library), "--run", str(learned / "results"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert f"{WRONG}  metal → classical" in done.output
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert "data:audio/mpeg;base64," in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    text = (tmp_path / "out" / "audit.md").read_text(encoding="utf-8")
    assert f"| {WRONG} | metal | classical |" in text


def test_names_are_escaped_on_the_page(tmp_path: Path) -> None:
    from tonearm.library.audit_page import audit_page
    from tonearm.report.clips import Excerpts

    evil = "<script>alert(1)</script>"
    tracks = [_track(f"{evil}{n}", "jazz", artist=evil, album=evil, title=evil) for n in range(3)]
    rows = [(track, _said(0.9)) for track in tracks]
    rows.append((_track("x", "rock", artist=evil, album=evil), _said(0.2)))
    rows.append((_track(evil, evil), _said(0.2)))
    found = _judged(rows)
    page = audit_page(found, mixed_albums(found), mixed_artists(found), evil, Excerpts({"folder": str(tmp_path)}))
    assert "<script" not in page
    assert page.count("&lt;script") > 5
