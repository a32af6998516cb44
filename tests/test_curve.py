"""Learning curves: nested subsets, the plain run at full size, promises that hold, and what is not promised."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from typer.testing import CliRunner

import tonearm
from tables import clouds, write_table
from test_report import Tags
from tonearm.cli import app
from tonearm.config import Config, load_config, parse_config
from tonearm.curve import run_curve
from tonearm.curve.estimate import Measured
from tonearm.curve.promise import Promise, promise
from tonearm.curve.subsets import Axis, axes, nested_order
from tonearm.data.dataset import Dataset
from tonearm.data.tables import read_table
from tonearm.errors import RunError
from tonearm.evaluation.power_law import PowerLaw, fit_power_law, fit_power_laws
from tonearm.experiment.experiment import run_experiment
from tonearm.report import write_report
from tonearm.settings import CurveSettings, DataSettings, SplitSettings
from tonearm.splits.divide import divide

SIZES = np.array([20.0, 32.0, 56.0, 96.0, 160.0])
SMALL = {"sizes": [0.2, 0.4, 1.0], "repeats": 2}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("curve") / "t.csv", *clouds(150, spread=5.0))


def config(table: Path, **sections: Any) -> Config:
    given_ = {"models": {"logistic": {}}, "split": {"folds": 3, "valid": 0.0}, "curve": SMALL, **sections}
    return parse_config({"data": {"folder": str(table)}, **given_})


def written(out: Path) -> dict[str, bytes]:
    """What a person reads of a curve, without the settings."""
    return {path.name: path.read_bytes() for path in (out / "curve").glob("curve.*")}


def kept(out: Path) -> dict[str, int]:
    """The trainings that are kept, and when they were written; a kill may leave a temporary file beside them."""
    return {path.name: path.stat().st_mtime_ns for path in (out / "curve").glob("points/[!.]*.json")}


# which clips


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 2**16))
def test_every_beginning_of_an_order_holds_all_classes_in_even_shares(strata: list[int], seed: int) -> None:
    of_unit = np.unique(strata, return_inverse=True)[1]
    place, least = nested_order(np.arange(len(strata)), of_unit, of_unit, np.random.default_rng(seed))
    assert sorted(place) == list(range(len(strata)))
    counts = np.bincount(of_unit)
    assert least == len(counts)  # one of each
    for size in range(least, len(strata) + 1):
        inside = np.bincount(of_unit[place < size], minlength=len(counts))
        assert (inside >= 1).all()
        assert np.abs(inside - size * counts / len(strata)).max() <= len(counts) + 1


def collection(rng: np.random.Generator) -> Dataset:
    """Artists with one to five clips each, of three classes; some artists make music of two, some clips have none."""
    artists = [f"a{number}" for number in range(30) for _ in range(rng.integers(1, 6))] + [""] * 5
    home = {artist: rng.integers(3) for artist in artists}
    labels = ["xyz"[home[artist] if rng.random() < 0.8 else rng.integers(3)] for artist in artists]
    names = np.array([f"{row}.wav" for row in range(len(artists))], dtype=object)
    blank = np.full(len(artists), "", dtype=object)
    groups = np.array(artists, dtype=object)
    return Dataset(np.zeros((len(artists), 1)), names, np.array(labels, dtype=object), groups, blank)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16))
def test_subsets_are_nested_and_never_hold_a_clip_that_judges(seed: int) -> None:
    clips = collection(np.random.default_rng(seed))
    division = divide(clips, SplitSettings(folds=3, method="group", valid=0.0, seed=seed))
    by_artist, by_clip = axes(clips, division.splits, CurveSettings(repeats=2, sizes=(0.2, 0.4, 0.7, 1.0)), seed)
    for number, split in enumerate(division.splits):
        for axis in (by_artist, by_clip):
            check_nested(axis, number, split.train, split.test, clips)
        artists = [clips.groups[row] or row for row in range(len(clips))]
        for repeat, rows in enumerate(by_artist.rows[0][number]):
            rest = np.setdiff1d(split.train, rows)
            assert not {artists[row] for row in rows} & {artists[row] for row in rest}  # whole artists
            for size, shared in enumerate(by_clip.shared[:-1]):
                own = by_clip.rows[size][number][repeat]
                assert {artists[row] for row in own} == {artists[row] for row in split.train}
                assert shared < 0 or len(own) == len(by_artist.rows[shared][number][repeat])


def check_nested(axis: Axis, number: int, train: NDArray[np.intp], test: NDArray[np.intp], clips: Dataset) -> None:
    assert axis.rows[-1][number][0].tolist() == train.tolist()
    for repeat in range(2):
        chain = [set(size[number][min(repeat, len(size[number]) - 1)].tolist()) for size in axis.rows]
        assert all(less <= more for less, more in pairwise(chain))
        assert not chain[-1] & set(test.tolist())
        assert all({*clips.labels[list(rows)]} == {*clips.labels[train]} for rows in chain)


# the trainings


@pytest.fixture(scope="module")
def made(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment and a curve in one folder."""
    out = tmp_path_factory.mktemp("made") / "out"
    both = config(table, models={"logistic": {}, "trees": {"n_estimators": 5}})
    run_experiment(both, out)
    run_curve(both, out)
    return out


