"""The built-in set on disk: the same everywhere, complete, and wrong exactly where truth.csv says so."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tonearm.data.catalog import read_catalog
from tonearm.errors import TonearmError
from tonearm.jam import FORMATS, GENRES, Format, JamSummary, render_jam
from tonearm.jam.faults import QUIETER, SHIFT, clean_cuts, plant
from tonearm.jam.record import bands, record
from tonearm.jam.sound import SR
from tonearm.scan.scan import scan_catalog
from tonearm.settings import DataSettings

pytest.importorskip("midirenderer", reason="needs the extra demo")

CLIPS, SECONDS = 4, 2.0


@pytest.fixture(scope="module")
def jam(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, JamSummary, list[tuple[int, int, int]]]:
    folder = tmp_path_factory.mktemp("jam") / "music"
    seen: list[tuple[int, int, int]] = []
    summary = render_jam(
        folder, clips_per_genre=CLIPS, seconds=SECONDS, seed=5, progress=lambda *state: seen.append(state)
    )
    return folder, summary, seen


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def truth(folder: Path, kind: str) -> list[dict[str, str]]:
    return [row for row in table(folder / "truth.csv") if row["fault"] == kind]


def samples(path: Path) -> NDArray[np.int16]:
    sound, sr = soundfile.read(path, dtype="int16")
    assert sr == SR
    return np.asarray(sound)


Jam = tuple[Path, JamSummary, list[tuple[int, int, int]]]


def test_the_listing_is_complete_and_tells_of_no_fault(jam: Jam) -> None:
    folder, summary, seen = jam
    rows = table(folder / "metadata.csv")
    assert list(rows[0]) == ["file_name", "label", "artist", "tempo", "key"]
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*.wav")}
    assert {row["file_name"] for row in rows} == on_disk
    assert len(rows) == summary.clips == 10 * CLIPS
    assert Counter(row["label"] for row in rows) == dict.fromkeys(GENRES, CLIPS)
    assert all(row["label"] == row["file_name"].split("/")[0] for row in rows)
    assert all(row["artist"] and row["key"] and 55 < float(row["tempo"]) < 220 for row in rows)
    assert summary.artists == len({row["artist"] for row in rows})
    assert summary.size == sum(path.stat().st_size for path in folder.rglob("*.wav"))
    assert [state[0] for state in seen] == list(range(1, 41))
    assert {state[1:] for state in seen} == {(40, 0)}
    assert "40 clips of 2 s" in summary.text()


def test_artists_play_the_genre_that_the_truth_says(jam: Jam) -> None:
    folder = jam[0]
    real = {row["file_name"]: row["true_label"] for row in table(folder / "truth.csv")}
    for row in table(folder / "metadata.csv"):
        genre = real.get(row["file_name"], row["label"])
        assert row["artist"] in {band.name for band in bands(5, genre)}


def test_every_kind_of_fault_is_there(jam: Jam) -> None:
    folder, summary, _seen = jam
    kinds = Counter(row["fault"] for row in table(folder / "truth.csv"))
    assert kinds == summary.faults
    assert kinds == {"duplicate": 2, "offset": 1, "level": 1, "label": 1, "truncated": 1, "silent": 1, "empty": 1}


def test_duplicates_are_the_same_samples_one_pair_across_classes(jam: Jam) -> None:
    folder = jam[0]
    pairs = truth(folder, "duplicate")
    for row in pairs:
        np.testing.assert_array_equal(samples(folder / row["file_name"]), samples(folder / row["partner"]))
    assert [row["label"] != row["true_label"] for row in pairs].count(True) == 1
    assert all(row["true_label"] == row["partner"].split("/")[0] for row in pairs)


def test_the_other_level_is_the_same_recording_six_decibels_softer(jam: Jam) -> None:
    folder = jam[0]
    (row,) = truth(folder, "level")
    soft, loud = samples(folder / row["file_name"]), samples(folder / row["partner"])
    assert np.abs(soft - loud * 10 ** (QUIETER / 20)).max() <= 1.01  # a rounding each
    assert row["label"] == row["true_label"]


def test_the_other_offset_overlaps_sample_by_sample(jam: Jam) -> None:
    folder = jam[0]
    (row,) = truth(folder, "offset")
    late, early = samples(folder / row["file_name"]), samples(folder / row["partner"])
    shift = round(SHIFT * SECONDS * SR)
    np.testing.assert_array_equal(early[shift:], late[:-shift])
    assert len(early) == len(late)
    assert (early != late).any()


def test_a_wrong_label_hides_music_of_the_true_one(jam: Jam) -> None:
    folder = jam[0]
    (row,) = truth(folder, "label")
    assert row["label"] != row["true_label"]
    cut = next(cut for cut in plant(clean_cuts(CLIPS), CLIPS, 5, "wav") if cut.name("wav") == row["file_name"])
    assert (cut.genre, cut.label) == (row["true_label"], row["label"])
    made = np.rint(record(5, cut.genre, cut.number, SECONDS).samples * 32_768)
    assert np.abs(samples(folder / row["file_name"]) - made).max() <= 1


def test_broken_files_are_broken_as_listed(jam: Jam) -> None:
    folder = jam[0]
    (silent,), (empty,), (truncated,) = (truth(folder, kind) for kind in ("silent", "empty", "truncated"))
    quiet = samples(folder / silent["file_name"])
    assert len(quiet) == SECONDS * SR
    assert not quiet.any()
    assert (folder / empty["file_name"]).stat().st_size == 0
    data = (folder / truncated["file_name"]).read_bytes()
    promised = int.from_bytes(data[4:8], "little") + 8  # RIFF's own length
    assert len(data) < promised / 2


def test_all_other_files_are_whole_and_heard(jam: Jam) -> None:
    folder = jam[0]
    broken = {row["file_name"] for kind in ("silent", "empty", "truncated") for row in truth(folder, kind)}
    for row in table(folder / "metadata.csv"):
        if row["file_name"] not in broken:
            sound = samples(folder / row["file_name"])
            assert len(sound) == SECONDS * SR
            assert 0.01 < np.std(sound / 32_768) < 0.5


def test_two_processes_make_the_same_bytes_and_a_second_call_finishes_a_first(jam: Jam, tmp_path: Path) -> None:
    folder = jam[0]
    again = tmp_path / "music"
    render_jam(again, clips_per_genre=CLIPS, seconds=SECONDS, seed=5, workers=2)
    (again / "metadata.csv").unlink()
    (again / "jazz" / "jazz.00000.wav").unlink()
    (again / "jazz" / ".tonearm-left.wav").write_bytes(b"half")
    render_jam(again, clips_per_genre=CLIPS, seconds=SECONDS, seed=5, workers=2)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(again).as_posix() for path in again.rglob("*") if path.is_file())
    assert all((folder / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_another_set_never_mixes_with_this_one(jam: Jam) -> None:
    with pytest.raises(TonearmError, match="other settings"):
        render_jam(jam[0], clips_per_genre=CLIPS, seconds=SECONDS, seed=6)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all I have")
    with pytest.raises(TonearmError, match="not an empty folder"):
        render_jam(tmp_path, clips_per_genre=1, seconds=1.0, clean=True)
    with pytest.raises(TonearmError, match="not an empty folder"):
        render_jam(tmp_path / "thesis.txt", clips_per_genre=1, seconds=1.0, clean=True)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_holds_the_same_music(format: Format, tmp_path: Path) -> None:
    summary = render_jam(tmp_path, clips_per_genre=1, seconds=1.0, clean=True, format=format)
    assert summary.faults == {}
    assert "planted faults: none" in summary.text()
    assert table(tmp_path / "truth.csv") == []
    sound, _sr = soundfile.read(tmp_path / "rock" / f"rock.00000.{format}")
    made = record(0, "rock", 0, 1.0).samples
    error = np.sqrt(np.mean((sound - made) ** 2))
    assert error < (0.2 * np.std(made) if format == "ogg" else 2 / 32_768)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"clips_per_genre": 0}, "clips per genre = 0"),
        ({"seconds": 0.5}, "seconds = 0.5"),
        ({"seed": -1}, "seed = -1"),
        ({"format": "mp3"}, "wav, flac, ogg, au"),
        ({"clips_per_genre": 3}, "--clean"),
    ],
)
def test_what_cannot_be_rendered_is_refused_with_the_limits(
    wrong: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(TonearmError, match=message):
        render_jam(tmp_path / "music", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "music").exists()


def test_scan_finds_what_was_planted_and_nothing_else(jam: Jam) -> None:
    folder = jam[0]
    catalog = read_catalog(DataSettings(folder=str(folder)))
    found = scan_catalog(catalog)
    problems = {problem.name: problem.kind for problem in found.problems}
    kinds = ("truncated", "silent", "empty")
    assert problems == {row["file_name"]: kind for kind in kinds for row in truth(folder, kind)}
    pairs = [row for kind in ("duplicate", "offset", "level") for row in truth(folder, kind)]
    assert {frozenset(group.names) for group in found.duplicates} == {
        frozenset((row["file_name"], row["partner"])) for row in pairs
    }
    across = next(row for row in pairs if row["label"] != row["true_label"])
    assert [across["file_name"] in group.names for group in found.duplicates if group.contradicts] == [True]
    assert {clip.group for clip in catalog.clips} == {row["artist"] for row in table(folder / "metadata.csv")}


@settings(max_examples=40, deadline=None)
@given(st.integers(4, 40), st.integers(0, 2**32))
def test_no_file_has_two_faults_and_partners_are_sound(clips: int, seed: int) -> None:
    cuts = plant(clean_cuts(clips), clips, seed, "wav")
    names = {cut.name("wav"): cut for cut in cuts}
    assert len(names) == 10 * clips
    partners = [cut.partner for cut in cuts if cut.partner]
    assert len(partners) == len(set(partners))
    assert all(not names[partner].fault for partner in partners)
    assert all(cut.label != cut.genre for cut in cuts if cut.fault == "label")
    recordings = Counter((cut.genre, cut.number) for cut in cuts if not cut.partner)
    assert max(recordings.values()) == 1  # only planted twins share a recording


def test_the_default_set_has_enough_faults_to_judge_by_and_few_enough_to_learn_from() -> None:
    kinds = Counter(cut.fault for cut in plant(clean_cuts(30), 30, 0, "wav"))
    assert kinds["label"] == 10
    assert kinds["duplicate"] == 3
    assert kinds["offset"] + kinds["level"] == 4
    assert sum(count for kind, count in kinds.items() if kind) <= 0.07 * 300
