"""Harmony, rhythm and the ten genres on paper: facts about the notes, before any sound."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.jam import GENRES
from tonearm.jam.genres import blues, country, disco, hiphop, jazz, pop, reggae, rock
from tonearm.jam.record import BANDS_PER_GENRE, bands, compose
from tonearm.jam.song import DRUMS, Song
from tonearm.jam.theory import QUALITIES, SCALES, chord, near, nearest_index, scale_pitches, voicing

ONE_BAND_EACH = range(BANDS_PER_GENRE)


def bare_song(**changes: float) -> Song:
    song = compose(0, "rock", 0, 10.0)
    song.notes.clear()
    song.lead = 0.0
    for name, value in changes.items():
        setattr(song, name, value)
    return song


def starts(song: Song, role: str) -> list[float]:
    return sorted({note.start for note in song.notes.get(role, ())})


def strokes(song: Song, drum: str) -> set[float]:
    return {note.start for note in song.notes["drums"] if note.pitch == DRUMS[drum]}


# harmony


def test_the_dominant_seventh_of_c_is_g_b_d_f() -> None:
    assert chord("V7", key=0).tones == (7, 11, 2, 5)
    assert chord("IIm7b5", key=0).tones == (2, 5, 8, 0)
    assert chord("bVI", key=9).root == 5  # F in A minor


def test_the_diatonic_triads_of_a_key_are_its_scale() -> None:
    tones = {tone for symbol in ("I", "IIm", "IIIm", "IV", "V", "VIm") for tone in chord(symbol, 4).tones}
    assert tones == {pitch % 12 for pitch in scale_pitches(4, "major", 0, 127)}


def test_an_unknown_symbol_is_our_own_mistake() -> None:
    for symbol in ("VIII", "Iwrong", "H7", ""):
        with pytest.raises(ValueError, match="not a chord symbol"):
            chord(symbol, 0)


@given(st.integers(0, 11), st.sampled_from(sorted(QUALITIES)), st.integers(30, 90))
def test_a_voicing_has_every_tone_once_and_stays_around_its_centre(key: int, quality: str, centre: int) -> None:
    harmony = chord("I" + quality, key)
    pitches = voicing(harmony, centre)
    assert sorted(pitch % 12 for pitch in pitches) == sorted(harmony.tones)
    assert all(centre - 6 <= pitch < centre + 6 for pitch in pitches)


@given(st.integers(0, 11), st.integers(20, 100))
def test_near_is_the_nearest_pitch_of_its_class(pitch_class: int, target: int) -> None:
    found = near(pitch_class, target)
    rivals = [pitch for pitch in range(0, 128) if pitch % 12 == pitch_class]
    assert abs(found - target) == min(abs(pitch - target) for pitch in rivals)
    assert rivals[nearest_index(rivals, target)] % 12 == found % 12


def test_the_relative_minor_has_the_notes_of_the_major() -> None:
    assert scale_pitches(9, "minor", 0, 127) == scale_pitches(0, "major", 0, 127)
    assert scale_pitches(9, "minor_pentatonic", 0, 127) == scale_pitches(0, "pentatonic", 0, 127)
    assert set(SCALES["minor_pentatonic"]) < set(SCALES["blues"])


# rhythm


def test_straight_beats_are_evenly_spaced() -> None:
    song = bare_song(bpm=120.0, swing=0.5)
    assert [song.seconds(beat) for beat in (0, 0.5, 1, 2.25)] == pytest.approx([0, 0.25, 0.5, 1.125])


def test_triplet_swing_puts_the_off_beat_at_two_thirds() -> None:
    song = bare_song(bpm=60.0, swing=2 / 3)
    assert [song.seconds(beat) for beat in (0, 0.5, 1, 1.5, 2)] == pytest.approx([0, 2 / 3, 1, 5 / 3, 2])


def test_swung_sixteenths_leave_the_eighths_alone() -> None:
    song = bare_song(bpm=60.0, swing=0.6, swing_unit=0.5)
    assert [song.seconds(beat) for beat in (0.25, 0.5, 0.75, 1)] == pytest.approx([0.3, 0.5, 0.8, 1])


@given(st.floats(0.5, 0.7), st.floats(0, 0.12), st.lists(st.floats(0, 64), min_size=2, max_size=9))
def test_time_never_runs_backwards(swing: float, rubato: float, beats: list[float]) -> None:
    song = SONG
    song.swing, song.rubato = swing, rubato
    times = [song.seconds(beat) for beat in sorted(beats)]
    assert all(earlier <= later + 1e-9 for earlier, later in pairwise(times))


SONG = bare_song()


def test_a_drum_line_spreads_its_strokes_over_the_bar() -> None:
    song = bare_song()
    song.drum(8.0, {"kick": "x...X...", "hat": "xx"})
    assert strokes(song, "kick") == {8.0, 10.0}
    assert strokes(song, "hat") == {8.0, 10.0}
    quiet, loud = (note.velocity for note in song.notes["drums"] if note.pitch == DRUMS["kick"])
    assert loud > quiet


# genres


@pytest.mark.parametrize("genre", GENRES)
def test_every_band_has_patches_for_what_it_plays_within_the_range_of_midi(genre: str) -> None:
    style = GENRES[genre].style
    for number in ONE_BAND_EACH:
        song = compose(3, genre, number, 10.0)
        assert style.tempo[0] <= song.bpm <= style.tempo[1]
        assert set(song.notes) - {"drums"} <= set(song.band.patches)
        for role, notes in song.notes.items():
            assert all(20 <= note.pitch <= 108 and 1 <= note.velocity <= 127 for note in notes), role
            assert all(note.length > 0 for note in notes)


@pytest.mark.parametrize("genre", GENRES)
def test_the_notes_fill_the_clip(genre: str) -> None:
    for number in ONE_BAND_EACH:
        song = compose(4, genre, number, 10.0)
        times = np.array([song.seconds(note.start) for notes in song.notes.values() for note in notes])
        heard = times[(times >= 0) & (times < 10.0)]
        assert max(np.diff(np.sort(heard))) < 4.1  # no hole longer than a slow bar
        assert heard.max() > 6.0


def test_disco_has_four_on_the_floor_and_an_octave_in_the_bass() -> None:
    for number in ONE_BAND_EACH:
        song = compose(0, "disco", number, 10.0)
        assert strokes(song, "kick") >= set(range(4 * song.bars))
        assert {"...o", "..o."} & {bass[:4].replace("r", ".") for bass in disco.BASSES}
        pitches = [note.pitch for note in song.notes["bass"]]
        assert max(pitches) - min(pitches) >= 12
    assert all("open" in groove or "hat" in groove for groove in disco.GROOVES)
    for groove in disco.GROOVES:
        hats = groove.get("open", groove.get("hat", ""))
        assert all(hats[step] in "xX" for step in (2, 6, 10, 14))  # off the beat


def test_classical_has_no_drums() -> None:
    assert all("drums" not in compose(0, "classical", number, 10.0).notes for number in range(16))


def test_the_blues_swings_in_triplets_over_twelve_bars_of_sevenths() -> None:
    assert all(0.64 <= band.swing <= 0.68 for band in bands(0, "blues"))
    forms = [form.split() for form in blues.FORMS]
    assert [len(form) for form in forms].count(12) >= 4
    assert all("7" in symbol or "9" in symbol for form in forms for symbol in form)
    song = compose(0, "blues", 0, 10.0)
    beat = 60 / song.bpm
    offs = [song.seconds(start) % beat for start in starts(song, "drums") if start % 1 == 0.5]
    assert np.allclose([(off + song.lead) % beat / beat for off in offs], song.band.swing, atol=1e-6)


def test_reggae_skanks_off_the_beat_and_drops_the_one() -> None:
    for skank in reggae.SKANKS:
        assert all(skank[step] == "." for step in (0, 4, 8, 12))
        assert "x" in skank
    one_drops = [groove for groove in reggae.GROOVES if groove["kick"].index("X") == 8]
    assert len(one_drops) >= 3


def test_rock_and_disco_and_hip_hop_hit_the_backbeat() -> None:
    for groove in (*rock.GROOVES, *disco.GROOVES, *pop.GROOVES):
        line = groove.get("snare") or groove["clap"]
        unit = len(line) // 4
        assert line[unit] in "xX"
        assert line[3 * unit] in "xX"
    for song in (compose(0, "rock", number, 10.0) for number in ONE_BAND_EACH):
        assert {1, 3} <= {start % 4 for start in strokes(song, "snare")}


def test_metal_plays_power_chords_over_a_double_bass_drum() -> None:
    per_second = []
    for number in ONE_BAND_EACH:
        song = compose(0, "metal", number, 10.0)
        together: dict[float, set[int]] = {}
        for note in song.notes["guitar"]:
            together.setdefault(note.start, set()).add(note.pitch)
        for pitches in together.values():
            assert {pitch - min(pitches) for pitch in pitches} <= {0, 7, 12}
        per_second.append(len(strokes(song, "kick")) / song.bars)
    assert np.mean(per_second) > 6  # bass drum strokes a bar, where rock has two or three


def test_country_booms_on_one_with_the_root() -> None:
    assert all(line.startswith("r") for line in ("r_..f_..", "r_r_f_f_"))
    for number in ONE_BAND_EACH:
        song = compose(0, "country", number, 10.0)
        assert {float(bar * song.meter) for bar in range(song.bars)} <= set(starts(song, "bass"))
        tonic_or_near = {note.pitch % 12 for note in song.notes["bass"] if note.start % song.meter == 0}
        roots = {chord(symbol, song.key).root for form in country.FORMS for symbol in form.split()}
        assert tonic_or_near <= roots


def test_jazz_walks_and_moves_by_two_five_one() -> None:
    walked = 0
    for number in range(16):
        song = compose(0, "jazz", number, 10.0)
        walked += starts(song, "bass") == [float(beat) for beat in range(4 * song.bars)]
    assert walked >= 11  # the others play bossa nova
    assert sum(bool(re.search(r"\bIIm7\S* V\S* I(?!I|V)", form)) for form in jazz.FORMS) >= 3
    sevenths = [symbol for form in jazz.FORMS for symbol in form.split()]
    assert all(any(mark in symbol for mark in ("6", "7", "9", "13")) for symbol in sevenths)


def test_hip_hop_repeats_its_loop() -> None:
    assert hiphop.STYLE.tempo[1] <= 104
    for number in ONE_BAND_EACH:
        song = compose(0, "hiphop", number, 20.0)
        if "lead" in song.notes:
            bar = {
                place: [note.start % 4 for note in song.notes["lead"] if note.start // 4 == place] for place in range(4)
            }
            assert bar[0] == bar[2]
            assert bar[1] == bar[3]


def test_pop_turns_around_four_chords() -> None:
    assert all(len(form.split()) == 4 for form in pop.FORMS)
    assert "I V VIm IV" in pop.FORMS


# bands


def test_eighty_bands_have_eighty_names_that_do_not_tell_the_genre() -> None:
    names = [band.name for genre in GENRES for band in bands(0, genre)]
    assert len(set(names)) == 80
    assert not any(genre in name.lower() for genre in GENRES for name in names)
    assert bands(1, "jazz") != bands(0, "jazz")


def test_every_eight_recordings_have_all_eight_bands() -> None:
    for block in range(2):
        players = {compose(0, "rock", 8 * block + seat, 1.0).band.name for seat in range(8)}
        assert players == {band.name for band in bands(0, "rock")}


def test_recordings_of_one_band_differ_and_a_recording_is_always_the_same() -> None:
    by_band: dict[str, list[Song]] = {}
    for number in range(24):
        song = compose(0, "pop", number, 10.0)
        by_band.setdefault(song.band.name, []).append(song)
    for songs in by_band.values():
        assert len({song.bpm for song in songs}) == 3
        tempi = [song.bpm for song in songs]
        assert max(tempi) / min(tempi) < 1.1**2 + 1e-9  # a band's habit
    assert compose(0, "pop", 7, 10.0).notes == compose(0, "pop", 7, 10.0).notes
    assert compose(1, "pop", 7, 10.0).notes != compose(0, "pop", 7, 10.0).notes
