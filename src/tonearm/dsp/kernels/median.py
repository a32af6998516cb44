"""Running medians by sorting networks whose sorted parts neighbouring windows share.

Conventions
-----------
Sixteen neighbouring windows of 31 samples have 16 samples in common, each half of them 24, each quarter
28, each pair 30. The common samples are sorted once, the others are merged into them on the way down, and
of each intermediate list only the ranks that can still become the median are kept. A comparator works on
a block of columns at once, so that the compiler turns it into vector minimum and maximum instructions.

Sources: K. E. Batcher, "Sorting networks and their applications", AFIPS 1968 (the merges);
A. Adams, "Fast median filters using separable sorting networks", ACM TOG 40(4), 2021 (the sharing).
"""

from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

OUTPUTS = 16  # windows that share their common part
LANES = 64  # columns a comparator handles at once; all live rows then fit the first-level cache


class Program(NamedTuple):
    """A network as a straight-line program over numbered rows.

    steps: int32, shape (steps, 4): first, second, row of the minimum, row of the maximum; -1 where that
    result is not needed. inputs: int32, row of each input. outputs: int32, row of each median. rows: how
    many rows the program needs.
    """

    steps: NDArray[np.int32]
    inputs: NDArray[np.int32]
    outputs: NDArray[np.int32]
    rows: int


class _Network:
    """Comparators over values that are numbered as they arise and never overwritten."""

    def __init__(self, inputs: int) -> None:
        self.values = inputs
        self.steps: list[tuple[int, int, int, int]] = []

    def compare(self, first: int, second: int) -> list[int]:
        """Number the minimum and the maximum of two values."""
        self.steps.append((first, second, self.values, self.values + 1))
        self.values += 2
        return [self.values - 2, self.values - 1]

    def merge(self, first: list[int], second: list[int]) -> list[int]:
        """Batcher's odd-even merge of two sorted lists of any lengths."""
        if not first or not second:
            return first + second
        if len(first) == len(second) == 1:
            return self.compare(first[0], second[0])
        odd = self.merge(first[0::2], second[0::2])
        even = self.merge(first[1::2], second[1::2])
        merged = [odd[0]]
        for rank in range(max(len(odd) - 1, len(even))):
            if rank < len(even) and rank + 1 < len(odd):
                merged += self.compare(even[rank], odd[rank + 1])
            else:
                merged += even[rank : rank + 1] + odd[rank + 1 : rank + 2]
        return merged

    def sort(self, values: list[int]) -> list[int]:
        """Batcher's merge sort."""
        if len(values) < 2:
            return values
        half = len(values) // 2
        return self.merge(self.sort(values[:half]), self.sort(values[half:]))


def _medians(network: _Network, common: list[int], missing: int, start: int, count: int, window: int) -> list[int]:
    """Medians of `count` windows from `start` on, given the sorted ranks of what they share.

    common: the values, sorted, of the shared samples that can still be the median. missing: how many
    samples each window has beside the shared ones; every one of them can raise or lower the median's rank
    by one, so missing + 1 ranks are in play, fewer where the list is shorter.
    """
    if count == 1:
        return common
    half = count // 2
    medians = []
    for first in (start, start + half):
        # samples shared by this half, but not by all: on the left of the common part, or on its right
        if first == start:
            extra = list(range(start + half - 1, start + count - 1))
        else:
            extra = list(range(start + window, start + window + half))
        merged = network.merge(common, network.sort(extra))
        kept = missing - half + 1
        below = (len(merged) - kept) // 2
        medians += _medians(network, merged[below : below + kept], missing - half, first, half, window)
    return medians


@lru_cache(maxsize=8)
def median_program(window: int) -> Program:
    """The program for `OUTPUTS` neighbouring medians over an odd `window` >= 2 * OUTPUTS - 1."""
    if window % 2 == 0 or window < 2 * OUTPUTS - 1:
        raise ValueError(f"window must be odd and at least {2 * OUTPUTS - 1}, got {window}")
    inputs = window + OUTPUTS - 1
    network = _Network(inputs)
    common = network.sort(list(range(OUTPUTS - 1, window)))
    missing = OUTPUTS - 1
    below = (len(common) - (missing + 1)) // 2
    outputs = _medians(network, common[below : below + missing + 1], missing, 0, OUTPUTS, window)
    return _allocate(network, inputs, outputs)


def _allocate(network: _Network, inputs: int, outputs: list[int]) -> Program:
    """Drop what no median needs and give the rest rows, each free again after its last use."""
    last_use = {value: len(network.steps) for value in outputs}
    kept = []
    for index in range(len(network.steps) - 1, -1, -1):
        first, second, low, high = network.steps[index]
        if low in last_use or high in last_use:
            kept.append((index, first, second, low, high))
            for value in (first, second):
                last_use.setdefault(value, index)
    row = {value: value for value in range(inputs)}
    free = [value for value in range(inputs) if value not in last_use]
    rows = inputs
    steps = []
    for index, first, second, low, high in reversed(kept):
        target = {}
        for value in (low, high):
            target[value] = -1
            if value in last_use:
                # never a row that this step reads: the vectoriser would see an overlap and give up
                if free:
                    row[value] = free.pop()
                else:
                    row[value] = rows
                    rows += 1
                target[value] = row[value]
        steps.append((row[first], row[second], target[low], target[high]))
        free += {row[value] for value in (first, second) if last_use[value] == index}
    return Program(
        np.array(steps, dtype=np.int32),
        np.array([row[value] for value in range(inputs)], dtype=np.int32),
        np.array([row[value] for value in outputs], dtype=np.int32),
        rows,
    )


