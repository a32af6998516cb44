"""Notes to sound: a song as MIDI, played by a sound font.

Conventions
-----------
`midirenderer` plays General MIDI with TimGM6mb.sf2, the sound font inside the `pretty_midi` package; both
come with the extra `demo`. The sound font is found without importing `pretty_midi`. Rooms and amplifiers
are ours (see `sound`): the synthesiser's reverb is off.
"""

import io
import wave
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import TonearmError
from tonearm.jam.bands import Band
from tonearm.jam.song import Note, Song

TICKS_PER_SECOND = 1_920  # 960 ticks a quarter note at MIDI's 120 quarter notes a minute
DRUM_CHANNEL = 9
BEND_RANGE = 2.0  # semitones up or down, General MIDI's default
SLIDE_SECONDS = 0.12
LEFT, CENTRE, RIGHT = 0, 64, 127  # MIDI's places between the loudspeakers
SYNTH_SR = 48_000  # Hz, midirenderer's
STROKE_SECONDS = 2.5  # longest drum sound kept
SHORTEST_NOTE = 0.02  # seconds; less of it, at the edge of a clip, is left out
SILENCE = 10 ** (-50 / 20)  # the tail of a drum sound under this share of its peak is cut
HUMAN_SECONDS = 0.004  # standard deviation of a player's timing


def require_synthesiser() -> None:
    """Raise TonearmError where the extra `demo` is not installed."""
    missing = [name for name in ("midirenderer", "mido", "pretty_midi") if find_spec(name) is None]
    if missing:
        raise TonearmError(
            f"the built-in music needs {', '.join(missing)}, not installed here: pip install 'tonearm[demo]'"
        )


@lru_cache(maxsize=1)
def sound_font() -> bytes:
    """The bytes of TimGM6mb.sf2 (6 MB)."""
    package = find_spec("pretty_midi")
    assert package is not None  # require_synthesiser has been passed
    assert package.submodule_search_locations is not None
    return (Path(package.submodule_search_locations[0]) / "TimGM6mb.sf2").read_bytes()


