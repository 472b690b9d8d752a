"""How processes ended, in words, and how long to wait before the next start."""

from __future__ import annotations

import signal

from .oom import memory_kills

_MIN_BACKOFF, _MAX_BACKOFF = 0.25, 30.0  # seconds of back-off
STABLE = 10.0  # seconds of life after which a process counts as started successfully
REPORTED = range(70, 80)  # exit statuses of our errors, which the process itself has logged


class EndDescriber:
    """Describes ends for the log: it counts the processes that the kernel has killed for lack of memory."""

    def __init__(self) -> None:
        self._memory_kills = memory_kills()

    def describe(self, code: int) -> str:
        """Return how a process with this exit code ended (negative for a signal)."""
        if code >= 0:
            return f"ended with status {code}"
        before, self._memory_kills = self._memory_kills, memory_kills()
        cause = ": out of memory" if code == -signal.SIGKILL and self._memory_kills > before else ""
        return f"was killed by {signal.Signals(-code).name}{cause}"


def status_of(code: int) -> int:
    """Return the exit status that a shell reports for an exit code."""
    return code if code >= 0 else 128 - code


def back_off(failures: int) -> float:
    """Return the seconds until the next start after this many failures in a row."""
    return min(_MAX_BACKOFF, _MIN_BACKOFF * 2 ** (failures - 2)) if failures > 1 else 0.0


def format_restart(subject: str, pause: float) -> str:
    """Return the line of the log for a process that is started again after `pause` seconds."""
    return f"{subject}; a new one starts{f' in {pause:g} s' if pause else ''}"
