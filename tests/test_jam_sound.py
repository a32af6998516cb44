"""The built-in music as sound: filters against their formulas, recordings against the notes they are made of."""

from dataclasses import replace

import librosa
import numpy as np
import pytest

from tonearm.errors import TonearmError
from tonearm.jam import GENRES, synth
from tonearm.jam.record import bands, compose, record
from tonearm.jam.song import Song
from tonearm.jam.sound import CEILING, SR, Signal, _amplifier, _room, equalise, limit
from tonearm.representations.features import compute_features
from tonearm.settings import FeatureSettings

pytest.importorskip("midirenderer", reason="needs the extra demo")


def response_db(signal: Signal, hertz: float) -> float:
    """Gain of an impulse response at one frequency, by the definition of the Fourier transform."""
    turn = np.exp(-2j * np.pi * hertz / SR * np.arange(len(signal)))
    return float(20 * np.log10(np.abs(np.sum(signal * turn))))


def impulse(samples: int = 1 << 15) -> Signal:
    signal = np.zeros(samples)
    signal[0] = 1.0
    return signal


# the desk


@pytest.mark.parametrize("decibels", [-8.0, 0.0, 5.0])
def test_shelves_lift_one_side_and_leave_the_other(decibels: float) -> None:
    low = equalise(impulse(), 150.0, decibels, "low")
    assert response_db(low, 1.0) == pytest.approx(decibels, abs=0.05)
    assert response_db(low, 8_000.0) == pytest.approx(0.0, abs=0.05)
    assert response_db(low, 150.0) == pytest.approx(decibels / 2, abs=0.05)
    high = equalise(impulse(), 4_000.0, decibels, "high")
    assert response_db(high, 20.0) == pytest.approx(0.0, abs=0.05)
    assert response_db(high, SR / 2 - 1) == pytest.approx(decibels, abs=0.05)


def test_a_peak_has_its_gain_at_its_centre_only() -> None:
    peak = equalise(impulse(), 1_000.0, 6.0, "peak")
    assert response_db(peak, 1_000.0) == pytest.approx(6.0, abs=0.05)
    assert response_db(peak, 5.0) == pytest.approx(0.0, abs=0.05)
    assert response_db(peak, SR / 2 - 1) == pytest.approx(0.0, abs=0.05)


def test_the_limiter_leaves_the_quiet_alone_and_bends_the_loud_in_order() -> None:
    loud = np.linspace(-4, 4, 2001)
    limited = limit(loud)
    quiet = np.abs(loud) <= 0.75
    np.testing.assert_array_equal(limited[quiet], loud[quiet])
    assert np.all(np.diff(limited) >= 0)
    assert np.abs(limited).max() <= CEILING


def test_the_room_decays_by_sixty_decibels_in_its_time() -> None:
    band = replace(bands(0, "rock")[0], reverb=1.0, wet=0.0)
    sound = _room(impulse(SR), band)
    early, late = (np.sqrt(np.mean(sound[first : first + SR // 10] ** 2)) for first in (SR // 10, 8 * SR // 10))
    assert 20 * np.log10(late / early) == pytest.approx(-60.0 * 0.7, abs=1.5)


def test_the_amplifier_keeps_the_loudness_and_adds_odd_harmonics() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 441.0 * np.arange(48_000) / 48_000)
    driven = _amplifier(tone, 48_000, 24.0)
    assert np.mean(driven**2) == pytest.approx(np.mean(tone**2), rel=1e-9)
    spectrum = np.abs(np.fft.rfft(driven))
    assert spectrum[3 * 441] > 0.1 * spectrum[441]
    assert spectrum[2 * 441] < 0.01 * spectrum[441]
    assert not _amplifier(np.zeros(10), 48_000, 24.0).any()


# the players


def melody(tuning: float, velocity: int = 90, slide: float = 0.0) -> Song:
    """One flute note, A4, two seconds long, by a band of this tuning in cents."""
    song = compose(0, "classical", 0, 2.0)
    song.band = replace(song.band, tuning=tuning, patches={"lead": 73}, levels={"lead": 0.0})
    song.notes.clear()
    song.lead, song.rubato, song.bpm, song.swing = 0.0, 0.0, 60.0, 0.5
    song.rng = np.random.default_rng(0)
    song.play("lead", 0.0, 2.0, 69, velocity, slide)
    return song


def pitch_hz(signal: Signal) -> float:
    """The strongest frequency near A4."""
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal)), 1 << 20))
    hertz = np.arange(len(spectrum)) * synth.SYNTH_SR / (1 << 20)
    return float(hertz[np.argmax(np.where((hertz > 400) & (hertz < 490), spectrum, 0))])


def test_a_band_tuned_thirty_cents_sharp_sounds_thirty_cents_sharp() -> None:
    plain, sharp = (pitch_hz(synth.synthesise(melody(cents))[0][24_000:72_000]) for cents in (0.0, 30.0))
    assert 1200 * np.log2(sharp / plain) == pytest.approx(30.0, abs=2.0)


def test_a_slide_begins_below_and_arrives() -> None:
    slid = synth.synthesise(melody(0.0, slide=-2.0))[0]
    plain = synth.synthesise(melody(0.0))[0]
    assert pitch_hz(slid[24_000:72_000]) == pytest.approx(pitch_hz(plain[24_000:72_000]), rel=1e-3)
    assert pitch_hz(slid[:4_000]) < 0.97 * pitch_hz(plain[:4_000])