def test_at_full_size_a_curve_is_the_plain_run(made: Path) -> None:
    board = {row["model"]: row for row in json.loads((made / "leaderboard.json").read_text())["models"]}
    curve = json.loads((made / "curve" / "curve.json").read_text())
    assert [model["model"] for model in curve["models"]] == ["logistic", "trees"]
    for model in curve["models"]:
        for axis in model["axes"]:
            last = axis["sizes"][-1]
            assert last["accuracy"] == pytest.approx(board[model["model"]]["scores"]["test"]["accuracy"], abs=1e-12)
            assert last["interval"] == pytest.approx(board[model["model"]]["interval"], abs=1e-12)


def test_the_rows_are_the_accuracies(made: Path) -> None:
    with (made / "curve" / "curve.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == "logistic" and row["by"] == "artist"]
    [axis] = [
        axis
        for axis in json.loads((made / "curve" / "curve.json").read_text())["models"][0]["axes"]
        if axis["by"] == "artist"
    ]
    assert len(rows) == 3 * (2 + 2 + 1)
    for number, size in enumerate(axis["sizes"], start=1):
        own = [row for row in rows if row["size"] == str(number)]
        right = sum(float(row["accuracy"]) * int(row["judged"]) for row in own)
        assert size["accuracy"] == pytest.approx(right / sum(int(row["judged"]) for row in own))
        assert size["artists"] == pytest.approx(np.mean([int(row["artists"]) for row in own]))


def test_two_workers_make_the_same_curve_as_one(table: Path, made: Path, tmp_path: Path) -> None:
    models = {"logistic": {}, "trees": {"n_estimators": 5}}
    run_curve(config(table, models=models, train={"workers": 2}), tmp_path)
    assert written(tmp_path) == written(made)
    assert kept(tmp_path).keys() == kept(made).keys()


def test_a_killed_curve_goes_on_and_ends_with_the_same_bytes(table: Path, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        f'[data]\nfolder = "{table.as_posix()}"\n[models.logistic]\nsolver = "gradient-descent"\nepochs = 6000\n'
        '[curve]\nby = ["artist"]\nsizes = [0.4, 1]\nrepeats = 4\n'
    )
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "tonearm", "curve", str(tmp_path / "c.toml"), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
    deadline = time.monotonic() + 60
    while len(kept(out)) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = kept(out)
    assert not (out / "curve" / "curve.csv").exists()
    said: list[str] = []
    run_curve(load_config(tmp_path / "c.toml"), out, said.append)
    assert any(f"{len(before)} of them there already" in line for line in said)
    assert before.items() <= kept(out).items()
    run_curve(load_config(tmp_path / "c.toml"), tmp_path / "whole")
    assert written(out) == written(tmp_path / "whole")
    assert kept(out).keys() == kept(tmp_path / "whole").keys()
    assert not list(out.glob("curve/unfinished/*"))


def test_a_training_that_fails_is_a_row_and_its_size_is_left_out(table: Path, tmp_path: Path) -> None:
    failing = config(table, models={"logistic": {"solver": "gradient-descent", "learning_rate": 1.7e308}})
    found = run_curve(failing, tmp_path)
    assert found.failed == len(found.rows)
    assert {row.accuracy for row in found.rows} == {None}
    assert all(not axis.sizes for axis in found.record.models[0].axes)
    assert "diverged" in found.text
    before = kept(tmp_path)
    run_curve(failing, tmp_path)
    assert not before.items() & kept(tmp_path).items()  # tried again


def test_where_no_artists_are_known_it_goes_by_clips_alone_and_says_so(table: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.csv"
    with table.open(newline="") as file, alone.open("w", newline="") as copy:
        csv.writer(copy).writerows(row[:2] + row[3:] for row in csv.reader(file))
    found = tonearm.learning_curve(alone, sizes=[0.3, 1], models={"logistic": {}}, curve={"repeats": 2})
    assert [axis.by for axis in found.record.models[0].axes] == ["clip"]
    assert "no artists are known" in found.text
    assert set(found.trainings["artists"]) == {0}
    clips = read_table(DataSettings(folder=str(table)))[0]
    with_artists = tonearm.learning_curve(table, by="artist", sizes=[0.3, 1], models={"logistic": {}})
    assert set(with_artists.table["by"]) == {"artist"}
    assert with_artists.table["artists"].max() < len({*clips.groups})
    assert with_artists.promise("logistic") is None
    with pytest.raises(tonearm.ConfigError, match="known: logistic by artist"):
        with_artists.promise("logistik")


def artists_and_clips(folder: Path, artist_effect: float, clip_effect: float) -> Path:
    """A table of 60 artists with 8 clips each; how far artists are from their class, and clips from their artist."""
    generator = np.random.default_rng(0)
    labels = np.array(["bass", "middle", "treble"], dtype=object)[np.arange(60) % 3]
    centres = 1.5 * np.eye(12)[np.arange(60) % 3] + artist_effect * generator.normal(size=(60, 12))
    X = np.repeat(centres, 8, axis=0) + clip_effect * generator.normal(size=(480, 12))
    names = [f"{row}.wav" for row in range(480)]
    with (folder / "m.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "label", "artist", *"abcdefghijkl"])
        for row, name in enumerate(names):
            writer.writerow([name, labels[row // 8], f"artist {row // 8}", *X[row].tolist()])
    return folder / "m.csv"


@pytest.mark.parametrize(
    ("effects", "says"), [((0.9, 0.02), "more artists help more than"), ((0.0, 1.0), "these clips do not tell")]
)
def test_artists_help_more_than_clips_where_the_clips_of_an_artist_are_alike(
    effects: tuple[float, float], says: str, tmp_path: Path
) -> None:
    curve = {"sizes": [0.2, 0.4, 1.0], "repeats": 3}
    split = {"folds": 4, "valid": 0.0, "leaks": "allow", "recordings": False}
    found = run_curve(config(artists_and_clips(tmp_path, *effects), curve=curve, split=split), tmp_path / "out")
    assert says in " ".join(found.text.split())


# the law and its promises


@pytest.mark.parametrize("law", [(0.2, 1.5, 0.5), (0.0, 0.9, 0.2), (0.35, 3.0, 0.9)])
def test_a_law_is_recovered_from_its_own_errors(law: tuple[float, float, float]) -> None:
    errors = PowerLaw(*law).a + law[1] * SIZES ** -law[2]
    assert fit_power_law(SIZES, errors, np.array([1.0, 2.0, 1.0, 4.0, 1.0])) == pytest.approx(law, abs=1e-6)


def test_the_fit_is_that_of_scipy_and_the_grid_comes_near(rng: np.random.Generator) -> None:
    spread = np.array([0.03, 0.02, 0.02, 0.01, 0.01])
    for _ in range(5):
        errors = 0.2 + 1.4 * SIZES**-0.5 + 0.3 * spread * rng.normal(size=5)
        own = fit_power_law(SIZES, errors, spread**-2)
        [grid] = fit_power_laws(SIZES, errors[None], spread**-2)

        def loss(law: Any, errors: NDArray[np.float64] = errors) -> float:
            return float(np.sum(((law[0] + law[1] * SIZES ** -law[2] - errors) / spread) ** 2))

        theirs, _ = curve_fit(
            lambda n, a, b, c: a + b * n**-c, SIZES, errors, (0.1, 1.0, 0.4), spread, bounds=([0, 0, 0.02], [1, 99, 1])
        )
        assert loss(own) <= loss(theirs) * (1 + 1e-6) + 1e-9
        assert loss(own) <= loss(grid) <= 1.05 * loss(own) + 1e-3


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def simulated(seed: int, law: PowerLaw, effect: float = 0.2, repeats: int = 3, artists: int = 200) -> Measured:
    """Five folds of artists with four clips each; each training artist moves the accuracy by its own effect, too."""
    generator = np.random.default_rng(seed)
    effects, skill = generator.normal(0, effect, artists), generator.normal(0, 0.15, artists)
    fold = generator.permutation(artists) % 5
    right, judged = np.zeros((artists, len(SIZES), 5, repeats)), np.zeros((artists, 5))
    for number in range(5):
        test, train = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        judged[test, number] = 4
        for repeat in range(repeats):
            order = generator.permutation(train)
            for size, amount in enumerate(SIZES.astype(int)):
                same = (
                    np.random.default_rng([seed, number]) if amount == len(train) else generator
                )  # one training for all
                chance = 1 - law.at(amount) + effects[order[:amount]].mean() + skill[test]
                right[test, size, number, repeat] = (same.random((4, len(test))) < chance).sum(axis=0)
    return Measured(SIZES, SIZES / SIZES[-1], right, judged)


@pytest.mark.parametrize("law", [PowerLaw(0.2, 1.2, 0.4), PowerLaw(0.3, 1.0, 0.5)])
def test_a_promise_holds_in_most_simulated_collections(law: PowerLaw) -> None:
    promises = [promise(simulated(seed, law), "artist") for seed in range(12)]
    kept_ = [found for found in promises if isinstance(found, Promise)]
    assert len(kept_) >= 10
    truth, gain = 1 - law.at(320), law.at(160) - law.at(320)
    assert sum(found.interval.low <= truth <= found.interval.high for found in kept_) >= len(kept_) - 1
    assert sum(found.gain_interval.low <= gain <= found.gain_interval.high for found in kept_) >= len(kept_) - 1


def test_the_spread_over_collections_is_found_beside_that_of_the_judged_clips() -> None:
    found = [simulated(seed, PowerLaw(0.3, 1.0, 0.5), effect=0.4).collection_spread() for seed in range(12)]
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(0.4 / np.sqrt(160), rel=0.3)
    none = [simulated(seed, PowerLaw(0.3, 1.0, 0.5), effect=0.0).collection_spread() for seed in range(12)]
    assert np.sqrt(np.mean(np.square(none))) < 0.01


def part(measured: Measured, sizes: list[int]) -> Measured:
    """The measured with some of its sizes."""
    return Measured(measured.amounts[sizes], measured.shares[sizes], measured.right[:, sizes], measured.judged)


def test_what_is_not_determined_is_not_promised() -> None:
    good = simulated(0, PowerLaw(0.2, 1.2, 0.4))
    backwards = Measured(good.amounts, good.shares, good.right[:, ::-1], good.judged)
    flat = simulated(0, PowerLaw(0.3, 0.0, 0.5), effect=0.0)
    steep = simulated(1, PowerLaw(0.1, 1.6, 0.4))
    few = Measured(steep.amounts, steep.shares, steep.right[:8], steep.judged[:8])
    near = Measured(good.amounts + 100, good.shares, good.right, good.judged)
    for measured, says in (
        (part(good, [0, 2, 4]), "3 sizes are too few"),
        (near, "span less than a factor of 3"),
        (backwards, "more than chance"),
        (flat, "does not measurably rise"),
        (Measured(good.amounts, good.shares, good.right[..., :1], good.judged), "curve.repeats = 1"),
        (
            Measured(good.amounts, good.shares, good.right.sum(axis=0)[None], good.judged.sum(axis=0)[None]),
            "one artist",
        ),
        (few, "wider than 0.3"),
    ):
        found = promise(measured, "artist")
        assert isinstance(found, str)
        assert says in found


# what a person sees


def test_the_printed_tables_fit_into_80_columns(made: Path, table: Path) -> None:
    models = "models={logistic={},trees={n_estimators=5}}"
    chosen = [
        f'data.folder="{table.as_posix()}"',
        models,
        "split={folds=3,valid=0.0}",
        "curve={sizes=[0.2,0.4,1.0],repeats=2}",
    ]
    (made / "c.toml").write_text("")
    arguments = ["curve", str(made / "c.toml"), "--out", str(made)]
    done = CliRunner().invoke(app, [*arguments, *(word for one in chosen for word in ("--set", one))])
    assert done.exit_code == 0, done.output
    text = (made / "curve" / "curve.md").read_text()
    assert text in done.stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "there already" in done.stderr


def test_the_report_shows_the_curve_and_a_damaged_one_is_told(made: Path) -> None:
    html = write_report(made).read_text()
    assert "What to collect" in html
    assert html.count("<polygon") >= 2
    assert not Tags(html).open
    path = made / "curve" / "curve.json"
    before = path.read_bytes()
    for name, wrong in (("accuracy", 1.5), ("artists", 0.0), ("interval", [0.9, 0.1])):
        whole = json.loads(before)
        whole["models"][0]["axes"][0]["sizes"][0][name] = wrong
        path.write_text(json.dumps(whole))
        with pytest.raises(RunError, match=r"curve.json: is damaged .* run `tonearm curve` again"):
            write_report(made)
    path.write_bytes(before)
