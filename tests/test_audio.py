"""Samples against librosa's, every rate, width and channel count, and every kind of broken file."""

import os
import socket
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import signals
from tonearm.dsp.audio import read, resample
from tonearm.dsp.sound import load
from tonearm.errors import AudioError
from tonearm.settings import AudioSettings

STANDARD = AudioSettings()


def failure(path: Path, shortest: int = 2048) -> AudioError:
    with pytest.raises(AudioError) as caught:
        load(path, STANDARD, shortest)
    assert str(path) in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("name", "subtype", "sr", "channels"),
    [
        ("a.wav", "PCM_U8", 8_000, 1),
        ("a.wav", "PCM_24", 48_000, 2),
        ("a.wav", "FLOAT", 96_000, 6),
        ("a.WAV", "DOUBLE", 22_050, 1),
        ("a.au", "PCM_16", 22_050, 1),
        ("a.au", "ULAW", 8_000, 2),
        ("a.aiff", "PCM_32", 44_100, 8),
        ("a.flac", "PCM_16", 192_000, 2),
        ("a.ogg", "VORBIS", 44_100, 2),
        ("a.mp3", "MPEG_LAYER_III", 44_100, 2),
    ],
)
def test_samples_equal_librosas(tmp_path: Path, name: str, subtype: str, sr: int, channels: int) -> None:
    sounds = [signals.tone(300.0 * (i + 1), 1.0, 0.2, sr) + signals.noise(1.0, 0.01, i, sr) for i in range(channels)]
    soundfile.write(tmp_path / name, np.stack(sounds, axis=1), sr, subtype=subtype)
    ours = load(tmp_path / name, STANDARD)
    theirs, _ = librosa.load(tmp_path / name, sr=22_050)
    assert ours.dtype == np.float32
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs).max() < 1e-6


def test_offset_and_duration_cut_out_that_part(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", signals.band(4.0), 22_050, subtype="FLOAT")
    whole = load(tmp_path / "a.wav", STANDARD)
    part = load(tmp_path / "a.wav", AudioSettings(offset=1.0, duration=2.0))
    assert np.array_equal(part, whole[22_050 : 3 * 22_050])
    with pytest.raises(AudioError, match=r"ends after 4\.000 s, before offset 9 s"):
        load(tmp_path / "a.wav", AudioSettings(offset=9.0))


def test_a_tone_keeps_its_pitch_through_a_change_of_rate() -> None:
    changed = resample(signals.tone(1_000.0, 1.0, 0.5, 48_000), 48_000, 22_050)
    spectrum = np.abs(np.fft.rfft(changed * np.hanning(len(changed))))
    assert np.argmax(spectrum) * 22_050 / len(changed) == pytest.approx(1_000.0, abs=1.0)


def test_levels_above_full_scale_are_kept(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", signals.tone(440.0, 1.0, 3.0), 22_050, subtype="FLOAT")
    assert load(tmp_path / "a.wav", STANDARD).max() == pytest.approx(3.0, rel=1e-3)


@pytest.mark.parametrize("name", ["a.wav", "a.au", "a.aiff", "a.flac", "a.mp3"])
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_a_file_cut_off_is_noticed(tmp_path: Path, name: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / name, signals.band(4.0), 22_050)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    assert failure(tmp_path / name).kind in ("truncated", "undecodable")
    capfd.readouterr()  # the MP3 decoder writes its own complaints


@pytest.mark.parametrize("announced", [2**32 - 1, 0])
def test_a_file_of_unknown_length_is_read_to_its_end(tmp_path: Path, announced: int) -> None:
    soundfile.write(tmp_path / "a.au", signals.tone(440.0, 1.0), 22_050)
    content = bytearray((tmp_path / "a.au").read_bytes())
    content[8:12] = announced.to_bytes(4, "big")
    (tmp_path / "a.au").write_bytes(content)
    if announced:
        assert len(load(tmp_path / "a.au", STANDARD)) == 22_050
    else:
        assert failure(tmp_path / "a.au").kind == "empty"


def test_each_broken_file_says_what_is_wrong(tmp_path: Path) -> None:
    bad = signals.tone(440.0, 1.0)
    bad[100:103] = [np.nan, np.inf, -np.inf]
    soundfile.write(tmp_path / "nan.wav", bad, 22_050, subtype="FLOAT")
    soundfile.write(tmp_path / "silent.wav", np.zeros(22_050), 22_050)
    soundfile.write(tmp_path / "short.wav", signals.tone(440.0, 0.05), 22_050)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 22_050)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not music at all, just words\n" * 50)
    (tmp_path / "words.mp3").write_text("not music at all, just words\n" * 50)
    (tmp_path / "header.wav").write_bytes((tmp_path / "silent.wav").read_bytes()[:30])
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "link.wav").symlink_to(tmp_path / "gone.wav")
    found = {path.stem: failure(path) for path in sorted(tmp_path.iterdir())}
    assert {name: error.kind for name, error in found.items()} == {
        "nan": "nonfinite",
        "silent": "silent",
        "short": "short",
        "none": "empty",
        "empty": "empty",
        "text": "undecodable",
        "words": "undecodable",
        "header": "undecodable",
        "folder": "directory",
        "link": "missing",
    }
    assert "3 of 22050 samples" in str(found["nan"])
    assert "0.050 s are left to analyse and 0.093 s are needed" in str(found["short"])
    assert "no sound was found in it" in str(found["words"])  # libsndfile says that there is no such file
    assert failure(tmp_path / "nothing.wav").kind == "missing"


