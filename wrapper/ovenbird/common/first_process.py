"""Process 1 of a container that runs a job: it reaps the job's orphans and forwards signals.

The job itself runs in a child. A process that runs user code must not reap: it would take the exit statuses of the
user's own children.
"""

from __future__ import annotations

import logging
import os
import signal
from typing import NoReturn

_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_BY_TERMINAL = 0x80  # `si_code` of a signal that the kernel has sent, to the child as well
_KILLED = 128  # what a shell adds to the number of the signal that has ended a process


def leave_first_process() -> None:
    """Return in a child when this is process 1, which stays and ends with the child's status. Else do nothing."""
    if os.getpid() != 1:
        return
    waited = {*_HANDED_ON, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)  # signals that arrive before the fork are not lost
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    _wait_for_child(pid, waited)


def _wait_for_child(pid: int, waited: set[signal.Signals]) -> NoReturn:
    """Reap orphans and forward signals until the child has ended."""
    while True:
        info = signal.sigwaitinfo(waited)
        if info.si_signo != signal.SIGCHLD:
            if info.si_code != _BY_TERMINAL:
                os.kill(pid, info.si_signo)
            continue
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended == pid:
                _end_like_child(os.waitstatus_to_exitcode(status))
            if ended == 0:
                break


def _end_like_child(code: int) -> NoReturn:
    """End with the status of the child. The kernel then ends its remaining processes."""
    if code < 0:
        logging.getLogger("ovenbird").error("the job was killed by %s", signal.Signals(-code).name)
        code = _KILLED - code
    os._exit(code)
