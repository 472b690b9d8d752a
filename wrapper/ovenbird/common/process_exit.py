"""End the process as `python main.py` would end, but within a limit: threads and children cannot keep it alive."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

GRACE = 3.0  # seconds for threads, child processes and exit functions of the user's code
_ending = False


def end_process(code: int) -> NoReturn:
    """Wait for threads, run exit functions, flush, and end with a status; whatever takes longer than GRACE is ended.

    The order is the interpreter's own: `threading._shutdown` tells executors to stop and joins threads, then come the
    functions of `atexit`. Without the first, an executor's exit function waits for ever for work that never ends.
    A second call, from a signal handler, ends at once.
    """
    global _ending  # noqa: PLW0603 (a process ends once)
    if _ending:
        _end_now(code)
    _ending = True
    with contextlib.suppress(RuntimeError, KeyboardInterrupt):  # no thread can be started any more; Ctrl-C amid it
        _thread.start_new_thread(_end_late, (code,))  # one of `threading` would be waited for until it runs
    for step in (flush_streams, threading._shutdown, atexit._run_exitfuncs):  # type: ignore[attr-defined]
        with contextlib.suppress(BaseException):  # Ctrl-C amid it, or an exit function that raises
            step()
    with contextlib.suppress(KeyboardInterrupt):
        flush_streams()
    os._exit(code)


def force_end(work: Callable[[], int], code: int) -> NoReturn:
    """End the process from any thread, whatever the main thread does, with the status that `work` returns.

    `work` and the streams have GRACE seconds; then the process ends with `code`.
    """
    with contextlib.suppress(RuntimeError):
        _thread.start_new_thread(_end_after, (code,))
    with contextlib.suppress(BaseException):
        code = work()
    flush_streams()
    _end_now(code)


def _end_after(code: int) -> None:
    time.sleep(GRACE)
    _end_now(code)


def _end_late(code: int) -> None:
    """End the process when the grace is over, whatever the main thread waits for."""
    time.sleep(GRACE)
    force_end(lambda: _log_waiting(code), code)


def _log_waiting(code: int) -> int:
    """Log what keeps the process alive; return the status unchanged."""
    names = [thread.name for thread in threading.enumerate() if not thread.daemon and thread.is_alive()]
    names = [name for name in names if name != threading.main_thread().name]
    waits = f"threads {', '.join(names)}" if names else "a child process or an exit function"
    import logging

    logging.getLogger("ovenbird").warning("%s did not end within %g seconds: the process ends now", waits, GRACE)
    return code


def _end_now(code: int) -> NoReturn:
    """End the process and the children that `multiprocessing` knows, which would otherwise never end."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    for child in list(getattr(multiprocessing, "_children", ())):
        with contextlib.suppress(Exception):
            child.kill()
    os._exit(code)


def flush_streams() -> None:
    """Write what stdout and stderr hold back, as far as that is possible."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a signal may come amid a write, and user code may have replaced it
            stream.flush()
