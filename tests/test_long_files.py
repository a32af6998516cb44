"""Long files: excerpts in bounded memory, a note for the user, and the search for copies, which hears all of them."""

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import signals
from tonearm.api import extract_features, extract_file_features, load_audio
from tonearm.data.catalog import read_catalog
from tonearm.dsp.audio import EXCERPTS, Waveform, read, resample, resample_blocks
from tonearm.dsp.sound import ClipSound, load
from tonearm.dsp.sources import mono
from tonearm.dsp.spectrum import Spectrum
from tonearm.representations.extract import extract_feature_table
from tonearm.representations.features import compute_columns, feature_columns
from tonearm.representations.features.representation import Features
from tonearm.scan.landmarks import compute_landmarks, find_matches, landmarks_of_blocks
from tonearm.scan.scan import listen
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings

SR = 8_000
TEN = AudioSettings(sr=SR, longest=10)


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """61 s at 8 kHz whose samples count upwards."""
    path = tmp_path_factory.mktemp("long") / "a.wav"
    soundfile.write(path, np.arange(61 * SR, dtype=np.float32) / (61 * SR), SR, subtype="FLOAT")
    return path


def test_excerpts_of_a_long_file_are_spread_from_its_start_to_its_end(long_file: Path) -> None:
    waveform = read(long_file, longest=10)
    whole, _ = soundfile.read(long_file, dtype="float32")
    starts = [round(number * (61 - 2) / (EXCERPTS - 1) * SR) for number in range(EXCERPTS)]
    assert np.array_equal(waveform.samples, np.concatenate([whole[start : start + 2 * SR] for start in starts]))
    assert (waveform.excerpts, waveform.seconds) == (True, 61.0)
    assert read(long_file, offset=51, longest=10).excerpts is False
    assert np.array_equal(read(long_file, 20.0, 10.0, longest=10).samples, whole[20 * SR : 30 * SR])
    assert np.array_equal(load_audio(long_file, SR), whole)


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.ogg", "a.opus", "a.m4a"])
def test_excerpts_of_compressed_files_are_the_same_sound(tmp_path: Path, name: str) -> None:
    """Decoded from the middle, a stretch is the same as when the whole file is decoded."""
    sound = np.concatenate([signals.tone(200.0 + 40.0 * second, 1.0, 0.3, 22_050) for second in range(30)])
    if name.endswith("m4a"):
        pytest.importorskip("av")
        from test_audio import write_m4a

        write_m4a(tmp_path / name, 22_050, sound)
    else:
        opus = {"format": "OGG", "subtype": "OPUS"} if name.endswith("opus") else {}
        soundfile.write(tmp_path / name, sound, 48_000 if opus else 22_050, **opus)
    whole = read(tmp_path / name)
    part = read(tmp_path / name, longest=10)
    size = 2 * whole.sr
    assert len(part.samples) == EXCERPTS * size
    for number in range(EXCERPTS):
        start = (len(whole.samples) - size) * number // (EXCERPTS - 1)
        piece = part.samples[number * size : (number + 1) * size]
        assert np.abs(piece - whole.samples[start : start + size]).max() < 1e-4


def test_a_compressed_file_too_long_to_be_kept_is_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av")
    from test_audio import write_m4a
    from tonearm.dsp import pyav

    write_m4a(tmp_path / "a.m4a", 22_050, signals.tone(440.0, 12.0, 0.3, 22_050))
    kept = read(tmp_path / "a.m4a", longest=10)
    monkeypatch.setattr(pyav, "KEPT", 1000)
    assert np.array_equal(read(tmp_path / "a.m4a", longest=10).samples, kept.samples)


def test_a_table_of_a_long_clip_says_so_also_when_it_is_resumed(tmp_path: Path, long_file: Path) -> None:
    for label, name in (("x", "long.wav"), ("y", "short.wav")):
        (tmp_path / "in" / label).mkdir(parents=True)
        sound = signals.band(2.0 if name == "short.wav" else 31.0)
        soundfile.write(tmp_path / "in" / label / name, sound, 22_050)
    catalog = read_catalog(DataSettings(folder=str(tmp_path / "in")))
    audio, features = AudioSettings(longest=10), FeatureSettings(families=("rms", "percussive"))
    first = extract_feature_table(catalog, audio, features, tmp_path / "out")
    again = extract_feature_table(catalog, audio, features, tmp_path / "out")
    assert (again.reused, first.excerpts) == (2, ("x/long.wav",))
    assert again.notes == first.notes
    assert "1 clip is longer than audio.longest" in first.notes[0]
    with (tmp_path / "out" / "features.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    expected = compute_columns(
        Spectrum(read(tmp_path / "in" / "x" / "long.wav", longest=10).samples, 22_050),
        features,
        feature_columns(features),
    )
    assert [float(row[column]) for column in feature_columns(features)] == expected.tolist()


def test_landmarks_do_not_depend_on_the_blocks_that_a_sound_comes_in() -> None:
    rng = np.random.default_rng(4)
    sound = (rng.standard_normal(30 * 11_025) * np.sin(np.arange(30 * 11_025) / 9_000)).astype(np.float32)
    whole = compute_landmarks(sound)
    assert len(whole.hashes) > 1_000
    for pieces, frames in ((1, 32), (7, 320), (1_000, 64)):
        blocks = landmarks_of_blocks(np.array_split(sound, pieces), frames)
        assert np.array_equal(blocks.hashes, whole.hashes)
        assert np.array_equal(blocks.frames, whole.frames)


