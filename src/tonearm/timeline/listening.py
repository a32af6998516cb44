"""A recording to what a model says of it window by window, as a stream.

Conventions
-----------
A window is a piece of the file's own samples, channels averaged, and the model is asked as it would be asked of a file
that holds these samples and no others: to cut a file and to predict its pieces gives the same bits. Only the seconds
that a run skips at the start of each file (`audio.offset`) are not skipped in each piece. Windows start every `hop`
seconds; what is left after the last whole one is heard by one that ends with the file. A file that is shorter than a
window is one. No more of a file is in memory than a window and the block that was decoded last.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.audio import Stream
from tonearm.dsp.decoding import check_complete
from tonearm.dsp.sound import ClipSound
from tonearm.errors import AudioError, ConfigError
from tonearm.loaded import LoadedModel
from tonearm.representations.combined import ENCODER
from tonearm.representations.encoders.locate import find_encoder
from tonearm.timeline.smoothing import Window

SECONDS, HOP = 10.0, 5.0
SHORTEST, LONGEST = 0.1, 300.0  # seconds of a window
Samples = NDArray[np.float32]


def _ignore(samples: Samples, sr: int) -> None:
    """A listener that does nothing."""


def windows(
    model: LoadedModel,
    source: str | Path | ClipSound,
    window: float | None = None,
    hop: float | None = None,
    heard: Callable[[Samples, int], None] = _ignore,
) -> Iterator[Window]:
    """What the model says of each window of a recording, as it is decoded.

    source: a file, a URL or an open sound. window, hop: seconds; None: those of the model (`usual`). heard: is called
    with each block of samples, mono float32, and their rate in Hz. Raises ConfigError for lengths that are not allowed;
    AudioError where the file cannot be decoded, once all windows before the damage were given.
    """
    window, hop = chosen(model, window, hop)
    model = from_the_start(model)
    with ExitStack() as opened:
        sound = source if isinstance(source, ClipSound) else opened.enter_context(ClipSound(source))
        stream = opened.enter_context(sound.stream(whole=False))
        yield from _asked(model, stream, window, hop, heard, sound.path)


def chosen(model: LoadedModel, window: float | None, hop: float | None) -> tuple[float, float]:
    """Seconds of a window and between the starts of two; None: what is usual for the model, half a window to step.

    Raises ConfigError.
    """
    own = usual(model)
    if hop is None:
        hop = own[1] if window is None else window / 2
    window = own[0] if window is None else window
    longest = min(LONGEST, _seconds_heard(model))
    if not SHORTEST <= window <= longest:
        raise ConfigError(f"--window {window:g}: a window has from {SHORTEST:g} to {longest:g} s for this run")
    if not SHORTEST <= hop <= window:
        raise ConfigError(f"--hop {hop:g}: from one window to the next are {SHORTEST:g} s to {window:g} s, a window")
    return window, hop


def announced_seconds(path: str | Path) -> float:
    """The length that the header of a file announces, 0 where it does not or cannot be read: for progress."""
    try:
        with ClipSound(path) as sound, sound.stream(whole=False) as stream:
            return stream.length / stream.sr
    except AudioError:
        return 0.0


def usual(model: LoadedModel) -> tuple[float, float]:
    """Seconds of a window and of a step: those of the model's pretrained network where its rows are means over windows,
    of which one then is a row too; else SECONDS and HOP, or less where the model hears less of a file.
    """
    facts = model.run.representation
    if facts.get("kind") == ENCODER and facts.get("pool") == "mean":
        encoder = find_encoder(facts["encoder"])[0].encoder
        own = encoder.window, encoder.hop
    else:
        own = SECONDS, HOP
    heard = _seconds_heard(model)
    return min(own[0], heard), min(own[1], heard)


def _seconds_heard(model: LoadedModel) -> float:
    """How many seconds of a file the model hears, whatever the length of the file."""
    return min((audio.get("duration") or math.inf for audio in _audio(model.run.representation)), default=math.inf)


def _audio(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The sections of a representation's facts that say what is read of a file."""
    if "audio" in facts:
        yield facts["audio"]
    for part in facts.get("parts", ()):
        yield from _audio(part)


def from_the_start(model: LoadedModel) -> LoadedModel:
    """The model without the seconds that it skips at the start of a file: a piece of a recording has no such start."""
    if not any(audio.get("offset") for audio in _audio(model.run.representation)):
        return model
    facts = deepcopy(model.run.representation)
    for audio in _audio(facts):
        audio["offset"] = 0.0
    return LoadedModel(replace(model.run, representation=facts))


def _asked(
    model: LoadedModel, stream: Stream, window: float, hop: float, heard: Callable[[Samples, int], None], path: str
) -> Iterator[Window]:
    """The windows of a stream. path: for messages."""
    sr = stream.sr
    size, step = round(window * sr), round(hop * sr)
    kept, first, following, end = np.zeros(0, dtype=np.float32), 0, 0, 0  # kept[0] is sample `first` of the file
    damage = None
    try:
        for block in stream.blocks:
            heard(block, sr)
            kept = np.concatenate([kept, block])
            while first + len(kept) >= following + size:
                end = following + size
                yield _ask(model, kept[following - first :][:size], following, sr)
                following += step
            spare = max(0, min(following - first, len(kept) - size))
            kept, first = kept[spare:].copy(), first + spare
        check_complete(path, stream.length, first + len(kept))
    except AudioError as error:
        damage = error
    if first + len(kept) > end:
        start = max(first, first + len(kept) - size)
        yield _ask(model, kept[start - first :], start, sr)
    if damage is not None:
        raise damage
    if not first + len(kept):
        raise AudioError(path, "empty", "it holds no samples")


def _ask(model: LoadedModel, piece: Samples, start: int, sr: int) -> Window:
    """The window of a piece that starts at this sample."""
    found = model.predict(piece, sr=sr)
    values = np.array([found.probabilities[label] for label in model.labels] if not found.error else [])
    return Window(start / sr, (start + len(piece)) / sr, model.labels, values, found.error)
