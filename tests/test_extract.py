"""Extraction: same bytes however it ran, resumable at any moment, nothing lost to a broken clip."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import soundfile
from PIL import Image

import signals
from tonearm.data.catalog import Catalog, read_catalog
from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.data.tables import read_table
from tonearm.errors import CatalogError, TonearmError
from tonearm.representations.extract import Extraction, draw_spectrograms, extract_feature_table, load_features
from tonearm.representations.features import compute_features, feature_columns
from tonearm.representations.features.representation import Features
from tonearm.representations.shards import _divide
from tonearm.runtime import leftovers
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings, SpectrogramSettings

CHEAP = FeatureSettings(families=("rms", "mfcc"), statistics=("mean", "max"))
AUDIO = AudioSettings()
FILES = ("features.csv", "features.parquet", "failures.csv")


def music(folder: Path, clips: int = 6) -> Path:
    for index in range(clips):
        path = folder / ("rock" if index % 2 else "jazz") / f"{index:03d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, signals.tone(200.0 + 40 * index, 0.4), signals.SR)
    return folder


def catalog_of(folder: Path) -> Catalog:
    return read_catalog(DataSettings(folder=str(folder)))


def extract(folder: Path, out: Path, features: FeatureSettings = CHEAP, workers: int = 1) -> Extraction:
    return extract_feature_table(catalog_of(folder), AUDIO, features, out, workers)


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


def test_table_holds_each_clips_features_in_catalog_order(tmp_path: Path) -> None:
    folder = music(tmp_path / "g")
    extract(folder, tmp_path / "out")
    dataset = load_features(tmp_path / "out")
    clips = catalog_of(folder).clips
    assert dataset.names.tolist() == [clip.name for clip in clips]
    assert dataset.labels.tolist() == [clip.label for clip in clips]
    assert dataset.columns == feature_columns(CHEAP)
    assert dataset.representation == Features.of(AUDIO, CHEAP).facts()
    samples, _ = soundfile.read(clips[2].path, dtype="float32")
    assert np.array_equal(dataset.X[2], compute_features(samples, signals.SR, CHEAP))


def test_csv_equals_parquet_to_the_last_bit(tmp_path: Path) -> None:
    folder = music(tmp_path / "g")
    (folder / "null").mkdir()
    for name in ("NA.wav", "line\nbreak.wav", "car\rriage.wav", 'a, "b".wav', "Ænima ☂.wav"):
        soundfile.write(folder / "null" / name, signals.tone(300.0, 0.4), signals.SR)
    extract(folder, tmp_path / "out")
    from_csv, _ = read_table(DataSettings(folder=str(tmp_path / "out" / "features.csv")))
    from_parquet = load_features(tmp_path / "out")
    assert np.array_equal(from_csv.X, from_parquet.X)
    assert from_csv.names.tolist() == from_parquet.names.tolist()
    assert from_csv.labels.tolist() == from_parquet.labels.tolist() == [clip.label for clip in catalog_of(folder).clips]


def test_two_workers_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    folder = music(tmp_path / "g", clips=9)
    (folder / "rock" / "bad.wav").write_text("words")
    extract(folder, tmp_path / "one")
    extract(folder, tmp_path / "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_broken_clips_are_rows_and_the_others_go_on(tmp_path: Path) -> None:
    folder = music(tmp_path / "g")
    soundfile.write(folder / "rock" / "silent.wav", np.zeros(9_000), signals.SR)
    (folder / "rock" / 'odd, "name".wav').touch()
    (folder / "rock" / "folder.wav").mkdir()
    done = extract(folder, tmp_path / "out")
    assert (done.clips, len(done.failures)) == (9, 3)
    with (tmp_path / "out" / "failures.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[:2] for row in rows] == [
        ["filename", "kind"],
        ["rock/folder.wav", "directory"],
        ['rock/odd, "name".wav', "empty"],
        ["rock/silent.wav", "silent"],
    ]
    assert len(load_features(tmp_path / "out")) == 6


def test_a_fault_of_ours_is_a_row_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(spectrum: object, settings: FeatureSettings, columns: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("tonearm.representations.features.representation.compute_columns", fail)
    done = extract(music(tmp_path / "g", 2), tmp_path / "out")
    assert done.failures[0][1:] == ("internal", "ZeroDivisionError: by nothing; please report it")
    assert len(load_features(tmp_path / "out")) == 0


def test_numbers_that_are_none_never_reach_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "tonearm.representations.features.representation.compute_columns"
    monkeypatch.setattr(name, lambda spectrum, settings, columns: np.array([np.nan]))
    assert extract(music(tmp_path / "g", 2), tmp_path / "out").failures[0].kind == "nonfinite"


def test_a_moved_file_keeps_its_row(tmp_path: Path, decoded: list[str]) -> None:
    folder = music(tmp_path / "g")
    extract(folder, tmp_path / "out")
    first = load_features(tmp_path / "out")
    (folder / "disco" / "2020").mkdir(parents=True)
    (folder / first.names[0]).rename(folder / "disco" / "2020" / "renamed.wav")
    (folder / first.names[1]).replace(folder / first.names[2])  # whose own contents are lost
    decoded.clear()
    done = extract(folder, tmp_path / "out")
    assert (decoded, done.reused) == ([], 5)
    table = load_features(tmp_path / "out")
    assert table.names[0] == "disco/2020/renamed.wav"
    assert table.labels[0] == "disco"
    assert np.array_equal(table.X, first.X[[0, 1, 3, 4, 5]])
    assert extract(folder, tmp_path / "out").reused == 5


def test_other_contents_of_the_same_size_and_other_settings_are_computed(tmp_path: Path, decoded: list[str]) -> None:
    folder = music(tmp_path / "g", 2)
    extract(folder, tmp_path / "out")
    soundfile.write(folder / "jazz" / "new.wav", signals.tone(123.0, 0.4), signals.SR)
    assert (folder / "jazz" / "new.wav").stat().st_size == (folder / "jazz" / "000.wav").stat().st_size
    (folder / "jazz" / "000.wav").unlink()
    decoded.clear()
    assert extract(folder, tmp_path / "out").reused == 1
    assert decoded == ["new.wav"]
    (folder / "jazz" / "new.wav").rename(folder / "jazz" / "moved.wav")
    assert extract(folder, tmp_path / "out", FeatureSettings(families=("rms",))).reused == 0


def test_only_what_changed_is_computed_anew(tmp_path: Path) -> None:
    folder = music(tmp_path / "g")
    first = extract(folder, tmp_path / "out")
    before = contents(tmp_path / "out")
    again = extract(folder, tmp_path / "out")
    assert (first.computed, again.computed, again.reused) == (6, 0, 6)
    assert contents(tmp_path / "out") == before

    changed = folder / "rock" / "001.wav"
    soundfile.write(changed, signals.tone(999.0, 0.5), signals.SR)
    assert extract(folder, tmp_path / "out").computed == 1
    extract(folder, tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")

    changed.unlink()
    assert extract(folder, tmp_path / "out").computed == 0
    other = CHEAP.model_copy(update={"hop_length": 256})
    assert extract(folder, tmp_path / "out", other).computed == 5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no time of change")
def test_files_that_swap_names_are_noticed_though_size_and_time_are_equal(tmp_path: Path) -> None:
    folder = music(tmp_path / "g")
    first, second = folder / "jazz" / "000.wav", folder / "jazz" / "002.wav"
    for path in (first, second):
        os.utime(path, (1_000, 1_000))
    extract(folder, tmp_path / "out")
    first.rename(folder / "aside")
    second.rename(first)
    (folder / "aside").rename(second)
    assert extract(folder, tmp_path / "out").reused == 6  # each with the row of its contents
    extract(folder, tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_failures_are_tried_again_and_damaged_parts_made_anew(tmp_path: Path) -> None:
    folder = music(tmp_path / "g")
    (folder / "rock" / "bad.wav").touch()
    extract(folder, tmp_path / "out")
    before = contents(tmp_path / "out")
    assert extract(folder, tmp_path / "out").computed == 1
    part = sorted((tmp_path / "out" / "parts").glob("*.npz"))[0]
    part.write_bytes(part.read_bytes()[:50])
    assert extract(folder, tmp_path / "out").computed > 1
    assert contents(tmp_path / "out") == before


KILLED = """
import sys
from pathlib import Path
from tonearm.data.catalog import read_catalog
from tonearm.representations.extract import extract_feature_table
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings
features = FeatureSettings(families=("rms", "mfcc"), statistics=("mean", "max"))
catalog = read_catalog(DataSettings(folder=sys.argv[1]))
extract_feature_table(catalog, AudioSettings(), features, Path(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_started_again_ends_with_the_same_bytes(tmp_path: Path, workers: int) -> None:
    folder = music(tmp_path / "g", clips=120)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(out), str(workers)], start_new_session=True
    )
    parts = out / "parts"
    while len(list(parts.glob("*.npz"))) < 2 and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(1_000):  # a killed worker that waits for the disk still has its locks
        if all(leftovers._abandoned(path, owned=True) for path in parts.glob(".tonearm-*")):
            break
        time.sleep(0.01)
    assert not (out / "features.csv").exists()
    done = extract(folder, out, workers=workers)
    assert 0 < done.reused < 120
    extract(folder, tmp_path / "undisturbed")
    assert contents(out) == contents(tmp_path / "undisturbed")
    assert not list(parts.glob(".tonearm-*"))


