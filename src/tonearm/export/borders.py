"""Numbers that a run rounds before its network reads them, and that lie on the border of two steps.

Conventions
-----------
A pixel has one of 256 steps of brightness, and the bands that some encoders read are rounded to float16. A value on the
border of two steps may get the other one in an exported model, as it may on a machine with another library for linear
algebra. Whether the rest of the model is the run's is then asked of the numbers that the exported model read itself.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import ExportError
from tonearm.representations.base import Reader
from tonearm.representations.encoders.front_ends import LogMel, cut, log_mel
from tonearm.representations.encoders.representation import EmbeddingReader, pooled
from tonearm.representations.pictures import PictureReader
from tonearm.representations.spectrogram import colours

Answer = Callable[[NDArray[Any]], NDArray[np.float64]]  # a row or picture to the run's probabilities


class Rounded(NamedTuple):
    """What came of the comparison of rounded numbers.

    expected: the run's probabilities of what the exported model read, None where that is what the run read. other: how
    many numbers have another step than the run's, of so many.
    """

    expected: NDArray[np.float64] | None
    other: int
    numbers: int


def of_pictures(steps: NDArray[np.uint8], reader: PictureReader, picture: NDArray[np.uint8], answer: Answer) -> Rounded:
    """Of the steps of brightness that an exported model read, shape (height, width). picture: that of the run.

    Raises ExportError where a pixel has neither its own step nor one beside it.
    """
    table, wide = colours(reader.representation.settings), steps.astype(np.int64)
    if steps.shape != picture.shape[:2]:
        raise ExportError(f"it draws {steps.shape} pixels, and the run {picture.shape[:2]}")
    differ = [
        (table[np.clip(wide + step, 0, len(table) - 1)] != picture).reshape(*steps.shape, -1).any(axis=2)
        for step in (0, 1, -1)
    ]
    _check(int(np.logical_and.reduce(differ).sum()), "pixels")
    other = int(differ[0].sum())
    return Rounded(answer(table[wide]) if other else None, other, steps.size)


def of_bands(
    bands: NDArray[np.float32], reader: EmbeddingReader, heard: NDArray[np.float32], answer: Answer
) -> Rounded:
    """Of the bands that an exported model read, shape (frames, bands). heard: the samples of which the run reads them.

    Raises ExportError where a number is neither its own step nor one beside it.
    """
    encoder, front = reader.encoder, reader.encoder.front
    assert front is not None
    length = round(encoder.window * encoder.sr)
    own = log_mel(heard if len(heard) >= length else np.resize(heard, length), encoder.sr, front)
    if own.shape != bands.shape:
        raise ExportError(f"it reads {bands.shape} bands, and the run {own.shape}")
    apart = np.abs(_halves(bands, front) - _halves(own, front))
    _check(int((apart > 1).sum()), "numbers")
    frames, hop = (round(seconds * encoder.sr / front.hop_length) for seconds in (encoder.window, encoder.hop))
    rows = reader.run(cut(bands, frames, hop))
    return Rounded(answer(pooled(rows, reader.representation.pool)), int((apart > 0).sum()), bands.size)


def _halves(bands: NDArray[np.float32], front: LogMel) -> NDArray[np.int64]:
    """The float16 that each number was made of, as its place among all of them."""
    powers = (np.exp((bands.astype(np.float64) - front.add) / front.multiply) - front.floor) / front.gain
    places: NDArray[np.int64] = np.abs(powers).astype(np.float16).view(np.int16).astype(np.int64)
    return places


def _check(far: int, what: str) -> None:
    if far:
        raise ExportError(f"{far} of the {what} that it reads are others than the run's")


def rounded(
    found: dict[str, NDArray[Any]], reader: Reader | None, values: Any, heard: Any, answer: Answer
) -> Rounded | None:
    """As `of_pictures` or `of_bands`; None where nothing is rounded. found: outputs of the exported model by name.

    values: the run's row or picture. heard: the samples that it read. Raises ExportError.
    """
    if isinstance(reader, PictureReader) and "picture" in found:
        return of_pictures(found["picture"], reader, values, answer)
    if isinstance(reader, EmbeddingReader) and "bands" in found:
        return of_bands(found["bands"], reader, heard, answer)
    return None
