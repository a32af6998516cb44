"""The same recording is found in every disguise, and other music is left alone."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import signals
from tonearm.data.catalog import read_catalog
from tonearm.dsp.audio import resample
from tonearm.scan.landmarks import HOP, SR, Landmarks, compute_landmarks, find_groups, find_matches
from tonearm.scan.scan import scan_catalog
from tonearm.settings import DataSettings

Samples = NDArray[np.float32]


def through(samples: Samples, format: str) -> Samples:
    """The samples after encoding and decoding."""
    target = io.BytesIO()
    soundfile.write(target, samples, signals.SR, format=format)
    target.seek(0)
    decoded: Samples = soundfile.read(target, dtype="float32")[0]
    return decoded


DISGUISES: dict[str, Any] = {
    "copy": lambda y: y,
    "mp3": lambda y: through(y, "MP3"),
    "ogg": lambda y: through(y, "OGG"),
    "louder": lambda y: 1.9 * y,
    "quieter": lambda y: y / 4,
    "cut at the start": lambda y: y[int(2.345 * signals.SR) :],
    "excerpt": lambda y: y[int(3.21 * signals.SR) : int(8.21 * signals.SR)],
    "noise": lambda y: y + signals.noise(len(y) / signals.SR, 0.002, seed=99)[: len(y)],
}
LATER = {"cut at the start": 2.345, "excerpt": 3.21}


def marks(samples: Samples) -> Landmarks:
    return compute_landmarks(resample(np.ascontiguousarray(samples, dtype=np.float32), signals.SR, SR))


@pytest.fixture(scope="module")
def songs() -> list[Samples]:
    return [signals.bells(12.0, seed) for seed in range(6)]


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_recording_is_found_in_disguise_with_its_offset(songs: list[Samples], disguise: str) -> None:
    clips = [marks(song) for song in songs] + [marks(DISGUISES[disguise](songs[2]))]
    matches = find_matches(clips)
    assert [(match.first, match.second) for match in matches] == [(2, 6)]
    assert matches[0].seconds == pytest.approx(LATER.get(disguise, 0.0), abs=0.04)


def test_other_songs_are_not_one_recording_even_on_one_beat(songs: list[Samples]) -> None:
    assert find_matches([marks(song) for song in songs]) == []
    assert find_matches([marks(signals.band(12.0, seed)) for seed in range(6)]) == []


def test_silence_and_what_is_too_short_have_no_landmarks() -> None:
    for samples in (np.zeros(SR, np.float32), np.zeros(100, np.float32)):
        assert len(compute_landmarks(samples).hashes) == 0
    assert find_matches([compute_landmarks(np.zeros(SR, np.float32))] * 2) == []
    assert find_matches([]) == []


def test_the_index_finds_what_all_pairs_would(songs: list[Samples]) -> None:
    """Another road: votes of a pair counted by comparing every hash of one with every hash of the other."""
    one, other = marks(songs[0]), marks(songs[0][int(1.7 * signals.SR) :])
    [match] = find_matches([one, other])
    equal = one.hashes[:, None] == other.hashes[None, :]
    offsets = (one.frames[:, None].astype(int) - other.frames[None, :])[equal]
    counts = {offset: int((np.abs(offsets - offset) <= 1).sum()) for offset in set(offsets.tolist())}
    assert match.votes == max(counts.values())
    assert counts[round(match.seconds * SR / HOP)] == match.votes


def test_a_hash_that_is_everywhere_tells_nothing() -> None:
    common = Landmarks(np.arange(500, dtype=np.uint64), np.arange(500, dtype=np.int32))
    assert len(find_matches([common] * 10)) == 45
    assert find_matches([common] * 70) == []


def test_scan_names_the_group_the_offset_and_the_contradiction(songs: list[Samples], tmp_path: Path) -> None:
    for label in ("rock", "metal"):
        (tmp_path / label).mkdir()
    soundfile.write(tmp_path / "metal" / "a.wav", songs[0], signals.SR, subtype="FLOAT")
    soundfile.write(tmp_path / "rock" / "b.ogg", songs[0][2 * signals.SR :], signals.SR)
    soundfile.write(tmp_path / "rock" / "c.wav", songs[1], signals.SR, subtype="FLOAT")
    soundfile.write(tmp_path / "rock" / "d.flac", songs[1].clip(-1, 1) / 2, signals.SR)
    soundfile.write(tmp_path / "rock" / "e.wav", songs[2], signals.SR, subtype="FLOAT")
    report = scan_catalog(read_catalog(DataSettings(folder=str(tmp_path))))
    assert [group.names for group in report.duplicates] == [
        ("metal/a.wav", "rock/b.ogg"),
        ("rock/c.wav", "rock/d.flac"),
    ]
    text = report.text()
    assert "!!! THE SAME MUSIC WITH DIFFERENT LABELS: 1 group" in text
    assert "same recording: metal/a.wav (metal) = rock/b.ogg (rock) 2.0 s later" in text
    assert "same recording: rock/c.wav (rock) = rock/d.flac (rock)" in text
    assert report.to_json()["duplicates"][0]["seconds"] == (0.0, pytest.approx(2.0, abs=0.04))


def test_groups_are_tied_by_others() -> None:
    from tonearm.scan.landmarks import Match

    chain = [Match(5, 6, 0.0, 50, 0.5), Match(0, 5, 0.0, 50, 0.5), Match(2, 3, 0.0, 50, 0.5), Match(6, 9, 0.0, 50, 0.5)]
    assert sorted(find_groups(chain)) == [(0, 5, 6, 9), (2, 3)]


@pytest.mark.shared
def test_real_clips_are_found_in_disguise_and_never_taken_for_others(shared: Path) -> None:
    paths = sorted((shared / "clips").glob("*/*.flac"))
    clips = [soundfile.read(path, dtype="float32")[0] for path in paths]
    landmarks = [marks(clip) for clip in clips]
    chosen = range(0, len(clips), 8)
    wanted = set()
    for number in chosen:
        for disguise in DISGUISES.values():
            wanted.add((number, len(landmarks)))
            landmarks.append(marks(disguise(clips[number])))
    source = [*range(len(clips)), *(number for number in chosen for _ in DISGUISES)]
    found = {(match.first, match.second) for match in find_matches(landmarks)}
    assert wanted <= found  # recall: every copy
    assert all(source[one] == source[other] for one, other in found)  # precision: nothing else
