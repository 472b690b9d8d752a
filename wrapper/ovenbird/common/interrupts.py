"""End on Ctrl-C without a traceback while a command loads its modules: there is nothing to clean up yet."""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130  # the exit status of a process that SIGINT has ended


def end_on_interrupt() -> None:
    """Let Ctrl-C end the process at once, in silence; not where it is ignored (`nohup`) or handled (a debugger).

    An exception would not work: the import system may print and swallow it, if it is raised during an import.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit_interrupted)


def raise_on_interrupt() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, so that what was begun is cleaned up."""
    if signal.getsignal(signal.SIGINT) is _exit_interrupted:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _exit_interrupted(_: int, __: FrameType | None) -> None:
    os._exit(INTERRUPTED)