def test_harder_strokes_sound_louder() -> None:
    soft, hard = (np.std(synth.synthesise(melody(0.0, velocity=velocity))[0]) for velocity in (40, 110))
    assert hard > 3 * soft


@pytest.mark.parametrize("genre", ["rock", "jazz", "hiphop"])
def test_copied_drum_strokes_sound_like_the_synthesiser_playing_the_bar(genre: str) -> None:
    song = compose(0, genre, 3, 5.0)
    song.lead = 0.0
    state = song.rng.bit_generator.state
    copied = synth.drum_track(song)
    song.rng.bit_generator.state = state
    channel = synth.DRUM_CHANNEL
    volume = synth._volume(song.band.levels["drums"])
    opening = [(0xC0 | channel, song.band.kit), (0xB0 | channel, 7, volume), (0xB0 | channel, 91, 0)]
    events = [(0, rank, message) for rank, message in enumerate(opening)]
    played = synth._render([events + synth._performance(song, "drums", channel)]).mean(axis=0)
    length = min(len(copied), len(played)) // 480 * 480
    loudness = [np.sqrt(np.mean(sound[:length].reshape(-1, 480) ** 2, axis=1)) for sound in (copied, played)]
    assert np.mean(loudness[0]) == pytest.approx(np.mean(loudness[1]), rel=0.06)
    assert np.corrcoef(*loudness)[0, 1] > 0.95


def test_amplified_and_clean_players_together_are_the_whole_band() -> None:
    song = compose(0, "rock", 1, 4.0)
    assert song.band.amp
    state = song.rng.bit_generator.state
    clean, amplified = synth.synthesise(song)
    song.rng.bit_generator.state = state
    song.band = replace(song.band, amp=())
    whole, nothing = synth.synthesise(song)
    assert len(nothing) == 0
    energy = [float(np.mean(sound**2)) for sound in (clean, amplified, whole)]
    assert min(energy[:2]) > 0
    assert np.std(clean + amplified) == pytest.approx(np.std(whole), rel=0.1)


def test_without_the_extra_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "find_spec", lambda name: None)
    with pytest.raises(TonearmError, match=r"pip install 'tonearm\[demo\]'"):
        synth.require_synthesiser()


# recordings


@pytest.mark.parametrize("genre", GENRES)
def test_recordings_are_finite_unclipped_and_sanely_loud(genre: str) -> None:
    low, high = GENRES[genre].style.loudness
    for number in (0, 5):
        recording = record(2, genre, number, 3.0)
        assert len(recording.samples) == 3 * SR
        assert np.isfinite(recording.samples).all()
        assert np.abs(recording.samples).max() <= CEILING
        assert low - 6 < 20 * np.log10(np.std(recording.samples)) < high + 4
        assert abs(recording.samples.mean()) < 0.01


def test_a_recording_does_not_depend_on_what_was_rendered_before() -> None:
    first = record(0, "metal", 3, 2.0)
    record(0, "rock", 0, 2.0)
    second = record(0, "metal", 3, 2.0)
    np.testing.assert_array_equal(first.samples, second.samples)
    assert first.samples.tobytes() != record(1, "metal", 3, 2.0).samples.tobytes()


@pytest.mark.parametrize("number", [0, 2, 4, 5])
def test_the_tempo_of_four_on_the_floor_is_found(number: int) -> None:
    recording = record(0, "disco", number, 10.0)
    found = compute_features(recording.samples.astype(np.float32), SR, FeatureSettings(families=("tempo",)))
    assert found[0] == pytest.approx(recording.tempo, rel=0.025)  # tempogram bins are 5 % apart there


@pytest.mark.parametrize("number", [0, 1, 3, 4, 7])
def test_the_shuffle_is_heard_at_the_triplet_and_not_at_the_half_beat(number: int) -> None:
    song, recording = compose(0, "blues", number, 10.0), record(0, "blues", number, 10.0)
    hop = 128
    strength = librosa.onset.onset_strength(y=recording.samples.astype(np.float32), sr=SR, hop_length=hop)
    times = np.arange(len(strength)) * hop / SR

    def at(phase: float) -> float:
        centres = (np.arange(200) + phase) * 60 / song.bpm - song.lead
        inside = centres[(centres > 0.1) & (centres < 9.8)]
        return float(np.mean([strength[np.abs(times - centre) < 0.03].max() for centre in inside]))

    assert at(2 / 3) > 2 * at(1 / 2)
    assert at(2 / 3) > 2 * at(1 / 3)
    assert at(0.0) > at(2 / 3)


def test_a_recording_is_in_the_key_it_says() -> None:
    inside = []
    for number in range(8):
        song, recording = compose(0, "pop", number, 8.0), record(0, "pop", number, 8.0)
        chroma = librosa.feature.chroma_cqt(
            y=recording.samples.astype(np.float32), sr=SR, tuning=song.band.tuning / 100
        ).mean(axis=1)
        minor = "bIII" if any(note.pitch % 12 == (song.key + 3) % 12 for note in song.notes["bass"]) else ""
        scale = (0, 2, 3, 5, 7, 8, 10) if minor else (0, 2, 4, 5, 7, 9, 11)
        share = chroma[[(song.key + step) % 12 for step in scale]].sum() / chroma.sum()
        inside.append(share)
    assert np.mean(inside) > 0.66  # 7 of 12 classes would have 0.58 by chance
