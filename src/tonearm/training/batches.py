"""Batches for skorch, indexed from the source at once instead of collated row by row.

Conventions
-----------
Shuffling draws from torch's global generator, which `devices.seeded` seeds. Shuffled batches are for training: in
a group of several processes each gets its share of a batch. Evaluation batches are never divided.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from tonearm.training.inputs import Source
from tonearm.training.process_group import ProcessGroup


class Rows(torch.utils.data.Dataset[None]):
    """A source and the labels of its rows as class numbers."""

    def __init__(self, source: Source, codes: NDArray[np.int64]) -> None:
        self.source = source
        self.truth = torch.from_numpy(codes)

    def __len__(self) -> int:
        return len(self.truth)


class Batches:
    """Iterates over (inputs, truth); replaces torch's DataLoader, which is slow on tables."""

    def __init__(
        self, dataset: Rows, batch_size: int, shuffle: bool = False, processes: ProcessGroup | None = None
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.processes = processes or ProcessGroup()

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        count = len(self.dataset)
        order = self.processes.agree(torch.randperm(count)) if self.shuffle else torch.arange(count)
        for batch in self._cut(order):
            rows = self.processes.share(batch) if self.shuffle else batch
            yield self.dataset.source[rows], self.dataset.truth[rows]

    def _cut(self, order: torch.Tensor) -> list[torch.Tensor]:
        """Batches of `batch_size`; a last one too small joins its predecessor: batch norm needs two rows a process."""
        parts = list(torch.split(order, self.batch_size))
        if self.shuffle and len(parts) > 1 and len(parts[-1]) < 2 * self.processes.count:
            parts[-2:] = [torch.cat(parts[-2:])]
        return parts
