"""How the C library returns memory: processing clip after clip needs the same megabytes again at once."""

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST_FROM_HEAP = 32 << 20  # bytes; the most that glibc allows
KEPT_FREE = 256 << 20  # bytes at the top of the heap


def keep_freed_memory() -> bool:
    """Let this process keep up to 256 MB of freed memory for its next arrays; return whether the C library can.

    glibc returns every large array to the system when it is freed, and the system zeroes each page when it is
    needed again: some 4,000 page faults and an eighth of the time of a clip of ten seconds, more if
    several processes do it at once. Other C libraries have no such setting and are left alone. Source: mallopt(3).
    """
    if not _is_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGEST_FROM_HEAP) and mallopt(_M_TRIM_THRESHOLD, KEPT_FREE))


def return_freed_memory() -> None:
    """Give the system back what this process keeps free, after a long clip and before large arrays. Source:
    malloc_trim(3).
    """
    if _is_glibc():
        ctypes.CDLL(None).malloc_trim(0)


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"
