"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

# one thread a process: reproducible sums, and no fight for the two cores of a small machine
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "gtzan"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference music and tables, where they are; else the test is skipped and says so."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference data in ../shared/data/gtzan, which is not here")
    return SHARED
