"""What scan says of folders and tables whose faults are known."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

import signals
from tonearm.data.catalog import read_catalog
from tonearm.data.tables import read_table
from tonearm.errors import TonearmError
from tonearm.scan.findings import ScanReport
from tonearm.scan.scan import scan_catalog, scan_dataset
from tonearm.settings import DataSettings


def write(path: Path, hertz: float, sr: int = signals.SR, seconds: float = 0.5) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (signals.tone(hertz, seconds, sr=sr) * 32_767).astype(np.int16)  # the same in WAV and FLAC
    soundfile.write(path, samples, sr)


def scan(folder: Path, workers: int = 1) -> ScanReport:
    return scan_catalog(read_catalog(DataSettings(folder=str(folder))), workers)


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    write(tmp_path / "rock" / "1.wav", 300)
    write(tmp_path / "rock" / "2.wav", 400, sr=44_100, seconds=1.0)
    write(tmp_path / "jazz" / "3.wav", 500)
    write(tmp_path / "jazz" / "4.flac", 500)
    shutil.copy(tmp_path / "rock" / "1.wav", tmp_path / "jazz" / "5.wav")
    soundfile.write(tmp_path / "jazz" / "silent.wav", np.zeros(9_000), signals.SR)
    (tmp_path / "rock" / "empty.mp3").touch()
    (tmp_path / "rock" / "cover.jpg").touch()
    return tmp_path


def test_counts_durations_faults_and_duplicates(faulty: Path) -> None:
    report = scan(faulty)
    assert (report.clips, report.classes) == (7, {"jazz": 4, "rock": 3})
    assert (report.seconds, report.shortest, report.longest) == (3.0, 0.5, 1.0)
    assert report.rates == {22_050: 4, 44_100: 1}
    assert report.channels == {1: 5}
    assert [(problem.name, problem.kind) for problem in report.problems] == [
        ("jazz/silent.wav", "silent"),
        ("rock/empty.mp3", "empty"),
    ]
    assert [(group.same, group.names, group.contradicts) for group in report.duplicates] == [
        ("bytes", ("jazz/5.wav", "rock/1.wav"), True),
        ("samples", ("jazz/3.wav", "jazz/4.flac"), False),
    ]
    assert report.ignored == {".jpg": 1}


def test_the_text_shouts_contradictions_before_all_else(faulty: Path) -> None:
    text = scan(faulty).text()
    assert "7 clips in 2 classes" in text
    assert "!!!   same bytes: jazz/5.wav (jazz) = rock/1.wav (rock)" in text
    assert text.index("!!!") < text.index("same samples") < text.index("unusable: 2 clips")
    assert "22050 Hz (4), 44100 Hz (1)" in text
    assert "not known, so a split cannot keep them apart" in text


def test_two_workers_see_the_same(faulty: Path) -> None:
    assert scan(faulty, workers=2) == scan(faulty)


def test_a_worker_that_dies_is_a_clear_error(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonearm.scan import scan as module

    monkeypatch.setattr(module, "_read_some", lambda paths, audio: os.kill(os.getpid(), signal.SIGKILL))
    monkeypatch.setattr(module, "CLIPS_A_TASK", 2)
    with pytest.raises(TonearmError, match="a worker process was killed"):
        scan(faulty, workers=2)


def test_json_holds_everything(faulty: Path) -> None:
    values = json.loads(json.dumps(scan(faulty).to_json()))
    assert values["duplicates"][0]["contradicts"] is True
    assert values["problems"][0] == {
        "name": "jazz/silent.wav",
        "kind": "silent",
        "reason": "all 9000 samples are zero",
    }


def test_long_lists_are_cut_in_the_text_only(tmp_path: Path) -> None:
    for index in range(30):
        (tmp_path / "rock").mkdir(exist_ok=True)
        (tmp_path / "rock" / f"{index}.wav").touch()
    report = scan(tmp_path)
    assert "… and 10 more; --json lists them all" in report.text()
    assert len(report.to_json()["problems"]) == 30


def test_clean_music_has_nothing_to_report(tmp_path: Path) -> None:
    write(tmp_path / "rock" / "1.wav", 300)
    assert scan(tmp_path).text().endswith("no broken files, no duplicates")


@pytest.mark.shared
def test_exact_repetitions_in_the_public_table_are_found(shared: Path) -> None:
    dataset, notes = read_table(
        DataSettings(folder=str(shared / "features_30_sec.csv"), metadata=str(shared / "metadata.csv"))
    )
    report = scan_dataset(dataset, "table", notes)
    # the same rows found by pandas: a second road
    import pandas as pd

    frame = pd.DataFrame(dataset.X)
    assert sum(len(group.names) for group in report.duplicates) == int(frame.duplicated(keep=False).sum())
    assert report.clips == 710
    worst = report.duplicates[0]  # Sturm's index knows it: one recording as metal and as rock
    assert (worst.names, worst.labels) == (("metal.00058.wav", "rock.00016.wav"), ("metal", "rock"))