@numba.njit(cache=True, nogil=True)
def _run(buffer: NDArray[np.float32], steps: NDArray[np.int32]) -> None:
    for step in range(steps.shape[0]):
        first = buffer[steps[step, 0]]
        second = buffer[steps[step, 1]]
        if steps[step, 3] < 0:
            low = buffer[steps[step, 2]]
            for lane in range(LANES):
                low[lane] = first[lane] if first[lane] < second[lane] else second[lane]
        elif steps[step, 2] < 0:
            high = buffer[steps[step, 3]]
            for lane in range(LANES):
                high[lane] = second[lane] if first[lane] < second[lane] else first[lane]
        else:
            low = buffer[steps[step, 2]]
            high = buffer[steps[step, 3]]
            for lane in range(LANES):
                a = first[lane]
                b = second[lane]
                low[lane] = a if a < b else b
                high[lane] = b if a < b else a


@numba.njit(cache=True, nogil=True)
def _reflect(position: int, length: int) -> int:
    """Index of a padded position when the edge sample is repeated (scipy's `reflect`)."""
    while position < 0 or position >= length:
        position = -1 - position if position < 0 else 2 * length - 1 - position
    return position


@numba.njit(cache=True, nogil=True)
def _copy(source: NDArray[np.float32], target: NDArray[np.float32], count: int) -> None:
    """Copy the first values. Assigning a slice would compile three seconds of texts about shapes that do not fit."""
    for i in range(count):
        target[i] = source[i]


@numba.njit(cache=True, nogil=True)
def _median_down_block(
    block: NDArray[np.float32],
    window: int,
    steps: NDArray[np.int32],
    inputs: NDArray[np.int32],
    outputs: NDArray[np.int32],
    buffer: NDArray[np.float32],
    medians: NDArray[np.float32],
) -> None:
    """Fill medians with those down the LANES columns of block; both of shape (length, LANES)."""
    length = block.shape[0]
    for top in range(0, length, OUTPUTS):
        for i in range(inputs.shape[0]):
            _copy(block[_reflect(top + i - window // 2, length)], buffer[inputs[i]], LANES)
        _run(buffer, steps)
        for i in range(min(OUTPUTS, length - top)):
            _copy(buffer[outputs[i]], medians[top + i], LANES)


@numba.njit(cache=True, nogil=True)
def medians_of_blocks(
    S: NDArray[np.float32],
    window: int,
    down: bool,
    steps: NDArray[np.int32],
    inputs: NDArray[np.int32],
    outputs: NDArray[np.int32],
    rows: int,
) -> NDArray[np.float32]:
    """Medians down the columns or along the rows of S, LANES columns or rows at a time."""
    length, count = (S.shape[0], S.shape[1]) if down else (S.shape[1], S.shape[0])
    result = np.empty(S.shape, dtype=np.float32)
    buffer = np.zeros((rows, LANES), dtype=np.float32)
    block = np.zeros((length, LANES), dtype=np.float32)
    medians = np.zeros((length, LANES), dtype=np.float32)
    for first in range(0, count, LANES):
        lanes = min(LANES, count - first)
        if down:
            for i in range(length):
                _copy(S[i, first:], block[i], lanes)
        else:
            for lane in range(lanes):
                for i in range(length):
                    block[i, lane] = S[first + lane, i]
        _median_down_block(block, window, steps, inputs, outputs, buffer, medians)
        if down:
            for i in range(length):
                _copy(medians[i], result[i, first:], lanes)
        else:
            for lane in range(lanes):
                for i in range(length):
                    result[first + lane, i] = medians[i, lane]
    return result


def sliding_median(S: NDArray[np.float32], window: int, axis: int) -> NDArray[np.float32]:
    """Median of the `window` samples centred on each sample along `axis`, edges mirrored.

    S: float32 without NaN, shape (rows, columns), C-contiguous. window: odd, at least 31. axis: 0 or 1.
    Equal to the bit to ``scipy.ndimage.median_filter(S, size, mode="reflect")`` where there are at
    least `window` samples; in shorter ones scipy 1.17 repeats the edges wrongly now and then.

    >>> S = np.arange(40, dtype=np.float32)[:, None]
    >>> sliding_median(S, 31, axis=0)[:3, 0], sliding_median(S.T.copy(), 31, axis=1)[0, 20]
    (array([7., 7., 7.], dtype=float32), np.float32(20.0))
    """
    result: NDArray[np.float32] = medians_of_blocks(S, window, axis == 0, *median_program(window))
    return result