@pytest.mark.parametrize("name", ["a.au", "a.snd", "a.wav", "a.mp3", "a.flac", "a.ogg", "a.m4a", "a.aiff"])
def test_the_contents_decide_what_a_file_is_and_never_its_name(tmp_path: Path, name: str) -> None:
    """libsndfile would take every .au and .snd that it does not understand for raw samples at 8 kHz."""
    if name == "a.m4a":
        pytest.importorskip("av")
    rng = np.random.default_rng(3)
    for content in (b"<!DOCTYPE html><title>404</title>" * 999, rng.bytes(40_000), b"\0" * 40_000):
        (tmp_path / name).write_bytes(content)
        assert failure(tmp_path / name).kind == "undecodable"


@pytest.mark.parametrize("rate", [0, 1, 999, 2_000_000_000])
def test_a_damaged_rate_is_refused_before_anything_is_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", signals.tone(440.0, 1.0), 22_050)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    error = failure(tmp_path / "a.wav")
    assert error.kind in ("unsupported", "undecodable")
    if rate:
        assert f"{rate:,} Hz, and rates from 1,000 to 1,000,000 Hz are read" in str(error)


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.wav")  # nobody writes to it: opening it would never return
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    (tmp_path / "pipe.flac").symlink_to(tmp_path / "fifo.wav")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.mp3"))
    found = {path.stem: failure(path).reason for path in tmp_path.iterdir()}
    assert found["fifo"] == found["pipe"] == "it is a FIFO (a named pipe), not a file; it is not opened"
    assert found["socket"] == "it is a socket, not a file; it is not opened"
    assert "cannot be opened" in found["loop"]
    assert "cannot be opened" in failure(tmp_path / ("x" * 300 + ".wav")).reason


def test_a_title_in_any_bytes_is_no_reason_to_refuse_an_m4a(tmp_path: Path) -> None:
    pytest.importorskip("av")
    write_m4a(tmp_path / "a.m4a", title="TITLE-OF-IT")
    content = (tmp_path / "a.m4a").read_bytes()
    assert b"TITLE-OF-IT" in content
    (tmp_path / "a.m4a").write_bytes(content.replace(b"TITLE-OF-IT", b"\xff\xfe\xe9\x80TLE-OF-"))
    assert read(tmp_path / "a.m4a").seconds == pytest.approx(2.0, abs=0.1)


def test_whatever_a_decoder_raises_is_the_files_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", signals.tone(440.0, 1.0), 22_050)
    for error in (
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        KeyError("x"),
        OSError(5, "Input/output error"),
    ):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(soundfile.SoundFile, "read", fail)
        assert failure(tmp_path / "a.wav").kind == "undecodable"


def write_m4a(path: Path, sr: int = 44_100, samples: NDArray[np.float32] | None = None, title: str = "") -> None:
    import av

    samples = signals.tone(880.0, 2.0, 0.5, sr) if samples is None else samples
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        stream = container.add_stream("aac", rate=sr, layout="mono")
        for start in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate = sr
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_m4a_is_read_by_pyav(tmp_path: Path) -> None:
    pytest.importorskip("av")
    write_m4a(tmp_path / "a.m4a")
    waveform = read(tmp_path / "a.m4a")
    assert (waveform.sr, waveform.channels) == (44_100, 1)
    assert waveform.seconds == pytest.approx(2.0, abs=0.1)
    samples = load(tmp_path / "a.m4a", AudioSettings(offset=0.5, duration=1.0))
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * 22_050 / len(samples) == pytest.approx(880.0, abs=2.0)
    (tmp_path / "b.m4a").write_text("words")
    assert failure(tmp_path / "b.m4a").kind == "undecodable"


def test_a_cut_off_file_is_noticed_by_pyav_too(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    samples = (signals.noise(3.0, 0.1) * 32_767).astype(np.int16)
    with av.open(str(tmp_path / "a.mka"), "w") as container:
        stream = container.add_stream("flac", rate=22_050, layout="mono")
        for start in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="s16", layout="mono")
            frame.sample_rate = 22_050
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert read(tmp_path / "a.mka").seconds == pytest.approx(3.0)
    content = (tmp_path / "a.mka").read_bytes()
    (tmp_path / "a.mka").write_bytes(content[: len(content) * 6 // 10])
    assert failure(tmp_path / "a.mka").kind == "truncated"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps names that are not UTF-8")
def test_a_name_that_is_not_utf8_is_opened(tmp_path: Path) -> None:
    pytest.importorskip("av")
    soundfile.write(tmp_path / "a.wav", signals.tone(440.0, 1.0), 22_050)
    write_m4a(tmp_path / "a.m4a")
    for ending in ("wav", "m4a"):
        odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9." + ending.encode()))
        (tmp_path / f"a.{ending}").rename(odd)
        assert len(load(odd, STANDARD)) >= 22_050


def test_without_pyav_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.m4a").write_bytes(b"some")
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert 'pip install "tonearm[av]"' in str(failure(tmp_path / "a.m4a"))


def test_errors_survive_the_way_back_from_a_worker() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(AudioError("a.wav", "empty", "it holds no samples")))
    assert (error.path, error.kind, str(error)) == ("a.wav", "empty", "a.wav: it holds no samples")
