"""Devices, and random seeds that do not affect the rest of the program.

Conventions
-----------
A device is "cpu", "cuda" or "mps", with a number if it is one of several: "cuda:1". All randomness in training (initial
weights, shuffling, dropout) comes from torch's global generators, seeded inside `seeded` and restored afterwards.
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
    """The device wanted, or for "auto" the fastest available; raises ModelError if it is not available."""
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
    """States of the global generators of the CPU and the device."""
    states = {"cpu": torch.get_rng_state()}
    if device != "cpu":
        states[device] = _accelerator(device).get_rng_state()
    return states


def set_generator_states(states: dict[str, torch.Tensor]) -> None:
    """Restore what `generator_states` returned."""
    for device, state in states.items():
        if device == "cpu":
            torch.set_rng_state(state)
        else:
            _accelerator(device).set_rng_state(state)


def _accelerator(device: str) -> Any:
    return {"cuda": torch.cuda, "mps": torch.mps}[kind(device)]


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Inside the block all random numbers follow from `seed`; outside nothing changes."""
    before = generator_states(device)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_generator_states(before)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Inside the block torch uses this many threads; the number decides the order of sums, hence their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
