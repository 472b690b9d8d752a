"""Keep a child that user code forks from using its parent's port, connections and signal handlers.

A child that kept the port would accept connections and never answer; one that kept the wake-up descriptor of the
signals would hand every signal that it gets to its parent. `subprocess` and `spawn` start other programs, which have
none of this anyway.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

in_child = False  # whether this process is such a child; it may run functions and services of its own
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGURG)
_OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120  # frames that a traceback leaves out
# `mask`: the signals that the thread which forks just now had blocked before; `is_own`: it forks a process of ours
_forking = threading.local()
_descriptors: list[Callable[[], Iterable[int]]] = []
_is_registered = False  # whether this process or one that it was forked from has called `guard_forks`


def guard_forks(descriptors: Callable[[], Iterable[int]] = tuple) -> None:
    """Have children that are forked from now on start with default signal handlers and without these descriptors."""
    global _is_registered  # noqa: PLW0603 (of this process)
    if not _is_registered:
        _is_registered = True
        os.register_at_fork(before=_hold_signals, after_in_parent=_release_signals, after_in_child=_after_fork)
    _descriptors.append(descriptors)


def fork_own() -> int:
    """Fork a process of ours, which keeps all that its parent has; return its number, or 0 in the child.

    Its own children are guarded again when it calls `guard_forks`. Errors: OSError.
    """
    _forking.is_own = True
    try:
        return os.fork()
    finally:
        _forking.is_own = False


def is_forked_from(process: int) -> bool:
    """Return whether this is a child that user code has forked from `process`, or from a child of it."""
    return in_child and os.getpid() != process


def end_child(failed: bool) -> NoReturn:
    """End a child that has left the user's function: only its parent may continue there."""
    _flush()
    os._exit(1 if failed else 0)


@contextlib.contextmanager
def parent_only() -> Iterator[None]:
    """Return a context for user code. A child that it forks, and that leaves the context, ends as a script would.

    A child that was forked outside may enter a context of its own: a script may fork, and run functions there.
    """
    process = os.getpid()
    try:
        yield
    except BaseException as error:
        if is_forked_from(process):
            _end_as_script(error)
        raise
    if is_forked_from(process):
        end_child(failed=False)


def _end_as_script(error: BaseException) -> NoReturn:
    """End the child with the status of `sys.exit`, or with 1 and the traceback on stderr."""
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        code = error.code or 0
    else:
        code = 1
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename.startswith(_OURS):
            trace = trace.tb_next
        with contextlib.suppress(Exception):
            sys.excepthook(type(error), error.with_traceback(trace), trace)
    _flush()
    os._exit(code & 0xFF)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _hold_signals() -> None:
    """Block signals until the child has its own handlers: its parent's would react as if the parent were signalled."""
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _after_fork() -> None:
    if getattr(_forking, "is_own", False):
        _descriptors.clear()
        _release_signals()
        return
    global in_child  # noqa: PLW0603 (of this process)
    in_child = True
    with contextlib.suppress(ValueError):  # the child of a thread in a sub-interpreter
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for source in _descriptors:
        with contextlib.suppress(Exception):
            for descriptor in source():
                # not closed: the number would be given to another file, which a destructor might close later
                os.dup2(null, descriptor, inheritable=False)
    os.close(null)
    _release_signals()
