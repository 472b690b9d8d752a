"""Limits on answers that clients have not received yet: in time for each, and in bytes for a worker."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any

from ..observability.metrics import WorkerMetrics

_WINDOW = 5.0  # seconds over which the speed of a client is measured
_SLOW = 1024  # bytes per second; slower clients are cut off while the limit in bytes is exceeded
_ACKED = 120  # offset of `tcpi_bytes_acked` in Linux's `tcp_info`
_log = logging.getLogger("ovenbird")


class PendingOutput:
    """The connections of one worker with pending output. All methods run on the event loop.

    A client that receives nothing for `timeout` seconds (0: no limit) is cut off. While more than `limit` bytes (0: no
    limit) are pending, no calls are admitted (`restrict(True)`), and clients slower than 1 KiB/s are cut off.
    """

    def __init__(self, timeout: float, limit: int, block: WorkerMetrics, restrict: Callable[[bool], None]) -> None:
        self.total = 0
        self._timeout = timeout
        self._limit = limit
        self._block = block
        self._restrict = restrict
        self._is_restricted = False
        self._backlogs: dict[Any, _Backlog] = {}  # by the protocol of the connection
        self._inspected = 0.0

    def add(self, protocol: Any) -> None:
        """Watch a connection whose write buffer is full."""
        if protocol not in self._backlogs:
            self._backlogs[protocol] = backlog = _Backlog(protocol.transport.get_write_buffer_size())
            self.total += backlog.size
            self._update()

    def remove(self, protocol: Any) -> None:
        """Stop watching a connection whose client has caught up or left."""
        backlog = self._backlogs.pop(protocol, None)
        if backlog is not None:
            self.total -= backlog.size
            self._update()

    def inspect(self, connections: Iterable[Any], now: float) -> None:
        """Cut off clients that are too slow. Called about once a second."""
        if now - self._inspected < 0.9:
            return
        self._inspected = now
        for protocol in connections:  # a closing one would wait for its client forever
            if protocol.transport.is_closing() and protocol.transport.get_write_buffer_size():
                self.add(protocol)
        cut = []
        for protocol, backlog in self._backlogs.items():
            backlog.measure(_acknowledged_bytes(protocol.transport), now)
            if self._timeout and now - backlog.since >= self._timeout:
                cut.append(protocol)
        if cut:
            self._cut_off(cut, f"took nothing of their answers for {self._timeout:g} seconds")
        if self._is_restricted:
            slow = {protocol: log.rate for protocol, log in self._backlogs.items() if log.rate is not None}
            excess, cut = self.total - self._limit, []
            for protocol in sorted(slow, key=slow.__getitem__):
                if excess > 0 and slow[protocol] < _SLOW:
                    cut.append(protocol)
                    excess -= self._backlogs[protocol].size
            if cut:
                self._cut_off(cut, f"took less than {_SLOW} bytes a second while over {self._limit} bytes were pending")

    def _cut_off(self, protocols: list[Any], reason: str) -> None:
        size = sum(self._backlogs[protocol].size for protocol in protocols)
        _log.warning("%d clients %s and are cut off: %d bytes are dropped", len(protocols), reason, size)
        for protocol in protocols:
            self._block.cut_off()
            protocol.transport.abort()
            self.remove(protocol)

    def _update(self) -> None:
        self._block.set_pending(self.total)
        over = bool(self._limit) and self.total > self._limit
        if over != self._is_restricted:
            self._is_restricted = over
            self._restrict(over)


class _Backlog:
    """The pending output of one client: `size` in bytes when its buffer was full, `since` the last progress."""

    __slots__ = ("_begin", "_first", "_mark", "rate", "since", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.since = float("inf")
        self.rate: float | None = None  # bytes per second; None until it is measured
        self._mark: int | None = None
        self._first = 0
        self._begin = 0.0

    def measure(self, mark: int, now: float) -> None:
        """Update the progress of the client; `mark` grows with the bytes that it receives."""
        if self._mark is None:
            self._first, self._begin = mark, now
        if mark != self._mark:
            self._mark, self.since = mark, now
        if now - self._begin >= _WINDOW:
            self.rate = (mark - self._first) / (now - self._begin)
            self._first, self._begin = mark, now


def _acknowledged_bytes(transport: Any) -> int:
    """Return a number that grows with the bytes that the client has acknowledged.

    The size of our buffer is not enough: it shrinks only when a large part of the kernel's buffer, of some MiB, is
    free.
    """
    try:
        info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED + 8)
        return int(struct.unpack_from("=Q", info, _ACKED)[0])
    except (AttributeError, OSError, struct.error):
        return -int(transport.get_write_buffer_size())
