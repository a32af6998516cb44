"""One training on several processes, GPUs or hosts that `accelerate launch` started; or on this process alone.

Conventions
-----------
Every process runs the same program. Process 0 leads: it reads the data first, writes the files, and decides
whenever processes that decide differently would deadlock. The rows of a batch are divided
among the processes and their gradients averaged, each weighted by its rows; so the number of processes changes
a result by rounding alone, unless networks use batch norm (a process sees only its share of a batch) or draw
random numbers (each draws its own). Folders are shared: all hosts see them under the same name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from tonearm.errors import ModelError
from tonearm.settings import TrainSettings

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

LONGEST_WAIT = timedelta(days=7)  # for the process that reads the data, or trains a model that cannot be distributed


class ProcessGroup:
    """A group of one process, which leads and never waits."""

    index = 0
    count = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.index == 0

    def device(self, wanted: str) -> str:
        """Device on which this process trains. Raises ModelError if it is not available."""
        from tonearm.training.devices import choose_device  # loads torch, which models of rows do without

        return choose_device(wanted)

    def wait(self) -> None:
        """Wait until all processes reach this point."""

    def agree(self, value: Any) -> Any:
        """Process 0's value, which must be picklable."""
        return value

    def total(self, values: "torch.Tensor") -> "torch.Tensor":
        """The sum over the processes of a tensor with the same shape on all."""
        return values

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Run the block in one process after another, so that later ones find what the first has written."""
        for _ in range(self.index):
            self.wait()
        yield
        for _ in range(self.index, self.count):
            self.wait()

    def share(self, rows: "torch.Tensor") -> "torch.Tensor":
        """The part of a batch that this process trains on."""
        return rows.tensor_split(self.count)[self.index]


class LaunchedGroup(ProcessGroup):
    """One of several processes that `accelerate launch` started."""

    def __init__(self, accelerator: "Accelerator") -> None:
        self.accelerator = accelerator
        self.index = accelerator.process_index
        self.count = accelerator.num_processes

    def device(self, wanted: str) -> str:
        """The device that the launcher gave this process. Raises ModelError if the settings want another."""
        device = self.accelerator.device
        if wanted not in ("auto", device.type):
            raise ModelError(f"train.device = {wanted!r}, but accelerate gives this process {device.type!r}")
        return str(device)

    def wait(self) -> None:
        """Wait until all processes reach this point."""
        self.accelerator.wait_for_everyone()

    def agree(self, value: Any) -> Any:
        """Process 0's value."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    def total(self, values: "torch.Tensor") -> "torch.Tensor":
        """The sum over the processes."""
        summed: torch.Tensor = self.accelerator.reduce(values.to(self.accelerator.device), "sum")
        return summed.to(values.device)


def process_group(train: TrainSettings) -> ProcessGroup:
    """The processes that train together: this one alone, unless `train.accelerate` and `accelerate launch` say more.

    Raises ModelError if accelerate is not installed.
    """
    if not train.accelerate:
        return ProcessGroup()
    accelerator = _accelerator(train.device == "cpu")
    return LaunchedGroup(accelerator) if accelerator.num_processes > 1 else ProcessGroup()


@cache
def _accelerator(cpu: bool) -> "Accelerator":
    try:
        from accelerate import Accelerator, InitProcessGroupKwargs
    except ModuleNotFoundError as error:
        raise ModelError('train.accelerate needs accelerate: pip install "tonearm[accelerate]"') from error
    # the engine places its tensors itself, as it does without accelerate
    return Accelerator(device_placement=False, cpu=cpu, kwargs_handlers=[InitProcessGroupKwargs(timeout=LONGEST_WAIT)])
