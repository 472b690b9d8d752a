"""Unmap pages of libraries that an idle process does not need: the kernel maps them again from its cache. Linux only.

A process that only waits for forks keeps whatever its imports have read of libraries; its children map on their own
what they use.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

_DONT_NEED = 4  # MADV_DONTNEED of sys/mman.h


def release_clean_pages() -> None:
    """Unmap the pages of files that are mapped read-only, and that this process has not changed. Nothing is lost."""
    import ctypes  # costs milliseconds, and most processes are not idle

    with contextlib.suppress(OSError, AttributeError, ValueError):
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for begin, end in list(_list_clean_parts()):
            advise(begin, end - begin, _DONT_NEED)


def _list_clean_parts() -> Iterator[tuple[int, int]]:
    """Yield begin and end of the parts of memory that hold nothing but what is in a file."""
    span = None
    with open("/proc/self/smaps", encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
        for line in lines:
            name, _, rest = line.partition(" ")
            if not name.endswith(":"):  # the head of a part: addresses, permissions, offset, device, inode, path
                fields = rest.split(maxsplit=4)
                is_file = len(fields) == 5 and fields[4].startswith("/")
                is_clean = is_file and fields[0].startswith("r-") and fields[0].endswith("p")
                begin, _, end = name.partition("-")
                span = (int(begin, 16), int(end, 16)) if is_clean else None
            elif span and name in ("Anonymous:", "Private_Dirty:", "Shared_Dirty:", "Swap:") and rest.split()[0] != "0":
                span = None
            elif span and name == "VmFlags:":
                yield span
                span = None
