"""Fork a process of ours that is nobody's child here: it is adopted by process 1, or by a subreaper.

This process forks a child that forks the orphan and ends at once. So this process may end without its orphans' parent
noticing, and it need not reap them.
"""

from __future__ import annotations

import contextlib
import os
import signal

from .fork_template import fork_child

_PID = 8  # bytes of a process number


def fork_orphan() -> int:
    """Fork an orphan; return its number, or 0 in the orphan. Errors: OSError, which says why there is none."""
    reader, writer = os.pipe()
    try:
        child = fork_child()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if child == 0:
        os.close(reader)
        _fork_and_end(writer)
        os.close(writer)
        return 0
    os.close(writer)
    status = 0
    with contextlib.suppress(ChildProcessError):  # a module that ignores SIGCHLD has the kernel reap it
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.set_blocking(reader, False)
    number = b""
    with contextlib.suppress(BlockingIOError):  # the orphan still has the other end, and nothing was written
        number = os.read(reader, _PID)
    os.close(reader)
    if len(number) == _PID:
        return int.from_bytes(number, "little")
    if status > 0:
        raise OSError(status, os.strerror(status))
    raise OSError(0, f"the process that forks was killed by {_name_signal(-status)}" if status else "it did not fork")


def _fork_and_end(writer: int) -> None:
    """Fork the orphan, write its number to `writer`, and end; return only in the orphan."""
    code = 1
    try:
        pid = fork_child()
        if pid == 0:
            return
        os.write(writer, pid.to_bytes(_PID, "little"))
        code = 0
    except OSError as error:
        code = error.errno or 1
    os._exit(code)


def _name_signal(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"
