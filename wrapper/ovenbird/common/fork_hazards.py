"""What makes a fork of this process unsafe: threads, connections, child processes, event loops, GPUs.

A fork has one thread, the one that forks: a lock that another thread holds stays locked in it for ever, and what that
thread does is not done. A connection that two processes share mixes their messages up.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .native_threads import NativeThread, describe_threads, list_thread_numbers
from .process_stat import read_process_stat

# Threads that are measured to be safe: their library prepares them for a fork, or what they do is of no use in a child.
_SAFE_LIBRARIES = ("libopenblas", "libscipy_openblas", "libarrow")
_SAFE_NAMES = ("jemalloc_bg_thd", "polars-ooc-clea")
_SAFE_PYTHON_THREADS = ("OtelBatch", "OtelPeriodic")  # OpenTelemetry starts them again in a child
_GPUS = ("/dev/nvidia", "/dev/kfd", "/dev/dri/", "/dev/accel", "/dev/neuron")
_SQLITE = b"SQLite format 3\0"
_SECOND_LOOK = 0.05  # seconds until threads that seem unsafe are looked at again


class ProcessState(NamedTuple):
    """What a process has: numbers of its threads, its descriptors with their targets, numbers of its children."""

    threads: frozenset[int]
    descriptors: dict[int, str]
    children: frozenset[int]


def read_process_state() -> ProcessState:
    """Return the state of this process."""
    return ProcessState(list_thread_numbers(), _list_descriptors(), frozenset(_list_children()))


def find_fork_hazards(before: ProcessState) -> list[str]:
    """Return what has come since `before` and makes a fork unsafe, each in words such as "the thread `poller`"."""
    state = read_process_state()
    descriptors = {
        number: target for number, target in state.descriptors.items() if before.descriptors.get(number) != target
    }
    return [
        *_describe_threads(state.threads - before.threads),
        *_describe_descriptors(descriptors),
        *_describe_children(state.children - before.children),
        *_describe_gpu_libraries(),
    ]


def _describe_threads(numbers: frozenset[int]) -> Iterator[str]:
    thread_names = {thread.native_id: thread.name for thread in threading.enumerate()}
    for number, name in thread_names.items():
        if number in numbers and not name.startswith(_SAFE_PYTHON_THREADS):
            yield f"the thread `{name}`"
    own_name = next((thread.name for thread in describe_threads(frozenset((os.getpid(),)))), "")

    def list_unsafe(numbers: frozenset[int]) -> list[NativeThread]:
        return [thread for thread in describe_threads(numbers) if not _is_safe(thread, own_name)]

    unsafe = list_unsafe(numbers - set(thread_names))
    if unsafe:  # one that has just begun, or is about to end, may be told from others a moment later
        time.sleep(_SECOND_LOOK)
        unsafe = list_unsafe(frozenset(thread.number for thread in unsafe))
    for (name, library), count in Counter((thread.name, thread.library) for thread in unsafe).items():
        origin = f" of {library}" if library else ""
        yield f"{'a thread' if count == 1 else f'{count} threads'} `{name}`{origin}"


def _is_safe(thread: NativeThread, own_name: str) -> bool:
    """Return whether a thread without a Python object is of a pool that survives a fork.

    Where the kernel does not show the library, that is taken for granted for a thread without a name of its own.
    """
    if not thread.library:
        return thread.name in (own_name, *_SAFE_NAMES)
    return thread.name.startswith(_SAFE_NAMES) or thread.library.startswith(_SAFE_LIBRARIES)


def _list_descriptors() -> dict[int, str]:
    descriptors = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  # the cheapest look
            with contextlib.suppress(OSError):  # the one of the listing itself
                descriptors[int(name)] = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
    return descriptors


def _describe_descriptors(descriptors: dict[int, str]) -> Iterator[str]:
    has_loop = any(target == "anon_inode:[eventpoll]" for target in descriptors.values())
    if has_loop:  # its own sockets say no more
        yield "an event loop"
    for number, target in descriptors.items():
        if target.startswith("socket:"):
            text = _describe_socket(number)
            if not has_loop or text != _UNNAMED_SOCKET:
                yield text
        elif target.startswith(_GPUS):
            yield f"the GPU device `{target}`"
        elif target.startswith("/") and _is_sqlite(number):
            yield f"the SQLite database `{target}`"


_UNNAMED_SOCKET = "a socket"


def _describe_socket(number: int) -> str:
    import socket  # most processes have no socket to describe

    try:
        sock = socket.socket(fileno=os.dup(number))
    except OSError:
        return _UNNAMED_SOCKET
    with sock:
        for action, prefix in ((sock.getpeername, "a connection to "), (sock.getsockname, "a socket at ")):
            with contextlib.suppress(OSError, ValueError):
                if address := _format_address(action()):
                    return f"{prefix}{address}"
    return _UNNAMED_SOCKET


def _format_address(address: object) -> str:
    if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[0], str):
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        return f"{host}:{address[1]}"
    text = os.fsdecode(address) if isinstance(address, bytes) else address
    return f"`{text.lstrip(chr(0))}`" if isinstance(text, str) and text else ""


def _is_sqlite(number: int) -> bool:
    try:
        return os.pread(number, len(_SQLITE), 0) == _SQLITE
    except OSError:  # a folder, a device, a file that is open for writing only
        return False


def _list_children() -> Iterator[int]:
    for number in list_thread_numbers():
        with contextlib.suppress(OSError, ValueError):
            yield from map(int, Path(f"/proc/self/task/{number}/children").read_text().split())


def _describe_children(numbers: frozenset[int]) -> Iterator[str]:
    for number in sorted(numbers):
        if read_process_stat(number)[:1] not in ([], ["Z"], ["X"]):
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{number}/comm").read_text(encoding="utf-8", errors="replace").strip()
                yield f"the child process {number} (`{name}`)"


def _describe_gpu_libraries() -> Iterator[str]:
    """Yield libraries that have initialised CUDA, which does not work in a child."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    with contextlib.suppress(Exception):
        if cuda is not None and cuda.is_initialized() is True:
            yield "CUDA, initialised by `torch`"