def test_a_long_file_is_heard_to_its_end(tmp_path: Path) -> None:
    """The digest is that of all its samples, and an excerpt from any place is found in it."""
    settings = AudioSettings()
    seconds = int(settings.longest) + 40
    rng = np.random.default_rng(5)
    sound = (rng.standard_normal(seconds * SR) * 0.1 * np.sin(np.arange(seconds * SR) / 5_000)).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", sound, SR, subtype="FLOAT")
    with ClipSound(tmp_path / "long.wav") as clip:
        heard = listen(clip, settings)
        assert clip.excerpts is False
    assert heard.sample_digest == hashlib.sha256(f"{SR}:1:".encode() + sound.tobytes()).hexdigest()
    part = compute_landmarks(resample(sound[310 * SR : 335 * SR], SR, 11_025))
    assert heard.landmarks is not None
    [match] = find_matches([heard.landmarks, part])
    assert match.seconds == pytest.approx(310.0, abs=0.05)


def test_resampling_in_blocks_is_resampling() -> None:
    sound = signals.band(4.0)
    whole = resample(sound, 22_050, 11_025)
    blocks = np.concatenate(list(resample_blocks(iter(np.array_split(sound, 9)), 22_050, 11_025)))
    assert len(blocks) == len(whole)
    assert np.abs(blocks - whole).max() < 1e-5


def test_what_a_whole_file_gave_serves_every_limit_that_it_keeps(
    long_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonearm.dsp import sound as module

    reads: list[float | None] = []

    def count(path: Path, offset: float, duration: float | None, longest: float | None, *excerpts: Any) -> Waveform:
        reads.append(longest)
        return read(path, offset, duration, longest, *excerpts)

    monkeypatch.setattr(module, "read", count)
    with ClipSound(long_file) as clip:
        whole = clip.samples(AudioSettings(sr=SR, longest=100))
        assert clip.samples(AudioSettings(sr=SR, longest=61)) is not None
        before = clip.excerpts
        assert len(clip.samples(TEN)) == 10 * SR < len(whole)
        assert (before, clip.excerpts) == (False, True)
    assert reads == [100, 10]


def test_a_file_of_features_is_read_as_a_folder_is(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", signals.band(3.0), 22_050)
    row = extract_file_features(tmp_path / "a.wav", families=("rms",))
    assert row == extract_features(load(tmp_path / "a.wav", AudioSettings()), 22_050, families=("rms",))


def test_excerpts_are_the_middles_of_equal_shares(long_file: Path) -> None:
    whole, _ = soundfile.read(long_file, dtype="float32")
    middle = read(long_file, excerpts=1, excerpt_seconds=5.0)
    assert np.array_equal(middle.samples, whole[28 * SR : 33 * SR])
    assert (middle.seconds, middle.pieces) == (61.0, (5 * SR,))
    three = read(long_file, 1.0, excerpts=3, excerpt_seconds=2.0)
    assert np.array_equal(three.samples, np.concatenate([whole[at * SR : (at + 2) * SR] for at in (10, 30, 50)]))
    assert np.array_equal(read(long_file, excerpts=3, excerpt_seconds=30.0).samples, whole)  # shorter than three


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.opus", "a.flac", "a.m4a", "a.webm", "a.aac"])
def test_only_the_excerpt_is_decoded(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the sound from there, and a stretch far into a file is sought. Raw AAC tells no length and is measured."""
    rate = {"a.opus": 48_000, "a.webm": 48_000, "a.mp3": 44_100}.get(name, 22_050)
    sound = np.concatenate([signals.tone(200.0 + 20.0 * second, 1.0, 0.3, rate) for second in range(36)])
    if name in ("a.m4a", "a.webm", "a.aac"):
        pytest.importorskip("av")
        _write_av(tmp_path / name, sound, rate, "libopus" if name == "a.webm" else "aac")
    else:
        soundfile.write(
            tmp_path / name, sound, rate, **({"format": "OGG", "subtype": "OPUS"} if name == "a.opus" else {})
        )
    decoded = 0

    def counted(frames: Any) -> Any:
        nonlocal decoded
        decoded += len(frames)
        return mono(frames)

    for module in ("decoders", "pyav"):
        monkeypatch.setattr(f"tonearm.dsp.{module}.mono", counted)
    part = read(tmp_path / name, excerpts=1, excerpt_seconds=4.0)
    assert len(part.samples) == 4 * rate
    assert decoded < (50 if name == "a.aac" else 10) * rate
    whole = read(tmp_path / name)
    start = (len(whole.samples) - 4 * rate) // 2
    near = [
        np.abs(part.samples[2_000:-2_000] - whole.samples[start + at : start + at + 4 * rate][2_000:-2_000]).max()
        for at in range(-1_100, 1_101)
    ]
    assert min(near) < 1e-4  # headers and containers may be wrong by some milliseconds


def _write_av(path: Path, sound: Any, rate: int, codec: str) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        for at in range(0, len(sound), 1_024):
            frame = av.AudioFrame.from_ndarray(sound[None, at : at + 1_024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, at
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def test_the_row_of_a_track_is_the_mean_of_its_excerpts(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", signals.band(20.0), 22_050)
    settings = FeatureSettings(families=("rms", "mfcc"))
    three = Features.of(AudioSettings(excerpts=3, excerpt_seconds=2), settings)
    with ClipSound(tmp_path / "a.wav") as sound:
        [row] = three.open().read([sound])
        pieces = np.split(sound.samples(three.audio), 3)
        assert sound.excerpts is False  # that is for a note on what is too long
    assert np.allclose(
        row, np.mean([compute_columns(Spectrum(one, 22_050), settings, three.columns) for one in pieces], axis=0)
    )
    assert not np.allclose(row, compute_columns(Spectrum(np.concatenate(pieces), 22_050), settings, three.columns))
