"""That freed memory is kept where the C library can: held by the page faults of a second run of the same work."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from tonearm.runtime.memory import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(20):
    blocks = [np.ones(1 << 18) for _ in range(8)]  # 2 MB each
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_keeping_freed_memory_saves_the_page_faults() -> None:
    def faults(how: str) -> int:
        said = subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True)
        return int(said.stdout)

    # 20 x 16 MB of pages of 4 kB are 80,000 faults when each is wanted anew; once they are 4,000
    assert faults("return") - faults("keep") > 20_000


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from tonearm.runtime.memory import keep_freed_memory

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
