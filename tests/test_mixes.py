"""A mix is named and ties nothing; a song and its excerpts stay one recording."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

import signals
from test_experiment import config
from tonearm.data.catalog import Clip, read_catalog
from tonearm.dsp.audio import resample
from tonearm.experiment.inputs import read_inputs
from tonearm.scan.landmarks import SR, compute_landmarks
from tonearm.scan.scan import Recordings, Sound, find_recordings, scan_catalog
from tonearm.settings import DataSettings

SECONDS = 6.0


@pytest.fixture(scope="module")
def songs() -> list[np.ndarray]:
    return [signals.bells(SECONDS, seed) for seed in range(4)]


def recordings(samples: list[np.ndarray], labels: str, artists: str, labelled: bool = True) -> Recordings:
    """What is one recording among clips 0, 1, …, whose labels and artists are one letter each, "-" if unknown."""
    clips = [
        Clip("", str(number), label.strip("-"), artist.strip("-"))
        for number, (label, artist) in enumerate(zip(labels, artists, strict=True))
    ]
    sounds = [Sound(0.0, SR, 1, "", "", "", "", compute_landmarks(resample(one, signals.SR, SR))) for one in samples]
    return find_recordings(clips, sounds, labelled)


def tied(found: Recordings) -> list[tuple[str, ...]]:
    return [group.names for group in found.duplicates]


@pytest.mark.parametrize(("label", "artists"), [("-", "ABCDA-"), ("x", "ABCDA-"), ("x", "------")])
def test_a_mix_ties_nothing_and_true_copies_stay_tied(songs: list[np.ndarray], label: str, artists: str) -> None:
    samples = [*songs, songs[0][int(signals.SR) :] / 2, np.concatenate(songs)]
    found = recordings(samples, "xyxyx" + label, artists)
    assert tied(found) == [("0", "4")]
    [mix] = found.collections
    assert (mix.name, mix.tied) == ("5", False)
    assert set(mix.contains) == {"0", "1", "2", "3", "4"}
    begins = dict(zip(mix.contains, mix.seconds, strict=True))
    assert begins["2"] == pytest.approx(2 * SECONDS, abs=0.5)


def test_a_mix_with_crossfades_and_parts_of_tracks_is_a_mix(songs: list[np.ndarray]) -> None:
    rate = signals.SR
    mix = np.zeros(int(18.5 * rate), dtype=np.float32)
    for number, song in enumerate(songs):
        part = song[: int(5.0 * rate)]
        mix[int(4.5 * number * rate) :][: len(part)] += part
    found = recordings([*songs, mix], "xyxy-", "ABCD-")
    assert tied(found) == []
    assert [collection.name for collection in found.collections] == ["4"]


@pytest.mark.parametrize("artists", ["----", "AAAA", "-AA-"])
def test_a_song_and_disjoint_excerpts_of_it_stay_one_recording(artists: str) -> None:
    song = signals.bells(18.0, 5)
    excerpts = [song[int(start * signals.SR) :][: int(5 * signals.SR)] for start in (0.0, 6.0, 12.0)]
    found = recordings([song, *excerpts], "xxxx", artists)
    assert tied(found) == [("0", "1", "2", "3")]
    assert [(collection.name, collection.tied) for collection in found.collections] == [("0", True)]


def test_a_track_that_two_mixes_play_leaves_both_mixes_mixes(songs: list[np.ndarray]) -> None:
    long, short = np.concatenate(songs), np.concatenate([songs[3], songs[1], songs[0]])
    found = recordings([*songs, short, long], "xyxyxx", "ABCD--")
    assert [(collection.name, collection.tied) for collection in found.collections] == [("4", False), ("5", False)]
    assert not any({"0", "1", "2", "3"} & {*group} for group in tied(found))


def test_an_unlabelled_clip_ties_nothing_in_a_training_and_is_found_by_a_scan() -> None:
    song = signals.bells(12.0, 6)
    half = int(6 * signals.SR)
    samples = [song, song[:half], song[half:]]
    assert tied(recordings(samples, "-xx", "---")) == []
    thirds = [song[start : start + half // 2] for start in range(0, 2 * half, 2 * half // 3)][:3]
    [collection] = recordings([song, *thirds], "-xxx", "----").collections
    assert collection.sentence().startswith("0 has no label, and ties nothing together: it contains 3 other clips")
    assert tied(recordings(samples, "-xx", "---", labelled=False)) == [("0", "1", "2")]


def test_scan_and_training_name_the_mix(songs: list[np.ndarray], tmp_path: Path) -> None:
    music = tmp_path / "music"
    for number, song in enumerate(songs):
        (music / "xy"[number % 2]).mkdir(parents=True, exist_ok=True)
        soundfile.write(music / "xy"[number % 2] / f"{number}.wav", song, signals.SR)
    soundfile.write(music / "mix.wav", np.concatenate(songs), signals.SR)
    catalog = read_catalog(DataSettings(folder=str(music)))
    report = scan_catalog(catalog)
    assert "long files that contain several others: 1\n  mix.wav is a mix, and ties nothing" in report.text()
    [collection] = report.to_json()["collections"]
    assert (collection["name"], collection["contains"]) == ("mix.wav", ("x/0.wav", "y/1.wav", "x/2.wav", "y/3.wav"))
    assert report.duplicates == ()
    for _ in range(2):  # searched for, and kept
        data = read_inputs(config(music, models={"logistic": {}}), tmp_path / "out")
        assert any(note.startswith("mix.wav is a mix, and ties nothing together: it contains 4") for note in data.notes)
        assert set(data.clips.groups) == {""}
