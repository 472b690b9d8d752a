"""The threads of this process with the libraries that run them, from /proc. Linux only; empty elsewhere.

The kernel shows where a sleeping thread's stack is. The first address of a library on it, beside those of C itself,
names the library that started the thread: so the pool of OpenBLAS is told from that of OpenMP.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import NamedTuple

_OF_C = ("libc.so", "libc-", "ld-", "libpthread", "libstdc++", "libgcc_s", "libm.so", "[vdso]", "ld-musl", "libc.musl")
_STACK = 16 * 1024  # bytes of a stack that are searched
_WORD = 8  # bytes of an address
_LOOKS, _PAUSE = 10, 0.003  # a pool's threads spin for a few milliseconds before they sleep


class NativeThread(NamedTuple):
    """A thread: its `number` in the kernel, its `name` there, and the `library` that runs it (empty if unknown)."""

    number: int
    name: str
    library: str


def list_thread_numbers() -> frozenset[int]:
    """Return the numbers of all threads of this process."""
    try:
        return frozenset(map(int, os.listdir("/proc/self/task")))  # noqa: PTH208  # the cheapest look
    except OSError:
        return frozenset(filter(None, (thread.native_id for thread in threading.enumerate())))


def describe_threads(numbers: frozenset[int]) -> list[NativeThread]:
    """Return name and library of these threads, without those that have ended."""
    numbers &= list_thread_numbers()
    if not numbers:
        return []
    libraries = _list_libraries()
    threads = []
    for number in sorted(numbers):
        name = _read(number, "comm")
        if name:
            threads.append(NativeThread(number, name, _find_library(number, libraries)))
    return threads


def _read(number: int, file: str) -> str:
    try:
        with open(f"/proc/self/task/{number}/{file}", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
            return stream.read().strip()
    except OSError:
        return ""


def _list_libraries() -> list[tuple[int, int, str]]:
    """Return the executable parts of memory: begin, end, name of the file."""
    parts = []
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
        for line in lines:
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and "x" in fields[1]:
                begin, _, end = fields[0].partition("-")
                name = fields[5].strip().removesuffix(" (deleted)").rpartition("/")[2]
                if not name.startswith(_OF_C):
                    parts.append((int(begin, 16), int(end, 16), name))
    return parts


def _find_library(number: int, libraries: list[tuple[int, int, str]]) -> str:
    """Return the library whose address is nearest to the top of a sleeping thread's stack; empty if unknown."""
    for _ in range(_LOOKS):
        fields = _read(number, "syscall").split()
        if fields and fields[0] != "running":
            break
        time.sleep(_PAUSE)
    else:
        return ""
    try:
        stack, program = int(fields[-2], 16), int(fields[-1], 16)
        with open("/proc/self/mem", "rb", buffering=0) as memory:  # noqa: PTH123
            memory.seek(stack)
            words = memory.read(_STACK)
    except (OSError, ValueError, IndexError, OverflowError):
        return ""
    addresses = [program, *memoryview(words[: len(words) // _WORD * _WORD]).cast("Q")]
    return next((name for at in addresses for begin, end, name in libraries if begin <= at < end), "")
