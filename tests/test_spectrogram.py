"""Pictures against librosa.display.specshow drawn by matplotlib, and against signals whose picture is known."""

import io
from typing import Any

import librosa
import librosa.display
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

import signals
from tonearm.errors import ConfigError
from tonearm.representations.spectrogram import KINDS, check_spectrogram, draw_pictures, encode_png
from tonearm.settings import SpectrogramSettings

ALL = SpectrogramSettings(kinds=tuple(KINDS))


def specshow(data: NDArray[Any], **axes: str) -> NDArray[np.uint8]:
    """librosa's picture of a matrix, without axes, 173 x 172 pixels."""
    figure = Figure(figsize=(1.73, 1.72), dpi=100)
    FigureCanvasAgg(figure)
    area = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    librosa.display.specshow(data, sr=signals.SR, hop_length=512, ax=area, **axes)
    area.set_axis_off()
    target = io.BytesIO()
    figure.savefig(target, dpi=100, format="png")
    return np.array(Image.open(target))[..., :3]


def similarity(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Structural similarity of the brightness over the whole picture (Wang et al. 2004, one window)."""
    x, y = a.mean(axis=2), b.mean(axis=2)
    covariance = np.mean((x - x.mean()) * (y - y.mean()))
    stability = (0.03 * 255) ** 2
    likeness = (2 * covariance + stability) / (x.var() + y.var() + stability)
    level = (2 * x.mean() * y.mean() + stability) / (x.mean() ** 2 + y.mean() ** 2 + stability)
    return float(likeness * level)


@pytest.mark.parametrize("seed", [0, 1])
def test_pictures_equal_specshow(seed: int) -> None:
    y = signals.band(12.0, seed=seed)
    pictures = draw_pictures(y, signals.SR, ALL)
    S = np.abs(librosa.stft(y))
    level = librosa.amplitude_to_db(S, ref=np.max)
    mel = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=signals.SR), ref=np.max)
    expected = {
        "linear": specshow(S, x_axis="time", y_axis="linear"),
        "log": specshow(level, x_axis="time", y_axis="linear"),
        "layl": specshow(level, x_axis="time", y_axis="log"),
        "mel": specshow(mel),
    }
    for kind, picture in expected.items():
        assert pictures[kind].shape == (172, 173, 3)
        difference = np.abs(pictures[kind].astype(int) - picture.astype(int))
        # a value on the border between two colours may fall to either side by its last bit
        assert np.mean(difference.any(axis=2)) < 1e-3, kind
        assert difference.mean() < 1e-3, kind
        assert similarity(pictures[kind], picture) > 0.9999, kind


def test_a_tone_is_one_bright_line_at_its_height() -> None:
    # 257 bins for 172 rows: with 1,025 a line of three bins can fall between two pixels' centres
    grey = SpectrogramSettings(kinds=("linear",), grey=True, n_fft=512, hop_length=128)
    picture = draw_pictures(signals.tone(signals.SR / 8), signals.SR, grey)["linear"]
    assert picture.shape == (172, 173)
    brightest = np.argmax(picture[:, 80])
    assert brightest == pytest.approx(172 * 0.75, abs=1)  # a quarter of the way up to sr / 2, row 0 on top
    assert np.median(picture) < 5


def test_on_the_log_axis_octaves_lie_equally_far_apart() -> None:
    rows = []
    for hertz in (500.0, 1000.0, 2000.0, 4000.0):
        picture = draw_pictures(signals.tone(hertz), signals.SR, SpectrogramSettings(kinds=("layl",), grey=True))
        rows.append(int(np.argmax(picture["layl"].astype(int).sum(axis=1))))
    assert np.diff(rows) == pytest.approx(np.full(3, np.diff(rows).mean()), abs=1.5)


@pytest.mark.parametrize("y", [np.full(4_000, 0.2, dtype=np.float32), signals.noise(0.1), 1e-7 * signals.noise(1.0)])
def test_odd_clips_give_pictures(y: NDArray[np.float32]) -> None:
    for picture in draw_pictures(y, signals.SR, ALL).values():
        assert picture.shape == (172, 173, 3)


def test_png_gives_the_pixels_back_and_the_same_bytes_again() -> None:
    picture = draw_pictures(signals.band(3.0), signals.SR, SpectrogramSettings(kinds=("log",)))["log"]
    encoded = encode_png(picture)
    assert np.array_equal(np.array(Image.open(io.BytesIO(encoded))), picture)
    assert encode_png(picture.copy()) == encoded


def test_too_short_a_clip_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2048"):
        draw_pictures(np.zeros(2000, dtype=np.float32), signals.SR, ALL)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"kinds": ("lin",)}, "known: linear, log, layl"),
        ({"colour_map": "rainbows"}, "no such colour map"),
    ],
)
def test_unknown_names_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError):
        SpectrogramSettings(**settings)
    with pytest.raises(ConfigError, match=says):
        check_spectrogram(SpectrogramSettings().model_copy(update=settings))  # which pydantic does not check
