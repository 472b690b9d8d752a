"""The supervisor's side of a worker process, and what the supervisor calls in it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from .worker_context import WorkerSlot


@dataclass(slots=True)
class WorkerProcess:
    """One worker process. `slot` is its worker id, `link` the control socket; `is_retiring`: it is to be replaced.

    `template` is the number of the template that has forked it, 0 for none. `has_begun`: its event loop runs;
    `is_overdue`: its init has exceeded its time limit. `silent` is the time in seconds for which its event loop has not
    run, `beats` its heartbeat count at the last check.
    """

    pid: int
    slot: int
    block: int
    link: socket.socket
    started: float
    template: int = 0
    has_begun: bool = False
    is_overdue: bool = False
    is_ready: bool = False
    is_retiring: bool = False
    beats: float = 0.0
    silent: float = 0.0


class WorkerActions(NamedTuple):
    """Callbacks of the supervisor: the first three are called in another process, the others in its own.

    `work` serves and returns an exit status; `run_template` loads the function and forks workers, and returns the exit
    status of one of them; `end_process` ends the process with it. `close_ports` closes the parent's copies of the
    listening sockets. `reopen_ports` makes these accept connections again after a worker has drained.
    `report_late_init` reports an init of the template that exceeds its time limit, and returns its exit status.
    """

    work: Callable[[WorkerSlot], int]
    run_template: Callable[[socket.socket], int]
    end_process: Callable[[int], NoReturn]
    close_ports: Callable[[], None]
    reopen_ports: Callable[[], None]
    report_late_init: Callable[[], int]
