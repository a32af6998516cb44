"""What this machine is: its processor, and how many cores may be used."""

import os
import platform
from pathlib import Path

from tonearm.wording import count

CPUINFO = Path("/proc/cpuinfo")


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_machine() -> str:
    """Processor and cores in words, as in "AMD EPYC 7B13, 16 cores".

    Where the system names no model of the processor, its architecture stands for it.
    """
    return f"{_processor()}, {count(available_cores(), 'core')}"


def _processor() -> str:
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        text = ""
    found = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return next(filter(None, [*found, platform.processor(), platform.machine()]), "unknown processor")
