"""The context of a worker: the service, and the slot of the worker in it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import msgspec

from ...logging_config import LogHandler
from ...settings import Settings
from ..handler_adapter import DEFAULT, HandlerAdapter
from ..observability.metrics import SharedMetrics


class ServiceContext(msgspec.Struct, frozen=True, eq=False):
    """Objects that all workers of a service share, created before they are forked.

    `probe_sock` is a second port for probes, which is open until the process ends. `open_project` is called in each
    worker whose function uses `context.project`.
    """

    settings: Settings
    log_handler: LogHandler
    metrics: SharedMetrics
    sock: socket.socket
    probe_sock: socket.socket | None = None
    open_project: Callable[[], Any] = lambda: None
    adapter: HandlerAdapter = DEFAULT


class WorkerSlot(msgspec.Struct, frozen=True, eq=False):
    """The slot of one worker.

    `number` is its worker id, `block` the index of its metrics, `link` the descriptor of the control socket, or -1.
    `is_late`: other workers serve already, so the port is opened after init.
    """

    number: int = 0
    block: int = 0
    link: int = -1
    is_late: bool = False
