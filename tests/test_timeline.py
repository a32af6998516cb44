"""Genre over time: windows as a stream, segments by Viterbi, and what is written of them."""

import csv
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

import signals
from library_files import music
from tonearm.api import train
from tonearm.cli import app
from tonearm.dsp import decoders
from tonearm.errors import AudioError, ConfigError, RunError, TonearmError
from tonearm.loaded import LoadedModel, load
from tonearm.prediction import predict
from tonearm.timeline import Segment, Window, segments, windows
from tonearm.timeline.driver import Timelines, write_timelines
from tonearm.timeline.envelope import Envelope
from tonearm.timeline.files import ENDINGS, MOST_TRACKS, audacity_labels, cue_sheet
from tonearm.timeline.listening import chosen, usual
from tonearm.timeline.smoothing import LEAST, shares

GENRES = ("classical", "metal", "hiphop")
SR = 22_050
WINDOW, HOP = 4.0, 2.0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that knows three genres of the built-in music."""
    folder = tmp_path_factory.mktemp("timeline")
    for genre, number in itertools.product(GENRES, range(5)):
        (folder / "music" / genre).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "music" / genre / f"{number}.wav", music(genre, number, 4.0)[0], SR)
    train(
        folder / "music",
        folder / "results",
        models={"logistic": {}},
        features={"preset": "gtzan57"},
        split={"valid": 0.0, "test": 0.2, "recordings": False},
        train={"calibrate": False},
    )
    return folder / "results"


@pytest.fixture(scope="module")
def model(run: Path) -> LoadedModel:
    """The same, ready to be asked."""
    return load(run)


@pytest.fixture(scope="module")
def mix() -> tuple[NDArray[np.float32], list[tuple[str, float]]]:
    """Songs of other recordings, joined with cross-fades of two seconds: samples, and where each genre ends."""
    plan = [("classical", 12.0), ("metal", 11.0), ("hiphop", 12.0)]
    fade = np.sin(np.linspace(0.0, np.pi / 2, 2 * SR)).astype(np.float32)
    joined = np.zeros(0, dtype=np.float32)
    ends: list[tuple[str, float]] = []
    for number, (genre, seconds) in enumerate(plan, start=20):
        song = music(genre, number, seconds)[0].copy()
        if len(joined):
            song[: len(fade)] *= fade
            song[: len(fade)] += joined[-len(fade) :] * fade[::-1]
            joined = joined[: -len(fade)]
            ends[-1] = (ends[-1][0], (len(joined) + len(fade) / 2) / SR)
        joined = np.concatenate([joined, song])
        ends.append((genre, len(joined) / SR))
    return joined, ends


def test_songs_that_are_joined_are_found_within_one_window(
    model: LoadedModel, mix: tuple[NDArray[np.float32], list[tuple[str, float]]], tmp_path: Path
) -> None:
    samples, truth = mix
    soundfile.write(tmp_path / "mix.mp3", samples, SR)
    found = segments(windows(model, tmp_path / "mix.mp3", WINDOW, HOP), stickiness=10.0)
    assert [segment.label for segment in found] == [genre for genre, _ in truth]
    for segment, (_, end) in zip(found, truth, strict=True):
        assert abs(segment.end - end) <= WINDOW
    assert found[0].start == 0.0
    assert all(segment.probability > 0.4 for segment in found)


@pytest.mark.parametrize(("sr", "channels", "block"), [(44_100, 2, 1 << 20), (16_000, 1, 5_000)])
def test_a_window_has_the_bits_of_a_file_that_holds_it(
    model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sr: int, channels: int, block: int
) -> None:
    """Two roads: the stream asked window by window, and the file cut by hand, its pieces predicted as files."""
    monkeypatch.setattr(decoders, "BLOCK", block)
    sound = np.stack([signals.band(13.3, seed, sr) for seed in range(channels)], axis=1)
    soundfile.write(tmp_path / "long.wav", sound, sr, subtype="FLOAT")
    found = list(windows(model, tmp_path / "long.wav", WINDOW, HOP))
    starts = [0.0, 2.0, 4.0, 6.0, 8.0, len(sound) / sr - WINDOW]
    assert [window.start for window in found] == pytest.approx(starts)
    assert found[-1].end == len(sound) / sr
    pieces = []
    for number, window in enumerate(found):
        first = round(window.start * sr)
        pieces.append(tmp_path / f"piece{number}.wav")
        soundfile.write(pieces[-1], sound[first : first + round(WINDOW * sr)], sr, subtype="FLOAT")
    for window, piece in zip(found, predict(model.run, pieces).rows, strict=True):
        assert dict(zip(window.labels, window.probabilities.tolist(), strict=True)) == piece.probabilities


def test_a_file_shorter_than_a_window_is_one(model: LoadedModel, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", signals.band(2.5), SR)
    [window] = windows(model, tmp_path / "short.wav", WINDOW, HOP)
    assert (window.start, window.end) == (0.0, 2.5)


def test_what_a_step_leaves_is_heard_once_more_and_nothing_twice(model: LoadedModel, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "even.wav", signals.band(8.0), SR)
    assert [window.end for window in windows(model, tmp_path / "even.wav", WINDOW, HOP)] == [4.0, 6.0, 8.0]


def _brute(listed: list[Window], stickiness: float) -> tuple[int, ...]:
    """The most probable sequence of labels, by trying all."""
    count = len(listed[0].labels)

    def score(path: tuple[int, ...]) -> float:
        total = 0.0
        for row, label in enumerate(path):
            window = listed[row]
            own = 1.0 if row + 1 == len(listed) else min(1.0, (listed[row + 1].start - window.start) / 10.0)
            if not window.reason:
                total += own * math.log(max(float(window.probabilities[label]), LEAST))
            if row:
                kept = math.exp(-(window.start - listed[row - 1].start) / stickiness)
                total += math.log((1 - kept) / count + (kept if label == path[row - 1] else 0.0))
        return total

    return max(itertools.product(range(count), repeat=len(listed)), key=score)


@given(
    st.lists(st.one_of(st.none(), st.tuples(*[st.floats(0.01, 1.0)] * 3)), min_size=1, max_size=6),
    st.floats(1.0, 200.0),
    st.floats(1.0, 12.0),
)
def test_segments_are_those_of_the_most_probable_sequence(
    rows: list[tuple[float, float, float] | None], stickiness: float, hop: float
) -> None:
    listed = [_window(number * hop, row) for number, row in enumerate(rows)]
    found = segments(listed, stickiness)
    path = _brute(listed, stickiness)
    labels = ["" if window.reason else "abc"[label] for window, label in zip(listed, path, strict=True)]
    heard = [next(one.label for one in found if one.start <= window.middle <= one.end) for window in listed]
    if None not in rows:  # where a window says nothing, two sequences may be alike
        assert heard == labels
    assert [found[0].start, found[-1].end] == [0.0, listed[-1].end]
    assert all(one.end == other.start and one.label != other.label for one, other in itertools.pairwise(found))
    assert all(bool(one.label) == (one.probability > 0) for one in found)


def _window(start: float, row: tuple[float, ...] | None) -> Window:
    values = np.zeros(0) if row is None else np.array(row) / sum(row)
    return Window(start, start + 10.0, ("a", "b", "c"), values, "all samples are zero" if row is None else "")


def test_no_stickiness_takes_each_window_at_its_word() -> None:
    listed = [_window(10.0 * number, row) for number, row in enumerate([(5, 1, 1), (1, 1.1, 1), (5, 1, 1)])]
    assert [one.label for one in segments(listed, 0.0)] == ["a", "b", "a"]
    assert [one.label for one in segments(listed, 30.0)] == ["a"]
    assert segments([], 30.0) == []


def test_shares_are_of_the_time_that_has_a_genre() -> None:
    found = [Segment(0.0, 30.0, "a", 0.9), Segment(30.0, 50.0, "", 0.0), Segment(50.0, 60.0, "b", 0.5)]
    assert shares(found) == {"a": 0.75, "b": 0.25}


@pytest.mark.parametrize("pieces", [1, 7, 100])
def test_the_outline_is_the_same_however_the_samples_come(pieces: int) -> None:
    sound = signals.noise(30.0)
    outline = Envelope()
    for piece in np.array_split(sound, pieces):
        outline.add(piece, SR)
    columns = outline.shape(50)
    assert outline.seconds == len(sound) / SR
    assert columns.max() == np.abs(sound).max()
    exact = np.array([np.abs(part).max() for part in np.array_split(sound, 50)])
    assert np.abs(columns - exact).max() < 0.15 * exact.max()


def _damaged(folder: Path) -> Iterator[tuple[str, float]]:
    """Recordings that break off, and about how many seconds of each can be read."""
    sound = signals.band(24.0)
    soundfile.write(folder / "cut.wav", sound, SR)
    data = (folder / "cut.wav").read_bytes()
    (folder / "cut.wav").write_bytes(data[: len(data) // 2])
    yield "cut.wav", 12.0
    soundfile.write(folder / "hole.flac", sound, SR)
    data = (folder / "hole.flac").read_bytes()
    middle = len(data) // 2
    (folder / "hole.flac").write_bytes(data[:middle] + b"\xaa" * 20_000 + data[middle + 20_000 :])
    yield "hole.flac", 12.0
    bad = sound.copy()
    bad[20 * SR :] = np.nan
    soundfile.write(folder / "nan.wav", bad, SR, subtype="FLOAT")
    yield "nan.wav", 20.0


def _heard(model: LoadedModel, path: Path) -> tuple[list[Window], AudioError | None]:
    """The windows of a recording up to where it breaks off, and the error there."""
    found: list[Window] = []
    try:
        found.extend(windows(model, path, WINDOW, HOP))  # extend takes up each window as it comes
    except AudioError as error:
        return found, error
    return found, None


def test_what_was_read_of_a_broken_recording_is_kept_and_said(
    run: Path, model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "BLOCK", SR)
    expected = dict(_damaged(tmp_path))
    for name in expected:
        found, error = _heard(model, tmp_path / name)
        assert found
        assert name in str(error)
    done = write_timelines(run, [tmp_path], tmp_path / "out", WINDOW, HOP)
    assert not done.failures
    assert len(done.broken) == len(done.rows) == len(expected)
    for row in done.rows:
        assert row.broken
        assert row.seconds == pytest.approx(expected[row.file], abs=3.0)
        assert row.segments[-1].end == row.seconds
        assert f"broken after 0:{round(row.seconds):02}: {row.broken}" in done.text()


def test_a_broken_m4a_is_read_as_far_as_it_goes(model: LoadedModel, tmp_path: Path) -> None:
    pytest.importorskip("av")
    from library_files import encode

    encode(tmp_path / "a.m4a", signals.band(20.0))
    whole = list(windows(model, tmp_path / "a.m4a", WINDOW, HOP))
    assert whole[-1].end == pytest.approx(20.0, abs=0.1)
    data = bytearray((tmp_path / "a.m4a").read_bytes())
    start = data.index(b"mdat")
    size = int.from_bytes(data[start - 4 : start], "big")
    data[start + size // 2 : start + size - 8] = bytes(size - 8 - size // 2)
    (tmp_path / "a.m4a").write_bytes(bytes(data))
    found, error = _heard(model, tmp_path / "a.m4a")
    assert error is not None
    assert 4.0 < found[-1].end < 16.0
    assert np.array_equal(found[0].probabilities, whole[0].probabilities)


def test_silence_has_no_genre(model: LoadedModel, tmp_path: Path) -> None:
    song = music("metal", 21, 11.0)[0]
    pause = np.zeros(12 * SR, dtype=np.float32)
    soundfile.write(tmp_path / "pause.wav", np.concatenate([song, pause, song]), SR)
    found = segments(windows(model, tmp_path / "pause.wav", WINDOW, HOP), stickiness=120.0)
    assert [segment.label for segment in found] == ["metal", "", "metal"]
    assert found[1].start == pytest.approx(11.0, abs=WINDOW)
    assert found[1].end == pytest.approx(23.0, abs=WINDOW)


@pytest.fixture
def library(tmp_path: Path, mix: tuple[NDArray[np.float32], list[tuple[str, float]]]) -> Path:
    """A folder of two recordings and a broken one."""
    folder = tmp_path / "mixes"
    (folder / "live").mkdir(parents=True)
    soundfile.write(folder / 'a "mix".mp3', mix[0], SR)
    soundfile.write(folder / "live" / "b.flac", mix[0][-5 * SR :], SR)
    (folder / "no.mp3").write_bytes(b"no music")
    return folder


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_files_say_the_same(run: Path, library: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = write_timelines(run, [library], out, WINDOW, HOP, 10.0, cue=True)
    assert [row.file for row in done.rows] == ['a "mix".mp3', "live/b.flac"]
    assert [failure.name for failure in done.failures] == ["no.mp3"]
    base = out / 'a "mix".mp3'
    record = json.loads(base.with_name(base.name + ".json").read_text(encoding="utf-8"))
    table = _rows(base.with_name(base.name + ".csv"))
    labels = base.with_name(base.name + ".txt").read_text(encoding="utf-8").splitlines()
    assert [row["label"] for row in table] == [one["label"] for one in record["segments"]]
    assert [float(row["start"]) for row in table] == [one["start"] for one in record["segments"]]
    assert [line.split("\t")[2] for line in labels] == [row["label"] for row in table]
    assert [float(line.split("\t")[1]) for line in labels] == pytest.approx(
        [float(row["end"]) for row in table], abs=1e-3
    )
    heard = _rows(base.with_name(base.name + ".windows.csv"))
    assert all(math.isclose(sum(float(row[f"p_{genre}"]) for genre in GENRES), 1.0) for row in heard)
    assert {row["file"] for row in _rows(out / "segments.csv")} == {'a "mix".mp3', "live/b.flac"}
    assert _rows(out / "failures.csv")[0]["filename"] == "no.mp3"
    cue = base.with_name(base.name + ".cue").read_text(encoding="utf-8")
    assert cue.startswith('FILE "a \'mix\'.mp3" MP3\n  TRACK 01 AUDIO\n    TITLE "classical"\n    INDEX 01 00:00:00\n')
    assert cue.count("INDEX 01") == len(table)
    svg = base.with_name(base.name + ".svg").read_text(encoding="utf-8")
    assert all(label in svg for label in ("classical", "metal", "hiphop"))


def test_what_is_done_is_not_heard_again(run: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name, seed in (("a.mp3", 1), ("b.flac", 2)):
        soundfile.write(source / name, signals.band(4.0, seed), SR)

    def again(**other: Any) -> Timelines:
        return write_timelines(run, [source], out, WINDOW, HOP, **other)

    assert (again().reused, again().reused) == (0, 2)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    (out / "a.mp3.svg").unlink()  # as a killed command leaves it
    assert again().reused == 1
    (out / "b.flac.json").write_text("{}", encoding="utf-8")
    assert again(workers=2).reused == 1
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    soundfile.write(source / "b.flac", signals.band(4.0, 3), SR)
    assert again().reused == 1
    assert again(stickiness=5.0).reused == 0
    assert {path.name for path in out.iterdir()} >= {f"{name}{end}" for name in ("a.mp3", "b.flac") for end in ENDINGS}


def test_progress_is_by_time(run: Path, library: Path, tmp_path: Path) -> None:
    from contextlib import contextmanager

    told: list[tuple[int, int, int]] = []

    @contextmanager
    def counting(title: str, unit: str) -> Iterator[Any]:
        yield lambda done, total, failed: told.append((done, total, failed))

    write_timelines(run, [library], tmp_path / "out", WINDOW, HOP, counting=counting)
    seconds = [done for done, _, _ in told]
    assert seconds == sorted(seconds)
    assert {total for _, total, _ in told} == {36}  # 31 s and 5 s; of what cannot be opened no length is known
    assert told[-1] == (36, 36, 1)


def test_mistakes_are_one_sentence(run: Path, model: LoadedModel, library: Path, tmp_path: Path) -> None:
    for lengths, said in [((0.01, None), "--window 0.01"), ((4.0, 5.0), "--hop 5"), ((400.0, None), "400")]:
        with pytest.raises(ConfigError, match=said):
            chosen(model, *lengths)
    other = tmp_path / "other"
    other.mkdir()
    soundfile.write(other / "b.flac", signals.band(2.0), SR)
    with pytest.raises(RunError, match="would have the name of that of"):
        write_timelines(run, [library / "live" / "b.flac", other / "b.flac"], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TonearmError, match="no clips found"):
        write_timelines(run, [tmp_path / "empty"], tmp_path / "out2")


def test_the_command_says_segments_and_what_was_left_out(run: Path, library: Path, tmp_path: Path) -> None:
    arguments = ["timeline", str(library), "--run", str(run), "--out", str(tmp_path / "out"), "--window", "4"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "live/b.flac  0:05, 1 segment" in done.output
    assert "left out: 1 recording" in done.output
    assert CliRunner().invoke(app, [*arguments, "--strict"]).exit_code == 3
    only = CliRunner().invoke(app, ["timeline", str(library / "no.mp3"), *arguments[2:]])
    assert only.exit_code == 1


def test_a_cue_sheet_has_at_most_99_tracks() -> None:
    many = [Segment(float(at), at + 1.0 + (at % 3 == 0) * 0.5, f"g{at}", 0.9) for at in range(150)]
    sheet = cue_sheet("m.flac", many)
    assert sheet.count("TRACK") == MOST_TRACKS
    assert 'FILE "m.flac" WAVE' in sheet
    times = [line.split()[-1] for line in sheet.splitlines() if "INDEX" in line]
    assert times == sorted(times)
    assert audacity_labels([Segment(0.0, 1.0, "a\tb\n", 0.5)]) == "0.000\t1.000\ta b\n"


def test_windows_are_those_of_the_encoder_where_a_row_is_a_mean_over_them(tiny_encoders: Path) -> None:
    from types import SimpleNamespace

    from tonearm.representations.encoders.representation import Embeddings
    from tonearm.settings import AudioSettings, EncoderSettings

    def of(pool: Any) -> Any:
        facts = Embeddings.of("musicnn", AudioSettings(), EncoderSettings(pool=pool)).facts()
        return SimpleNamespace(run=SimpleNamespace(representation=facts))

    assert usual(of("mean")) == (2.992, 2.992)  # 187 frames of 256 samples at 16 kHz
    assert usual(of("mean+std")) == (10.0, 5.0)


def test_a_run_that_skips_the_start_of_files_skips_none_of_a_window(model: LoadedModel, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", signals.band(6.0), SR)
    facts = dict(model.run.representation)
    skipping = LoadedModel(replace(model.run, representation={**facts, "audio": {**facts["audio"], "offset": 30.0}}))
    short = LoadedModel(replace(model.run, representation={**facts, "audio": {**facts["audio"], "duration": 3.0}}))
    assert [one.reason for one in windows(skipping, tmp_path / "a.wav", WINDOW, HOP)] == ["", ""]
    assert usual(short) == (3.0, 3.0)
    with pytest.raises(ConfigError, match="to 3 s for this run"):
        chosen(short, 4.0, None)
