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
SYNTH_SR = 48_000  # Hz, midirenderer's
STROKE_SECONDS = 2.5  # longest drum sound kept
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


def synthesise(song: Song, roles: tuple[str, ...]) -> NDArray[np.float64]:
    """Play these pitched roles of the song; return the mono mix at `SYNTH_SR`, shape (samples,), about [-1, 1]."""
    if not roles:
        return np.zeros(0)
    channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    tracks = [
        _opening(song.band, role, channel) + _performance(song, role, channel)
        for role, channel in zip(roles, channels, strict=False)
    ]
    return _render(tracks)


def drum_track(song: Song) -> NDArray[np.float64]:
    """Play the drums; as `synthesise`, but far sooner: each stroke is played once and then copied to its places."""
    level = _volume(song.band.levels.get("drums", 0.0))
    track = np.zeros(int((song.seconds_wanted + STROKE_SECONDS + 1.0) * SYNTH_SR))
    notes = song.notes.get("drums", ())
    for note, late in zip(notes, song.rng.normal(0, HUMAN_SECONDS, len(notes)), strict=True):
        start = max(song.seconds(note.start) + late, 0.0)
        if start < song.seconds_wanted:
            sound = _stroke(song.band.kit, note.pitch)
            first = round(start * SYNTH_SR)
            # velocity and volume act on amplitude by the square, as in General MIDI
            track[first : first + len(sound)] += sound * (note.velocity / 127 * level / 127) ** 2
    return track


@lru_cache(maxsize=256)
def _stroke(kit: int, pitch: int) -> NDArray[np.float64]:
    """One drum of a kit, struck as hard and played as loud as can be."""
    status = 0x90 | DRUM_CHANNEL
    opening = [(0xC0 | DRUM_CHANNEL, kit), (0xB0 | DRUM_CHANNEL, 7, 127), (0xB0 | DRUM_CHANNEL, 91, 0)]
    events: list[Event] = [(0, rank, message) for rank, message in enumerate(opening)]
    length = _tick(STROKE_SECONDS)
    events += [(0, 20, (status, pitch, 127)), (length, 10, (status, pitch, 0))]
    sound = _render([events])[: round(STROKE_SECONDS * SYNTH_SR)]
    loud = np.flatnonzero(np.abs(sound) > SILENCE * np.abs(sound).max())
    return sound[: loud[-1] + 1]


def _render(tracks: Sequence[list["Event"]]) -> NDArray[np.float64]:
    """Play tracks of MIDI events; return the mono mix at `SYNTH_SR`."""
    import midirenderer

    with wave.open(io.BytesIO(midirenderer.render_wave_from(sound_font(), _midi(tracks)))) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (SYNTH_SR, 2, 2)
        frames = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    return (frames[0::2].astype(np.float64) + frames[1::2]) / 65_536.0


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


def _opening(band: Band, role: str, channel: int) -> list[Event]:
    """Patch, volume, no reverb of the synthesiser's, and the band's tuning."""
    messages = [
        (0xC0 | channel, band.patches[role]),
        (0xB0 | channel, 7, _volume(band.levels.get(role, 0.0))),
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
    """Every note with a player's timing; slides as steps of pitch bend that end on the band's tuning."""
    events: list[Event] = []
    notes = song.notes.get(role, ())
    human = song.rng.normal(0, HUMAN_SECONDS, len(notes))
    for note, late in zip(notes, human, strict=True):
        start = max(song.seconds(note.start) + late, 0.0)
        if start > song.seconds_wanted:
            continue
        length = max(song.seconds(note.start + note.length) + late - start, 0.03)
        # ends come before starts of the same tick, so that a repeated note sounds again
        events.append((_tick(start), 20, (0x90 | channel, note.pitch, note.velocity)))
        events.append((_tick(start + length), 10, (0x80 | channel, note.pitch, 0)))
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