def synthesise(song: Song) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Play the pitched roles; return what goes straight to the desk and what goes through the amplifier.

    Both are mono at `SYNTH_SR`, shape (samples,), about [-1, 1]; they end with the last note. The synthesiser
    plays once for both: the ones sit at the far left, the others at the far right.
    """
    roles = [role for role in sorted(song.notes) if role != "drums"]
    amplified = [role for role in roles if role in song.band.amp]
    channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    tracks = []
    for role, channel in zip(roles, channels, strict=False):
        pan = (RIGHT if role in amplified else LEFT) if amplified else CENTRE
        tracks.append(_opening(song.band, role, channel, pan) + _performance(song, role, channel))
    left, right = _render(tracks)
    if amplified:
        # panned away from the centre a sound is 3 dB louder on its side, and nothing on the other
        return left * np.sqrt(0.5), right * np.sqrt(0.5)
    return (left + right) / 2, np.zeros(0)


def drum_track(song: Song) -> NDArray[np.float64]:
    """Play the drums; as `synthesise`, but far faster: each stroke is played once and then copied to its places."""
    level = _volume(song.band.levels.get("drums", 0.0))
    before = round(STROKE_SECONDS * SYNTH_SR)  # strokes before the clip begins still ring in it
    track = np.zeros(round((2 * STROKE_SECONDS + song.length) * SYNTH_SR))
    notes = song.notes.get("drums", ())
    for note, late in zip(notes, song.rng.normal(0, HUMAN_SECONDS, len(notes)), strict=True):
        start = song.seconds(note.start) + late
        if -STROKE_SECONDS < start < song.length:
            sound = _stroke(song.band.kit, note.pitch)
            first = before + round(start * SYNTH_SR)
            # velocity and volume act on amplitude by the square, as in General MIDI
            track[first : first + len(sound)] += sound * (note.velocity / 127 * level / 127) ** 2
    return track[before:]


@lru_cache(maxsize=256)
def _stroke(kit: int, pitch: int) -> NDArray[np.float64]:
    """One drum of a kit, struck as hard and played as loud as can be."""
    status = 0x90 | DRUM_CHANNEL
    opening = [(0xC0 | DRUM_CHANNEL, kit), (0xB0 | DRUM_CHANNEL, 7, 127), (0xB0 | DRUM_CHANNEL, 91, 0)]
    events: list[Event] = [(0, rank, message) for rank, message in enumerate(opening)]
    length = _tick(STROKE_SECONDS)
    events += [(0, 20, (status, pitch, 127)), (length, 10, (status, pitch, 0))]
    sound: NDArray[np.float64] = _render([events]).mean(axis=0)[: round(STROKE_SECONDS * SYNTH_SR)]
    loud = np.flatnonzero(np.abs(sound) > SILENCE * np.abs(sound).max())
    return sound[: loud[-1] + 1]


def _render(tracks: Sequence[list["Event"]]) -> NDArray[np.float64]:
    """Play tracks of MIDI events; return left and right at `SYNTH_SR`, shape (2, samples)."""
    import midirenderer

    with wave.open(io.BytesIO(midirenderer.render_wave_from(sound_font(), _midi(tracks)))) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (SYNTH_SR, 2, 2)
        frames = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    return np.asarray(np.stack((frames[0::2], frames[1::2])) / 32_768.0)


def _midi(tracks: Sequence[list["Event"]]) -> bytes:
    """The tracks as a standard MIDI file."""
    import mido

    file = mido.MidiFile(ticks_per_beat=TICKS_PER_SECOND // 2)
    for events in tracks:
        track = mido.MidiTrack()
        now = 0
        for tick, _rank, message in sorted(events):
            track.append(mido.Message.from_bytes(message, time=tick - now))
            now = tick
        file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


Event = tuple[int, int, tuple[int, ...]]  # tick, rank among events of one tick, MIDI bytes


def _opening(band: Band, role: str, channel: int, pan: int) -> list[Event]:
    """Patch, volume, place, no reverb of the synthesiser's, and the band's tuning."""
    messages = [
        (0xC0 | channel, band.patches[role]),
        (0xB0 | channel, 7, _volume(band.levels.get(role, 0.0))),
        (0xB0 | channel, 10, pan),
        (0xB0 | channel, 91, 0),
        _bend(channel, band.tuning / 100),
    ]
    return [(0, rank, message) for rank, message in enumerate(messages)]


def _volume(decibels: float) -> int:
    """The value of MIDI's volume controller, whose square is the amplitude, for a level against the others."""
    return int(np.clip(round(90 * 10 ** (decibels / 40)), 1, 127))


def _bend(channel: int, semitones: float) -> tuple[int, int, int]:
    value = int(np.clip(round(8192 * (1 + semitones / BEND_RANGE)), 0, 16_383))
    return 0xE0 | channel, value & 127, value >> 7


def _performance(song: Song, role: str, channel: int) -> list[Event]:
    """Every note that sounds in the clip, with a player's timing; slides are steps of pitch bend."""
    events: list[Event] = []
    notes = song.notes.get(role, ())
    human = song.rng.normal(0, HUMAN_SECONDS, len(notes))
    for note, late in zip(notes, human, strict=True):
        start = max(song.seconds(note.start) + late, 0.0)
        end = min(song.seconds(note.start + note.length) + late, song.length)
        if end - start < SHORTEST_NOTE:
            continue
        # ends come before starts of the same tick, so that a repeated note sounds again
        events.append((_tick(start), 20, (0x90 | channel, note.pitch, note.velocity)))
        events.append((_tick(end), 10, (0x80 | channel, note.pitch, 0)))
        if note.slide:
            events.extend(_slide(song.band, note, start, channel))
    return events


def _slide(band: Band, note: Note, start: float, channel: int) -> list[Event]:
    steps = np.linspace(0.0, 1.0, 9)
    return [
        (_tick(start + SLIDE_SECONDS * step), 15, _bend(channel, band.tuning / 100 + note.slide * (1 - step)))
        for step in steps
    ]


def _tick(seconds: float) -> int:
    return round(seconds * TICKS_PER_SECOND)
