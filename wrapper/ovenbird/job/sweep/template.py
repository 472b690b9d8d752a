"""The template of a sweep: a child that imports the module, and that each line's process is forked from.

The first process stays without the module. Where a fork of the template would not be safe, the lines' processes are
forked from the first one, and each of them imports the module.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from types import FrameType
from typing import Any

from ...common.fork_template import fork_child

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_UNSAFE = b"unsafe"
_KILLED = 128  # what a shell adds to the number of the signal that has ended a process
_log = logging.getLogger("ovenbird")


class Template:
    """The link between both processes: the template says if it cannot be forked from."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def fork(self) -> bool:
        """Fork; return True in the template. Its parent has to call `wait`."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)  # until the parent forwards them
        self._pid = fork_child()
        if self._pid == 0:
            os.close(self._reader)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        return self._pid == 0

    def refuse_forks(self) -> None:
        """Tell the parent that it has to run the lines itself; the template then ends."""
        os.write(self._writer, _UNSAFE)

    def wait(self) -> int | None:
        """Forward signals to the template until it has ended. Return its exit status, None if it refuses forks."""
        os.close(self._writer)
        before = {}
        for number in _FORWARDED:
            if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, self._forward)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        try:
            _, status = os.waitpid(self._pid, 0)
            code = os.waitstatus_to_exitcode(status)
            is_unsafe = os.read(self._reader, len(_UNSAFE)) == _UNSAFE
        finally:
            os.close(self._reader)
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if code < 0:
            name = signal.Signals(-code).name
            _log.error("the process that the lines are forked from was killed by %s; runs that go on end alone", name)
            return _KILLED - code
        return None if is_unsafe and code == 0 else code

    def _forward(self, number: int, _: FrameType | None) -> Any:
        with contextlib.suppress(OSError):  # it has just ended
            os.kill(self._pid, number)
