"""The outline of a waveform in so many columns, however long the recording is."""

import numpy as np
from numpy.typing import NDArray

FIRST_STEP = 64  # samples of a column at the start
MOST_COLUMNS = 4096


class Envelope:
    """The highest absolute value of each column of samples, gathered as the samples come.

    Where there are more than MOST_COLUMNS, two neighbours become one: memory does not grow with the recording.

    >>> outline = Envelope()
    >>> outline.add(np.zeros(1024, dtype=np.float32), 128)
    >>> outline.add(np.ones(1024, dtype=np.float32), 128)
    >>> outline.seconds, outline.shape(2).tolist()
    (16.0, [0.0, 1.0])
    """

    def __init__(self) -> None:
        self.sr = 0
        self._peaks: list[NDArray[np.float32]] = []
        self._columns = 0
        self._step = FIRST_STEP
        self._rest = np.zeros(0, dtype=np.float32)
        self._samples = 0

    @property
    def seconds(self) -> float:
        """Length of what was heard."""
        return self._samples / self.sr if self.sr else 0.0

    def add(self, samples: NDArray[np.float32], sr: int) -> None:
        """Hear further samples, shape (samples,). sr: Hz, the same each time."""
        self.sr = sr
        self._samples += len(samples)
        joined = np.concatenate([self._rest, np.abs(samples)])
        whole = len(joined) // self._step * self._step
        self._peaks.append(joined[:whole].reshape(-1, self._step).max(axis=1))
        self._columns += len(self._peaks[-1])
        self._rest = joined[whole:]
        while self._columns > MOST_COLUMNS:
            self._halve()

    def shape(self, columns: int) -> NDArray[np.float32]:
        """The peaks in so many columns of equal length, shape (columns,); silence where there is nothing."""
        peaks = self._all()
        if len(self._rest):
            peaks = np.append(peaks, self._rest.max())
        if not len(peaks):
            return np.zeros(columns, dtype=np.float32)
        edges = np.linspace(0, len(peaks), columns + 1)
        first = np.minimum(edges[:-1].astype(np.intp), len(peaks) - 1)
        last = np.maximum(np.ceil(edges[1:]).astype(np.intp), first + 1)
        return np.array([peaks[start:stop].max() for start, stop in zip(first, last, strict=True)], dtype=np.float32)

    def _all(self) -> NDArray[np.float32]:
        return np.concatenate(self._peaks) if self._peaks else np.zeros(0, dtype=np.float32)

    def _halve(self) -> None:
        """Make one column of two neighbours; an odd one goes back to the rest as its peak."""
        peaks = self._all()
        pairs = len(peaks) // 2
        odd = peaks[2 * pairs :]
        self._peaks = [peaks[: 2 * pairs].reshape(-1, 2).max(axis=1)]
        self._columns = pairs
        if len(odd):
            self._rest = np.concatenate([np.repeat(odd, self._step), self._rest])
        self._step *= 2