def test_a_worker_that_dies_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    from tonearm.representations import shards

    monkeypatch.setattr(shards, "_work_on_shard", die)
    with pytest.raises(TonearmError, match="a worker process was killed"):
        extract(music(tmp_path / "g"), tmp_path / "out", workers=2)


def test_two_at_once_in_one_folder_are_refused(tmp_path: Path) -> None:
    import filelock

    folder = music(tmp_path / "g", 2)
    extract(folder, tmp_path / "out")
    with (
        filelock.FileLock(tmp_path / "out" / ".lock"),
        pytest.raises(TonearmError, match="another tonearm is writing there"),
    ):
        extract(folder, tmp_path / "out")


def test_the_folder_is_held_until_all_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonearm.runtime.files import write_csv

    folder = music(tmp_path / "g", 2)

    def write_while_another_starts(path: Path, *arguments: Any) -> None:
        with pytest.raises(TonearmError, match=r"another tonearm \(process \d+ on .*\) is writing there"):
            extract(folder, tmp_path / "out")
        write_csv(path, *arguments)

    monkeypatch.setattr("tonearm.representations.extract.write_csv", write_while_another_starts)
    assert extract(folder, tmp_path / "out").computed == 2


def test_progress_counts_every_clip(tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    folder = music(tmp_path / "g")
    (folder / "rock" / "bad.wav").touch()
    extract_feature_table(catalog_of(folder), AUDIO, CHEAP, tmp_path / "out", 1, lambda *numbers: seen.append(numbers))
    assert seen[0] == (0, 7, 0)
    assert seen[-1] == (7, 7, 1)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


def test_parquet_has_row_groups_of_one_size_so_memory_stays_flat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonearm.representations.row_files.ROWS_A_GROUP", 4)
    extract(music(tmp_path / "g", 9), tmp_path / "out")
    file = pyarrow.parquet.ParquetFile(tmp_path / "out" / "features.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4, 4, 1]


def test_pictures_lie_by_kind_and_label_and_are_made_once(tmp_path: Path) -> None:
    folder = music(tmp_path / "g", 4)
    (folder / "rock" / "bad.wav").touch()
    settings = SpectrogramSettings(kinds=("log", "mel"))
    done = draw_spectrograms(catalog_of(folder), AUDIO, settings, tmp_path / "one")
    assert [failure.kind for failure in done.failures] == ["empty"]
    pictures = sorted(path.relative_to(tmp_path / "one").as_posix() for path in (tmp_path / "one").rglob("*.png"))
    assert pictures == [
        f"{kind}/{label}/{number}.wav.png"
        for kind in ("log", "mel")
        for label, number in (("jazz", "000"), ("jazz", "002"), ("rock", "001"), ("rock", "003"))
    ]
    with Image.open(tmp_path / "one" / "log" / "rock" / "001.wav.png") as picture:
        assert (picture.size, picture.mode) == ((173, 172), "RGB")

    draw_spectrograms(catalog_of(folder), AUDIO, settings, tmp_path / "two", workers=2)
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in pictures)
    (tmp_path / "one" / "log" / "rock" / "001.wav.png").unlink()
    assert draw_spectrograms(catalog_of(folder), AUDIO, settings, tmp_path / "one").computed == 2  # it and bad.wav


def test_pictures_of_train_and_test_folders_stay_in_their_parts(tmp_path: Path) -> None:
    """Else the folder of a test without labels would be one more class among the pictures."""
    folder = tmp_path / "g"
    music(folder / "train", 4)
    music(folder / "test", 2)
    for path in sorted((folder / "test").rglob("*.wav")):
        path.rename(folder / "test" / path.name)
    shutil.copy(folder / "test" / "000.wav", folder / "train" / "unlabelled.wav")
    draw_spectrograms(catalog_of(folder), AUDIO, SpectrogramSettings(kinds=("log",)), tmp_path / "out")
    heard, seen = (
        catalog_of(folder),
        read_catalog(DataSettings(folder=str(tmp_path / "out" / "log")), PICTURE_EXTENSIONS),
    )
    assert seen.classes == heard.classes == ("jazz", "rock")
    assert [(f"{clip.name}.png", clip.label, clip.split) for clip in heard.clips] == [
        (clip.name, clip.label, clip.split) for clip in seen.clips
    ]


def test_pictures_of_clips_that_are_gone_are_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = music(tmp_path / "g", 4)
    settings = SpectrogramSettings(kinds=("log",))
    out = tmp_path / "out"
    draw_spectrograms(catalog_of(folder), AUDIO, settings, out)
    foreign = out / "log" / "jazz" / "not ours.png"
    foreign.touch()
    (folder / "jazz" / "000.wav").unlink()
    (folder / "jazz" / "002.wav").write_text("words")
    (folder / "soul").mkdir()
    (folder / "rock" / "001.wav").rename(folder / "soul" / "001.wav")
    draw_spectrograms(catalog_of(folder), AUDIO, settings, out)
    assert sorted(path.relative_to(out / "log").as_posix() for path in out.rglob("*.png")) == [
        "jazz/not ours.png",
        "rock/003.wav.png",
        "soul/001.wav.png",
    ]


def test_pictures_of_settings_given_up_half_way_are_not_taken_for_the_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, out = catalog_of(music(tmp_path / "g", 2)), tmp_path / "out"
    wanted, other = SpectrogramSettings(kinds=("log",)), SpectrogramSettings(kinds=("log",), colour_map="viridis")
    draw_spectrograms(catalog, AUDIO, wanted, out)
    before = {path: path.read_bytes() for path in out.rglob("*.png")}

    def stop(*arguments: object, **keywords: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("numpy.savez", stop)  # the pictures are drawn, the part is not written
        with pytest.raises(KeyboardInterrupt):
            draw_spectrograms(catalog, AUDIO, other, out)
    assert {path: path.read_bytes() for path in out.rglob("*.png")} != before
    draw_spectrograms(catalog, AUDIO, wanted, out)
    assert {path: path.read_bytes() for path in out.rglob("*.png")} == before


def test_two_clips_that_would_share_a_picture_are_refused(tmp_path: Path) -> None:
    folder = music(tmp_path / "g", 2)
    for album in ("a", "b"):
        (folder / "rock" / album).mkdir()
        soundfile.write(folder / "rock" / album / "1.wav", signals.tone(300.0, 0.3), signals.SR)
    with pytest.raises(CatalogError, match=r"would both become rock/1\.wav\.png"):
        draw_spectrograms(catalog_of(folder), AUDIO, SpectrogramSettings(), tmp_path / "out")


@pytest.mark.parametrize(
    ("clips", "largest", "most"), [(100, 12, 40), (1_000_000, 32, 31_400), (10_000_000, 320, 31_600)]
)
def test_shards_hold_every_clip_once_grow_with_the_library_and_shrink_to_the_end(
    clips: int, largest: int, most: int
) -> None:
    divided = list(_divide(list(range(clips)), 2))
    sizes = [len(shard) for shard in divided]
    assert sum(sizes) == clips
    assert [shard[0] for shard in divided] == [0, *np.cumsum(sizes)[:-1]]
    assert max(sizes) == largest
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1
    assert len(sizes) <= most


@pytest.mark.parametrize("label", ["../up", "/root", "Rock/Metal", "a\\b", ".."])
def test_a_label_that_is_no_folders_name_is_refused_before_anything_is_written(tmp_path: Path, label: str) -> None:
    folder = tmp_path / "g"
    folder.mkdir()
    soundfile.write(folder / "a.wav", signals.tone(300.0, 0.3), signals.SR)
    (folder / "metadata.csv").write_text(f"file_name,label\na.wav,{label}\n")
    with pytest.raises(CatalogError, match=r"cannot be a folder's name"):
        draw_spectrograms(catalog_of(folder), AUDIO, SpectrogramSettings(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
