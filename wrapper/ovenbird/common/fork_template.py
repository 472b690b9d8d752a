"""Load once, fork often: prepare a process for forks, tell what would make them unsafe, and make its children.

    function, hazards = load_for_forks(lambda: load(target))
    if not hazards:
        pid = fork_child()  # 0 in the child

A process that is forked from has one thread only. What it imports is shared with its children until one of them writes.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import warnings
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from .fork_guard import fork_own
from .fork_hazards import find_fork_hazards, read_process_state
from .temporary_folders import forget_temporary_folders, remove_temporary_folders

T = TypeVar("T")


def load_for_forks(load: Callable[[], T]) -> tuple[T, list[str]]:
    """Call `load`; return its result, and in words what it left that makes a fork of this process unsafe.

    What stays is frozen: no garbage collection, here or in a child, traverses it, which would copy its pages.
    """
    before = read_process_state()
    result = load()
    gc.collect()
    gc.freeze()
    return result, find_fork_hazards(before)


def fork_child() -> int:
    """Fork a process of ours; return its number, or 0 in the child, which has its own random numbers. Errors: OSError.

    The child keeps descriptors and signal handlers, and a fork of the user's code within it is not guarded yet.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()  # otherwise both processes would write what is buffered
    with warnings.catch_warnings():  # Python 3.12 warns of all threads, those that are safe too
        warnings.simplefilter("ignore")
        pid = fork_own()
    if pid == 0:
        _prepare_child()
    return pid


def _prepare_child() -> None:
    """Give a new child what must be its own. Python itself seeds `random` anew, and frees the locks of `logging`."""
    forget_temporary_folders()
    for finalizer in _list_finalizers():
        finalizer.atexit = False  # temporary folders of modules: this process's siblings use them too
    for module, name in (("numpy.random", "seed"), ("torch", "seed")):
        seed = getattr(sys.modules.get(module), name, None)
        if seed is not None:
            with contextlib.suppress(Exception):
                seed()


def remove_shared_folders() -> None:
    """Remove temporary folders of this process and of its modules, which its children have left."""
    for finalizer in _list_finalizers():
        if finalizer.atexit:
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                finalizer()
    remove_temporary_folders()


def _list_finalizers() -> list[Any]:
    registry: dict[Any, Any] = getattr(weakref.finalize, "_registry", {})
    return list(registry)
