"""Draw docs/images/genres.png: three clips of each genre of the built-in music, as `layl` pictures.

python tools/draw_genres.py
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tonearm.dsp.audio import load
from tonearm.jam import GENRES, render_jam
from tonearm.representations.spectrogram import draw_pictures
from tonearm.settings import AudioSettings, SpectrogramSettings

CLIPS = 3
MARGIN = 6
CAPTION = 18


def main() -> None:
    """Render, draw and put together."""
    settings = SpectrogramSettings(kinds=("layl",))
    with tempfile.TemporaryDirectory() as folder:
        render_jam(folder, clips_per_genre=CLIPS, seconds=10.0, clean=True)
        width = (settings.width + MARGIN) * 5 + MARGIN
        height = 2 * (CAPTION + CLIPS * (settings.height + MARGIN)) + MARGIN
        sheet = Image.new("RGB", (width, height), "white")
        pen = ImageDraw.Draw(sheet)
        for index, genre in enumerate(sorted(GENRES)):
            row, column = divmod(index, 5)
            left = MARGIN + column * (settings.width + MARGIN)
            top = MARGIN + row * (CAPTION + CLIPS * (settings.height + MARGIN))
            pen.text((left, top), genre, fill="black", font_size=14)
            for clip in range(CLIPS):
                samples = load(Path(folder) / genre / f"{genre}.{clip:05d}.wav", AudioSettings())
                picture = draw_pictures(samples, 22_050, settings)["layl"]
                place = (left, top + CAPTION + clip * (settings.height + MARGIN))
                sheet.paste(Image.fromarray(np.ascontiguousarray(picture)), place)
    target = Path(__file__).resolve().parents[1] / "docs" / "images" / "genres.png"
    sheet.quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    main()
