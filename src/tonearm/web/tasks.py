"""What workers do for the page: classify a file, follow its genre, draw it, convert it, place the training clips.

Conventions
-----------
Each function is a task of `workers.WorkerPool`: its first argument are the models that the worker has loaded, and what
it returns can be pickled.
"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.answers import Prediction
from tonearm.dsp.audio import resample_blocks
from tonearm.dsp.decoders import open_decoder
from tonearm.dsp.decoding import Decoder
from tonearm.errors import AudioError, RunError
from tonearm.experiment.neighbours import training_clips_of
from tonearm.runtime.files import replacing
from tonearm.settings import AudioSettings, SpectrogramSettings
from tonearm.timeline import STICKINESS
from tonearm.web.listening import follow
from tonearm.web.models import Models, RunKey

NEIGHBOURS = 3
PICTURE = SpectrogramSettings(kinds=("mel",), width=900, height=150, n_mels=96, hop_length=2048, n_fft=2048)
PLAYED = {  # endings that browsers play, and what they are called there
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "audio/webm",
}


def answer(models: Models, key: RunKey, path: Path, name: str) -> tuple[Prediction, str]:
    """What a run says of a file, with the nearest training clips; and why it knows none of these, "" where it does.

    name: in place of the path.
    """
    model = models.get(key)
    try:
        found, why = model.predict(path, neighbours=NEIGHBOURS), ""
    except RunError as error:  # a copied run, or rows that have gone: it predicts all the same
        found, why = model.predict(path), str(error)
    return replace(found, name=name), why


def picture(models: Models, path: Path) -> bytes:
    """A mel spectrogram of the whole file as PNG, each column of pixels one moment of it. Raises AudioError.

    However long the file is, only the samples around these moments are kept.
    """
    from tonearm.representations.spectrogram import draw_pictures, encode_png

    rate, size, columns = AudioSettings().sr, PICTURE.n_fft, PICTURE.width
    with open_decoder(path) as decoder:
        samples = _around_moments(decoder, rate, size, columns, path)
    [drawn] = draw_pictures(samples[size // 2 :], rate, PICTURE).values()  # so that each frame is one moment's samples
    return encode_png(drawn)


def _around_moments(decoder: Decoder, rate: int, size: int, columns: int, path: Path) -> NDArray[np.float32]:
    """`size` samples around each of the moments, one after the other, shape (columns × size,)."""
    length = max(1, round(decoder.length * rate / decoder.sr))
    starts = ((np.arange(columns) + 0.5) / columns * length).astype(np.int64) - size // 2
    found = np.zeros((columns, size), dtype=np.float32)
    first = 0  # of the block
    for block in resample_blocks(decoder.blocks(0, decoder.length), decoder.sr, rate):
        stop = first + len(block)
        low, high = np.searchsorted(starts, [first - size, stop])
        for column in range(int(low), int(high)):
            begin, end = max(int(starts[column]), first), min(int(starts[column]) + size, stop)
            if begin < end:
                offset = begin - int(starts[column])
                found[column, offset : offset + end - begin] = block[begin - first : end - first]
        first = stop
    if not first:
        raise AudioError(str(path), "empty", "it holds no samples")
    return found.reshape(-1)


def convert(models: Models, path: Path, target: Path) -> Path:
    """The file as mono WAV of 16 bits, which every browser plays. Raises AudioError."""
    import soundfile

    with (
        replacing(target) as temporary,
        open_decoder(path) as decoder,
        soundfile.SoundFile(temporary, "w", decoder.sr, 1, "PCM_16", format="WAV") as file,
    ):
        for block in decoder.blocks(0, decoder.length):
            file.write(np.clip(block, -1.0, 1.0))
    return target


def points(models: Models, key: RunKey, method: str) -> dict[str, Any]:
    """The training clips of a run in two dimensions, JSON-ready.

    method: "pca" or "umap". x, y: in [0, 1], the larger extent of the two fills it. kept: share of the variance that
    the two dimensions of PCA hold. Raises RunError where the run's rows are not there.
    """
    found = training_clips_of(key.folder, key.digest)
    places, kept = (_umap if method == "umap" else _pca)(found.values)
    places = places - places.min(axis=0)
    places = places / max(float(places.max()), 1e-12)
    places += (1.0 - places.max(axis=0)) / 2
    clips = found.clips
    return {
        "names": clips.names.tolist(),
        "labels": clips.labels.tolist(),
        "groups": clips.groups.tolist(),
        "x": np.round(places[:, 0], 4).tolist(),
        "y": np.round(places[:, 1], 4).tolist(),
        "space": found.space,
        "kept": kept,
    }


def _pca(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float | None]:
    from sklearn.decomposition import PCA

    fitted = PCA(n_components=2, random_state=0)
    places: NDArray[np.float64] = fitted.fit_transform(values)
    return places, float(fitted.explained_variance_ratio_.sum())


def _umap(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float | None]:
    try:
        from umap import UMAP
    except ModuleNotFoundError as error:
        raise RunError("UMAP is not installed here: pip install umap-learn; PCA needs nothing more") from error
    return np.asarray(UMAP(random_state=0).fit_transform(values), dtype=np.float64), None


def timeline(models: Models, key: RunKey, path: Path) -> dict[str, Any]:
    """The genre over time, JSON-ready: seconds, the windows as they follow each other, and the segments they make.

    A window reaches halfway to the middles of those beside it; its label is the most probable one, "" where it cannot
    be used. broken: why the file ends early, "" where it does not. Raises AudioError where nothing can be read.
    """
    *heard, last = follow(models, key, path, path.name, None, None, STICKINESS)
    middles = [(one["start"] + one["end"]) / 2 for one in heard]
    edges = [heard[0]["start"], *((one + other) / 2 for one, other in pairwise(middles)), last["seconds"]]
    return {
        "seconds": last["seconds"],
        "broken": last["error"],
        "windows": [
            {"start": start, "end": end, "label": one["label"], "probability": one["probability"]}
            for one, start, end in zip(heard, edges[:-1], edges[1:], strict=True)
        ],
        "segments": last["segments"],
    }
