"""Where a network runs, and random numbers that leave the rest of the program alone.

Conventions
-----------
A device is "cpu", "cuda" or "mps"; one of several has its number, "cuda:1". Everything random in a training (first
weights, shuffling, dropout) comes from torch's global generators, seeded inside `seeded` and put back afterwards.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from tonearm.errors import ModelError


def available(device: str) -> bool:
    """Whether this machine has the device."""
    if device == "cuda":
        return torch.cuda.is_available()
    if device == "mps":
        return torch.backends.mps.is_available()
    return device == "cpu"


def choose_device(wanted: str) -> str:
    """The device wanted, or for "auto" the fastest that is here; raises ModelError where it is not here."""
    if wanted == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available(device))
    if not available(wanted):
        raise ModelError(f"train.device = {wanted!r}: this machine has none that torch can use; choose 'auto' or 'cpu'")
    return wanted


def kind(device: str) -> str:
    """The device without its number.

    >>> kind("cuda:1")
    'cuda'
    """
    return device.partition(":")[0]


def generator_states(device: str) -> dict[str, torch.Tensor]:
    """State of the global generators of the CPU and of the device."""
    states = {"cpu": torch.get_rng_state()}
    if device != "cpu":
        states[device] = _accelerator(device).get_rng_state()
    return states


def set_generator_states(states: dict[str, torch.Tensor]) -> None:
    """Put back what `generator_states` gave."""
    for device, state in states.items():
        if device == "cpu":
            torch.set_rng_state(state)
        else:
            _accelerator(device).set_rng_state(state)


def _accelerator(device: str) -> Any:
    return {"cuda": torch.cuda, "mps": torch.mps}[kind(device)]


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Inside, all random numbers follow from `seed`; outside, nothing has changed."""
    before = generator_states(device)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_generator_states(before)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Inside, torch computes with so many threads; the number decides the order of sums, and so their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
